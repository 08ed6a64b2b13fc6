"""What is known of the scopes of usual pods: those that say nothing of their own (see `usual`)."""

from injector.core.model import DEFAULT_PROXY_ID, Workload
from injector.core.render.configured import Configured
from injector.core.render.partial import WithoutAsked
from injector.core.render.scope import SAFE_FUNCTIONS, TemplateInput, scope_of
from injector.core.render.usual import UsualScope

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
