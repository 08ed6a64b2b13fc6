"""Every alert fires on its fault, and on no other; from series as Prometheus would have them, with promtool."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendering import only, rendered

MINUTES = 40
TARGET, API_SERVER = 'job="injector",instance="a"', 'job="apiserver",instance="api"'
HERE = f'{TARGET},namespace="injector-system",service="injector",pod="a"'
OTHER = HERE.replace('"a"', '"b"')
ENTRY = f'{API_SERVER},name="namespace.sidecar-injector.istio.io"'
FAILED, REQUESTS = "sidecar_injection_failure_total", "sidecar_injection_requests_total"
REFUSALS = "sidecar_injector_refusals_total"
CURRENT, EXPIRY = "sidecar_injector_configuration_current", "sidecar_injector_certificate_expiry_timestamp_seconds"
CONNECTED, KNOWN = "sidecar_injector_cluster_connected", "sidecar_injector_cluster_known"
BUCKET, PATCHES = "sidecar_injection_time_seconds_bucket", "webhook_patch_failures_total"
REJECTED, OPEN = "apiserver_admission_webhook_rejection_count", "apiserver_admission_webhook_fail_open_count"
DAY = 86_400

Series = dict[str, str]


def healthy(labels: str = HERE) -> Series:
    """One replica that injects ten pods a minute, a few of them refused because of a tenant's annotation."""
    return {
        f"up{{{','.join(labels.split(',')[:2])}}}": f"1x{MINUTES}",
        f"up{{{API_SERVER}}}": f"1x{MINUTES}",
        f"{CURRENT}{{{labels}}}": f"1x{MINUTES}",
        f"{EXPIRY}{{{labels}}}": f"{5 * DAY}x{MINUTES}",
        f"{REQUESTS}{{{labels}}}": f"0+10x{MINUTES}",
        f'{FAILED}{{{labels},reason="Refused"}}': f"3x{MINUTES}",
        f'{REFUSALS}{{{labels},pod_namespace="shop"}}': f"3x{MINUTES}",
        f'{FAILED}{{{labels},reason="Overloaded"}}': f"0x{MINUTES}",
        f'{CONNECTED}{{{labels},resource="nodes"}}': f"1x{MINUTES}",
        f'{KNOWN}{{{labels},resource="nodes"}}': f"1x{MINUTES}",
        f'{BUCKET}{{{labels},le="0.1"}}': f"0+10x{MINUTES}",
        f'{BUCKET}{{{labels},le="1"}}': f"0+10x{MINUTES}",
        f'{BUCKET}{{{labels},le="+Inf"}}': f"0+10x{MINUTES}",
        f'{REJECTED}{{{ENTRY},error_type="no_error"}}': f"0+1x{MINUTES}",
    }


# What happens, in addition to or in place of the healthy series, and the alerts that have to fire.
FAULTS: dict[str, tuple[Series, set[str]]] = {
    "nothing": ({}, set()),
    "no replica is scraped": (
        {series: f"{values.split('x')[0]}x5 _x{MINUTES}" for series, values in healthy().items()},
        {"SidecarInjectorAbsent"},
    ),
    "the API server cannot call it": (
        {f'{REJECTED}{{{ENTRY},error_type="calling_webhook_error"}}': f"_x25 12+1x{MINUTES}"},
        {"SidecarInjectorCallsFail"},
    ),
    "pods pass without it": (
        {f"{OPEN}{{{ENTRY}}}": f"_x35 1x{MINUTES}"},
        {"SidecarInjectorBypassed"},
    ),
    "a certificate is not renewed": ({f"{EXPIRY}{{{HERE}}}": f"{DAY}x{MINUTES}"}, {"SidecarInjectorCertificateExpiry"}),
    "a fault of its own": (
        {f'{FAILED}{{{HERE},reason="InternalError"}}': f"_x35 1x{MINUTES}"},
        {"SidecarInjectorInternalErrors"},
    ),
    "too much load": (
        {f'{FAILED}{{{HERE},reason="Overloaded"}}': f"0x25 0+40x{MINUTES}"},
        {"SidecarInjectorOverloaded"},
    ),
    "every pod is refused": (
        {
            f'{FAILED}{{{HERE},reason="Refused"}}': f"0x25 0+10x{MINUTES}",
            **{f'{REFUSALS}{{{HERE},pod_namespace="n{each}"}}': f"0x25 0+3x{MINUTES}" for each in range(4)},
        },
        {"SidecarInjectorRefusals"},
    ),
    "every pod of one tenant is refused": (
        {
            f'{FAILED}{{{HERE},reason="Refused"}}': f"0x25 0+10x{MINUTES}",
            f'{REFUSALS}{{{HERE},pod_namespace="shop"}}': f"0x25 0+10x{MINUTES}",
        },
        set(),
    ),
    "slow answers": (
        {f'{BUCKET}{{{HERE},le="0.1"}}': f"0x{MINUTES}"},
        {"SidecarInjectorLatency"},
    ),
    "a configuration at fault": (
        {f"{CURRENT}{{{HERE}}}": f"1x20 0x{MINUTES}"},
        {"SidecarInjectorConfigurationNotCurrent"},
    ),
    "a resource is no longer followed": (
        {f'{CONNECTED}{{{HERE},resource="nodes"}}': f"1x20 0x{MINUTES}"},
        {"SidecarInjectorClusterAway"},
    ),
    "a resource was never read": (
        {f'{KNOWN}{{{HERE},resource="nodes"}}': f"0x{MINUTES}"},
        {"SidecarInjectorClusterUnknown"},
    ),
    "the registration is gone": (
        {f'{PATCHES}{{{HERE},name="webhooks",reason="webhook_config_not_found"}}': f"_x35 1x{MINUTES}"},
        {"SidecarInjectorCABundle"},
    ),
    "the CA bundle cannot be written": (
        {f'{PATCHES}{{{HERE},name="webhooks",reason="webhook_update_failure"}}': f"0x30 0+30x{MINUTES}"},
        {"SidecarInjectorCABundle"},
    ),
    # What is no fault, or passes.
    "an API server that restarts": (
        {
            f'{CONNECTED}{{{HERE},resource="nodes"}}': f"1x30 0x3 1x{MINUTES}",
            f'{REJECTED}{{{ENTRY},error_type="no_error"}}': f"100x30 _x3 0x{MINUTES}",
            f'{REJECTED}{{{ENTRY},error_type="calling_webhook_error"}}': f"7x30 _x3 0x{MINUTES}",
        },
        set(),
    ),
    "one tenant's typo": (
        # The ReplicaSet controller tries again after 10, 20, 40, 80, 160 and 320 s, many times before that.
        {
            f'{FAILED}{{{HERE},reason="Refused"}}': f"0x30 11 13 14 15 15 15 16x{MINUTES}",
            f"{REQUESTS}{{{HERE}}}": f"0x30 11 13 14 15 15 15 16x{MINUTES}",
            f'{REJECTED}{{{ENTRY},error_type="no_error"}}': f"0x30 11 13 14 15 15 15 16x{MINUTES}",
        },
        set(),
    ),
    "a rollout": (
        {
            **{series: f"{values.split('x')[0]}x30" for series, values in healthy().items() if HERE in series},
            **{
                series: f"_x29 {values.split('x')[0]}x{MINUTES}"
                for series, values in healthy(OTHER).items()
                if HERE.split(",", maxsplit=1)[0] in series
            },
            f'{KNOWN}{{{OTHER},resource="nodes"}}': f"_x29 0 1x{MINUTES}",
            f'{CONNECTED}{{{OTHER},resource="nodes"}}': f"_x29 0 1x{MINUTES}",
        },
        set(),
    ),
    "a Prometheus that begins to look": (
        {
            **{
                series: f"_x30 9{values.split('x')[0]}x{MINUTES}"
                for series, values in healthy().items()
                if "total" in series
            },
            f"up{{{API_SERVER}}}": f"_x30 1x{MINUTES}",
            f"up{{{TARGET}}}": f"_x30 1x{MINUTES}",
            f'{REJECTED}{{{ENTRY},error_type="calling_webhook_error"}}': f"_x30 70x{MINUTES}",
            f"{OPEN}{{{ENTRY}}}": f"_x30 70x{MINUTES}",
            f'{PATCHES}{{{HERE},name="webhooks",reason="webhook_update_failure"}}': f"_x30 7x{MINUTES}",
        },
        set(),
    ),
    "a replica that dies": (
        {f'{REJECTED}{{{ENTRY},error_type="calling_webhook_error"}}': f"_x30 1x{MINUTES}"},
        set(),
    ),
}


def test_every_alert_has_a_fault() -> None:
    rule = only(rendered({"prometheusRule": {"enabled": True}}), "PrometheusRule")
    names = {each["alert"] for group in rule["spec"]["groups"] for each in group["rules"]}
    assert set().union(*(fired for _, fired in FAULTS.values())) == names


def scenario(name: str, changed: Series, fired: set[str]) -> Any:
    """As promtool takes it."""
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in {**healthy(), **changed}.items()],
        "promql_expr_test": [
            {
                # At any moment, not only at the last one.
                "expr": f'max by (alertname) (max_over_time(ALERTS{{alertstate="firing"}}[{MINUTES - 1}m]))',
                "eval_time": f"{MINUTES - 2}m",
                "exp_samples": [{"labels": f'{{alertname="{each}"}}', "value": 1} for each in sorted(fired)],
            }
        ],
    }


def test_alerts_fire_on_their_fault_alone(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: it comes with Debian's package prometheus")
    rule = only(rendered({"prometheusRule": {"enabled": True}}), "PrometheusRule")
    (tmp_path / "rules.json").write_text(json.dumps(rule["spec"]), encoding="utf-8")
    tests = [scenario(name, changed, fired) for name, (changed, fired) in FAULTS.items()]
    document = {"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.json").write_text(json.dumps(document), encoding="utf-8")
    checked = subprocess.run([promtool, "check", "rules", "rules.json"], cwd=tmp_path, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    done = subprocess.run(
        [promtool, "test", "rules", "tests.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
