"""From where a preview may be asked for: a page of another site must not be able to, whoever has opened it.

A browser says in `Origin` whose page asks (https://www.rfc-editor.org/rfc/rfc6454#section-7). A site whose name comes
to point to this server is its own origin all the same (DNS rebinding): its name in `Host` gives it away.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import Scope

from injector.server.request_body import RequestRefused, header

# Names that no site on the Internet can have: without a dot, of a Service, or of this machine.
_LOCAL_SUFFIXES = (".svc", ".svc.cluster.local", ".localhost", ".internal")


def refuse_other_sites(scope: Scope, *, any_host: bool) -> None:
    """Raise RequestRefused (403) for a request by another site's page; with `any_host` this one may have any name."""
    host = header(scope, b"host").decode("latin-1").lower()
    if not any_host and not _is_local(host):
        raise RequestRefused(
            403,
            f"Host {host[:80]!r} is no name of this server: expected an address, localhost or the name of a Service",
        )
    origin = header(scope, b"origin").decode("latin-1").lower()
    if origin and urlsplit(origin).netloc != host:
        raise RequestRefused(403, f"a page of {origin[:80]!r} may not ask here: expected one of this server")


def _is_local(host: str) -> bool:
    """Whether `host`, with a port or without, is an address or a name that only this machine or cluster knows."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if "." not in name or name.endswith(_LOCAL_SUFFIXES):
        return bool(name)
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
