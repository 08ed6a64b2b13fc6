"""The overlay that a template gives, as values of CEL: what a pod gets, before it is merged into the pod."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from injector.policy.cel import (
    EMPTY_LIST,
    EMPTY_TEXT,
    NOTHING,
    TRUE,
    Call,
    Comprehension,
    Entry,
    Expression,
    ListOf,
    Literal,
    MapOf,
    Name,
    Operation,
    choice,
    conjunction,
    disjunction,
    dynamic,
    list_of,
    method,
    plus,
    size,
)
from injector.policy.merging import united
from injector.policy.outline import Collection, Condition, Content, Guards, Leaf, Loop, Node, Part, refuse_repeated
from injector.policy.values import (
    TEXT,
    CannotSayError,
    Value,
    absent_or,
    constant_value,
    document_text,
    either,
    may_be_absent,
)

_DIRECTIVE = "$"


@dataclass(frozen=True, slots=True)
class Alternative:
    """What is at a path of the overlay under some guards."""

    guards: Guards
    node: Node


@dataclass(frozen=True, slots=True)
class Overlay:
    """The outline of a template with the values of its placeholders."""

    root: Collection
    values: Sequence[Value]

    def at(self, *path: str) -> list[Alternative]:
        """All that branches have at a path. Raises CannotSayError where two could be there together."""
        found = [Alternative((), self.root)]
        for name in path:
            found = [
                Alternative((*each.guards, *part.guards), part.value)
                for each in found
                for part in self.parts(each.node)
                if part.key == Content(constant=name)
            ]
        return found

    def keys(self, *path: str) -> dict[str, int]:
        """The keys of the mapping at a path, with their lines. Raises CannotSayError for one that is no constant."""
        keys: dict[str, int] = {}
        for alternative in self.at(*path):
            for part in self.parts(alternative.node):
                if part.key is None or not isinstance(part.key.constant, str):
                    raise CannotSayError("a key that depends on the pod", part.line)
                keys.setdefault(part.key.constant, part.line)
        return keys

    @staticmethod
    def parts(node: Node) -> tuple[Part, ...]:
        """The entries of a mapping; none of what is nothing. Raises CannotSayError for anything else."""
        if isinstance(node, Collection) and node.is_mapping:
            for part in node.parts:
                if any(isinstance(guard, Loop) for guard in part.guards) and part.key and not part.key.parts:
                    raise CannotSayError("a loop that writes one key again and again", part.line)
                if part.key and isinstance(part.key.constant, str) and part.key.constant[:1] == _DIRECTIVE:
                    raise CannotSayError(f"the directive {part.key.constant!r}", part.line)
            refuse_repeated((part for part in node.parts if not (part.key and part.key.parts)), "key")
            return node.parts
        if isinstance(node, Leaf) and all(content.is_nothing for _, content in node.contents):
            return ()
        raise CannotSayError("a mapping is expected here", node.line)

    def value(self, node: Node) -> Value:
        """The value of a node; one that may be absent where the node may be nothing. Raises CannotSayError."""
        if isinstance(node, Leaf):
            return self._leaf(node)
        return self._mapping(node) if node.is_mapping else self._list(node)

    def text(self, content: Content) -> Value:
        """The value of what a scalar holds."""
        if content.is_nothing:
            return constant_value(None)
        if not content.parts:
            return constant_value(content.constant)
        if content.is_lone:
            return self.values[_number(content.parts[0])]
        parts = [Literal(part) if isinstance(part, str) else document_text(self.values[part]) for part in content.parts]
        return Value(plus(EMPTY_TEXT, *parts), TEXT)

    def _leaf(self, leaf: Leaf) -> Value:
        result = constant_value(None)
        for guards, content in reversed(leaf.contents):
            try:
                value = self.text(content)
            except CannotSayError as error:
                raise CannotSayError(error.why, error.line or leaf.line, error.shown) from error
            result = either(test_of(guards), value, result)
        return result

    def _mapping(self, node: Collection) -> Value:
        parts = self.parts(node)
        tests = [test_of(part.guards) for part in parts if not _loops(part.guards)]
        if any(_loops(part.guards) or (part.key and part.key.parts) for part in parts):
            return Value(united(self._single_maps(parts)), "{any}")
        by_key: dict[str, list[Part]] = {}
        for part in parts:
            by_key.setdefault(str(part.key.constant) if part.key else "", []).append(part)
        entries = tuple(self._entry(key, same) for key, same in by_key.items())
        mapping = Value(MapOf(entries), "{any}")
        if node.is_flow or not parts or TRUE in tests:
            return mapping
        return absent_or(choice(disjunction(*tests), _present(mapping.expression), NOTHING), "{any}")

    def _entry(self, key: str, same: list[Part]) -> Entry:
        value = constant_value(None)
        for part in reversed(same):
            value = either(test_of(part.guards), self.value(part.value), value)
        if may_be_absent(value):
            return Entry(Literal(key), NOTHING if value.optional is None else value.optional, optional=True)
        return Entry(Literal(key), dynamic(value.expression))

    def _single_maps(self, parts: Iterable[Part]) -> Expression:
        """A list of maps of one entry each: a later key takes an earlier one's place."""
        lists: list[Expression] = []
        for part in parts:
            key = self.text(part.key) if part.key else constant_value("")
            if not key.is_text or may_be_absent(key):
                raise CannotSayError("a key that is no text, or may be absent", part.line)
            value = self.value(part.value)
            single = MapOf(
                (
                    Entry(key.expression, value.optional, optional=True)
                    if value.optional is not None
                    else Entry(key.expression, dynamic(value.expression)),
                )
            )
            lists.append(guarded(part.guards, ListOf((single,))))
        return plus(EMPTY_LIST, *lists)

    def _list(self, node: Collection) -> Value:
        values = [self.value(part.value) for part in node.parts]
        expression = self.items(node)
        is_nullable = any(map(may_be_absent, values))
        if not node.parts or (not is_nullable and (node.is_flow or any(not part.guards for part in node.parts))):
            return Value(expression, "[any]")
        if node.is_flow and any(part.guards for part in node.parts):
            raise CannotSayError("a list in brackets whose items may all be absent", node.line)
        some = Operation(">", (size(expression), Literal(0)))
        return absent_or(choice(some, _present(expression), NOTHING), "[any]")

    def items(self, node: Collection) -> Expression:
        """The items of a list that are there."""
        lists: list[Expression] = []
        run: tuple[Guards, list[Expression]] = ((), [])
        for part in node.parts:
            value = self.value(part.value)
            if may_be_absent(value):
                lists += _run(run)
                run = ((), [])
                if value.optional is not None:
                    alone = choice(method(value.optional, "hasValue"), list_of([value.expression]), EMPTY_LIST)
                    lists.append(guarded(part.guards, alone))
                continue
            if part.guards != run[0]:
                lists += _run(run)
                run = (part.guards, [])
            run[1].append(value.expression)
        lists += _run(run)
        return plus(EMPTY_LIST, *lists)


def overlay_of(root: Collection, values: Sequence[Value]) -> Overlay:
    """The overlay of an outline, in which keys are constants where all expressions in them are."""

    def known(node: Node) -> Node:
        if isinstance(node, Leaf):
            return node
        parts = (replace(part, value=known(part.value), key=known_key(part.key)) for part in node.parts)
        return replace(node, parts=tuple(parts))

    def known_key(key: Content | None) -> Content | None:
        parts = () if key is None else key.parts
        if not parts or not all(isinstance(part, str) or _is_known(values[part]) for part in parts):
            return key
        texts = [part if isinstance(part, str) else _literal(document_text(values[part])) for part in parts]
        return Content(constant="".join(texts))

    found = known(root)
    assert isinstance(found, Collection)  # noqa: S101 -- what a mapping becomes
    return Overlay(found, values)


def _is_known(value: Value) -> bool:
    return isinstance(value.expression, Literal)


def _literal(expression: Expression) -> str:
    return str(expression.value) if isinstance(expression, Literal) else ""


def _run(run: tuple[Guards, list[Expression]]) -> list[Expression]:
    guards, items = run
    return [guarded(guards, list_of(items))] if items else []


def _number(part: str | int) -> int:
    if isinstance(part, int):
        return part
    raise TypeError(part)


def _present(expression: Expression) -> Expression:
    return Call("of", (dynamic(expression),), Name("optional"))


def _loops(guards: Guards) -> bool:
    return any(isinstance(guard, Loop) for guard in guards)


def test_of(guards: Guards) -> Expression:
    """When a part is there that is in no loop of its own."""
    return conjunction(*(guard.test for guard in guards if isinstance(guard, Condition)))


def guarded(guards: Guards, items: Expression) -> Expression:
    """The items, those of every turn of the loops among the guards, or none where a condition does not hold."""
    for guard in reversed(guards):
        if isinstance(guard, Condition):
            items = choice(guard.test, items, EMPTY_LIST)
            continue
        variables = (guard.place.name, guard.item.name)
        if isinstance(items, ListOf) and len(items.items) == 1:
            items = Comprehension(guard.source, "transformList", variables, items.items)
        else:
            items = method(Comprehension(guard.source, "transformList", variables, (items,)), "flatten")
    return items


def is_null(node: Node) -> bool:
    """Whether the template says null: it takes away what the pod has."""
    return isinstance(node, Leaf) and any(
        not content.is_nothing and not content.parts and content.constant is None for _, content in node.contents
    )
