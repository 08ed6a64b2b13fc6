"""What can be held of the image without a container engine: its recipe, and the wheel that it installs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from injector.capture import system
from injector.capture.arguments import Backend, Mode, capture_of
from injector.capture.nftables import TABLE
from injector.capture.rules import MARK
from injector.capture.system import TABLE as ROUTING_TABLE
from tests.support import REPOSITORY
from tools.generate import CHART

_CONTINUED = re.compile(r"\\\n\s*")


def instructions() -> Iterator[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, in order."""
    text = _CONTINUED.sub("", (REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, arguments = line.partition(" ")
            yield name, arguments


def copied() -> list[str]:
    """Everything that is copied from the checkout."""
    sources = [arguments.split()[:-1] for name, arguments in instructions() if name == "COPY"]
    return [source for each in sources if not each[0].startswith("--from") for source in each]


def final_stage() -> list[tuple[str, str]]:
    """The instructions of the image itself."""
    found = list(instructions())
    last = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def test_everything_copied_is_there_and_let_through_and_nothing_else_is() -> None:
    assert all((REPOSITORY / source).exists() for source in copied())
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith(("#", "**"))] == ["*", *(f"!{each}" for each in copied())]


def test_the_image_runs_without_a_shell_as_the_user_that_the_chart_expects() -> None:
    stage = dict(final_stage())
    assert stage["ENTRYPOINT"] == '["injector"]'
    assert stage["USER"] == "65532:65532"
    assert "HEALTHCHECK" not in stage
    assert "runAsUser: 65532" in (CHART / "templates" / "_pod.tpl").read_text(encoding="utf-8")


# Debian's package of each program that `injector capture` starts: https://packages.debian.org
PACKAGE_OF = {
    "ip": "iproute2",
    "iptables-restore": "iptables",
    "iptables-save": "iptables",
    "ip6tables-restore": "iptables",
    "ip6tables-save": "iptables",
    "nft": "nftables",
}


def programs_started(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """All programs that capture starts, with either backend and in every mode, whatever was there before."""
    started: set[str] = set()

    def noted(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        started.add(command[0])
        rules = f"{TABLE} fwmark {MARK:#x} lookup {ROUTING_TABLE}" if {"rule", "tables"} & set(command) else ""
        return subprocess.CompletedProcess(command, 0, rules, "")

    monkeypatch.setattr(subprocess, "run", noted)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr(system, "_ip_versions", lambda: (4, 6))
    for mode, backend in product(Mode, Backend):
        system.apply(capture_of({"mode": mode, "backend": backend}))
    system.remove()
    return started


def test_the_image_brings_every_program_that_capture_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = next(arguments for name, arguments in final_stage() if name == "RUN" and "apt-get install" in arguments)
    needed = {PACKAGE_OF[program] for program in programs_started(monkeypatch)}
    assert needed <= set(installed.split())
    assert {"ip", "nft", "iptables-save"} <= programs_started(monkeypatch)


def test_no_other_module_starts_a_program() -> None:
    modules = [*(REPOSITORY / "injector").rglob("*.py"), *(REPOSITORY / "certs").rglob("*.py")]
    starting = {each.name for each in modules if "subprocess" in each.read_text(encoding="utf-8")}
    assert starting == {"system.py"}


def test_only_the_environment_comes_out_of_the_build_stage() -> None:
    assert [arguments for name, arguments in final_stage() if name == "COPY"] == [
        "--from=build /opt/injector /opt/injector"
    ]


def test_every_download_is_held_against_its_hash_and_the_rest_is_offline() -> None:
    runs = [arguments for name, arguments in instructions() if name == "RUN" and "pip " in arguments]
    assert [run for run in runs if "download" in run] == runs[:1]
    assert "--require-hashes" in runs[0]
    names = [name for name, arguments in instructions() if name != "ENV" or "PIP_NO_INDEX=1" in arguments]
    assert names.index("ENV") < [index for index, name in enumerate(names) if name == "RUN"][1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the wheel is installed, as the image does it, and nothing of the checkout is."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), str(REPOSITORY)]
    subprocess.run(wheel, check=True)
    (file,) = place.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(place / "site"), str(file)], check=True)
    return place / "site"


def ran(installed: Path, *arguments: str) -> str:
    """What a command of the installed wheel prints, run far from the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=installed, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_carries_its_templates_and_samples(installed: Path) -> None:
    for room in ("templates", "samples"):
        carried = {
            file.relative_to(installed / "injector" / room) for file in (installed / "injector" / room).rglob("*.*")
        }
        assert {file.relative_to(REPOSITORY / room) for file in (REPOSITORY / room).rglob("*.*")} == carried


def test_the_installed_wheel_checks_its_configuration(installed: Path) -> None:
    assert ran(installed, "-c", "import injector; print(injector.__file__)").startswith(str(installed))
    assert "templates: valid" in ran(installed, "-m", "injector", "check")


def test_the_installed_wheel_injects_its_sample_over_https(installed: Path) -> None:
    assert "productpage-v1" in ran(installed, "bin/injector", "demo")


def test_the_installed_wheel_makes_certificates(installed: Path, tmp_path: Path) -> None:
    assert "authority" in ran(installed, "-m", "certs", "bootstrap", "--dir", str(tmp_path / "certs"))


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_file_pins_by_hash_and_names_no_host(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    pins = re.findall(r"^[a-zA-Z0-9._-]+==.*\n", text, re.MULTILINE)
    hashed = re.findall(r"^[a-zA-Z0-9._-]+==.*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pins) == len(hashed) > 50
    assert "://" not in text


def test_what_runs_is_pinned_as_it_is_tested() -> None:
    pins = [
        set(re.findall(r"^[a-zA-Z0-9._-]+==[^ \\]+", (REPOSITORY / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-test.lock")
    ]
    assert pins[0] < pins[1]
