"""Where the values of an overlay come from: the line of the template that wrote each, and the annotations behind it.

A template is rendered once more, the plain way, by an environment that ends every line of text with a mark: which line
of which template it is. The marks go through loops and macros with the text, and are taken out before it is read as
YAML; each scalar of the document then has the line on which it stands. Nothing of this is in the way of a review.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from jinja2 import nodes

from injector.core.render.checks import Fill
from injector.core.render.document import NOTHING, Builder, Dynamic, compile_document, fill_of
from injector.core.render.jinja import TemplateEnvironment
from injector.core.render.partial_evaluation import KnownNames
from injector.core.render.placeholders import CLOSE, OPEN, Rendering
from injector.core.yaml.nodes import Collection, Node, Scalar

_MARK = re.compile(f"{OPEN}L([0-9]+)@([0-9]+){CLOSE}")
_ASKING = ("annotation", "json_annotation", "named_items")


@dataclass(frozen=True, slots=True)
class Origin:
    """The line of a template; `text` is that line, `annotations` are those that its values or conditions ask for."""

    template: str
    line: int
    text: str = ""
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Traced:
    """A value of an overlay, and its origin."""

    value: Any
    origin: Origin


class TracingEnvironment(TemplateEnvironment):
    """Compiles templates so that every line of their text says which one it is."""

    def __init__(
        self,
        load: Callable[[str], str | None],
        filters: Mapping[str, Callable[..., Any]],
        rendering: ContextVar[Rendering],
    ) -> None:
        """`load` finds a template's text by name, `rendering` is the one that runs."""
        super().__init__(load, filters, rendering, KnownNames(), optimise=False)
        self._origins: list[Mapping[int, Origin]] = []

    def document(self, text: str) -> Fill:
        """What a rendered text means, with the origin of each value in its place."""
        lines = text.split("\n")
        origins = [self._origin_of(line) for line in lines]
        clean = "\n".join(_MARK.sub("", line) for line in lines)
        return compile_document(clean, (), partial(_TracingBuilder, origins=origins))

    def _folded(self, source: str, name: str | None, filename: str | None, *, is_imported: bool) -> nodes.Template:
        text = source if source.endswith("\n") else f"{source}\n"
        tree = super()._folded(text, name, filename, is_imported=is_imported)
        asked = _annotations_by_line(tree)
        lines = enumerate(text.splitlines(), 1)
        number = len(self._origins)
        self._origins.append(
            {
                line: Origin(name or "", line, written.strip(), tuple(sorted(asked.get(line, ()))))
                for line, written in lines
            }
        )
        for data in tree.find_all(nodes.TemplateData):
            data.data = _marked(data, number)
        return tree

    def _origin_of(self, line: str) -> Origin | None:
        """The first mark is that of the innermost macro: the line that a reader looks for."""
        mark = _MARK.search(line)
        return self._origins[int(mark[2])].get(int(mark[1])) if mark else None


def _marked(data: nodes.TemplateData, number: int) -> str:
    first, *rest = data.data.split("\n")
    marks = (f"{OPEN}L{data.lineno + at}@{number}{CLOSE}\n{part}" for at, part in enumerate(rest))
    return first + "".join(marks)


class _TracingBuilder(Builder):
    """Makes a document whose values are Traced; keys stay as they are."""

    def __init__(self, constants: Sequence[Any], origins: Sequence[Origin | None]) -> None:
        super().__init__(constants)
        self._origins_by_line = origins

    def build(self, node: Node) -> Any:
        part = super().build(node)
        is_leaf = isinstance(node, Scalar) or (isinstance(node, Collection) and not node.children)
        origin = self._origins_by_line[node.start.line] if is_leaf else None
        if origin is None or part is None or part is NOTHING:
            return part
        return Dynamic(_tracing(fill_of(part), origin))


def _tracing(fill: Fill, origin: Origin) -> Fill:
    def traced(values: Sequence[Any]) -> Any:
        value = fill(values)
        return None if value is None else Traced(value, origin)

    return traced


# The annotations that the expressions on a line ask for, be it through names that were set before, and those that the
# conditions and loops around it ask for.


def _annotations_by_line(tree: nodes.Template) -> Mapping[int, set[str]]:
    behind = _annotations_behind_names(tree)
    found: dict[int, set[str]] = {}
    for line, names in _asked(tree.body, behind, frozenset()):
        found.setdefault(line, set()).update(names)
    return found


def _annotations_behind_names(tree: nodes.Template) -> Mapping[str, set[str]]:
    """Each name that is set from annotations, with them; a name that is set from such a name has them too."""
    behind: dict[str, set[str]] = {}
    sources = [
        *((each.target, each.node) for each in tree.find_all(nodes.Assign)),
        *((each.target, each.iter) for each in tree.find_all(nodes.For)),
    ]
    for _ in sources:
        before = sum(map(len, behind.values()))
        for target, source in sources:
            for name in (target, *target.find_all(nodes.Name)):
                if isinstance(name, nodes.Name):
                    behind.setdefault(name.name, set()).update(_asked_by(source, behind))
        if sum(map(len, behind.values())) == before:
            break
    return behind


def _asked(
    body: Iterable[nodes.Node], behind: Mapping[str, set[str]], because: frozenset[str]
) -> Iterator[tuple[int, frozenset[str]]]:
    for node in body:
        if isinstance(node, nodes.Output):
            for part in node.nodes:
                if isinstance(part, nodes.TemplateData):
                    yield from ((part.lineno + at, because) for at in range(part.data.count("\n") + 1))
                else:
                    yield part.lineno, because | _asked_by(part, behind)
        elif isinstance(node, nodes.If):
            reasons = because | _asked_by(node.test, behind)
            yield from _asked([*node.body, *node.elif_, *node.else_], behind, reasons)
        elif isinstance(node, nodes.For):
            yield from _asked([*node.body, *node.else_], behind, because | _asked_by(node.iter, behind))
        else:
            yield from _asked(getattr(node, "body", ()), behind, because)


def _asked_by(expression: nodes.Node, behind: Mapping[str, set[str]]) -> frozenset[str]:
    names = [each for each in (expression, *expression.find_all(nodes.Name)) if isinstance(each, nodes.Name)]
    calls = [each for each in (expression, *expression.find_all(nodes.Call)) if isinstance(each, nodes.Call)]
    asked = {annotation for name in names for annotation in behind.get(name.name, ())}
    for call in calls:
        if _is_asking(call.node) and call.args and isinstance(call.args[0], nodes.Const):
            asked.add(str(call.args[0].value))
    return frozenset(asked)


def _is_asking(function: nodes.Node) -> bool:
    """Whether it is a function that asks for an annotation, or `get` of the pod's annotations."""
    if isinstance(function, nodes.Getattr) and function.attr == "get":
        owner = function.node
        return getattr(owner, "attr", None) == "annotations" or getattr(owner, "name", None) == "annotations"
    return isinstance(function, nodes.Name) and function.name in _ASKING
