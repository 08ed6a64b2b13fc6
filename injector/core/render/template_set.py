"""A set of templates, compiled once and rendered for many pods."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias, cast

from jinja2 import Template, TemplateError, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from injector.core.cache import DOCUMENTS, Cache
from injector.core.effort import TEMPLATE, USUAL_LENGTH, Effort, ReadingEffort
from injector.core.errors import quoted, suggestion, without_addresses
from injector.core.model import InjectionError, JsonObject
from injector.core.pod_fields import SIDECARS
from injector.core.render.blocks import InBlocks, Leaf
from injector.core.render.checks import FieldError, Fill
from injector.core.render.declarations import Declaration, asked_names, conflicts, declarations_in
from injector.core.render.document import DocumentError, with_sidecars_placed
from injector.core.render.errors import Refusal, RenderingError, TemplateFault, TemplateFaults
from injector.core.render.languages import Language, go, jinja
from injector.core.render.origins import Origin, Traced, TracingEnvironment
from injector.core.render.partial_evaluation import KnownNames, UsualScope
from injector.core.render.placeholders import MAXIMUM_PIECES, Rendering
from injector.core.validation import Listed, Mapped, Message, Scalar

MAXIMUM_OUTPUT = 4_000_000
# Renderings of unknown texts between two that keep one, and the longest text that is compiled as a whole.
_PAUSE, _LONGEST_COMPILED = 4, 8_000


# By the language and the pieces of a text, with the characters that were read, or by what its blocks are known by.
Documents: TypeAlias = Cache[Any, Any]


class Renderer:
    """Renders templates by name, from the same sources and under the same assumptions."""

    def __init__(self, sources: Mapping[str, str], language: Language, documents: Documents) -> None:
        """`sources` maps names to text; nothing is compiled before it is needed. `documents` has those of several."""
        self._sources = sources
        self._language = language
        self._compiled: dict[str, Template] = {}
        self._documents = documents
        self._since_kept = _PAUSE

    @property
    def global_names(self) -> frozenset[str]:
        """The names that every template has beside those of its scope."""
        return frozenset(self._language.environment.globals)

    @property
    def compiled(self) -> frozenset[str]:
        """The names of the templates that were rendered before."""
        return frozenset(self._compiled)

    def render(self, name: str, scope: dict[str, Any], effort: Effort | None, *, is_usual: bool = False) -> JsonObject:
        """The overlay that `name` gives for `scope`; most pods ask for a usual one. Raises whatever goes wrong."""
        language = self._language
        rendering = language.new_rendering()
        token = language.rendering.set(rendering)
        try:
            pieces = rendering.collect(self._run(name, scope))
            reading = ReadingEffort(effort)
            # By the pieces of a text, not by the text: each of them is there already, and knows its hash.
            document = self._documents.find((language, pieces))
            if document is None:
                document = self._document(pieces, reading, is_usual=is_usual)
            else:
                reading.spend(document[1])
            return cast("JsonObject", document[0](rendering.values))
        finally:
            language.rendering.reset(token)

    def _document(self, pieces: tuple[str, ...], reading: ReadingEffort, *, is_usual: bool) -> tuple[Fill, int]:
        """The document of a text, made of blocks and kept if that is worth it, and the characters that were read.

        A usual one that is kept is compiled as a whole, which takes ten times as long and makes it quicker to fill. No
        pod pays for several of these: only one of some renderings keeps a document.
        """
        language, text = self._language, _joined(pieces)
        is_kept = self._documents.is_worth_it((language, pieces))
        self._since_kept += 1
        if language.in_blocks is None or (language.is_plain and len(text) <= USUAL_LENGTH):
            reading.spend(len(text))
            fill = _compiled(language.document, text)
        else:
            is_kept = is_kept and self._since_kept > _PAUSE
            is_whole = is_kept and is_usual and len(text) <= _LONGEST_COMPILED
            make = language.document
            if is_whole:
                reading.spend(len(text))
            else:
                make = partial(language.in_blocks, kept=self._documents, spend=reading.spend)
            fill = _compiled(make, text)
            fill = fill.folded() if is_kept and isinstance(fill, InBlocks) else fill
        if is_kept:
            self._since_kept = 0
            self._documents.keep((language, pieces), (fill, reading.characters))
        return fill, reading.characters

    def parsed(self, name: str) -> nodes.Template:
        """The tree of template `name`, which compiles. Raises TemplateError where it does not."""
        # Python has limits of its own, which what is expanded may exceed: the plain way decides then.
        with suppress(Exception):
            return self._parsed(name, self._language.environment)
        return self._parsed(name, self._language.environment.plain())

    def _parsed(self, name: str, environment: Any) -> nodes.Template:
        """The tree as one environment has it. What is evaluated on the way may take no more steps than a rendering."""
        token = self._language.rendering.set(self._language.new_rendering())
        try:
            return self._compile(name, environment)
        finally:
            self._language.rendering.reset(token)

    def _compile(self, name: str, environment: Any) -> nodes.Template:
        tree: nodes.Template = environment.tree_to_render(self._sources[name], name)
        code = environment.compile(tree, name)
        self._compiled[name] = Template.from_code(environment, code, dict(environment.globals))
        return tree

    def declared(self, name: str) -> list[tuple[Declaration, str]]:
        """The annotations that a template and those that it imports ask for, with what is wrong with each."""
        trees = self._language.environment.trees_as_written(name)
        return [declared for tree in trees for declared in declarations_in(tree)]

    def line_of(self, error: BaseException, name: str) -> int:
        """The line of template `name` in which `error` was raised; 0 where its traceback does not tell."""
        if isinstance(error, TemplateSyntaxError):
            return error.lineno
        trace, line, template = error.__traceback__, 0, self._compiled.get(name)
        while trace and template:
            if trace.tb_frame.f_globals.get("debug_info") == template._debug_info:  # noqa: SLF001
                line = template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line

    def _run(self, name: str, scope: dict[str, Any]) -> Iterator[str]:
        if name not in self._compiled:
            self.parsed(name)
        template = self._compiled[name]
        environment = template.environment
        names_of = self._language.names
        names = {**environment.globals, **(names_of(scope) if names_of else scope)}
        context = environment.context_class(environment, names, name, template.blocks)
        return template.root_render_func(context)


def _compiled(document: Callable[[str], Fill], text: str) -> Fill:
    """The document of a rendered text. A text that is none is one that cannot be filled: it is not read again."""
    try:
        return document(text)
    except FieldError as error:
        findings = error.findings
        return _failing(lambda: FieldError(*findings))
    except DocumentError as error:
        message = str(error)
        return _failing(lambda: DocumentError(message))


def _failing(error: Callable[[], Exception]) -> Fill:
    def fail(_: Any) -> Any:
        raise error()

    return fail


def _joined(pieces: Collection[str]) -> str:
    if len(pieces) == MAXIMUM_PIECES or sum(map(len, pieces)) > MAXIMUM_OUTPUT:
        raise RenderingError(f"it gives more than {MAXIMUM_OUTPUT} characters")
    return "".join(pieces)


LIBRARY_PREFIX = "_"
NOTHING_KNOWN = KnownNames()
NO_SOURCES: Mapping[str, str] = {}

# How templates fail. Python has bounds of its own, for blocks inside blocks and for parentheses: SyntaxError.
_FAILURES = (
    TemplateError,
    RecursionError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class _Forms:
    """The templates of one language: their general form, and the shorter ones for usual scopes."""

    sources: Mapping[str, str]
    general: Renderer
    usual: tuple[tuple[UsualScope, Renderer], ...]


class TemplateSet:
    """Templates by name. Those whose name begins with an underscore are libraries: only other templates use them."""

    def __init__(  # noqa: PLR0913 -- two languages, and what is known of their scopes
        self,
        sources: Mapping[str, str],
        filters: Mapping[str, Callable[..., Any]],
        known: KnownNames = NOTHING_KNOWN,
        usual: Sequence[UsualScope] = (),
        go_sources: Mapping[str, str] = NO_SOURCES,
        *,
        optimise: bool = True,
    ) -> None:
        """`sources` maps names to Jinja text, `go_sources` others to Go text; `known` tells of the names in all scopes.

        Templates are compiled once more for each of the `usual` scopes: with what is known of it they are much shorter.
        Nothing is compiled before it is needed; see `check`. Without `optimise` all of this is left out: the plain way,
        which gives the same and is what the optimised one is tested against.
        """
        sources, go_sources = dict(sources), dict(go_sources)
        scopes = usual if optimise else ()
        self._filters = filters
        # The tables of fields are there anyway, and so are the languages that are part of keys.
        self.documents: Documents = Cache(DOCUMENTS, (Language, Leaf, Listed, Mapped, Message, Scalar))
        self._jinja = _Forms(
            sources,
            Renderer(sources, jinja(sources.get, filters, known, optimise=optimise), self.documents),
            tuple(
                (scope, Renderer(sources, jinja(sources.get, filters, scope.known), self.documents)) for scope in scopes
            ),
        )
        self._go = _Forms({}, self._jinja.general, ())
        if go_sources:
            self._go = _go_forms(go_sources, known, scopes, self.documents, optimise=optimise)
        # Templates of which the shorter form does not compile.
        self._never_usual: set[str] = set()

    @cached_property
    def _tracing(self) -> Renderer:
        """What renders templates in Jinja once more, for the origins of their values."""
        rendering: ContextVar[Rendering] = ContextVar("rendering")
        environment = TracingEnvironment(self._jinja.sources.get, self._filters, rendering)
        language = Language(environment, rendering, Rendering, lambda scope: scope, environment.document)
        return Renderer(self._jinja.sources, language, self.documents)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a pod may ask for, sorted."""
        written = (*self._jinja.sources, *self._go.sources)
        return tuple(sorted(name for name in written if not name.startswith(LIBRARY_PREFIX)))

    @property
    def compiled_for_usual_pods(self) -> list[str]:
        """The names of the templates of which the shorter form is there already."""
        usual = (*self._jinja.usual, *self._go.usual)
        return sorted({name for _, renderer in usual for name in renderer.compiled})

    def render(
        self, name: str, scope: dict[str, Any], effort: Effort | None = None, *, is_default: bool = False
    ) -> JsonObject:
        """Render template `name` with the names of `scope`; the overlay may share parts with others: never change it.

        `effort` counts what the pod asks for. `is_default`: it does not name its templates, as most others.
        Raises RenderingError where the template does not exist, does not compile, fails on this scope, or gives
        something other than a YAML mapping.
        """
        forms = self._go if name in self._go.sources else self._jinja
        if name not in forms.sources or name.startswith(LIBRARY_PREFIX):
            raise RenderingError(f'requested template "{name}" not found; have {", ".join(self.names)}')
        overlay = self._rendered_as_usual(forms, name, scope, effort, is_default=is_default)
        if overlay is None:
            overlay = _rendered(forms.general, name, scope, effort)
        if SIDECARS in (overlay.get("spec") or ()) and forms is self._jinja:
            return with_sidecars_placed(overlay, scope)
        return overlay

    def trace(self, name: str, scope: dict[str, Any]) -> JsonObject:
        """The overlay of template `name` with the origin of each value (`Traced`) in its place; `sidecars` stay there.

        Of a Go template only its name is known. Raises RenderingError as `render` does.
        """
        if name in self._go.sources:
            return {key: Traced(value, Origin(name, 0)) for key, value in self.render(name, scope).items()}
        return _rendered(self._tracing, name, scope)

    def _rendered_as_usual(
        self, forms: _Forms, name: str, scope: dict[str, Any], effort: Effort | None, *, is_default: bool
    ) -> JsonObject | None:
        """What the shorter form gives; None where it does not fit or fails: the general form decides then."""
        for usual, renderer in forms.usual:
            asked = len(usual.annotations.asked)
            if name in self._never_usual or not fits(usual, scope):
                continue
            try:
                overlay = renderer.render(name, scope, effort, is_usual=is_default)
            except Exception:  # noqa: BLE001 -- compiled for other pods, it may fail in any way for this one
                if name not in renderer.compiled:
                    self._never_usual.add(name)
                elif effort:
                    effort.add("templates", 1, TEMPLATE)
                return None
            # What was compiled only now may have asked the pod for more than before.
            if len(usual.annotations.asked) == asked or fits(usual, scope):
                return overlay
        return None

    @property
    def asked_annotations(self) -> frozenset[str]:
        """The names of the annotations that templates ask for, as far as they are written out."""
        return asked_names((*self._jinja.sources.values(), *self._go.sources.values()))

    def declarations(self, name: str) -> list[Declaration]:
        """The annotations that template `name` asks for, as it declares them, sorted by name.

        Those of macros that it imports are among them. A template that does not parse declares nothing.
        """
        if name in self._go.sources:
            names = sorted(asked_names([self._go.sources[name]]))
            return [Declaration(each, "string", None, "", 1, is_typed=False) for each in names]
        declared: dict[str, Declaration] = {}
        for declaration, _ in self._jinja.general.declared(name):
            known = declared.setdefault(declaration.name, declaration)
            if declaration.is_typed and not known.is_typed:
                declared[declaration.name] = declaration
        return sorted(declared.values(), key=lambda each: each.name)

    def evaluated(self, name: str) -> nodes.Template:
        """The tree of a Jinja template with what is known evaluated. Raises TemplateError where it has none."""
        return self._jinja.general.parsed(name)

    def check(self, known_names: Iterable[str]) -> None:
        """Compile every template. Raises TemplateFaults with all syntax errors and names outside `known_names`."""
        known = frozenset(known_names)
        declared = {name: self._jinja.general.declared(name) for name in sorted(self._jinja.sources)}
        faults = [fault for name in declared for fault in self._faults(name, known, declared[name])]
        faults += conflicts(declared)
        faults += [fault for name in sorted(self._go.sources) for fault in _parsed(self._go.general, name)[1]]
        if faults:
            raise TemplateFaults(faults)

    def _faults(
        self, name: str, known: frozenset[str], declared: Iterable[tuple[Declaration, str]]
    ) -> list[TemplateFault]:
        tree, faults = _parsed(self._jinja.general, name)
        if tree is None or name.startswith(LIBRARY_PREFIX):
            return faults
        # Jinja counts a name that only one branch sets as undeclared.
        assigned = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "store"}
        unknown = find_undeclared_variables(tree) - known - assigned - self._jinja.general.global_names
        return [
            *(_unknown_name(name, tree, word, known) for word in sorted(unknown)),
            *(TemplateFault(name, each.line, fault) for each, fault in declared if fault),
        ]


def fits(usual: UsualScope, scope: Mapping[str, Any]) -> bool:
    """Whether what is known of usual scopes holds for this one, as far as templates used it until now."""
    for name, value in usual.same.items():
        own = scope[name]
        if own is not value and (type(value) is dict or own != value):
            return False
    return usual.annotations.asked.isdisjoint(scope["pod"]["metadata"]["annotations"])


def _go_forms(
    sources: Mapping[str, str], known: KnownNames, usual: Sequence[UsualScope], documents: Documents, *, optimise: bool
) -> _Forms:
    def renderer(constants: Mapping[str, Any], names: Mapping[str, Any]) -> Renderer:
        return Renderer(sources, go(constants, names), documents)

    from injector.core.render.go.data import constant_names, usual_names  # noqa: PLC0415 -- see `languages`

    constants = constant_names(known.frozen)
    general = renderer(constants, constants if optimise else {})
    return _Forms(
        sources,
        general,
        tuple((scope, renderer(constants, usual_names(scope.known.frozen, constants))) for scope in usual),
    )


def failure_text(error: BaseException) -> str:
    """What went wrong in a template, in its author's words rather than Python's."""
    if isinstance(error, TemplateNotFound):
        return f"there is no template {quoted(error.name)} to include or import"
    if isinstance(error, RecursionError):
        return "blocks, macros or expressions too deep inside one another"
    if isinstance(error, SyntaxError):
        return f"{error.msg}, deep inside one another"
    return without_addresses(str(error)) or type(error).__name__


def _parsed(renderer: Renderer, name: str) -> tuple[nodes.Template | None, list[TemplateFault]]:
    """The tree of a template, or what keeps it from being compiled."""
    try:
        return renderer.parsed(name), []
    except TemplateSyntaxError as error:
        return None, [TemplateFault(error.name or name, error.lineno, error.message or "syntax error")]
    except _FAILURES as error:
        return None, [TemplateFault(name, 1, failure_text(error))]


def _rendered(renderer: Renderer, name: str, scope: dict[str, Any], effort: Effort | None = None) -> JsonObject:
    try:
        return renderer.render(name, scope, effort)
    except InjectionError as error:
        raise RenderingError(f"template {name!r}: {error}", is_refusal=isinstance(error, Refusal)) from error
    except FieldError as error:
        raise RenderingError(f"template {name!r}: {error}", findings=error.findings) from error
    except DocumentError as error:
        raise RenderingError(
            "failed parsing generated injected YAML (check Istio sidecar injector configuration): "
            f"template {name!r}: {error}"
        ) from error
    except _FAILURES as error:
        line = renderer.line_of(error, name)
        where = f", line {line}" if line else ""
        raise RenderingError(f"template {name!r}{where}: {failure_text(error)}", line=line) from error


def _unknown_name(template: str, tree: nodes.Template, word: str, known: frozenset[str]) -> TemplateFault:
    line = next((name.lineno for name in tree.find_all(nodes.Name) if name.name == word), 1)
    return TemplateFault(template, line, f"unknown name {quoted(word)}; {suggestion(word, sorted(known))}")
