"""Proxies tell each other who they are: in a header that neither applications nor clients outside get to see.

Without mutual TLS that is a claim. So a proxy lets only so many become labels of its statistics: those of workloads
that the configuration lists, and the first of the others; the rest stays unknown, however many there are.

What is known of a request's peer stands in its dynamic metadata: `peer.key` and `peer.timed` are the claim, `|`, and
the service that was asked for (outbound only); `protocol` is `grpc` or missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from injector.envoy.messages import JsonObject, extension

HEADER = "x-sidecar-injector-peer"
METADATA = "sidecar-injector.peer"
DEFAULT_OTHER_PEERS = 32
"""How many peers that are not listed become labels, for each direction and thread of a proxy; of histograms, 1/4."""


# Those of the values of labels; nothing else can stand in the header, and in the code of the filter.
_OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_FIELD = 63
# Of claim and service together, which stand in many lines of the page of metrics.
_LONGEST_KEY = 300
# A workload may have some versions at a time; whoever pretends to be it gets no further.
_VERSIONS_OF_A_LISTED_PEER = 4


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
        fields = (self.workload, self.namespace, self.app, self.version, self.service, self.revision, self.cluster)
        return ",".join(_OTHER_CHARACTERS.sub("_", field[:_LONGEST_FIELD]) for field in fields)


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
    """The HTTP filter that takes the peer's claim off and tells it who this proxy is.

    `direction` is `inbound`, `outbound` or `gateway`. A gateway's routes tell who it is: only they lead into the mesh.
    """
    settings: dict[str, str | int] = {
        "HEADER": HEADER,
        "METADATA": METADATA,
        "CLAIM": peer.claim,
        "DOMAIN": known.domain,
        "OTHERS": known.others,
        "LONGEST": _LONGEST_KEY,
        "VERSIONS": _VERSIONS_OF_A_LISTED_PEER,
    }
    settings["LISTED"] = " ".join(known.listed)
    return lua_filter(settings, f"{_ADMISSION}\n{_DIRECTIONS[direction]}")


def lua_filter(constants: Mapping[str, str | int], code: str) -> JsonObject:
    """The HTTP filter that runs the code, which knows the constants. It is part of each pod: indented by one space."""
    lines = [f"local {name} = {lua_literal(value)}\n" for name, value in constants.items()]
    source = {"inline_string": "".join(lines) + _INDENTATION.sub(" ", code)}
    return extension("filters.http.lua", "filters.http.lua.v3.Lua", default_source_code=source)


def lua_literal(value: str | int) -> str:
    """A Lua literal. Of a text, what is not plain stands as the numbers of its bytes."""
    if isinstance(value, int):
        return str(value)
    plain = (chr(byte) if byte in _PLAIN else f"\\{byte:03}" for byte in value.encode())
    return f'"{"".join(plain)}"'


_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')


_INDENTATION = re.compile(r"^ +", re.MULTILINE)


def is_workload(text: str) -> bool:
    """Whether the text is NAMESPACE/WORKLOAD."""
    namespace, slash, workload = text.partition("/")
    return bool(slash) and all(part and set(part) <= _NAME_CHARACTERS for part in (namespace, workload))


_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


# What is admitted stays so until the proxy ends: a series of statistics that goes on under another name would be wrong
# under both. `timed` is what histograms say, of which there are fewer: each is as many lines as it has buckets. A
# service without a peer is one that was asked for and has no sidecar.
_ADMISSION = """\
local FIELD = "([%w._-]*)"
local CLAIMED = "^" .. (FIELD .. ","):rep(6) .. FIELD .. "$"
local NAMESPACE = CLAIM:match("^[^,]*,([^,]*)")
local UNKNOWN = {key = "|", timed = "|"}
local TIMED = math.ceil(OTHERS / 4)
local peers = {["|"] = UNKNOWN}
local listed = {}
for name in (LISTED .. " " .. (os.getenv("SIDECAR_PEERS") or "")):gmatch("%S+") do listed[name] = VERSIONS end
local function admit(claim, service)
    local key = claim .. "|" .. service
    if peers[key] then return peers[key] end
    local workload, namespace = claim:match(CLAIMED)
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
local function note(handle, name, value)
    handle:streamInfo():dynamicMetadata():set(METADATA, name, value)
end
local function noted(handle)
    return handle:streamInfo():dynamicMetadata():get(METADATA) or {}
end
local function note_protocol(handle, headers)
    local kind = headers:get("content-type")
    if kind and kind:sub(1, 16) == "application/grpc" then note(handle, "protocol", "grpc") end
end"""

# Only a client that has said who it is is told who has answered.
_INBOUND = """\
function envoy_on_request(handle)
    local headers = handle:headers()
    local claim = headers:get(HEADER)
    if claim then
        headers:remove(HEADER)
        note(handle, "peer", admit(claim, ""))
    end
    note_protocol(handle, headers)
end
function envoy_on_response(handle)
    if noted(handle).peer then
        handle:headers():replace(HEADER, CLAIM)
    else
        handle:headers():remove(HEADER)
    end
end"""

# What leads out of the cluster is not told anything: peers have addresses that are not routed on the internet.
_OUTBOUND = """\
local function is_near(address)
    return address:find("^10%.") or address:find("^192%.168%.") or address:find("^%[[fF][cdCD]")
        or address:find("^172%.1[6-9]%.") or address:find("^172%.2%d%.") or address:find("^172%.3[01]%.")
        or address:find("^100%.6[4-9]%.") or address:find("^100%.[7-9]%d%.") or address:find("^100%.1[01]%d%.")
        or address:find("^100%.12[0-7]%.")
end
local function host_of(authority)
    local host = (authority or ""):lower():gsub(":%d+$", "")
    if #host > 200 or not host:find("^[%w._-]+$") or host:find("^[%d.]+$") then return "" end
    return host
end
local function service_of(host, claim)
    local peer_namespace, peer_service = claim:match("^[^,]*,([^,]*),[^,]*,[^,]*,([^,]*)")
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
function envoy_on_request(handle)
    local headers = handle:headers()
    if is_near(handle:streamInfo():downstreamLocalAddress()) then
        headers:replace(HEADER, CLAIM)
    else
        headers:remove(HEADER)
    end
    local host = host_of(headers:get(":authority"))
    note(handle, "host", host)
    local asked = peers["|" .. service_of(host, "")]
    if asked then note(handle, "peer", asked) end
    note_protocol(handle, headers)
end
function envoy_on_response(handle)
    local headers = handle:headers()
    local claim = headers:get(HEADER) or ""
    if claim ~= "" then headers:remove(HEADER) end
    note(handle, "peer", admit(claim, service_of(noted(handle).host or "", claim)))
end"""

_GATEWAY = """\
function envoy_on_request(handle)
    local headers = handle:headers()
    headers:remove(HEADER)
    note_protocol(handle, headers)
end
function envoy_on_response(handle)
    local headers = handle:headers()
    local claim = headers:get(HEADER)
    if claim then
        headers:remove(HEADER)
        note(handle, "peer", admit(claim, ""))
    end
end"""

_DIRECTIONS = {"inbound": _INBOUND, "outbound": _OUTBOUND, "gateway": _GATEWAY}
