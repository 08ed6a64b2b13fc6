"""`--limit NAME=NUMBER`: every limit that operators set, in force in the server that is started."""

from dataclasses import asdict

import pytest
import typer

from injector.cli.limit_options import server_limits
from injector.server.limits import SETTABLE, ConnectionLimits, Limits, ServerLimits
from tests.support import REPOSITORY


def test_without_any_the_limits_are_the_usual_ones() -> None:
    assert server_limits([]) == ServerLimits(Limits(), ConnectionLimits())


def test_each_name_sets_one_field_and_the_last_one_counts() -> None:
    texts = "waitingSeconds=0.5 bodyBytes=2000 connections=50 handshakes=9 idleSeconds=7 ageSeconds=60 connections=5e1"
    found = server_limits(texts.split())
    assert found.requests == Limits(waiting=0.5, body=2000)
    assert found.connections == ConnectionLimits(connections=50, handshakes=9, idle=7, age=60)


@pytest.mark.parametrize("name", SETTABLE)
def test_the_bounds_are_part_of_what_is_valid_and_beyond_them_nothing_is(name: str) -> None:
    limit = SETTABLE[name]
    room = {"connections": "handshakes=1", "handshakes": "connections=100000"}.get(name, "connections=1000")
    for value in (limit.least, limit.most):
        assert server_limits([room, f"{name}={value}"]) is not None
    for wrong in (limit.least / 2, limit.most * 2, -1, "", "x", "nan", "inf"):
        with pytest.raises(typer.BadParameter, match=f"--limit {name}={wrong}: expected a "):
            server_limits([f"{name}={wrong}"])


def test_all_faults_are_told_at_once_with_what_would_be_valid() -> None:
    with pytest.raises(typer.BadParameter) as caught:
        server_limits(["waitingSecond=1", "zzz=1", "handshakes=1.5", "idleSeconds"])
    told = str(caught.value)
    assert "there is no limit 'waitingSecond'; did you mean waitingSeconds?" in told
    assert "there is no limit 'zzz'; valid: waitingSeconds, bodyBytes, " in told
    assert "--limit handshakes=1.5: expected a whole number from 1 to 10,000" in told
    assert "--limit idleSeconds=: expected a whole number from 1 to 3,600" in told


def test_more_handshakes_than_connections_are_refused() -> None:
    with pytest.raises(typer.BadParameter, match="handshakes=128: more than connections, 100; valid: at most as many"):
        server_limits(["connections=100"])


def test_the_page_on_scaling_has_every_limit_with_its_default_and_bounds() -> None:
    page = (REPOSITORY / "docs" / "scaling.md").read_text(encoding="utf-8")
    usual = {**asdict(Limits()), **asdict(ConnectionLimits())}
    for name, limit in SETTABLE.items():
        bounds = f"{limit.least:,} to {limit.most:,}"
        assert f"| `{name}` | {round(usual[limit.field]):,} | {bounds} | {limit.meaning} |" in page
