"""A holding in a directory, replaced as a whole: readers see the old set of files or the new one, never a mixture.

The layout is that of a mounted Secret, https://kubernetes.io/docs/concepts/configuration/secret/: the names are links
through `..data`, and swapping that one link publishes a new set.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from certs.model import Holding, KeyPair

# The files of a holding: the same names in a directory and in a Secret. Source:
# https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets for the names of the serving pair.

CERTIFICATE, KEY, BUNDLE = "tls.crt", "tls.key", "ca.crt"
_AUTHORITY, _UPCOMING, _RETIRING = "authority", "upcoming", "retiring.crt"


def files_of(held: Holding) -> dict[str, bytes]:
    """File name to content."""
    optional = {
        f"{_UPCOMING}.crt": held.upcoming.certificate if held.upcoming else None,
        f"{_UPCOMING}.key": held.upcoming.key if held.upcoming else None,
        _RETIRING: held.retiring,
    }
    return {
        BUNDLE: held.bundle,
        CERTIFICATE: held.serving.certificate,
        KEY: held.serving.key,
        f"{_AUTHORITY}.crt": held.authority.certificate,
        f"{_AUTHORITY}.key": held.authority.key,
        **{name: content for name, content in optional.items() if content},
    }


def holding_of(read: Callable[[str], bytes | None]) -> Holding | None:
    """The holding whose files `read` gives by name; None where the authority or the serving pair is not complete."""

    def pair(certificate: str, key: str) -> KeyPair | None:
        parts = read(certificate), read(key)
        return KeyPair(*parts) if parts[0] and parts[1] else None  # type: ignore[arg-type]

    authority, serving = pair(f"{_AUTHORITY}.crt", f"{_AUTHORITY}.key"), pair(CERTIFICATE, KEY)
    if authority is None or serving is None:
        return None
    return Holding(authority, serving, pair(f"{_UPCOMING}.crt", f"{_UPCOMING}.key"), read(_RETIRING) or None)


_DATA = "..data"


class DirectoryStore:
    """The directory `path`; it is made, for its owner only, when something is first kept there."""

    def __init__(self, path: Path) -> None:
        """Keep certificates below `path`."""
        self.path = path

    def __str__(self) -> str:
        """As messages name it."""
        return str(self.path)

    @property
    def certificate(self) -> Path:
        """The file of the serving certificate."""
        return self.path / CERTIFICATE

    @property
    def key(self) -> Path:
        """The file of the serving certificate's private key."""
        return self.path / KEY

    @property
    def bundle(self) -> Path:
        """The file of the CA bundle."""
        return self.path / BUNDLE

    def load(self) -> Holding | None:
        """What is kept; None where nothing is, or something is missing."""
        return holding_of(self._read)

    def update(self, step: Callable[[Holding | None], Holding]) -> Holding:
        """Keep what `step` makes of what is kept, and return it. One process at a time; others see the result."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            held = self.load()
            following = step(held)
            if following is not held:
                self._publish(following)
            return following

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.path / _DATA / name).read_bytes()
        except OSError:
            return None

    def _publish(self, held: Holding) -> None:
        files = files_of(held)
        fresh = Path(mkdtemp(prefix="..", dir=self.path))
        for name, content in files.items():
            _write_private(fresh / name, content)
        previous = (self.path / _DATA).resolve() if (self.path / _DATA).exists() else None
        _point(self.path / _DATA, fresh.name)
        for name in files:
            if not (self.path / name).is_symlink():
                _point(self.path / name, f"{_DATA}/{name}")
        for stale in [entry for entry in self.path.iterdir() if entry.is_symlink() and not entry.exists()]:
            stale.unlink()
        if previous and previous != fresh:
            shutil.rmtree(previous, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.path / "..lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fsync(file.fileno())


def _point(link: Path, target: str) -> None:
    """Make `link` lead to `target`, replacing it in one step."""
    temporary = link.with_name(f"..new-{link.name.lstrip('.')}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    temporary.symlink_to(target)
    temporary.replace(link)
