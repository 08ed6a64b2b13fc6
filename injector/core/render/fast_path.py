"""The usual scope: that of a pod which says nothing of its own about its proxy, as most pods do.

A template asks a pod for dozens of annotations, and mostly gets the defaults. Compiled for a pod that has none of them
nearly all of a template is constant (see `folding`). Which annotations those are is seen from what is asked for while
it is compiled, so a pod that has one of them, or anything else of its own, is rendered as without this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from injector.core.model import DEFAULT_PROXY_ID, Workload
from injector.core.render.context import SAFE_FUNCTIONS, Configured, TemplateInput, scope_of
from injector.core.render.jinja import KnownNames
from injector.core.render.partial_evaluation import PartlyKnown, WithoutAsked


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


# What is known of the scopes of usual pods: those that say nothing of their own (see `usual`).

# What depends on nothing of the pod but its annotations.
_TOLD_BY_ANNOTATIONS = (
    "annotation json_annotation excluded_inbound_ports multus_networks proxy_resources proxy_image proxy_init_image"
).split()


def usual_scopes(configured: Configured) -> tuple[UsualScope, ...]:
    """The scopes of pods that say nothing of their own: with native sidecars, and without.

    They are told by the very objects in `configured`, which scopes will hold as well.
    """
    return tuple(_usual_scope(configured, native_sidecars=native) for native in (True, False))


def _usual_scope(configured: Configured, *, native_sidecars: bool) -> UsualScope:
    lacking = WithoutAsked()
    given = TemplateInput(
        pod={"metadata": {"annotations": lacking}},
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
    told = {name: scope[name] for name in _TOLD_BY_ANNOTATIONS}
    return UsualScope({**configured.names, **told, **same}, SAFE_FUNCTIONS, same, lacking)
