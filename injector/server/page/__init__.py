"""The preview page: files beside this one, served as they are, under a policy that lets nothing else in."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

_MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".yaml": "text/yaml; charset=utf-8",
}
# https://www.w3.org/TR/CSP3/: what is not named here is not loaded, sent or run, and nobody may frame the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


_SWITCH = b'data-configuration="%b"'


def page_routes(*, is_configurable: bool = False) -> APIRouter:
    """The page at `/` and its parts under `/page/`; they are read once, here.

    `is_configurable`: the page offers to try a configuration, since this server can.
    """
    parts = {file.name: file.read_bytes() for file in Path(__file__).parent.iterdir() if file.suffix in _MEDIA_TYPES}
    if is_configurable:
        parts["index.html"] = parts["index.html"].replace(_SWITCH % b"off", _SWITCH % b"on")
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page() -> Response:
        return _part("index.html", parts)

    @router.get("/page/{name}")
    async def part(name: str) -> Response:
        return _part(name, parts)

    return router


def _part(name: str, parts: Mapping[str, bytes]) -> Response:
    if name not in parts:
        return PlainTextResponse(f"there is no {name!r:.80} here; the page is at /\n", 404)
    return Response(parts[name], media_type=_MEDIA_TYPES[Path(name).suffix], headers=dict(_HEADERS))
