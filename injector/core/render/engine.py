"""A set of templates, compiled once and rendered for many pods."""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from injector.core.model import InjectionError, JsonObject
from injector.core.render.faults import Refusal, RenderingError, TemplateFault, TemplateFaults
from injector.core.render.sandbox import KnownNames, TemplateEnvironment
from injector.core.render.skeleton import SkeletonError, compile_skeleton
from injector.core.render.slots import Recorder

MAXIMUM_OUTPUT = 4_000_000
CACHED_SKELETONS = 512
_PIECES_AT_ONCE = 1_000
LIBRARY_PREFIX = "_"
NOTHING_KNOWN = KnownNames()


class TemplateSet:
    """Templates by name. Those whose name begins with an underscore are libraries: only other templates use them."""

    def __init__(
        self,
        sources: Mapping[str, str],
        filters: Mapping[str, Callable[..., Any]],
        known: KnownNames = NOTHING_KNOWN,
    ) -> None:
        """`sources` maps names to Jinja text; `known` tells of the names in the scopes of all renderings.

        Nothing is compiled before it is needed; see `check`.
        """
        self._sources = dict(sources)
        self._recorder: ContextVar[Recorder] = ContextVar("recorder")
        self._environment = TemplateEnvironment(self._sources.get, filters, self._recorder, known)
        self._compiled: dict[str, Template] = {}
        constants = self._environment.constants.values
        self._skeletons = lru_cache(maxsize=CACHED_SKELETONS)(lambda text: compile_skeleton(text, constants))

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a pod may ask for, sorted."""
        return tuple(sorted(name for name in self._sources if not name.startswith(LIBRARY_PREFIX)))

    def render(self, name: str, scope: dict[str, Any]) -> JsonObject:
        """Render template `name` with the names of `scope`; the overlay may share parts with others: never change it.

        Raises RenderingError where the template does not exist, does not compile, fails on this scope, or gives
        something other than a YAML mapping.
        """
        if name not in self._sources or name.startswith(LIBRARY_PREFIX):
            raise RenderingError(f'requested template "{name}" not found; have {", ".join(self.names)}')
        recorder = Recorder()
        token = self._recorder.set(recorder)
        try:
            text = self._text(name, scope)
            return cast("JsonObject", self._skeletons(text)(recorder.values))
        except InjectionError as error:
            raise RenderingError(f"template {name!r}: {error}", is_refusal=isinstance(error, Refusal)) from error
        except SkeletonError as error:
            raise RenderingError(
                "failed parsing generated injected YAML (check Istio sidecar injector configuration): "
                f"template {name!r}: {error}"
            ) from error
        except (
            TemplateError,
            RecursionError,
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            line = _line_of(error, self._compiled.get(name))
            where = f", line {line}" if line else ""
            raise RenderingError(f"template {name!r}{where}: {error}", line=line) from error
        finally:
            self._recorder.reset(token)

    def check(self, known_names: Iterable[str]) -> None:
        """Compile every template. Raises TemplateFaults with all syntax errors and names outside `known_names`."""
        known = frozenset(known_names)
        faults = [fault for name in sorted(self._sources) for fault in self._faults(name, known)]
        if faults:
            raise TemplateFaults(faults)

    def _text(self, name: str, scope: dict[str, Any]) -> str:
        template = self._compiled.get(name)
        if template is None:
            template = self._compiled[name] = self._environment.get_template(name)
        names = {**self._environment.globals, **scope}
        context = self._environment.context_class(self._environment, names, name, template.blocks)
        stream = template.root_render_func(context)
        text = ""
        while pieces := list(islice(stream, _PIECES_AT_ONCE)):
            text += "".join(pieces)
            if len(text) > MAXIMUM_OUTPUT:
                raise RenderingError(f"it gives more than {MAXIMUM_OUTPUT} characters")
        return text

    def _faults(self, name: str, known: frozenset[str]) -> list[TemplateFault]:
        try:
            tree = self._environment.parse(self._sources[name], name)
            self._environment.get_template(name)
        except TemplateSyntaxError as error:
            return [TemplateFault(error.name or name, error.lineno, error.message or "syntax error")]
        except TemplateError as error:
            return [TemplateFault(name, 1, str(error))]
        # Jinja counts a name that only one branch sets as undeclared.
        assigned = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "store"}
        unknown = find_undeclared_variables(tree) - known - assigned - self._environment.globals.keys()
        return (
            []
            if name.startswith(LIBRARY_PREFIX)
            else [_unknown_name(name, tree, word, known) for word in sorted(unknown)]
        )


def _unknown_name(template: str, tree: nodes.Template, word: str, known: frozenset[str]) -> TemplateFault:
    line = next((name.lineno for name in tree.find_all(nodes.Name) if name.name == word), 1)
    close = get_close_matches(word, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
    return TemplateFault(template, line, f"unknown name {word!r}; {hint}")


def _line_of(error: BaseException, template: Template | None) -> int:
    """The template's line in which `error` was raised; 0 where its traceback does not tell."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    trace, line = error.__traceback__, 0
    while trace and template:
        if trace.tb_frame.f_globals.get("debug_info") == template._debug_info:  # noqa: SLF001
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return line
