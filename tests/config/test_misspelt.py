"""Keys that look like one that is read get a warning; keys of others, and those of custom templates, do not."""

import pytest

from injector.config import load


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("values.globl.hub=x", "global"),
        ("values.global.proxy.includeIPRange=x", "includeIPRanges"),
        ("values.global.proxy.statusport=15020", "statusPort"),
        ("values.pilot.cni.enable=true", "enabled"),
        ("meshConfig.enablePrometheusMerg=false", "enablePrometheusMerge"),
        ("meshConfig.outboundTraficPolicy.mode=REGISTRY_ONLY", "outboundTrafficPolicy"),
        ("meshConfig.defaultConfig.holdApplicationUntilProxyStart=true", "holdApplicationUntilProxyStarts"),
    ],
)
def test_a_misspelt_key_is_told_with_the_name_that_was_meant(flag: str, meant: str) -> None:
    (warning,) = load(sets=[flag]).warnings
    assert warning.startswith(f"--set {flag}: ")
    assert warning.endswith(f"; did you mean {meant!r}?")


@pytest.mark.parametrize(
    "flag",
    [
        "values.audit.level=debug",
        "values.global.proxy.readinessSuccessThreshold=1",
        "meshConfig.outboundTrafficPolicy.mode=REGISTRY_ONLY",
        "meshConfig.default_config.status_port=15020",
        "meshConfig.enable_prometheus_merge=true",
    ],
)
def test_a_key_of_another_reader_or_of_another_spelling_is_no_mistake(flag: str) -> None:
    assert load(sets=[flag]).warnings == ()
