"""A template as a policy's mutation: its overlay as values of CEL, and the patch that merges it into the pod."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from injector.core.merge import POD_SCHEMA, PRIMITIVE
from injector.core.model import NATIVE_SIDECAR_ANNOTATION
from injector.core.pod_fields import SIDECARS
from injector.policy.cel import (
    EMPTY_LIST,
    EMPTY_MAP,
    EMPTY_TEXT,
    FALSE,
    TRUE,
    Call,
    Expression,
    Index,
    ListOf,
    Literal,
    Operation,
    choice,
    contains,
    dynamic,
    equal,
    macro,
    map_of,
    method,
    negation,
    optional_field,
    or_value,
    plus,
    size,
)
from injector.policy.cel import field as cel_field
from injector.policy.expressions import Reads
from injector.policy.merging import CONTAINER_KEYS, merge_containers, merge_list, merge_map, operation, united
from injector.policy.outline import Collection, Content, Guards, Leaf, Loop, Node, Part
from injector.policy.overlay import Alternative, Overlay, guarded, is_null, overlay_of, test_of
from injector.policy.scope import ANNOTATIONS, LABELS, OBJECT, variable
from injector.policy.statements import Refused, statements_of
from injector.policy.values import CannotSayError, Value, may_be_absent

_CONTAINERS = ("containers", "initContainers")
_ALL_CONTAINERS = (*_CONTAINERS, SIDECARS)
_METADATA = ("annotations", "labels")
_SPEC = POD_SCHEMA.below["spec"]
# What a template may write beside the pod's metadata and spec, since it changes nothing.
_CONSTANTS = {"apiVersion": "v1", "kind": "Pod"}
# Mappings inside each other that a value of unknown type may have.
_DEEP = 4


@dataclass(frozen=True, slots=True)
class Field:
    """What a template gives for one field of a pod.

    `overlay` is its value, in the variable of that name, and `operations` the patch that merges it, a list.
    """

    name: str
    overlay: Expression
    operations: Expression

    @property
    def variable(self) -> str:
        """The name of the variable that holds the overlay's value."""
        return _variable(self.name)


def _variable(name: str) -> str:
    return f"new{name[0].upper()}{name[1:]}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template in CEL: the fields that it gives, and when it refuses a pod.

    `containers` and `volumes` are the constant names that it puts there, `ordered` the lists whose order it sees.
    """

    fields: tuple[Field, ...]
    refused: tuple[Refused, ...]
    containers: tuple[str, ...]
    volumes: tuple[str, ...]
    ordered: frozenset[str]


def compiled(
    tree: nodes.Template, constants: Mapping[str, Any], fixed: Mapping[str, Mapping[str, Expression]]
) -> Compiled:
    """A template whose evaluated tree is `tree`. Raises CannotSayError.

    `constants` are the names that the configuration gives, `fixed` the annotations and labels that it adds to every
    injected pod.
    """
    statements = statements_of(tree, constants)
    overlay = overlay_of(statements.source.outline(), statements.source.values)
    _refuse_other_keys(overlay)
    fields = [*_metadata(overlay, fixed), *_spec(overlay, native=constants["native_sidecars"])]
    names = {field: _constant_names(overlay, field, statements.reads) for field in (*_ALL_CONTAINERS, "volumes")}
    _refuse_conflicts(statements.reads, overlay)
    return Compiled(
        tuple(fields),
        tuple(statements.refused),
        tuple(dict.fromkeys(name for field in _ALL_CONTAINERS for name in names[field])),
        tuple(names["volumes"]),
        frozenset(statements.reads.fields.intersection(_CONTAINERS)),
    )


def _refuse_other_keys(overlay: Overlay) -> None:
    for name, line in overlay.keys().items():
        if name in _CONSTANTS:
            for alternative in overlay.at(name):
                if overlay.value(alternative.node).expression != Literal(_CONSTANTS[name]):
                    raise CannotSayError(f"{name} of a pod is {_CONSTANTS[name]}", line)
        elif name not in ("metadata", "spec"):
            raise CannotSayError(f"{name!r} is no field that a policy changes", line)
    for name, line in overlay.keys("metadata").items():
        if name not in _METADATA:
            raise CannotSayError(f"metadata.{name} is no field that a policy changes", line)


def _metadata(overlay: Overlay, fixed: Mapping[str, Mapping[str, Expression]]) -> Iterable[Field]:
    for name in _METADATA:
        alternatives = overlay.at("metadata", name)
        maps = [_chosen(overlay, each, EMPTY_MAP) for each in alternatives]
        more = fixed.get(name) or {}
        if more:
            maps.append(map_of(more))
        if maps:
            value = maps[0] if len(maps) == 1 else united(ListOf(tuple(maps)))
            new = variable(_variable(name))
            old, path = optional_field(OBJECT, "metadata", name), Literal(f"/metadata/{name}")
            merged = merge_map(path, or_value(old, EMPTY_MAP), new, depth=1)
            yield Field(name, value, _onto(path, old, EMPTY_MAP, merged))


def _chosen(overlay: Overlay, alternative: Alternative, default: Expression) -> Expression:
    if is_null(alternative.node):
        raise CannotSayError("null, which takes away what the pod has", alternative.node.line)
    if isinstance(alternative.node, Collection):
        for part in alternative.node.parts:
            if is_null(part.value):
                raise CannotSayError("null, which takes away what the pod has", part.line)
    if any(isinstance(guard, Loop) for guard in alternative.guards):
        raise CannotSayError("a loop around a whole mapping", alternative.node.line)
    return choice(test_of(alternative.guards), overlay.value(alternative.node).or_value(default), default)


def _spec(overlay: Overlay, *, native: bool) -> Iterable[Field]:
    lines = overlay.keys("spec")
    sidecars = _Sidecars(overlay, native=native) if lines.pop(SIDECARS, None) else None
    if sidecars is not None:
        yield Field(SIDECARS, sidecars.items, EMPTY_LIST)
        lines = {**dict.fromkeys(("initContainers", "containers"), 1), **lines}
    for name, line in lines.items():
        alternatives = overlay.at("spec", name)
        try:
            if name in _SPEC.lists:
                yield _list_field(overlay, name, alternatives, sidecars if name in _CONTAINERS else None)
            else:
                yield _plain_field(overlay, name, alternatives)
        except CannotSayError as error:
            raise CannotSayError(error.why, error.line or line, error.shown) from error


class _Sidecars:
    """The list `sidecars` of a template, and where each of its containers comes; see `core.render.document`."""

    def __init__(self, overlay: Overlay, *, native: bool) -> None:
        self.nodes = _written_lists(SIDECARS, overlay.at("spec", SIDECARS))
        self.items = plus(EMPTY_LIST, *(guarded(guards, overlay.items(node)) for guards, node in self.nodes))
        asked = Index(ANNOTATIONS, Literal(NATIVE_SIDECAR_ANNOTATION), optional=True)
        words = {word: equal(or_value(asked, EMPTY_TEXT), Literal(word)) for word in ("true", "false")}
        self._native = choice(words["true"], TRUE, choice(words["false"], FALSE, Literal(native)))

    def placed_in(self, name: str) -> Expression:
        """Those of the sidecars that come among the containers, or among the init containers, where they restart."""
        found = variable(_variable(SIDECARS))
        if name == "containers":
            return macro(found, "filter", "item", lambda item: negation(self._is_init(item)))
        native = macro(found, "filter", "item", self._is_init)
        always = dynamic(map_of({"restartPolicy": Literal("Always")}))
        return macro(native, "map", "item", lambda item: united(ListOf((dynamic(item), always))))

    def _is_init(self, item: Expression) -> Expression:
        inits, apps = (
            macro(
                variable(name),
                "exists",
                "other",
                lambda other: equal(cel_field(other, "name"), cel_field(item, "name")),
            )
            for name in ("initContainers", "containers")
        )
        return choice(inits, TRUE, choice(apps, FALSE, self._native))


def _written_lists(name: str, alternatives: list[Alternative]) -> list[tuple[Guards, Collection]]:
    """The lists that a template writes item by item for a field. Raises CannotSayError for anything else."""
    lists: list[tuple[Guards, Collection]] = []
    for alternative in alternatives:
        node = alternative.node
        if isinstance(node, Leaf) and all(content.is_nothing for _, content in node.contents):
            continue
        if not isinstance(node, Collection) or node.is_mapping:
            raise CannotSayError(f"spec.{name} is no list that the template writes item by item", node.line)
        lists.append((alternative.guards, node))
    return lists


def _list_field(overlay: Overlay, name: str, alternatives: list[Alternative], sidecars: _Sidecars | None) -> Field:
    key = _SPEC.lists[name]
    if key == PRIMITIVE:
        raise CannotSayError(f"spec.{name} is merged as a set")
    own = _written_lists(name, alternatives)
    depth, fields = 1, set[str]()
    for _, node in (*own, *(sidecars.nodes if sidecars else ())):
        _refuse_items(overlay, name, key, node)
        depth = max((depth, *(_depth(overlay, part.value) for part in node.parts)))
        fields |= {str(part.key.constant) for item in node.parts for part in overlay.parts(item.value) if part.key}
    lists = [guarded(guards, overlay.items(node)) for guards, node in own]
    lists += [sidecars.placed_in(name)] if sidecars else []
    new = variable(_variable(name))
    old, path = optional_field(OBJECT, "spec", name), Literal(f"/spec/{name}")

    def merge_item(place: Expression, base: Expression, over: Expression) -> Expression:
        return merge_map(place, base, over, depth=depth)

    merge = merge_containers(fields, depth - 1) if name in _CONTAINERS else merge_item
    merged = _onto(path, old, EMPTY_LIST, merge_list(path, or_value(old, EMPTY_LIST), new, key, merge))
    return Field(name, plus(EMPTY_LIST, *lists), choice(Operation(">", (size(new), Literal(0))), merged, EMPTY_LIST))


def _refuse_items(overlay: Overlay, name: str, key: str, node: Collection) -> None:
    """Raise CannotSayError for items without a key, or with what a merge would take away."""
    for part in node.parts:
        keys = [entry for entry in overlay.parts(part.value) if entry.key == Content(constant=key)]
        if not keys:
            raise CannotSayError(f"an item of spec.{name} has no {key!r}", part.line)
        for entry in keys:
            if not isinstance(entry.value, Leaf) or may_be_absent(overlay.value(entry.value)):
                raise CannotSayError(f"the {key!r} of an item may be absent", entry.line)
        if any(_has_null(entry.value) for entry in overlay.parts(part.value)) and name not in _CONTAINERS:
            raise CannotSayError("null, which takes away what the pod has", part.line)
        if name in _CONTAINERS:
            for entry in overlay.parts(part.value):
                own = entry.key.constant if entry.key else None
                if own in CONTAINER_KEYS and isinstance(entry.value, Collection):
                    _refuse_items(overlay, f"{name}.{own}", CONTAINER_KEYS[str(own)], entry.value)


def _has_null(node: Node) -> bool:
    if isinstance(node, Leaf):
        return is_null(node)
    return any(_has_null(part.value) for part in node.parts)


def _plain_field(overlay: Overlay, name: str, alternatives: list[Alternative]) -> Field:
    path = Literal(f"/spec/{name}")
    if any(is_null(each.node) for each in alternatives):
        if len(alternatives) > 1 or alternatives[0].guards:
            raise CannotSayError("null under a condition")
        there = contains(cel_field(OBJECT, "spec"), Literal(name))
        return Field(name, EMPTY_LIST, choice(there, ListOf((operation("remove", path),)), EMPTY_LIST))
    if any(isinstance(guard, Loop) for each in alternatives for guard in each.guards):
        raise CannotSayError("a loop around a field")
    if any(_has_null(each.node) for each in alternatives):
        raise CannotSayError("null, which takes away what the pod has", alternatives[0].node.line)
    old = optional_field(OBJECT, "spec", name)
    values = [overlay.value(each.node) for each in alternatives]
    depth = max(_depth(overlay, each.node) for each in alternatives)
    tests = [_present(value, each) for value, each in zip(values, alternatives, strict=True)]
    value: Expression = EMPTY_LIST
    for test, given in reversed(list(zip(tests, values, strict=True))):
        value = given.expression if value == EMPTY_LIST else choice(test, dynamic(given.expression), dynamic(value))
    present: Expression = FALSE
    for test in tests:
        present = test if present == FALSE else Operation("||", (present, test))
    new = variable(_variable(name))
    is_mapping = any(isinstance(each.node, Collection) and each.node.is_mapping for each in alternatives) or any(
        given.is_mapping for given in values
    )
    if is_mapping:
        merged = _onto(path, old, EMPTY_MAP, merge_map(path, or_value(old, EMPTY_MAP), new, depth=max(depth, 1)))
    else:
        merged = ListOf((operation("add", path, new),))
    return Field(name, value, choice(present, merged, EMPTY_LIST))


def _onto(path: Expression, old: Expression, empty: Expression, operations: Expression) -> Expression:
    """The operations, behind one that makes what they merge into where the pod has none."""
    made = ListOf((operation("add", path, empty),))
    return plus(choice(method(old, "hasValue"), EMPTY_LIST, made), operations)


def _present(value: Value, alternative: Alternative) -> Expression:
    test = test_of(alternative.guards)
    if value.optional is not None:
        has = method(value.optional, "hasValue")
        return has if test == TRUE else Operation("&&", (test, has))
    return FALSE if may_be_absent(value) else test


def _depth(overlay: Overlay, node: Node) -> int:
    """How many mappings are inside each other: those in lists are replaced with their list."""
    if isinstance(node, Leaf):
        kinds = [overlay.text(content) for _, content in node.contents]
        return max((0 if _is_scalar(kind) else _DEEP for kind in kinds), default=0)
    if not node.is_mapping:
        return 0
    return 1 + max((_depth(overlay, part.value) for part in node.parts), default=0)


def _is_scalar(value: Value) -> bool:
    return value.is_text or value.is_integer or value.is_list or value.type in ("boolean", "null", "port", "number")


def _constant_names(overlay: Overlay, name: str, reads: Reads) -> list[str]:
    """The names of what a template puts into a list of the spec, as far as they do not depend on the pod.

    Raises CannotSayError for one that does, other than a name of the pod's own, where the template reads such lists:
    whether it was there before cannot be told.
    """
    is_read = not reads.fields.isdisjoint(("volumes",) if name == "volumes" else _CONTAINERS)
    names: list[str] = []
    for alternative in overlay.at("spec", name):
        if isinstance(alternative.node, Leaf):
            continue
        for item in alternative.node.parts:
            for entry in overlay.parts(item.value):
                if entry.key != Content(constant="name"):
                    continue
                expression = overlay.value(entry.value).expression
                if isinstance(expression, Literal):
                    names.append(str(expression.value))
                elif is_read and not _is_own_name(expression, item):
                    raise CannotSayError(
                        f"a name in spec.{name} that depends on the pod, in a template that reads such lists",
                        entry.line,
                    )
    return names


def _is_own_name(expression: Expression, item: Part) -> bool:
    """Whether it is the name of the very container that a loop is at."""
    return any(isinstance(guard, Loop) and expression == Index(guard.item, Literal("name")) for guard in item.guards)


def _refuse_conflicts(reads: Reads, overlay: Overlay) -> None:
    """Raise CannotSayError where a template reads what it writes: a second evaluation would see another pod."""
    for name, read, owner in (("annotations", reads.annotations, ANNOTATIONS), ("labels", reads.labels, LABELS)):
        for alternative in overlay.at("metadata", name):
            for part in overlay.parts(alternative.node):
                key = part.key.constant if part.key else None
                # All keys are read where one is that depends on the pod, or where a loop goes over them.
                is_read = bool(read) if key is None or "" in read else key in read
                if not is_read or (isinstance(key, str) and "" not in read and _keeps(overlay, part, owner, key)):
                    continue
                raise CannotSayError(
                    f"it reads and writes metadata.{name}, {key or 'a key that depends on the pod'}: "
                    "a second evaluation would give another pod",
                    part.line,
                )
    written = {
        str(entry.key.constant)
        for name in _ALL_CONTAINERS
        for alternative in overlay.at("spec", name)
        if isinstance(alternative.node, Collection)
        for item in alternative.node.parts
        if any(isinstance(guard, Loop) for guard in item.guards)
        for entry in overlay.parts(item.value)
        if entry.key
    }
    written |= set(overlay.keys("spec")).difference((*_ALL_CONTAINERS, "volumes"))
    for name in sorted(reads.fields & (written - {"name"})):
        raise CannotSayError(f"it reads and writes {name!r}: a second evaluation would give another pod")


def _keeps(overlay: Overlay, part: Part, owner: Expression, key: str) -> bool:
    """Whether the value is the pod's own where it has one."""
    own = Index(owner, Literal(key), optional=True)
    value = overlay.value(part.value)
    match value.expression:
        case Call("orValue", _, base):
            return base == own
    return value.optional == own


def patch_of(fields: Iterable[Field]) -> Expression:
    """The patch that gives a pod these fields: a list of `JSONPatch`."""
    return plus(EMPTY_LIST, *(field.operations for field in fields))
