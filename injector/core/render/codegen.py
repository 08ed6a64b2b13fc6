"""How templates become Python: as Jinja does it, but for the three things that they do all the time.

They read keys of mappings, call functions about the pod, and emit values. Each is written out in place for the usual
case; anything else goes to the environment, which says what it means and whether it is allowed.
"""

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, optimizeconst


class TemplateCodeGenerator(CodeGenerator):
    """Writes the Python of a template for a TemplateEnvironment."""

    @optimizeconst
    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 -- Jinja's visitor names
        """Write `mapping.key`; TemplateEnvironment.getattr says what it means."""
        value, key = self.temporary_identifier(), repr(node.attr)
        self.write(f"({value}[{key}] if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {key} in {value} else environment.getattr({value}, {key}))")

    @optimizeconst
    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: FBT001, FBT002, N802
        """Write `function(…)` and `mapping.get(…)`; TemplateEnvironment.call says what they mean."""
        if forward_caller or node.kwargs or node.dyn_args or node.dyn_kwargs:
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        if isinstance(node.node, nodes.Getattr) and node.node.attr == "get":
            self._write_get(node.node, frame)
        else:
            self._write_function(node.node, frame)
        self.write("(")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        self.write(")")

    def _write_get(self, node: nodes.Getattr, frame: Frame) -> None:
        value = self.temporary_identifier()
        self.write(f"({value}.get if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and 'get' not in {value} else ")
        self.write(f"environment.allowed(context, environment.getattr({value}, 'get')))")

    def _write_function(self, node: nodes.Expr, frame: Frame) -> None:
        function = self.temporary_identifier()
        self.write(f"({function} if getattr({function} := ")
        self.visit(node, frame)
        self.write(f", '__func__', {function}) in environment.trusted else environment.allowed(context, {function}))")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        """The text of a template as it is; of any other constant the mark that stands for it."""
        if isinstance(node, nodes.TemplateData):
            return super()._output_child_to_const(node, frame, finalize)
        mark: str = self.environment.constants.emit(node.as_const(frame.eval_ctx))  # type: ignore[attr-defined]
        return mark

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        self.write("context.emit(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        self.write(")")
