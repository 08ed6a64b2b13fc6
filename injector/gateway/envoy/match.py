"""HTTPMatchRequest → RouteMatch."""

from injector.core.model import JsonObject

_PSEUDO_HEADERS = ("scheme", "method", "authority")


def route_match(match: JsonObject) -> JsonObject:
    """The conditions on path, headers and query of one match; none at all is any path."""
    found = _path(match.get("uri"))
    if match.get("ignoreUriCase"):
        found["case_sensitive"] = False
    headers = [*_pseudo_headers(match), *_headers(match)]
    if headers:
        found["headers"] = headers
    if match.get("queryParams"):
        found["query_parameters"] = [_query(name, text) for name, text in match["queryParams"].items()]
    return found


def string_matcher(text: JsonObject) -> JsonObject:
    """A condition on a text: exact, prefix or regex (of the whole text)."""
    ((kind, value),) = text.items()
    return {"safe_regex": {"regex": value}} if kind == "regex" else {kind: value}


def _path(uri: JsonObject | None) -> JsonObject:
    if not uri:
        return {"prefix": "/"}
    return {"path": uri["exact"]} if "exact" in uri else string_matcher(uri)


def _pseudo_headers(match: JsonObject) -> list[JsonObject]:
    return [_header(f":{name}", match[name]) for name in _PSEUDO_HEADERS if name in match]


def _headers(match: JsonObject) -> list[JsonObject]:
    wanted = [_header(name, text) for name, text in (match.get("headers") or {}).items()]
    unwanted = [_without(name, text) for name, text in (match.get("withoutHeaders") or {}).items()]
    return [*wanted, *unwanted]


def _header(name: str, text: JsonObject) -> JsonObject:
    return {"name": name, **({"string_match": string_matcher(text)} if text else {"present_match": True})}


def _without(name: str, text: JsonObject) -> JsonObject:
    """A request without the header at all is also one without this value of it."""
    inverted = {**_header(name, text), "invert_match": True}
    return {**inverted, "treat_missing_header_as_empty": True} if text else inverted


def _query(name: str, text: JsonObject) -> JsonObject:
    return {"name": name, **({"string_match": string_matcher(text)} if text else {"present_match": True})}
