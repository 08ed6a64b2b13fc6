"""TLS whose certificate can be exchanged while connections come in."""

import ssl
from pathlib import Path


class ServingCertificate:
    """The certificate that new connections are shown, read from two files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the pair. Raises OSError (ssl.SSLError is one) where it cannot be used."""
        self._certificate, self._key = certificate, key
        self._current = self._read()
        self.context = _context()
        # Each handshake asks which context to go on with: an exchange touches no context that is in use. A live context
        # into which a key is loaded that does not fit is broken from then on.
        self.context.sni_callback = self._choose

    @property
    def files(self) -> tuple[Path, Path]:
        """The files of the certificate and of its private key."""
        return self._certificate, self._key

    def reload(self) -> str:
        """Use what the files hold now; where that is no pair the last good one stays. Returns the fault, if any."""
        try:
            self._current = self._read()
        except OSError as error:
            return f"{self._certificate}, {self._key}: {error.strerror or error}"
        return ""

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _read(self) -> ssl.SSLContext:
        context = _context()
        context.load_cert_chain(self._certificate, self._key, password="")
        return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client that asks for handshake after handshake costs the server far more than itself.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context
