"""CA bundles in webhook configurations: where they belong, where they are missing, what to write. Pure.

A field that several managers own stays when one of them no longer applies it. An entry of which the injector owned the
CA bundle could therefore not be taken out by whoever applied it: without its other fields it is not valid, and the
upgrade of the release fails. So the injector gives up what it owns as soon as it is written; a field that nobody owns
stays, and goes with its entry. Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
and, for lists, #merge-strategy.
"""

import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence

from injector.cluster.api import FIELD_MANAGER, WEBHOOK_CONFIGURATIONS, ApiServer, ClusterError
from injector.cluster.metrics import (
    BAD_BUNDLE,
    NO_ENTRY,
    NOT_FOUND,
    TRIED_AGAIN,
    UPDATE_FAILED,
    WRONG_REVISION,
    ClusterMetrics,
)
from injector.cluster.watch import Reflector, Source
from injector.core.model import JsonObject
from injector.core.selection import DEFAULT_REVISION, REVISION_KEY

ENTRY_SUFFIX = "sidecar-injector.istio.io"

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


def own_entries(configuration: JsonObject) -> list[JsonObject]:
    """The entries of a webhook configuration that call this injector."""
    return [each for each in configuration.get("webhooks") or () if each["name"].endswith(ENTRY_SUFFIX)]


def lacking(configuration: JsonObject, bundle: bytes) -> list[str]:
    """The names of the own entries that have another CA bundle than `bundle`, or none."""
    wanted = b64encode(bundle).decode()
    return [each["name"] for each in own_entries(configuration) if each["clientConfig"].get("caBundle") != wanted]


def bundles_only(configuration: JsonObject, bundle: bytes) -> JsonObject:
    """What is applied: the CA bundles of the own entries, keyed by their names, and nothing else."""
    encoded = b64encode(bundle).decode()
    return {
        "apiVersion": WEBHOOK_CONFIGURATIONS.api_version,
        "kind": WEBHOOK_CONFIGURATIONS.kind,
        # Applied to another object of the same name it would be refused, not taken for this one.
        "metadata": {"name": configuration["metadata"]["name"], "uid": configuration["metadata"]["uid"]},
        "webhooks": [
            {"name": each["name"], "clientConfig": {"caBundle": encoded}} for each in own_entries(configuration)
        ],
    }


def is_owned(configuration: JsonObject) -> bool:
    """Whether the injector owns fields of a webhook configuration."""
    return any(each.get("manager") == FIELD_MANAGER for each in _managers(configuration))


def released(configuration: JsonObject) -> JsonObject:
    """The merge patch by which the injector owns nothing of `configuration` any more, as long as nobody changes it."""
    others = [each for each in _managers(configuration) if each.get("manager") != FIELD_MANAGER]
    metadata = {key: configuration["metadata"][key] for key in ("name", "resourceVersion")}
    # Of an empty list the API server takes no notice.
    return {"metadata": {**metadata, "managedFields": others or [{}]}}


def bundle_fault(bundle: bytes) -> str:
    """Why API servers could not use `bundle` (reference 17.2): its first PEM block has to be an X.509 certificate."""
    first = _PEM_BLOCK.search(bundle)
    if first is None or first[1] != b"CERTIFICATE":
        found = "no PEM block" if first is None else f"a PEM block {first[1].decode()!r} first"
        return f"the CA bundle has {found}; valid: certificates"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=first[0].decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError) as error:
        return f"the first certificate of the CA bundle cannot be read: {error}"
    return ""


def _managers(configuration: JsonObject) -> list[JsonObject]:
    return configuration["metadata"].get("managedFields") or []


# The CA bundle in the webhook configurations: written by server-side apply, healed when it is no longer there. Only
# the bundles of the entries that are this project's are touched (reference 17.2); everything else in a
# configuration belongs to whoever applied it. Source: https://kubernetes.io/docs/reference/using-api/server-side-
# apply/


class Registration:
    """The webhook configurations `names`, watched; `faults` says by name what is wrong with them now."""

    def __init__(
        self, server: ApiServer, names: Sequence[str], revision: Callable[[], str], metrics: ClusterMetrics
    ) -> None:
        """Nothing is watched before `start`. `revision` gives the one that the injector answers to."""
        self._server, self._revision, self._metrics = server, revision, metrics
        self.names = tuple(dict.fromkeys(names))
        self.faults: Mapping[str, str] = {}
        self._watched: dict[str, Reflector] = {}

    def start(self, changed: Callable[[], None]) -> None:
        """Begin to watch, and call `changed` whenever one of the configurations changes."""
        for name in self.names:
            self._watched[name] = Reflector(self._server, Source(WEBHOOK_CONFIGURATIONS, name), changed)
            self._watched[name].start()

    def stop(self) -> None:
        """No longer watch."""
        for reflector in self._watched.values():
            reflector.stop()

    def heal(self, bundle: bytes) -> list[str]:
        """Put `bundle` wherever it is missing; gives the names of the configurations that were changed."""
        healed, faults = [], {}
        for name, configuration in self._configurations():
            reason, message = self._fault(configuration, bundle)
            if not reason and configuration is not None:
                is_lacking = bool(lacking(configuration, bundle))
                reason, message = self._written(configuration, bundle)
                healed += [name] if is_lacking and not reason else []
            if reason:
                faults[name] = f"{reason}: {message}"
                if reason in TRIED_AGAIN or self.faults.get(name) != faults[name]:
                    self._metrics.patch_failed(name, reason)
        self.faults = faults
        return healed

    def carries(self, bundle: bytes) -> bool:
        """Whether every configuration is there and all its entries have exactly `bundle`, as far as is known now."""
        return all(
            configuration is not None
            and not self._fault(configuration, bundle)[0]
            and not lacking(configuration, bundle)
            for _, configuration in self._configurations()
        )

    def _configurations(self) -> Iterator[tuple[str, JsonObject | None]]:
        for name, reflector in self._watched.items():
            yield name, (reflector.objects or {}).get(name)

    def _fault(self, configuration: JsonObject | None, bundle: bytes) -> tuple[str, str]:
        if configuration is None:
            return NOT_FOUND, "there is no such webhook configuration, or it may not be read"
        own = self._revision() or DEFAULT_REVISION
        labelled = (configuration["metadata"].get("labels") or {}).get(REVISION_KEY, own)
        if labelled != own:
            return WRONG_REVISION, f"its label {REVISION_KEY} is {labelled!r}; this injector is {own!r}"
        unusable = bundle_fault(bundle)
        if unusable:
            return BAD_BUNDLE, unusable
        if not own_entries(configuration):
            return NO_ENTRY, f"no entry has a name that ends with {ENTRY_SUFFIX}"
        return "", ""

    def _written(self, configuration: JsonObject, bundle: bytes) -> tuple[str, str]:
        """Write what is lacking, and own nothing afterwards; the reason and the message where that is refused."""
        try:
            if lacking(configuration, bundle):
                self._metrics.patch_attempted()
                configuration = self._server.apply(WEBHOOK_CONFIGURATIONS, bundles_only(configuration, bundle))
            if is_owned(configuration):
                self._release(configuration)
        except ClusterError as error:
            return UPDATE_FAILED, str(error)
        return "", ""

    def _release(self, configuration: JsonObject) -> None:
        try:
            self._server.merge(WEBHOOK_CONFIGURATIONS, released(configuration))
        except ClusterError as error:
            # Somebody wrote in between, which is told by the watch: then it is tried again.
            if not error.is_conflict:
                raise
