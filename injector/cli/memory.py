"""A certificate and its key in memory, under names of files: OpenSSL reads files only, and keys stay off the disk."""

import os
from pathlib import Path


class PairFiles:
    """Two files without a place on any disk, which live as long as this object."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        """Hold the pair, as PEM."""
        self._descriptors = tuple(os.memfd_create(name, os.MFD_CLOEXEC) for name in ("certificate", "key"))
        for descriptor in self._descriptors:
            os.fchmod(descriptor, 0o600)
        self.write(certificate, key)

    def __del__(self) -> None:
        """Give the memory back."""
        for descriptor in self._descriptors:
            os.close(descriptor)

    @property
    def certificate(self) -> Path:
        """The file of the certificate."""
        return _path(self._descriptors[0])

    @property
    def key(self) -> Path:
        """The file of its private key."""
        return _path(self._descriptors[1])

    def write(self, certificate: bytes, key: bytes) -> None:
        """Hold another pair. Whoever reads at the same moment may see a mixture: they are to be read after this."""
        for descriptor, content in zip(self._descriptors, (certificate, key), strict=True):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)


def _path(descriptor: int) -> Path:
    return Path(f"/proc/{os.getpid()}/fd/{descriptor}")
