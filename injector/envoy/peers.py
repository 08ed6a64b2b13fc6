"""Proxies tell each other who they are: in a header that neither applications nor clients outside get to see.

Without mutual TLS that is a claim. So a proxy lets only so many become labels of its statistics: those of workloads
that the configuration lists, and the first of the others; the rest stays unknown, however many there are.

What is known of a request stands in its dynamic metadata, as `peer`: `key` and `timed` are the claim, `|`, and the
service that was asked for (outbound only); `protocol` is `grpc` or missing. A call of Lua and a value of metadata are
what costs most here, so there is one of each for a request, and headers are changed by its route.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import ascii_letters, digits

from injector.envoy.messages import JsonObject, extension

HEADER = "x-sidecar-injector-peer"
_ASKED = "x-sidecar-injector-asked"
METADATA = "sidecar-injector.peer"
DEFAULT_OTHER_PEERS = 32
"""How many peers that are not listed become labels, for each direction and thread of a proxy; of histograms, 1/4."""


class _Characters(dict[int, str]):
    """A table for `str.translate`: these characters stay, others become what `other` gives."""

    def __init__(self, staying: str, other: Callable[[str], str]) -> None:
        super().__init__((ord(character), character) for character in staying)
        self._other = other

    def __missing__(self, code: int) -> str:
        return self._other(chr(code))


# Those of the values of labels; nothing else can stand in the header, and in the code of the filter.
_OF_CLAIMS = _Characters(ascii_letters + digits + "._-", lambda _: "_")
_LONGEST_FIELD = 63
# Of claim and service together, which stand in many lines of the page of metrics.
_LONGEST_KEY = 300
# A workload may have some versions at a time; whoever pretends to be it gets no further.
_VERSIONS_OF_A_LISTED_PEER = 4
# What is remembered of requests, so that it is not worked out anew.
_MOST_NOTES = 500


@dataclass(frozen=True, slots=True)
class Peer:
    """Who a proxy is: its workload as Istio's metrics name it. Empty is unknown."""

    workload: str
    namespace: str
    app: str = ""
    version: str = ""
    service: str = ""
    revision: str = ""
    cluster: str = "Kubernetes"

    @property
    def claim(self) -> str:
        """What the header holds."""
        fields = (self.namespace, self.app, self.version, self.service, self.revision, self.cluster)
        claim = _claimed(self.workload)
        # Added up, as in `lua_filter`: whoever works out what pods have in common may add to a name, and not see it.
        for field in fields:
            claim = claim + "," + _claimed(field)
        return claim


def _claimed(field: str) -> str:
    return field[:_LONGEST_FIELD].translate(_OF_CLAIMS)


@dataclass(frozen=True, slots=True)
class KnownPeers:
    """Whose claims count: `listed` are NAMESPACE/WORKLOAD, `others` how many besides; `domain` is the cluster's.

    A sidecar's list stands in its variable SIDECAR_PEERS instead, separated by spaces: its configuration is one
    argument, which is at most 128 KiB long and holds this filter up to four times.
    """

    listed: tuple[str, ...] = ()
    others: int = DEFAULT_OTHER_PEERS
    domain: str = "cluster.local"


def known_peers(settings: JsonObject) -> KnownPeers:
    """What the values of `global` say about peers."""
    envoy = settings["envoy"]
    return KnownPeers(
        listed=tuple(envoy.get("peers") or ()),
        others=envoy.get("otherPeers", DEFAULT_OTHER_PEERS),
        domain=settings["proxy"]["clusterDomain"],
    )


def peer_filter(direction: str, peer: Peer, known: KnownPeers) -> JsonObject:
    """The HTTP filter that notes who a request's peer is: `direction` is `inbound`, `outbound` or `gateway`.

    The header comes and goes with the routes, which also say to `outbound` and `gateway` what was asked for
    (`answers_to_note`).
    """
    settings: dict[str, str | int] = {
        "HEADER": HEADER,
        "ASKED": _ASKED,
        "METADATA": METADATA,
        "CLAIM": peer.claim,
        "DOMAIN": known.domain,
        "OTHERS": known.others,
        "LONGEST": _LONGEST_KEY,
        "VERSIONS": _VERSIONS_OF_A_LISTED_PEER,
        "MOST_NOTES": _MOST_NOTES,
    }
    settings["LISTED"] = " ".join(known.listed)
    return lua_filter(settings, CLAIM_FIELDS, _ADMISSION, _INBOUND if direction == "inbound" else _OUTBOUND)


def introduction(claim: str) -> JsonObject:
    """The header that says who this proxy is, for the list of those that a route adds."""
    return _set_header(HEADER, claim)


def answers_to_note(*, authority: bool) -> JsonObject:
    """The fields of a virtual host, so that the filter sees with the answer what was asked for.

    It takes the header off. Without `authority` the service is known otherwise.
    """
    host = "%REQ(:AUTHORITY)%" if authority else ""
    return {"response_headers_to_add": [_set_header(_ASKED, f"%REQ(CONTENT-TYPE):16%|{host}")]}


def _set_header(name: str, value: str) -> JsonObject:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def lua_filter(constants: Mapping[str, str | int], *code: str) -> JsonObject:
    """The HTTP filter that runs the code, which knows the constants. It is part of each pod: indented by one space."""
    text = ""
    for name, value in constants.items():
        text = text + f"local {name} = " + lua_literal(value) + "\n"
    source = {"inline_string": text + "\n".join(_INDENTATION.sub(" ", each) for each in code)}
    return extension("filters.http.lua", "filters.http.lua.v3.Lua", default_source_code=source)


def lua_literal(value: str | int) -> str:
    """A Lua literal. Of a text, what is not plain stands as the numbers of its bytes."""
    if isinstance(value, int):
        return str(value)
    return '"' + value.translate(_OF_LITERALS) + '"'


def _bytes_of(character: str) -> str:
    return "".join(f"\\{byte:03}" for byte in character.encode())


_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace('"', "").replace("\\", "")
_OF_LITERALS = _Characters(_PLAIN, _bytes_of)


_INDENTATION = re.compile(r"^ +", re.MULTILINE)


def is_workload(text: str) -> bool:
    """Whether the text is NAMESPACE/WORKLOAD."""
    namespace, slash, workload = text.partition("/")
    return bool(slash) and all(part and set(part) <= _NAME_CHARACTERS for part in (namespace, workload))


_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


CLAIM_FIELDS = """\
local CLAIMED = "^" .. ("([%w._-]*),"):rep(6) .. "([%w._-]*)$"
local function fields_of(claim) return claim:match(CLAIMED) end"""
"""Lua that takes a claim apart, into the fields of `Peer` in their order; of anything else each is nil."""

# What is admitted stays so until the proxy ends: a series of statistics that goes on under another name would be wrong
# under both. `timed` is what histograms say, of which there are fewer: each is as many lines as it has buckets. A
# service without a peer is one that was asked for and has no sidecar.
_ADMISSION = """\
local GRPC = "application/grpc"
local UNKNOWN = {key = "|", timed = "|"}
local TIMED = math.ceil(OTHERS / 4)
local peers = {["|"] = UNKNOWN}
local listed = {}
for name in (LISTED .. " " .. (os.getenv("SIDECAR_PEERS") or "")):gmatch("%S+") do listed[name] = VERSIONS end
local function admit(claim, service)
    local key = claim .. "|" .. service
    if peers[key] then return peers[key] end
    local workload, namespace = fields_of(claim)
    if #key > LONGEST or claim ~= "" and not workload then return UNKNOWN end
    local name = (namespace or "") .. "/" .. (workload or "")
    local timed = key
    if (listed[name] or 0) > 0 then
        listed[name] = listed[name] - 1
    elseif OTHERS > 0 then
        OTHERS, TIMED = OTHERS - 1, TIMED - 1
        if TIMED < 0 then timed = "|" end
    else
        return UNKNOWN
    end
    peers[key] = {key = key, timed = timed}
    return peers[key]
end
local notes, count = {}, 0
local function note(handle, claim, asked, service_of)
    local place = claim .. "\\n" .. asked
    local found = notes[place]
    if not found then
        local peer = admit(claim, service_of(asked, claim))
        found = {key = peer.key, timed = peer.timed, protocol = asked:sub(1, #GRPC) == GRPC and "grpc" or nil}
        if #place <= LONGEST then
            if count == MOST_NOTES then notes, count = {}, 0 end
            notes[place], count = found, count + 1
        end
    end
    handle:streamInfo():dynamicMetadata():set(METADATA, "peer", found)
end"""

_INBOUND = """\
local function no_service() return "" end
function envoy_on_request(handle)
    local headers = handle:headers()
    local claim, kind = headers:get(HEADER), headers:get("content-type")
    local is_grpc = kind and kind:sub(1, #GRPC) == GRPC
    if claim or is_grpc then note(handle, claim or "", is_grpc and GRPC or "", no_service) end
end"""

# A gateway is asked for no host: the cluster says which service it is.
_OUTBOUND = """\
local _, NAMESPACE = fields_of(CLAIM)
local function host_of(authority)
    local host = authority:lower():gsub(":%d+$", "")
    if #host > 200 or not host:find("^[%w._-]+$") or host:find("^[%d.]+$") then return "" end
    return host
end
local function service_of(asked, claim)
    local authority = asked:match("^[^|]*|(.+)$")
    if not authority then return "" end
    local host = host_of(authority)
    local _, peer_namespace, _, _, peer_service = fields_of(claim)
    local name, dot, rest = host:match("^([^.]+)(%.?)(.*)$")
    local namespace, suffix = (rest or ""):match("^([^.]*)(.*)$")
    local in_cluster = suffix == ".svc" or suffix == ".svc." .. DOMAIN
    if dot == "" then namespace = NAMESPACE end
    if peer_service and (not name or namespace ~= peer_namespace or suffix ~= "" and not in_cluster) then
        name, namespace = peer_service, peer_namespace
    elseif not (peer_service or in_cluster or dot == "") then
        return host
    end
    return name and name .. "." .. namespace .. ".svc." .. DOMAIN or ""
end
function envoy_on_response(handle)
    local headers = handle:headers()
    local claim, asked = headers:get(HEADER), headers:get(ASKED)
    if claim then headers:remove(HEADER) end
    if asked then headers:remove(ASKED) end
    if claim or asked then note(handle, claim or "", asked or "", service_of) end
end"""
