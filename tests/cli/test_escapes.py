"""Control characters in the names and values of manifests do not reach the terminal, from no command."""

import re
from pathlib import Path

import pytest

from tests.cli.running import run

# Text for people and data alike: line breaks and tabs are all that may be in it.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
NASTY = r"\e[31mx\e]0;t\a\r\x9b2J\u202E"
NAMESPACE = f'"\\e[2Jns{NASTY}"'
POD = f"""apiVersion: v1
kind: Pod
metadata:
  name: "{NASTY}"
  namespace: {NAMESPACE}
  labels: {{"{NASTY}": "{NASTY}"}}
  annotations: {{"sidecar.istio.io/{NASTY}proxyCPU": "{NASTY}", %s}}
spec:
  containers:
  - {{name: "a{NASTY}", image: "b{NASTY}"}}
---
apiVersion: v1
kind: "Odd{NASTY}"
metadata: {{name: "{NASTY}"}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}, labels: {{istio-injection: enabled}}}}
"""
REFUSED = f'sidecar.istio.io/proxyCPU: "{NASTY}"'
STATUS = r'sidecar.istio.io/status: "{\"containers\": [\"\\u001b[31mistio-proxy\"], \"revision\": \"\\u001b[31m\"}"'


@pytest.mark.parametrize("annotation", ["", REFUSED, STATUS], ids=["injected", "refused", "injected before"])
@pytest.mark.parametrize(
    "command",
    [
        ("inject", "-f"),
        ("uninject", "-f"),
        ("preview", "-f"),
        ("preview", "-o", "table", "-f"),
        ("preview", "-o", "origins", "-f"),
        ("preview", "--summary", "-f"),
        ("preview", "--via", "policy", "-f"),
        ("drift", "--snapshot"),
        ("migrate", "check", "--snapshot"),
        ("gateway", "render", "-f"),
        ("check", "-c"),
    ],
    ids=" ".join,
)
def test_no_command_shows_them(tmp_path: Path, command: tuple[str, ...], annotation: str) -> None:
    file = tmp_path / "pods.yaml"
    file.write_text(POD % annotation, encoding="utf-8")
    done = run(*command, file)
    assert CONTROL.findall(done.stderr) == []
    if command[0] not in ("inject", "uninject"):
        assert CONTROL.findall(done.stdout) == []
    assert done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "status"), [("inject -f", 1), ("check -c", 1), ("review -f", 1), ("drift --snapshot", 2)]
)
def test_a_file_without_end_is_given_up(command: str, status: int) -> None:
    done = run(*command.split(), "/dev/zero")
    assert (done.returncode, done.stderr) == (status, "/dev/zero: cannot be read: it has more than 256 MiB\n")
