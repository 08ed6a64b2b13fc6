"""What `helm test` runs, run against a server."""

import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from injector.core.model import EMPTY_SNAPSHOT
from injector.server.app import create_app
from injector.server.run import Listening, ServingCertificate, bind, server_for, serving
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.chart.rendering import only, rendered
from tests.support import default_setup


def test_the_script_of_the_test_pod_is_content_with_a_server_and_not_with_an_unknown_authority(tmp_path: Path) -> None:
    (container,) = only(rendered(), "Pod", "injector-test")["spec"]["containers"]
    script = container["args"][1]
    store, other = DirectoryStore(tmp_path / "own"), DirectoryStore(tmp_path / "other")
    for each in (store, other):
        ensure(each, Settings(names=("localhost",)), datetime.now(UTC))
    service = Service(State(default_setup(), EMPTY_SNAPSHOT))
    app, certificate = create_app(service, Telemetry(BytesIO())), ServingCertificate(store.certificate, store.key)
    with serving(server_for(app, service, certificate), bind(Listening("localhost", 0))) as port:
        ran = {
            trusted: subprocess.run(
                [sys.executable, "-c", script, f"https://localhost:{port}", trusted.bundle],
                capture_output=True,
                text=True,
                check=False,
            )
            for trusted in (store, other)
        }
    assert (ran[store].returncode, ran[store].stderr) == (0, "")
    assert "'reason': 'PodLabel'" in ran[store].stdout
    assert ran[other].returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in ran[other].stderr
