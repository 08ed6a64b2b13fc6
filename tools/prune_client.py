"""Deletes the parts of the Kubernetes client that the injector does not import: 125 of its 126 MB, in the image.

Run by the Dockerfile with the interpreter of the installation that is to shrink: `python prune_client.py`.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

# Every module of ours that imports the client; a test holds this list against the source.
DOORS = ("certs.secret", "injector.cluster.api", "injector.cluster.client")
PACKAGE = "kubernetes"


def prune(package: ModuleType, imported: frozenset[Path]) -> int:
    """Delete every Python file of `package` that is not among the `imported`; returns the number of bytes freed."""
    root = Path(str(package.__file__)).resolve().parent
    unused = [file for file in root.rglob("*.py") if file not in imported]
    freed = 0
    for file in (cached for source in unused for cached in (source, *_bytecode(source))):
        freed += file.stat().st_size
        file.unlink()
    return freed


def _bytecode(source: Path) -> list[Path]:
    return list((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"))


def imported_files() -> frozenset[Path]:
    """The files that are loaded once every door is: the client loads its models and groups when they are asked for."""
    for door in DOORS:
        import_module(door)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return frozenset(Path(file).resolve() for file in files if file)


if __name__ == "__main__":
    files = imported_files()
    megabytes = prune(sys.modules[PACKAGE], files) / 1_000_000
    sys.stdout.write(f"{PACKAGE}: {megabytes:.0f} MB that nothing imports are gone\n")
