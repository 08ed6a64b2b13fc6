"""What templates see of a pod."""

from injector.core.model import Workload
from injector.core.render.context import SCOPE_NAMES, TemplateInput, pod_view, scope_of
from tests.support import default_setup, pod_of


def given() -> TemplateInput:
    configured = default_setup().configured
    return TemplateInput(
        pod=pod_view(pod_of()),
        workload=Workload("shop", "", "Deployment", "apps/v1"),
        configured=configured,
        proxy_config=configured.proxy_config,
        native_sidecars=False,
        proxy_uid=1337,
        proxy_gid=1337,
        namespace={},
    )


def test_the_names_that_are_checked_are_those_that_are_there() -> None:
    assert set(scope_of(given())) == SCOPE_NAMES


def test_an_owner_without_a_namespace_is_in_the_default_one() -> None:
    assert scope_of(given())["owner"]() == "kubernetes://apis/apps/v1/namespaces/default/deployments/shop"
