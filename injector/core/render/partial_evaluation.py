"""Partial evaluation: what is known before there is a pod is evaluated when a template is compiled.

A set of templates serves one configuration, so an expression such as `values.global.proxy.logLevel` is a constant for
all pods, and of an `if` that depends on nothing else only one branch is left.

Most pods have none of the annotations that a template asks for. For these usual pods a template is compiled once more,
with `annotation("a", 1)` evaluated to its default. Which annotations those are is seen from what is asked for on the
way, so a pod that has one of them is rendered by the general form.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import SecurityError
from jinja2.visitor import NodeTransformer

from injector.core.model import DEFAULT_PROXY_ID, InjectionError, Workload
from injector.core.render.context import SAFE_FUNCTIONS, Configured, TemplateInput, scope_of
from injector.core.render.limits import COUNTED


class PartlyKnown:
    """A mapping of which only some keys are known, and not whether there are others."""

    __slots__ = ("known",)

    def __init__(self, known: Mapping[str, Any]) -> None:
        """`known` are the keys that are certain to be there, with their values."""
        self.known = known


class NoAnnotations(Mapping[str, str]):
    """The annotations of a usual pod: none of those that are asked for, which are remembered in `asked`.

    What is evaluated with it holds for every pod that has none of `asked`.
    """

    __slots__ = ("asked",)

    def __init__(self) -> None:
        """Nothing is asked for yet."""
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        """Raise KeyError."""
        self.asked.add(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        """No annotation is there."""
        self.asked.add(str(key))
        return False

    def __iter__(self) -> "Any":
        """Raise TypeError: which other annotations there are is not known."""
        raise TypeError("only single keys can be asked for")

    def __len__(self) -> int:
        """Raise TypeError: how many annotations there are is not known."""
        raise TypeError("only single keys can be asked for")

    def __bool__(self) -> bool:
        """True: a usual pod may have other annotations."""
        return True


class _Unknown:
    """Stands for a value that depends on the pod."""


UNKNOWN = _Unknown()


class Evaluation:
    """Evaluates expressions with the names that are known; `known` changes as statements assign more of them."""

    def __init__(self, known: Mapping[str, Any], environment: Environment) -> None:
        """Start with the names in `known`; filters and tests are those of `environment`."""
        self.known = dict(known)
        self._context = nodes.EvalContext(environment)

    def value(self, node: nodes.Node) -> Any:
        """The value of a folded expression. A missing key is unknown: whoever uses it fails, with its line."""
        match node:
            case nodes.Name(ctx="load"):
                return self.known.get(node.name, UNKNOWN)
            case nodes.Getattr() | nodes.Getitem():
                key = node.attr if isinstance(node, nodes.Getattr) else self.value(node.arg)
                return _at_key(self.value(node.node), key)
            case nodes.Call():
                return self._result(node)
            case nodes.Compare():
                return self._compared(node)
            case nodes.Filter(node=nodes.Expr()):
                return self._filtered(node)
        return self._constant(node)

    def _result(self, node: nodes.Call) -> Any:
        """The result of a known function, or of the `get` of a known mapping, for known arguments."""
        arguments = [self.value(each) for each in node.args]
        named = {each.key: self.value(each.value) for each in node.kwargs}
        if node.dyn_args or node.dyn_kwargs or not all(map(is_whole, (*arguments, *named.values()))):
            return UNKNOWN
        if isinstance(node.node, nodes.Getattr) and node.node.attr == "get":
            return UNKNOWN if named else _got(self.value(node.node.node), *arguments)
        function = self.value(node.node)
        return _called(partial(function, **named), arguments) if callable(function) else UNKNOWN

    def _compared(self, node: nodes.Compare) -> Any:
        """The result of a comparison; no annotation is among those of a usual pod."""
        operand = node.ops[0]
        if len(node.ops) == 1 and operand.op in ("in", "notin"):
            key, mapping = self.value(node.expr), self.value(operand.expr)
            if isinstance(mapping, NoAnnotations) and type(key) is str:
                return (key in mapping) == (operand.op == "in")
        return self._constant(node)

    def _filtered(self, node: nodes.Filter) -> Any:
        """The result of a filter for values that are known, mappings and lists included."""
        subject = self.value(node.node) if node.node is not None else UNKNOWN
        arguments = [self.value(each) for each in node.args]
        are_known = not any(each is UNKNOWN for each in (subject, *arguments))
        if are_known and not (node.kwargs or node.dyn_args or node.dyn_kwargs):
            function = self._context.environment.filters.get(node.name)
            if not is_whole(subject):
                function = getattr(self._context.environment, "partial", {}).get(node.name)
            if function is not None and not hasattr(function, "jinja_pass_arg"):
                return _called(function, (subject, *arguments)) if all(map(is_whole, arguments)) else UNKNOWN
        if not is_whole(subject):
            return UNKNOWN
        known = copy(node)
        known.node = nodes.Const(subject)
        return self._constant(known)

    def _constant(self, node: nodes.Node) -> Any:
        try:
            return node.as_const(self._context) if isinstance(node, nodes.Expr) else UNKNOWN
        except nodes.Impossible:
            return UNKNOWN


def is_whole(value: Any) -> bool:
    """Whether a value is known, and all of it."""
    return value is not UNKNOWN and not isinstance(value, (PartlyKnown, NoAnnotations))


def _called(function: Callable[..., Any], arguments: Iterable[Any]) -> Any:
    try:
        return function(*arguments)
    except (InjectionError, ArithmeticError, AttributeError, LookupError, SecurityError, TypeError, ValueError):
        # It fails for pods as well, where the template still calls it; the error has its line then.
        return UNKNOWN


def _at_key(mapping: Any, key: Any) -> Any:
    if isinstance(mapping, PartlyKnown):
        mapping = mapping.known
    return mapping[key] if type(mapping) is dict and type(key) is str and key in mapping else UNKNOWN


def _got(mapping: Any, key: Any = None, default: Any = None) -> Any:
    """What `mapping.get(key, default)` gives."""
    if type(key) is not str:
        return UNKNOWN
    if isinstance(mapping, NoAnnotations):
        return mapping.get(key, default)
    return mapping.get(key, default) if type(mapping) is dict and "get" not in mapping else UNKNOWN


_SCALARS = frozenset((str, int, bool, type(None)))
_CONSTANT_TYPES = frozenset((dict, list))
# The filter of an expression that may stand alone on its line.
ALONE = "alone on its line"
# Names that are assigned below these are others than those of the same name around them.
_SCOPES = (nodes.With, nodes.Macro, nodes.CallBlock)


def fold_constants(
    tree: nodes.Template, frozen: Mapping[str, Any], environment: Environment, *, is_imported: bool = True
) -> None:
    """Put constants into the tree of a template for what depends on the names in `frozen` alone.

    Names that the template sets and does not use are kept where `is_imported`: other templates may import them.
    """
    _Folding(frozen, environment, is_imported=is_imported).visit(tree)


class _Folding(NodeTransformer):
    """Replaces expressions whose values are known scalars by these values, and drops branches that no pod takes."""

    def __init__(self, frozen: Mapping[str, Any], environment: Environment, *, is_imported: bool) -> None:
        self._evaluation = Evaluation(frozen, environment)
        self._is_imported = is_imported
        self._constant_types = getattr(environment, "constant_types", _CONSTANT_TYPES)
        self._assigned: Counter[str] = Counter()

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        """Fold an expression; visit anything else."""
        if isinstance(node, nodes.Expr) and not isinstance(node, nodes.TemplateData):
            return self._folded(node)
        return super().visit(node, *args, **kwargs)

    def visit_Template(self, node: nodes.Template) -> nodes.Template:  # noqa: N802 -- Jinja's visitor names
        """The outermost scope."""
        folded, decided = self._scope(node.body, {})
        node.body = _joined(folded if self._is_imported else _without_unused(folded, decided))
        return node

    def visit_With(self, node: nodes.With) -> nodes.Node | list[nodes.Node]:  # noqa: N802 -- as above
        """Parameters whose values are known are known in the body. A body that reads none of them needs no scope."""
        names = [target.name for target in node.targets if isinstance(target, nodes.Name)]
        node.values = [self.visit(value) for value in node.values]
        values = [self._evaluation.value(value) for value in node.values]
        node.body = _joined(_without_unused(*self._scope(node.body, dict(zip(names, values, strict=True)))))
        is_used = not _loaded(node.body).isdisjoint(names) or any(_assigned(node.body))
        return node if is_used or any(value is UNKNOWN for value in values) else node.body

    def visit_Macro(self, node: nodes.Macro | nodes.CallBlock) -> nodes.Node:  # noqa: N802 -- as above
        """The parameters of a macro that is called are not known."""
        node.body = _joined(_without_unused(*self._scope(node.body, {each.name: UNKNOWN for each in node.args})))
        return node

    visit_CallBlock = visit_Macro  # noqa: N815 -- as above

    def visit_For(self, node: nodes.For) -> nodes.Node | list[nodes.Node]:  # noqa: N802 -- as above
        """A loop over something that is always empty goes."""
        body, node.body = node.body, []
        self.generic_visit(node)
        node.body = self._visited(body)
        items = node.iter.node if isinstance(node.iter, nodes.Filter) and node.iter.name == COUNTED else node.iter
        value = UNKNOWN if items is None else self._evaluation.value(items)
        return node.else_ if type(value) in (dict, list) and not value else node

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802 -- as above
        """A value that is emitted may be a mapping or a list."""
        node.nodes = [self._emitted(self.visit(each)) for each in node.nodes]
        return node

    def visit_If(self, node: nodes.If) -> nodes.Node | list[nodes.Node]:  # noqa: N802 -- as above
        """Keep only the branches that some pod may take."""
        kept: list[nodes.If] = []
        otherwise = node.else_
        for branch in (node, *node.elif_):
            test = self.visit(branch.test)
            value = self._evaluation.value(test)
            if not is_whole(value):
                kept.append(nodes.If(test, self._visited(branch.body), [], [], lineno=branch.lineno))
            elif value:
                otherwise = branch.body
                break
        otherwise = self._visited(otherwise)
        if not kept:
            return otherwise
        kept[0].elif_, kept[0].else_ = kept[1:], otherwise
        return kept[0]

    def _emitted(self, node: nodes.Expr) -> nodes.Expr:
        if isinstance(node, nodes.Filter) and node.name == ALONE and node.node is not None:
            node.node = self._emitted(node.node)
            return node
        value = UNKNOWN if isinstance(node, nodes.TemplateData) else self._evaluation.value(node)
        return nodes.Const(value, lineno=node.lineno) if type(value) in self._constant_types else node

    def _scope(
        self, body: list[nodes.Node], parameters: Mapping[str, Any]
    ) -> tuple[list[nodes.Node], set[nodes.Assign]]:
        """The statements of a scope, folded, and those of them that set what is known from there on."""
        assigned, assigned_around = Counter(_assigned(body)), self._assigned
        self._assigned = assigned
        around = self._evaluation.known
        inside = {**around, **parameters}
        self._evaluation.known = {
            name: inside[name] for name in inside if name not in assigned and inside[name] is not UNKNOWN
        }
        folded: list[nodes.Node] = []
        decided: set[nodes.Assign] = set()
        for statement in body:
            folded += self.visit_list(statement)
            if isinstance(statement, nodes.Assign) and self._learns(statement, parameters):
                decided.add(statement)
        self._evaluation.known, self._assigned = around, assigned_around
        return folded, decided

    def _learns(self, statement: nodes.Assign, parameters: Mapping[str, Any]) -> bool:
        """Whether the statement sets a name whose value is known; it is known from there on."""
        if not isinstance(statement.target, nodes.Name):
            return False
        name, value = statement.target.name, self._evaluation.value(statement.node)
        if self._assigned[name] != 1 or name in parameters or value is UNKNOWN:
            return False
        self._evaluation.known[name] = value
        return True

    def _visited(self, body: Iterable[nodes.Node]) -> list[nodes.Node]:
        """The statements of a block, folded. What they set is known inside it, not behind it."""
        around = self._evaluation.known
        self._evaluation.known = dict(around)
        folded: list[nodes.Node] = []
        for statement in body:
            folded += self.visit_list(statement)
            if isinstance(statement, nodes.Assign):
                self._learns(statement, {})
        self._evaluation.known = around
        return _joined(folded)

    def _folded(self, node: nodes.Expr) -> nodes.Expr:
        self.generic_visit(node)
        value = self._evaluation.value(node)
        # Python has no literal for an infinite number.
        is_scalar = type(value) in _SCALARS or (type(value) is float and isfinite(value))
        return nodes.Const(value, lineno=node.lineno) if is_scalar else _decided(node)


def _joined(body: list[nodes.Node]) -> list[nodes.Node]:
    """The statements, with outputs that follow one another put together."""
    joined: list[nodes.Node] = []
    for statement in body:
        if isinstance(statement, nodes.Output) and joined and isinstance(joined[-1], nodes.Output):
            joined[-1].nodes += statement.nodes
        else:
            joined.append(statement)
    return joined


def _without_unused(body: list[nodes.Node], decided: set[nodes.Assign]) -> list[nodes.Node]:
    """The statements of a scope without those of `decided` whose name nobody asks for any more."""
    used = _loaded(body)
    unused = {each for each in decided if isinstance(each.target, nodes.Name) and each.target.name not in used}
    shares_names = any(_any_of(each, (nodes.Import, nodes.FromImport, nodes.Include)) for each in body)
    if not unused or shares_names:
        return body
    return _without_unused([each for each in body if each not in unused], decided - unused)


def _any_of(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    return isinstance(node, kinds) or next(node.find_all(kinds), None) is not None


def _loaded(body: Iterable[nodes.Node]) -> set[str]:
    return {name.name for node in body for name in node.find_all(nodes.Name) if name.ctx == "load"}


def _assigned(body: Iterable[nodes.Node]) -> Iterator[str]:
    """The names that statements assign in their own scope, as often as they do; a loop's scope counts as theirs."""
    for node in body:
        if (isinstance(node, nodes.Name) and node.ctx == "store") or isinstance(node, nodes.Macro):
            yield node.name
        elif isinstance(node, nodes.Import):
            yield node.target
        elif isinstance(node, nodes.FromImport):
            yield from (name if isinstance(name, str) else name[1] for name in node.names)
        if not isinstance(node, _SCOPES):
            yield from _assigned(node.iter_child_nodes())


def _decided(node: nodes.Expr) -> nodes.Expr:
    """The operand that is left of an expression, where a constant decides."""
    match node:
        case nodes.CondExpr(test=nodes.Const(value=value)):
            chosen = node.expr1 if value else node.expr2
            return node if chosen is None else chosen
        case nodes.And(left=nodes.Const(value=value)):
            return node.right if value else node.left
        case nodes.Or(left=nodes.Const(value=value)):
            return node.left if value else node.right
    return node


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What is known of the names in scope before there is a pod.

    `frozen` are names with the same value for every pod. `trusted` are functions, or the functions of methods, that the
    sandbox need not look at before each call.
    """

    frozen: Mapping[str, Any] = field(default_factory=dict)
    trusted: frozenset[Callable[..., Any]] = frozenset()


@dataclass(frozen=True, slots=True)
class UsualScope:
    """What is known of the scopes of usual pods.

    `constant` are names with their values. Those in `same` are compared with the scope of each pod; the others depend
    on the pod's annotations alone, and the pod has none of those that were asked for. `trusted` as in KnownNames.
    """

    constant: Mapping[str, Any]
    trusted: frozenset[Callable[..., Any]]
    same: Mapping[str, Any]
    annotations: NoAnnotations

    @property
    def known(self) -> KnownNames:
        """The names with which a template is compiled for usual pods."""
        pod = PartlyKnown({"metadata": PartlyKnown({"annotations": self.annotations})})
        return KnownNames({**self.constant, "pod": pod}, self.trusted)


# What depends on nothing of the pod but its annotations.
_FROM_ANNOTATIONS = (
    "annotation json_annotation named_items excluded_inbound_ports multus_networks proxy_resources "
    "proxy_image proxy_init_image"
).split()


def usual_scopes(configured: Configured) -> tuple[UsualScope, ...]:
    """The scopes of usual pods: with native sidecars, and without.

    They hold the very objects of `configured`, as the scopes of pods do: comparing them is comparing identities.
    """
    return tuple(_usual_scope(configured, native_sidecars=native) for native in (True, False))


def _usual_scope(configured: Configured, *, native_sidecars: bool) -> UsualScope:
    annotations = NoAnnotations()
    given = TemplateInput(
        pod={"metadata": {"annotations": annotations, "labels": {}}, "spec": {"containers": []}},
        workload=Workload("", "", "", ""),
        configured=configured,
        proxy_config=configured.proxy_config,
        native_sidecars=native_sidecars,
        proxy_uid=DEFAULT_PROXY_ID,
        proxy_gid=DEFAULT_PROXY_ID,
        namespace={},
    )
    scope = scope_of(given)
    same = {name: scope[name] for name in ("proxy_config", "native_sidecars", "proxy_uid", "proxy_gid")}
    defaults = {name: scope[name] for name in _FROM_ANNOTATIONS}
    return UsualScope({**configured.names, **defaults, **same}, SAFE_FUNCTIONS, same, annotations)
