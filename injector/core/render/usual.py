"""The usual scope: that of a pod which says nothing of its own about its proxy, as most pods do.

A template asks a pod for dozens of annotations, and mostly gets the defaults. Compiled for a pod that has none of them
nearly all of a template is constant (see `folding`). Which annotations those are is seen from what is asked for while
it is compiled, so a pod that has one of them, or anything else of its own, is rendered as without this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from injector.core.render.partial import PartlyKnown, WithoutAsked
from injector.core.render.sandbox import KnownNames


@dataclass(frozen=True, slots=True)
class UsualScope:
    """What is known of a usual scope.

    `constant` are names with their values, of which those in `same` have to be looked at; the others depend on the
    pod's annotations alone, and its pod has none of what `annotations` was asked for. `trusted` as in KnownNames.
    """

    constant: Mapping[str, Any]
    trusted: frozenset[Callable[..., Any]]
    same: Mapping[str, Any]
    annotations: WithoutAsked

    @property
    def known(self) -> KnownNames:
        """What a template can be compiled with."""
        pod = PartlyKnown({"metadata": PartlyKnown({"annotations": self.annotations})})
        return KnownNames({**self.constant, "pod": pod}, self.trusted)

    def fits(self, scope: Mapping[str, Any]) -> bool:
        """Whether what is known holds for `scope`, as far as use was made of it so far."""
        for name, value in self.same.items():
            found = scope[name]
            if found is not value and (type(value) is dict or found != value):
                return False
        return self.annotations.asked.isdisjoint(scope["pod"]["metadata"]["annotations"])
