"""`--limit NAME=NUMBER`: every limit that operators set, in force in the server that is started."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from injector.cli import serve
from injector.cli.application import application
from injector.cluster import environment
from injector.runtime.errors import UsageError
from injector.runtime.options import certificate_settings, is_cluster_wanted, namespace_of, server_limits
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
        with pytest.raises(UsageError, match=f"--limit {name}={wrong}: expected a "):
            server_limits([f"{name}={wrong}"])


def test_all_faults_are_told_at_once_with_what_would_be_valid() -> None:
    with pytest.raises(UsageError) as caught:
        server_limits(["waitingSecond=1", "zzz=1", "handshakes=1.5", "idleSeconds"])
    told = str(caught.value)
    assert "there is no limit 'waitingSecond'; did you mean 'waitingSeconds'?" in told
    assert "there is no limit 'zzz'; valid: waitingSeconds, bodyBytes, " in told
    assert "--limit handshakes=1.5: expected a whole number from 1 to 10,000" in told
    assert "--limit idleSeconds=: expected a whole number from 1 to 3,600" in told


def test_more_handshakes_than_connections_are_refused() -> None:
    with pytest.raises(UsageError, match="handshakes=128: more than connections, 100; valid: at most as many"):
        server_limits(["connections=100"])


def test_the_page_on_scaling_has_every_limit_with_its_default_and_bounds() -> None:
    page = (REPOSITORY / "docs" / "scaling.md").read_text(encoding="utf-8")
    usual = {**asdict(Limits()), **asdict(ConnectionLimits())}
    for name, limit in SETTABLE.items():
        bounds = f"{limit.least:,} to {limit.most:,}"
        assert f"| `{name}` | {round(usual[limit.field]):,} | {bounds} | {limit.meaning} |" in page


# Which options of `injector serve` belong together, and what those mean that are not given.


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the server would have been started with."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(serve, "serve_until_stopped", lambda *given: calls.append(given))
    return calls


def run(*arguments: str) -> tuple[int, str]:
    """Exit status and message, on one line."""
    found = CliRunner().invoke(application, ["serve", *arguments])
    return found.exit_code, " ".join(found.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--tls-cert a.crt", "--tls-cert and --tls-key belong together"),
        ("--tls-key a.key", "--tls-cert and --tls-key belong together"),
        ("--snapshot a.yaml --cluster", "--snapshot stands in for a cluster: not together with --cluster"),
        ("--snapshot a.yaml --kubeconfig k", "--snapshot stands in for a cluster: not together with --cluster"),
        ("--snapshot a.yaml --context c", "--snapshot stands in for a cluster: not together with --cluster"),
        ("--no-cluster --kubeconfig k", "--no-cluster does without a cluster: not together with --kubeconfig"),
        ("--no-cluster --context c", "--no-cluster does without a cluster: not together with --kubeconfig"),
        ("--no-cluster --cert-secret s", "--cert-secret: only with a cluster; valid: --cluster, --kubeconfig FILE"),
        ("--no-cluster --webhook-config w", "--webhook-config: only with a cluster"),
        ("--snapshot a.yaml --cert-secret s --webhook-config w", "--cert-secret, --webhook-config: only with a"),
        ("--no-cluster --preview-host 0.0.0.0", "--preview-host 0.0.0.0: without a cluster nobody can be asked"),
        ("--authority-days 0", "the authority lifetime has to be positive"),
        ("--serving-days 0", "the serving lifetime has to be positive"),
        ("--serving-days 9 --authority-days 8", "is longer than the authority's"),
        ("--renewal 1", "between 0 and 1, not 1.0"),
        ("--key-type dsa", "key type 'dsa' is not one of ecdsa, rsa"),
        ("--workers 0", "Invalid value for '--workers'"),
        ("--limit waiting=1", "there is no limit 'waiting'; did you mean 'waitingSeconds'?"),
        ("--limit connections=9", "--limit handshakes=128: more than connections, 9; valid: at most as many"),
        (
            "--cluster --cert-secret s --tls-cert a --tls-key b",
            "--cert-secret: the certificate comes from --tls-cert and --tls-key; valid: one of the two",
        ),
        (
            "--cluster --webhook-config w",
            "--webhook-config: it gets the authority of --cert-secret, which is not given",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused_with_a_message_and_nothing_starts(
    started: list[Any], arguments: str, message: str
) -> None:
    status, told = run(*arguments.split())
    assert status == 2
    assert message in told
    assert started == []


@pytest.mark.parametrize(
    ("arguments", "follows"),
    [
        ("", False),
        ("--cluster", True),
        ("--cluster --cert-secret s --webhook-config w", True),
        ("--kubeconfig k --cert-secret s", True),
        ("--context c", True),
        ("--snapshot a.yaml", False),
        ("--snapshot a.yaml --no-cluster", False),
        ("--no-cluster --tls-cert a --tls-key b", False),
        ("--preview-host 127.0.0.1", False),
        ("--cluster --preview-host 0.0.0.0", True),
    ],
)
def test_what_belongs_together_starts_with_a_cluster_or_without(
    started: list[Any], arguments: str, follows: bool
) -> None:
    assert run(*arguments.split()) == (0, "")
    ((_, _, _, cluster, _),) = started
    assert (cluster is not None) == follows


def test_inside_a_pod_the_cluster_is_followed_unless_something_stands_in_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("t", encoding="utf-8")
    monkeypatch.setattr(environment, "TOKEN", token)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert is_cluster_wanted(None, (None, None), None)
    assert not is_cluster_wanted(False, (None, None), None)
    assert not is_cluster_wanted(None, (None, None), tmp_path / "snapshot.yaml")


def test_the_names_of_a_service_come_first_then_those_given_then_loopback() -> None:
    settings = certificate_settings(["a.example", "localhost"], "injector", "mesh", (10, 2, 0.5), "rsa")
    assert settings.names == (
        "injector.mesh.svc",
        "injector.mesh.svc.cluster.local",
        "a.example",
        "localhost",
        "127.0.0.1",
        "::1",
    )
    assert (settings.lifetimes.authority, settings.lifetimes.serving) == (timedelta(days=10), timedelta(days=2))
    assert (settings.lifetimes.renewal, settings.key_type) == (0.5, "rsa")


def test_all_that_is_wrong_with_lifetimes_is_told_at_once() -> None:
    with pytest.raises(UsageError, match=r"authority lifetime.*renewal has to be"):
        certificate_settings(None, None, "mesh", (-1, -2, 3), "ecdsa")


def test_the_namespace_is_the_given_one_else_the_service_account_s_else_the_pod_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(environment, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.delenv("POD_NAMESPACE", raising=False)
    assert (namespace_of("mesh"), namespace_of(None)) == ("mesh", "default")
    monkeypatch.setenv("POD_NAMESPACE", "pods")
    assert namespace_of(None) == "pods"
    (tmp_path / "namespace").write_text("accounts\n", encoding="utf-8")
    assert namespace_of(None) == "accounts"
