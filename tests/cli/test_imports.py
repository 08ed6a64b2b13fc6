"""What a command does not need is not loaded: commands start at once, and a worker without a cluster stays small."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import REPOSITORY


@pytest.mark.parametrize("module", ["injector.cli.serve", "injector.runtime.serve", "injector.cli.inject"])
def test_the_official_client_is_loaded_only_for_a_cluster(module: str) -> None:
    """It takes 38 MB, of the 80 that a worker may have."""
    program = f"import sys, {module}; sys.exit('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def modules_of(*arguments: str) -> set[str]:
    """The modules that a command imports."""
    program = f"import sys; sys.argv = ['injector', *{arguments!r}]\nfrom injector.cli.main import main\ntry: main()\n"
    program += "except SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(found.stderr.split())


def imported_by(*arguments: str) -> set[str]:
    """The top-level modules among them."""
    return {name.partition(".")[0] for name in modules_of(*arguments)}


SAMPLE = str(REPOSITORY / "samples" / "bookinfo" / "details.yaml")
# What takes long to import and has nothing to do with files.
HEAVY = {
    "cryptography",
    "email",
    "fastapi",
    "jsonpatch",
    "kubernetes",
    "prometheus_client",
    "pydantic",
    "rich",
    "starlette",
}
HEAVY |= {"structlog", "uvicorn"}


@pytest.mark.parametrize("command", ["inject", "uninject", "preview"])
def test_a_command_on_a_file_imports_what_it_needs(command: str) -> None:
    assert imported_by(command, "-f", SAMPLE) & HEAVY == set()


def test_the_version_needs_no_import() -> None:
    assert imported_by("--version") & (HEAVY | {"typer", "yaml", "jinja2", "re"}) == set()


def test_go_templates_are_loaded_where_there_are_some(tmp_path: Path) -> None:
    config = tmp_path / "go.yaml"
    config.write_text('goTemplates: {go: "spec: {dnsPolicy: Default}"}\ndefaultTemplates: [go]\n')
    name = "injector.core.render.go.parser"
    assert name not in modules_of("inject", "-f", SAMPLE)
    assert name in modules_of("inject", "-f", SAMPLE, "-c", str(config))
