"""The shipped sample as a whole: what is rendered is what Envoy takes."""

from pathlib import Path

import trustme

from injector.config.loader import sample_files
from injector.gateway import Options, render
from tests.gateway.support import accepted

SAMPLE = next(file for file in sample_files("bookinfo") if file.name == "gateway.yaml")


def test_envoy_takes_the_configuration_of_the_sample(tmp_path: Path) -> None:
    folder = tmp_path / "bookinfo-certificate"
    folder.mkdir()
    certificate = trustme.CA().issue_cert("bookinfo.example")
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    found = render([(SAMPLE.name, SAMPLE.read_text(encoding="utf-8"))], Options(secrets=str(tmp_path)))
    assert found.warnings == ()
    accepted(found.configuration, tmp_path)
