"""What the server's account has to be allowed to do, by the options that it runs with, and whether it is.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
"""

from collections.abc import Iterator
from dataclasses import dataclass

from injector.cluster.access import ACCESS_REVIEWS, TOKEN_REVIEWS
from injector.cluster.api import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PROXY_CONFIGS,
    SECRETS,
    WEBHOOK_CONFIGURATIONS,
    ApiServer,
    ClusterError,
    Resource,
)
from injector.cluster.findings import Finding, ok, warning
from injector.cluster.release import CLUSTER_SCHEME, Release
from injector.core.model import JsonObject

_OWN_REVIEWS = Resource("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews")
_WHO_AM_I = Resource("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews")
_REPORTED = {"configmap": CONFIG_MAPS, "deployment": DEPLOYMENTS}
_FOLLOWED = ("list", "watch")


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that the server does with the API server, and why it has to."""

    verb: str
    resource: Resource
    purpose: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        """As an administrator would say it."""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource.plural}{f'/{self.name}' if self.name else ''}{where}"

    def attributes(self) -> JsonObject:
        """As the API server takes it."""
        group = self.resource.api_version.rpartition("/")[0]
        given = {"group": group, "namespace": self.namespace, "name": self.name}
        return {
            "verb": self.verb,
            "resource": self.resource.plural,
            **{key: each for key, each in given.items() if each},
        }


def rights_of(release: Release) -> list[Right]:
    """Every right that the server of `release` needs."""
    return list(dict.fromkeys(_rights(release)))


def _rights(release: Release) -> Iterator[Right]:
    here = release.namespace
    for resource, purpose in (
        (NAMESPACES, "decide who is injected"),
        (NODES, "know whether sidecars can be native"),
        (PROXY_CONFIGS, "read a layer of the proxies' configuration"),
    ):
        yield from (Right(verb, resource, purpose) for verb in _FOLLOWED)
    for name in release.option("--webhook-config"):
        for verb in ("get", *_FOLLOWED, "patch"):
            yield Right(verb, WEBHOOK_CONFIGURATIONS, "write the CA bundle", name=name)
    for secret in release.option("--cert-secret"):
        yield Right("create", SECRETS, "keep certificates", here)
        yield from (Right(verb, SECRETS, "keep certificates", here, secret) for verb in ("get", "update"))
    for lease in release.option("--lease"):
        yield Right("create", LEASES, "choose who renews certificates", here)
        yield from (Right(verb, LEASES, "choose who renews certificates", here, lease) for verb in ("get", "update"))
    for name in release.option("--last-good"):
        yield from (
            Right(verb, CONFIG_MAPS, "keep the last good configuration", here, name) for verb in ("get", "update")
        )
    yield from _optional(release)


def _optional(release: Release) -> Iterator[Right]:
    if "--events" in release.arguments:
        yield Right("create", EVENTS, "tell authors of pods")
        for each in release.option("--report-to"):
            kind, _, name = each.partition("/")
            if kind in _REPORTED:
                yield Right("get", _REPORTED[kind], "write Events about faults", release.namespace, name)
    for source in release.option("--config"):
        if source.startswith(CLUSTER_SCHEME):
            namespace, _, revision = source.removeprefix(CLUSTER_SCHEME).partition("/")
            for name in ("istio", "istio-sidecar-injector"):
                called = f"{name}-{revision}" if revision not in ("", "default") else name
                yield from (Right(verb, CONFIG_MAPS, "read the configuration", namespace, called) for verb in _FOLLOWED)
    if any(release.option("--preview-port")):
        yield Right("create", TOKEN_REVIEWS, "know who asks for a preview")
        yield Right("create", ACCESS_REVIEWS, "know who may ask for a preview")


class Permissions:
    """Asks what the account of a release may do: as somebody who may ask, or as this account itself."""

    def __init__(self, server: ApiServer, release: Release) -> None:
        """Nothing is asked yet."""
        self._server, self._release = server, release
        self._user = f"system:serviceaccount:{release.namespace}:{release.service_account}"

    def finding(self, right: Right) -> Finding | None:
        """What is wrong with `right`; None where it is granted."""
        try:
            is_allowed = self._allowed(right)
        except ClusterError as error:
            return warning(self._user, f"whether it may {right} cannot be asked: {error}")
        if is_allowed:
            return None
        return Finding(
            self._user,
            f"may not {right}, which the server needs to {right.purpose}; a role or its binding was changed or deleted",
            command=_command(right, self._user),
        )

    def granted(self, count: int) -> Finding:
        """The finding about `count` rights that are all granted."""
        return ok(self._user, f"has the {count} permissions that its options need")

    def _allowed(self, right: Right) -> bool:
        spec: JsonObject = {"resourceAttributes": right.attributes()}
        namespace = self._release.namespace
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        try:
            answer = self._server.create(
                ACCESS_REVIEWS, _review(ACCESS_REVIEWS, {**spec, "user": self._user, "groups": groups})
            )
        except ClusterError as error:
            if not error.is_forbidden or self._own_name() != self._user:
                raise
            answer = self._server.create(_OWN_REVIEWS, _review(_OWN_REVIEWS, spec))
        return bool((answer.get("status") or {}).get("allowed"))

    def _own_name(self) -> str:
        answer = self._server.create(_WHO_AM_I, {"apiVersion": _WHO_AM_I.api_version, "kind": _WHO_AM_I.kind})
        return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "")


def _review(resource: Resource, spec: JsonObject) -> JsonObject:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}


def _command(right: Right, user: str) -> str:
    group = right.resource.api_version.rpartition("/")[0]
    resource = f"{right.resource.plural}.{group}" if group else right.resource.plural
    named = f"{resource}/{right.name}" if right.name else resource
    where = f" -n {right.namespace}" if right.namespace else ""
    return f"kubectl auth can-i {right.verb} {named} --as={user}{where}"
