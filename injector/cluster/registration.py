"""The CA bundle in the webhook configurations: written by server-side apply, healed when it is no longer there.

Only the bundles of the entries that are this project's are touched (reference 17.2); everything else in a configuration
belongs to whoever applied it. Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.bundles import ENTRY_SUFFIX, bundle_fault, bundles_only, is_owned, lacking, own_entries, released
from injector.cluster.metrics import (
    BAD_BUNDLE,
    NO_ENTRY,
    NOT_FOUND,
    TRIED_AGAIN,
    UPDATE_FAILED,
    WRONG_REVISION,
    ClusterMetrics,
)
from injector.cluster.reflector import Reflector, Source
from injector.cluster.resources import WEBHOOK_CONFIGURATIONS
from injector.core.model import REVISION_KEY, JsonObject
from injector.core.selection import DEFAULT_REVISION


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
            self._watched[name] = Reflector(self._server, Source(WEBHOOK_CONFIGURATIONS, name=name), changed)
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
            yield name, (reflector.objects or {}).get(f"/{name}")

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
