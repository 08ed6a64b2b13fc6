"""The image keeps exactly those parts of the Kubernetes client that are imported."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

from tools.generate import REPOSITORY
from tools.prune_client import DOORS, PACKAGE, imported_files, prune


def test_every_module_that_imports_the_client_is_a_door() -> None:
    sources = [file for package in ("injector", "certs") for file in (REPOSITORY / package).rglob("*.py")]
    doors = {
        ".".join(file.relative_to(REPOSITORY).with_suffix("").parts)
        for file in sources
        if f"from {PACKAGE}" in file.read_text(encoding="utf-8")
    }
    assert doors == set(DOORS)


def test_what_is_imported_stays_and_the_rest_goes(tmp_path: Path) -> None:
    package = tmp_path / "client"
    (package / "models").mkdir(parents=True)
    for name in ("__init__.py", "used.py", "models/__init__.py", "models/unused.py"):
        (package / name).write_text("#" * 10)
    (package / "models" / "__pycache__").mkdir()
    (package / "models" / "__pycache__" / "unused.cpython-311.pyc").write_bytes(b"1" * 5)
    module = ModuleType("client")
    module.__file__ = str(package / "__init__.py")
    kept = frozenset(package / name for name in ("__init__.py", "used.py", "models/__init__.py"))
    assert prune(module, kept) == 15
    assert {file for file in package.rglob("*") if file.is_file()} == kept


def test_the_doors_load_a_small_part_of_the_client() -> None:
    program = (
        f"from tools.prune_client import imported_files; print(sum('/{PACKAGE}/' in str(f) for f in imported_files()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert 10 < int(done.stdout) < 100
    assert Path(__file__).resolve() in imported_files()
