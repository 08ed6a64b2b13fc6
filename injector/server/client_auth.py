"""Who may call the webhook: whoever shows a certificate of the operator's authority, under one of the given names."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Where a connection leaves its refusal for the requests that come over it.
CLIENT_REFUSAL = "client_refusal"

_SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True)
class ClientRefusal:
    """Why a client may not call the webhook: an HTTP status and one line."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class ClientAuthority:
    """The authority whose clients may call the webhook; without `names` each of its certificates will do."""

    file: Path
    names: frozenset[str] = frozenset()

    def trust_in(self, context: ssl.SSLContext) -> None:
        """Ask clients of `context` for a certificate of this authority, and let those in that show none.

        Probes and scrapers have no certificate; a certificate of another authority ends the handshake. Raises OSError
        where the file holds no certificate (ssl.SSLError is one).
        """
        context.load_verify_locations(self.file)
        context.verify_mode = ssl.CERT_OPTIONAL
        # A resumed session brings the certificate that was checked when it began, under the authority of that time.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0

    def refusal(self, certificate: Mapping[str, Any] | None) -> ClientRefusal | None:
        """Why the client with this `certificate` is refused, as `SSLSocket.getpeercert` gives it; None if it is not."""
        if not certificate:
            return ClientRefusal(401, "no client certificate: expected one of the authority in --client-ca")
        own = sorted(set(_names_in(certificate)))
        if self.names and self.names.isdisjoint(own):
            expected = ", ".join(sorted(self.names))
            shown = ", ".join(name[:80] for name in own[:_SHOWN_NAMES]) or "none"
            return ClientRefusal(403, f"the client certificate names {shown}: expected one of {expected}")
        return None


def _names_in(certificate: Mapping[str, Any]) -> Iterator[str]:
    """The common names of the subject, and every alternative name."""
    for part in certificate.get("subject", ()):
        yield from (value for key, value in part if key == "commonName")
    yield from (str(value) for _, value in certificate.get("subjectAltName", ()))
