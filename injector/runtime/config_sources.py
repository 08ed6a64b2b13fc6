"""What `-c` names: files, and installations of Istio in a cluster."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from injector.core.selection import DEFAULT_REVISION
from injector.runtime.errors import UsageError

_SCHEME = "cluster://"
# Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Connection(NamedTuple):
    """The cluster to ask, as for kubectl; without either the one that this process runs in, or its kubeconfig's."""

    kubeconfig: Path | None = None
    context: str | None = None


DEFAULT_CONNECTION = Connection()


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation of Istio, whose ConfigMaps are the configuration; `revision` is empty for the default one."""

    namespace: str
    revision: str = ""

    def __str__(self) -> str:
        """As it is given to `-c`."""
        return f"{_SCHEME}{self.namespace}{self.revision and f'/{self.revision}'}"

    def config_map(self, name: str) -> str:
        """The name of the ConfigMap that the default revision calls `name`."""
        return f"{name}-{self.revision}" if self.revision else name


ConfigSource: TypeAlias = Path | Installation


def config_sources(names: Iterable[str | Path] | None) -> Sequence[ConfigSource]:
    """What the values of `-c` name. Raises UsageError for an installation that has no valid name, and for a URL."""
    return [_config_source(name) for name in names or ()]


def _config_source(name: str | Path) -> ConfigSource:
    if not isinstance(name, str) or "://" not in name:
        return Path(name)
    if not name.startswith(_SCHEME):
        raise UsageError(f"-c {name:.80}: URLs are not read; valid: FILE, {_SCHEME}NAMESPACE[/REVISION]")
    namespace, slash, revision = name.removeprefix(_SCHEME).partition("/")
    if not _LABEL.fullmatch(namespace) or (slash and not _LABEL.fullmatch(revision)):
        raise UsageError(
            f"-c {name:.80}: names no installation; valid: {_SCHEME}NAMESPACE, {_SCHEME}NAMESPACE/REVISION"
        )
    return Installation(namespace, "" if revision == DEFAULT_REVISION else revision)
