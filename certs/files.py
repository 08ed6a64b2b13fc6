"""The files of a holding: the same names in a directory and in a Secret.

Source: https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets for the names of the serving pair.
"""

from collections.abc import Callable

from certs.model import Holding, KeyPair

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
