"""`--limit NAME=NUMBER`: the limits of the server that operators set."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Annotated, Any, TypeAlias

import typer

from injector.server.limits import SETTABLE, Limits, ServerLimits, Settable

LimitTexts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=NUMBER",
        help=f"Limit of one worker; may be repeated. Names: {', '.join(SETTABLE)}.",
        show_default=False,
    ),
]

_OF_REQUESTS = frozenset(each.name for each in fields(Limits))


def server_limits(texts: Iterable[str]) -> ServerLimits:
    """The limits that `texts`, each NAME=NUMBER, set; the last one of a name counts.

    Raises BadParameter with all faults.
    """
    given = [text.partition("=")[::2] for text in texts]
    faults = [fault for name, value in given for fault in _faults(name, value)]
    if faults:
        raise typer.BadParameter("; ".join(faults))
    found = ServerLimits()
    for name, value in given:
        found = _with(found, SETTABLE[name], float(value))
    if found.connections.handshakes > found.connections.connections:
        raise typer.BadParameter(
            f"--limit handshakes={found.connections.handshakes}: more than connections, "
            f"{found.connections.connections}; valid: at most as many"
        )
    return found


def _faults(name: str, value: str) -> Iterator[str]:
    limit = SETTABLE.get(name)
    if limit is None:
        near = get_close_matches(name, SETTABLE, 1)
        hint = f"did you mean {near[0]}?" if near else f"valid: {', '.join(SETTABLE)}"
        yield f"--limit {name}={value}: there is no limit {name!r}; {hint}"
    elif not _is_number(value, limit):
        kind = "a whole number" if limit.whole else "a number"
        yield f"--limit {name}={value}: expected {kind} from {limit.least:,g} to {limit.most:,.0f}"


def _is_number(text: str, limit: Settable) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return limit.least <= value <= limit.most and (not limit.whole or value.is_integer())


def _with(found: ServerLimits, limit: Settable, value: float) -> ServerLimits:
    number: dict[str, Any] = {limit.field: int(value) if limit.whole else value}
    if limit.field in _OF_REQUESTS:
        return replace(found, requests=replace(found.requests, **number))
    return replace(found, connections=replace(found.connections, **number))
