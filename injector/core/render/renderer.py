"""Templates compiled for scopes of which the same is known, and rendered for one after the other."""

from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from jinja2 import Template, TemplateSyntaxError, nodes

from injector.core.model import JsonObject
from injector.core.render.faults import RenderingError
from injector.core.render.sandbox import KnownNames, TemplateEnvironment
from injector.core.render.skeleton import compile_skeleton
from injector.core.render.slots import Recorder

MAXIMUM_OUTPUT = 4_000_000
CACHED_SKELETONS = 512
_MAXIMUM_PIECES = 1_000_000


class Renderer:
    """Renders templates by name, from the same sources and under the same assumptions."""

    def __init__(
        self, sources: Mapping[str, str], filters: Mapping[str, Callable[..., Any]], known: KnownNames
    ) -> None:
        """`sources` maps names to Jinja text; nothing is compiled before it is needed."""
        self._sources = sources
        self._recorder: ContextVar[Recorder] = ContextVar("recorder")
        self._environment = TemplateEnvironment(sources.get, filters, self._recorder, known)
        self._compiled: dict[str, Template] = {}
        constants = self._environment.constants.values
        # By the pieces of a text, not by the text: each of them is there already, and knows its hash.
        self._skeletons = lru_cache(maxsize=CACHED_SKELETONS)(
            lambda pieces: compile_skeleton(_joined(pieces), constants)
        )

    @property
    def global_names(self) -> frozenset[str]:
        """The names that every template has beside those of its scope."""
        return frozenset(self._environment.globals)

    @property
    def compiled(self) -> frozenset[str]:
        """The names of the templates that were rendered before."""
        return frozenset(self._compiled)

    def render(self, name: str, scope: dict[str, Any]) -> JsonObject:
        """The overlay that template `name` gives for `scope`. Raises whatever goes wrong in the template."""
        recorder = Recorder()
        token = self._recorder.set(recorder)
        try:
            return cast("JsonObject", self._skeletons(self._pieces(name, scope))(recorder.values))
        finally:
            self._recorder.reset(token)

    def parsed(self, name: str) -> nodes.Template:
        """The tree of template `name`, which compiles. Raises TemplateError where it does not."""
        tree = self._environment.tree_to_render(self._sources[name], name)
        code = self._environment.compile(tree, name)
        self._compiled[name] = Template.from_code(self._environment, code, dict(self._environment.globals))
        return tree

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

    def _pieces(self, name: str, scope: dict[str, Any]) -> tuple[str, ...]:
        if name not in self._compiled:
            self.parsed(name)
        template = self._compiled[name]
        names = {**self._environment.globals, **scope}
        context = self._environment.context_class(self._environment, names, name, template.blocks)
        return tuple(islice(template.root_render_func(context), _MAXIMUM_PIECES))


def _joined(pieces: Collection[str]) -> str:
    if len(pieces) == _MAXIMUM_PIECES or sum(map(len, pieces)) > MAXIMUM_OUTPUT:
        raise RenderingError(f"it gives more than {MAXIMUM_OUTPUT} characters")
    return "".join(pieces)
