"""The keys of the injector's own configuration (contract, section Configuration; reference 3.1, 3.6, 3.7)."""

from injector.config.keys import ABSENT, Key
from injector.config.kinds import (
    ALIASES,
    BOOLEAN,
    MAPPING,
    REVISION,
    REVISIONS,
    SELECTORS,
    TEMPLATES,
    TEXT,
    TEXT_MAP,
    TEXTS,
)

SYSTEM_NAMESPACES = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"]
NATIVE_MODES = ("auto", "enabled", "disabled")
PLATFORMS = ("", "openshift")
COMPLIANCE_POLICIES = ("", "fips-140-2", "fips-140-3", "pqc")

NATIVE_KEYS = (
    Key(
        "policy",
        TEXT,
        "enabled",
        "what happens to a pod in a selected namespace that says nothing",
        ("enabled", "disabled"),
    ),
    Key("defaultTemplates", TEXTS, ["sidecar"], "templates applied when the pod names none"),
    Key("templates", TEMPLATES, {}, "name to Jinja text; added to, or replacing, the shipped ones"),
    Key("aliases", ALIASES, {}, "name to list of template names"),
    Key("neverInjectSelector", SELECTORS, [], "label selectors of pods that are never injected; wins over always"),
    Key("alwaysInjectSelector", SELECTORS, [], "label selectors of pods that are injected whatever the policy"),
    Key("injectedAnnotations", TEXT_MAP, {}, "annotations added to every injected pod"),
    Key("ignoredNamespaces", TEXTS, SYSTEM_NAMESPACES, "namespaces whose pods are never injected"),
    Key("enableNamespacesByDefault", BOOLEAN, default=False, meaning="namespaces without any label count as opted in"),
    Key("revision", REVISION, "default", "the `istio.io/rev` value this injector answers to"),
    Key("revisionTags", REVISIONS, [], "further `istio.io/rev` values this injector answers to"),
    Key("values", MAPPING, ABSENT, "Istio's installation values, merged over the defaults below"),
    Key("meshConfig", MAPPING, ABSENT, "Istio's MeshConfig, merged over the defaults below"),
    Key("nativeSidecars", TEXT, "auto", "sidecars as native ones; auto: every node is at least 1.33", NATIVE_MODES),
    Key("platform", TEXT, "", "the platform whose rules for user ids apply", PLATFORMS),
    Key("compliancePolicy", TEXT, "", "the policy that proxies have to comply with", COMPLIANCE_POLICIES),
)
