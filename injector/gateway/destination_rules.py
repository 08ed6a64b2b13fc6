"""DestinationRules: their fields, which of them are about a destination, and the policy that is in effect there.

Source: https://istio.io/latest/docs/reference/config/networking/destination-rule/.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from injector.config.types import DNS_LABEL
from injector.core.errors import Path
from injector.core.model import JsonObject
from injector.core.validation import BOOLEAN, FILLED_STRING, Listed, Message, Scalar, Unsupported, one_of
from injector.gateway.documents import Resources, mapping_in, strings_in, validated
from injector.gateway.fields import (
    COUNT,
    DURATION,
    EXPORT_TO,
    LABELS,
    LENGTH,
    PATH,
    PERCENT,
    PERCENTAGE,
    PORT_NUMBER,
    Choice,
    NoEffect,
    matching,
    number_between,
)
from injector.gateway.hosts import covers, full_name, is_host, selects
from injector.gateway.model import Report, Resource
from injector.gateway.workload import GatewayPods

_COUNT_FROM_1 = Scalar("an integer from 1 on", number_between(1, 2**31 - 1))
_NO_LOCALITIES = NoEffect("a configuration without a control plane knows no localities")
_BALANCER = Choice(
    ("UNSPECIFIED", "LEAST_CONN", "LEAST_REQUEST", "RANDOM", "ROUND_ROBIN"),
    {"PASSTHROUGH": "needs clients that connect to the destination, not to a gateway"},
)
_TLS_MODE = Choice(("DISABLE", "SIMPLE", "MUTUAL"), {"ISTIO_MUTUAL": "needs the certificates of Istio's control plane"})


def _client_certificate(tls: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Mutual TLS needs a certificate to show, as a Secret or as files."""
    files = [name for name in ("clientCertificate", "privateKey") if name in tls]
    if "credentialName" in tls:
        for name in files:
            yield (name,), "cannot be set beside 'credentialName'; valid: one way to name the certificate"
    elif tls["mode"] == "MUTUAL" and len(files) < 2:  # noqa: PLR2004 -- certificate and key
        yield ("credentialName",), "is missing; valid: the name of a Secret, or clientCertificate and privateKey"


def _one_hash_key(consistent_hash: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if not consistent_hash.keys() & set(HASH_KEYS):
        yield (), f"says nothing to hash; valid: one of {', '.join(HASH_KEYS)}"


HASH_KEYS = ("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName")
_CONSISTENT_HASH = Message(
    {
        "httpHeaderName": FILLED_STRING,
        "httpCookie": Message({"name": FILLED_STRING, "path": FILLED_STRING, "ttl": DURATION}, required=("name",)),
        "useSourceIp": BOOLEAN,
        "httpQueryParameterName": FILLED_STRING,
        "minimumRingSize": COUNT,
        "ringHash": Message({"minimumRingSize": COUNT}),
        "maglev": Message({"tableSize": _COUNT_FROM_1}),
    },
    choices=(HASH_KEYS, ("ringHash", "maglev")),
    rules=(_one_hash_key,),
)
_LOAD_BALANCER = Message(
    {
        "simple": _BALANCER,
        "consistentHash": _CONSISTENT_HASH,
        "localityLbSetting": _NO_LOCALITIES,
        "warmupDurationSecs": LENGTH,
        "warmup": Message(
            {
                "duration": LENGTH,
                "minimumPercent": PERCENT,
                "aggression": Scalar("a number from 1 on", lambda value: type(value) in (int, float) and value >= 1),
            },
            required=("duration",),
        ),
    },
    choices=(("simple", "consistentHash"), ("warmupDurationSecs", "warmup")),
)
_CONNECTION_POOL = Message(
    {
        "tcp": Message(
            {
                "maxConnections": _COUNT_FROM_1,
                "connectTimeout": LENGTH,
                "tcpKeepalive": Message({"probes": COUNT, "time": DURATION, "interval": DURATION}),
                "maxConnectionDuration": LENGTH,
                "idleTimeout": DURATION,
            }
        ),
        "http": Message(
            {
                "http1MaxPendingRequests": COUNT,
                "http2MaxRequests": COUNT,
                "maxRequestsPerConnection": COUNT,
                "maxRetries": COUNT,
                "idleTimeout": DURATION,
                "h2UpgradePolicy": one_of("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
                "useClientProtocol": BOOLEAN,
                "maxConcurrentStreams": COUNT,
            }
        ),
    }
)
_OUTLIER_DETECTION = Message(
    {
        "splitExternalLocalOriginErrors": BOOLEAN,
        "consecutiveLocalOriginFailures": COUNT,
        "consecutiveGatewayErrors": COUNT,
        "consecutive5xxErrors": COUNT,
        "consecutiveErrors": COUNT,
        "interval": LENGTH,
        "baseEjectionTime": LENGTH,
        "maxEjectionPercent": PERCENT,
        "minHealthPercent": PERCENT,
    }
)
_TLS = Message(
    {
        "mode": _TLS_MODE,
        "clientCertificate": PATH,
        "privateKey": PATH,
        "caCertificates": PATH,
        "caCrl": PATH,
        "credentialName": FILLED_STRING,
        "subjectAltNames": Listed(FILLED_STRING),
        "sni": FILLED_STRING,
        "insecureSkipVerify": BOOLEAN,
    },
    required=("mode",),
    rules=(_client_certificate,),
)
_SETTINGS = {
    "loadBalancer": _LOAD_BALANCER,
    "connectionPool": _CONNECTION_POOL,
    "outlierDetection": _OUTLIER_DETECTION,
    "tls": _TLS,
}
_POLICY = Message(
    {
        **_SETTINGS,
        "portLevelSettings": Listed(Message({"port": PORT_NUMBER, **_SETTINGS}, required=("port",))),
        "proxyProtocol": Message({"version": one_of("V1", "V2")}),
        "retryBudget": Message({"percent": PERCENTAGE, "minRetryConcurrency": COUNT}),
        "tunnel": Unsupported("connections through another proxy are not made"),
    }
)
_SUBSET = Message(
    {
        "name": matching("a DNS label (lower-case letters, digits and '-', at most 63)", DNS_LABEL),
        "labels": LABELS,
        "trafficPolicy": _POLICY,
    },
    required=("name",),
)
DESTINATION_RULE = Message(
    {
        "host": Scalar("a host name, or *.host name", is_host),
        "trafficPolicy": _POLICY,
        "subsets": Listed(_SUBSET),
        "exportTo": EXPORT_TO,
        "workloadSelector": Message({"matchLabels": LABELS}),
    },
    required=("host",),
)


@dataclass(frozen=True, slots=True)
class DestinationRules:
    """All of the documents'. Those that are about no destination of the gateway are never validated."""

    resources: Resources
    pods: GatewayPods
    cluster_domain: str
    report: Report
    _found: dict[tuple[str, tuple[str, ...]], tuple[Resource, ...]] = field(default_factory=dict)

    def about(self, host: str, namespaces: Sequence[str]) -> tuple[Resource, ...]:
        """The validated rules for a full host name, of the first namespace that has some, the closest hosts first.

        `namespaces` are those of the destination and of who sends there; the gateway's own come first, the mesh's root
        namespace last (see exportTo in the documentation).
        """
        ordered = tuple(dict.fromkeys((*sorted(self.pods.homes), *namespaces, self.pods.root_namespace)))
        key = (host, ordered)
        if key not in self._found:
            self._found[key] = next(filter(None, (self._in_namespace(host, each) for each in ordered)), ())
        return self._found[key]

    def _in_namespace(self, host: str, namespace: str) -> tuple[Resource, ...]:
        candidates = [
            (pattern, rule)
            for rule in self.resources.of("DestinationRule")
            if rule.namespace == namespace
            and covers(
                pattern := full_name(str(mapping_in(rule, "spec").get("host")), namespace, self.cluster_domain), host
            )
            and self._applies(rule)
        ]
        closest = max((len(pattern) for pattern, _ in candidates), default=0)
        rules = (
            validated(rule, DESTINATION_RULE, self.report) for pattern, rule in candidates if len(pattern) == closest
        )
        return tuple(rule for rule in rules if rule is not None)

    def _applies(self, rule: Resource) -> bool:
        """Whether it is exported to the gateway, and not for other pods only."""
        exported = strings_in(rule, "spec", "exportTo") or ["*"]
        homes = self.pods.homes or {rule.namespace}
        selector = mapping_in(rule, "spec", "workloadSelector", "matchLabels")
        return self.pods.selected_by(selector) and any(
            selects(each, rule.namespace, home) for each in exported for home in homes
        )

    def warn_of_the_unused(self) -> None:
        """Warn of each that no destination has asked for."""
        used = {(rule.namespace, rule.name) for rules in self._found.values() for rule in rules}
        for rule in self.resources.of("DestinationRule"):
            if (rule.namespace, rule.name) not in used:
                self.report.warn(rule, ("spec", "host"), "is left out: the gateway sends nothing to this host")


def subset_of(rules: Sequence[Resource], name: str) -> JsonObject | None:
    """The subset of that name; the first where several rules define it."""
    subsets = (subset for rule in rules for subset in rule.body.get("subsets") or ())
    return next((subset for subset in subsets if subset["name"] == name), None)


def subset_names(rules: Sequence[Resource]) -> list[str]:
    """The names of all subsets."""
    return [subset["name"] for rule in rules for subset in rule.body.get("subsets") or ()]


def effective_policy(rules: Sequence[Resource], subset: JsonObject | None, port: int) -> JsonObject:
    """The traffic policy of a destination: the subset's settings over the host's; those of a port stand alone."""
    policies = (rule.body["trafficPolicy"] for rule in rules if "trafficPolicy" in rule.body)
    policy = _of_port(next(policies, {}), port)
    return {**policy, **_of_port((subset or {}).get("trafficPolicy") or {}, port)}


def _of_port(policy: JsonObject, port: int) -> JsonObject:
    """The policy of one port. What its settings leave out has its default, whatever the policy says of other ports."""
    of_port = next((each for each in policy.get("portLevelSettings") or () if each["port"]["number"] == port), None)
    if of_port is None:
        return {name: value for name, value in policy.items() if name != "portLevelSettings"}
    others = {name: value for name, value in policy.items() if name not in (*_SETTINGS, "portLevelSettings")}
    # Null where the port says nothing: the settings of the host must not show through those of a subset either.
    return {**others, **dict.fromkeys(_SETTINGS), **{name: of_port[name] for name in _SETTINGS if name in of_port}}
