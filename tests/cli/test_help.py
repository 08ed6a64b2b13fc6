"""What the command line says of itself: whole sentences, names instead of types, the nearest command."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command

from injector import __version__
from injector.cli.application import COMMANDS, application
from tests.cli.running import run


def commands() -> Iterator[tuple[str, Any]]:
    group = get_command(application)
    context = typer.Context(group)
    yield "", group
    for name in COMMANDS:
        command: Any = group.get_command(context, name)  # type: ignore[attr-defined]
        below = getattr(command, "commands", {})
        yield name, command
        yield from ((f"{name} {each}", below[each]) for each in below)


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_every_help_text_is_a_sentence(name: str) -> None:
    texts = [(ALL[name].help or "").partition("\n\n")[0], *(each.help for each in ALL[name].params)]
    assert [text for text in texts if not re.fullmatch(r"[A-Z].*\.", text.replace("\n", " "), re.DOTALL)] == []


@pytest.mark.parametrize("name", ALL)
def test_no_help_text_names_a_type_of_python(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ALL[name].main(["--help"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "Usage: " in shown
    assert re.findall(r"<(?:str|path|int|float|list\b[^>]*)>|\bTEXT\b|\bINTEGER\b|\bFLOAT\b", shown) == []


@pytest.mark.parametrize("group", [name for name in ALL if hasattr(ALL[name], "commands")])
def test_commands_are_listed_with_whole_sentences(group: str) -> None:
    listed = run(*group.split(), "--help").stdout.partition("Commands:\n")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("serve", "--port", "abc"), "must be a whole number from 0 to 65535, got 'abc'"),
        (("serve", "--preview-port", "65536"), "must be a whole number from 0 to 65535, got '65536'"),
        (("serve", "--workers", "0"), "must be a whole number of at least 1, got '0'"),
        (("serve", "--drain-seconds", "nan"), "must be a number of at least 0, got 'nan'"),
        (("serve", "--renewal", "2"), "must be a number from 0 to 1, got '2'"),
        (("preview", "-f", "-", "-n", "Not a name"), "must be a name of letters a-z, digits and '-', got 'Not a name'"),
        (("inject", "-f", "-", "-n", "a/b"), "must be a name of letters a-z, digits and '-', got 'a/b'"),
        (("check", "--no-cluster", "--release", "mine"), "--release says where to look in a cluster"),
        (("check", "--no-cluster", "--cert-secret", "mine"), "--cert-secret says where to look in a cluster"),
        (("preview", "-f", "-", "--summary", "-o", "patch"), "--summary cannot be shown as patch"),
        (("preview", "-f", "-", "--against", "x", "-o", "table"), "--against cannot be shown as table"),
    ],
)
def test_a_value_that_an_option_does_not_take_is_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    found = run(*arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr


def test_an_unknown_command_gets_the_nearest() -> None:
    found = run("preveiw")
    assert found.returncode == 2
    assert "Did you mean 'preview'" in found.stderr


@pytest.mark.parametrize(
    ("word", "here"),
    [
        ("version", "injector --version"),
        ("help", "injector --help"),
        ("kube-inject", "injector inject"),
        ("diff", "injector preview"),
        ("lint", "injector check"),
    ],
)
def test_a_habit_from_another_tool_is_told_what_it_is_here(word: str, here: str) -> None:
    found = run(word, "-f", "x")
    assert found.returncode == 2
    assert f"No such command '{word}'. Here it is: {here}\n" in found.stderr


@pytest.mark.parametrize("command", ["inject", "uninject", "preview"])
def test_a_bare_file_is_told_of_its_option(command: str) -> None:
    for arguments in (("pod.yaml",), ("-",), ("-n", "shop", "pod.yaml")):
        if command != "uninject" or "-n" not in arguments:
            found = run(command, *arguments)
            assert found.returncode == 2
            assert f"files are named with -f: -f {arguments[-1]}\n" in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("review", "-f", "a", "-f", "b"),
        ("preview", "-o", "json", "--output=yaml"),
        ("check", "--cluster", "--no-cluster"),
    ],
)
def test_an_option_that_takes_one_value_is_refused_twice(arguments: tuple[str, ...]) -> None:
    found = run(*arguments)
    assert found.returncode == 2
    assert "is given twice" in found.stderr


def test_the_version_is_shown() -> None:
    assert run("--version").stdout == f"injector {__version__}\n"


@pytest.mark.parametrize("port", ["99999", "-1", "x"])
def test_a_port_that_does_not_exist_is_refused(port: str) -> None:
    found = run("serve", "--port", port)
    assert found.returncode == 2
    assert "--port" in found.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "_INJECTOR_COMPLETE" in run("--show-completion", shell).stdout
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    assert run("--show-completion").stdout == run("--show-completion", shell).stdout


def test_completion_completes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_INJECTOR_COMPLETE": "complete_bash", "COMP_WORDS": "injector un", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    assert run().stdout.split() == ["uninject"]
    monkeypatch.setenv("COMP_WORDS", "injector preview --aga")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run().stdout.split() == ["--against"]
