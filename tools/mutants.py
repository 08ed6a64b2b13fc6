"""How many small changes of the code no test notices: `make mutants`.

Each mutant changes one place of one module: a comparison, a condition, a number, a key. A child process imports the
changed module in place of the real one and runs the tests that are about it, then those of the whole behaviour; nothing
on disk is changed. Modules of others are imported once, before the first fork. Survivors are printed: a test is
missing, or the change makes no difference.
"""

import argparse
import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[1]
# Each group is run in a process of its own, as most mutants are noticed by the first.
TESTS: Mapping[str, Sequence[str]] = {
    "injector.core.decision": ("tests/core/test_decision.py",),
    "injector.core.merge": ("tests/core/test_merge.py",),
    "injector.core.patch": ("tests/core/test_patch.py",),
    "injector.core.injection": ("tests/core/test_injection.py", "tests/core/reinjection/test_overrides.py"),
    "injector.core.probes": ("tests/core/test_probes.py", "tests/core/test_istio_removal.py"),
    "certs.authority": ("tests/certs/test_authority.py",),
}
FURTHER: Mapping[str, Sequence[Sequence[str]]] = {
    "injector.core": (
        ("tests/conformance/test_cases.py", "-k", "test_what_the_reference_says"),
        (
            "tests/core/test_admission.py",
            "tests/core/reinjection/test_undo.py",
            "tests/templates/test_sidecar_pod.py",
        ),
    ),
    "certs": (("tests/certs/test_rotation.py", "tests/certs/test_directory.py"),),
}
# Of the processor, so that a busy machine counts nothing as noticed.
_SECONDS = 60
_OPTIONS = [
    "-x",
    "-q",
    "--hypothesis-profile=quick",
    *(f"-pno:{name}" for name in ("cacheprovider", "xdist", "schemathesis")),
]
_SHARED = ("pytest", "hypothesis", "jinja2", "yaml", "orjson", "jsonpatch", "httpx", "structlog", "prometheus_client")
_SHARED_TOO = ("cryptography.x509", "kubernetes_validate", "schemathesis", "fastapi", "uvicorn", "jsonschema")

_COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed module: where the change is and what it is, and the code."""

    module: str
    line: int
    change: str
    source: str

    def __str__(self) -> str:
        """As a compiler would point at it."""
        return f"{self.module}:{self.line}: {self.change}"


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    count = sum(1 for _ in _changes(ast.parse(source)))
    for index in range(count):
        tree = ast.parse(source)
        node, description = next(change for at, change in enumerate(_changes(tree, index)) if at == index)
        yield Mutant(module, node.lineno, description, ast.unparse(tree))


def _changes(tree: ast.Module, chosen: int = -1) -> Iterator[tuple[ast.expr, str]]:
    """Each place that can be changed, with what the change is; the chosen one is changed in the tree."""
    at = 0
    ignored = _ignored(tree)
    for parent in ast.walk(tree):
        for field, index, node in _expressions(parent):
            if id(node) in ignored:
                continue
            for changed in _variants(node):
                if at == chosen:
                    before = ast.unparse(node)
                    _put(parent, field, index, changed)
                    yield node, f"{before}  ->  {ast.unparse(changed)}"
                else:
                    yield node, ""
                at += 1


def _ignored(tree: ast.Module) -> set[int]:
    """What makes no behaviour: docstrings, annotations of types, and the words of messages."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr | ast.JoinedStr | ast.Raise):
            roots.append(node)
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            roots += [*node.decorator_list, *([node.returns] if node.returns else [])]
        elif isinstance(node, ast.ClassDef):
            roots += node.decorator_list
        elif isinstance(node, ast.keyword) and node.arg == "message":
            roots.append(node.value)
    return {id(node) for root in roots for node in ast.walk(root)}


def _expressions(parent: ast.AST) -> Iterator[tuple[str, int, ast.expr]]:
    for field, value in ast.iter_fields(parent):
        if isinstance(value, ast.expr):
            yield field, -1, value
        elif isinstance(value, list):
            yield from ((field, index, item) for index, item in enumerate(value) if isinstance(item, ast.expr))


def _put(parent: ast.AST, field: str, index: int, node: ast.expr) -> None:
    if index < 0:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _variants(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, [operator], right) if type(operator) in _COMPARISONS:
            yield ast.Compare(left, [_COMPARISONS[type(operator)]()], right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            yield values[0]
            yield values[-1]
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.BinOp(left, operator, right) if type(operator) in _ARITHMETIC:
            yield ast.BinOp(left, _ARITHMETIC[type(operator)](), right)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(str() as value) if value:
            yield ast.Constant(f"{value}~")


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutant's source as its module."""

    def __init__(self, mutant: Mutant, file: Path) -> None:
        self._mutant, self._file = mutant, file

    def find_spec(self, name: str, _path: object, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self._mutant.module:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(self._file))

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self._file)
        exec(compile(self._mutant.source, str(self._file), "exec"), module.__dict__)  # noqa: S102 -- our own code


def survives(mutant: Mutant) -> bool:
    """Whether all tests pass with the mutant in place."""
    package = mutant.module.rpartition(".")[0]
    return all(_passes(mutant, tests) for tests in (TESTS[mutant.module], *FURTHER[package]))


def _passes(mutant: Mutant, tests: Sequence[str]) -> bool:
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        os._exit(_tested(mutant, tests))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _tested(mutant: Mutant, tests: Sequence[str]) -> int:
    import pytest  # noqa: PLC0415 -- in the child, whose coverage and plugins are its own

    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.meta_path.insert(0, _Changed(mutant, _file_of(mutant.module)))
    return int(pytest.main([*_OPTIONS, *tests]))


def _file_of(module: str) -> Path:
    return REPOSITORY / Path(*module.split(".")).with_suffix(".py")


def main(arguments: Sequence[str]) -> int:
    """Try as many mutants as are asked for, drawn at random, and print the survivors and their share."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--module", action="append", choices=list(TESTS), help="only these")
    options = parser.parse_args(arguments)
    os.chdir(REPOSITORY)
    every = [
        mutant
        for module in options.module or TESTS
        for mutant in mutants_of(module, _file_of(module).read_text(encoding="utf-8"))
    ]
    drawn = random.Random(options.seed).sample(every, min(options.count, len(every)))  # noqa: S311 -- no secret
    for name in (*_SHARED, *_SHARED_TOO):
        importlib.import_module(name)
    survivors = []
    for at, mutant in enumerate(drawn, 1):
        if survives(mutant):
            survivors.append(mutant)
            print(f"survives: {mutant}", flush=True)
        if at % 25 == 0:
            print(f"{at} of {len(drawn)} tried, {len(survivors)} survive", flush=True)
    print(f"{len(survivors)} of {len(drawn)} survive ({len(survivors) / len(drawn):.0%}); {len(every)} in all")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
