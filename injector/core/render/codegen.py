"""How templates become Python: as Jinja does it, but for the fields of mappings, which templates read all the time."""

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, optimizeconst


class MappingCodeGenerator(CodeGenerator):
    """Reads the key of a plain mapping in place; anything else goes to the environment, as before."""

    @optimizeconst
    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 -- Jinja's visitor names
        """Write `mapping.key`; TemplateEnvironment.getattr says what it means."""
        value, key = self.temporary_identifier(), repr(node.attr)
        self.write(f"({value}[{key}] if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {key} in {value} else environment.getattr({value}, {key}))")
