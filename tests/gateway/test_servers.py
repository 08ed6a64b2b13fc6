"""Servers of a Gateway: protocols and TLS modes, what may share a port, and the port that is listened on."""

from pathlib import Path
from typing import Any

import pytest
import trustme

from injector.core.model import JsonObject
from injector.core.yaml.writer import write
from tests.gateway.support import (
    accepted,
    configuration,
    document,
    faults,
    gateway,
    rendered,
    server,
    service,
    to,
    virtual_service,
    warnings,
)

FILES: dict[str, Any] = {"serverCertificate": "/c/tls.crt", "privateKey": "/c/tls.key"}


def https(*hosts: str, number: int = 443, protocol: str = "HTTPS", **tls: Any) -> JsonObject:
    return server(number, protocol, hosts or ("*",), tls={"mode": "SIMPLE", **tls})


def listeners(found: JsonObject) -> dict[str, JsonObject]:
    return {each["name"]: each for each in found["static_resources"]["listeners"]}


def context(one: JsonObject) -> JsonObject:
    """The TLS context of a gateway's only chain."""
    (chain,) = listeners(configuration(gateway(one)))["0.0.0.0_443"]["filter_chains"]
    found: JsonObject = chain["transport_socket"]["typed_config"]
    return found


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (server(443, "HTTPS"), 'tls.mode: Gateway "shop/edge": is missing'),
        (https(), "tls.credentialName"),
        (https(serverCertificate="/c/tls.crt"), "serverCertificate and privateKey"),
        (https(credentialName="x", **FILES), "cannot be set beside 'credentialName'"),
        (https(mode="MUTUAL", **FILES), "tls.caCertificates"),
        (https(mode="ISTIO_MUTUAL"), "needs the certificates of Istio's control plane"),
        (https(mode="AUTO_PASSTHROUGH"), "needs the list of all services of a mesh"),
        (https(mode="SIMPEL"), "one of SIMPLE, MUTUAL, OPTIONAL_MUTUAL, PASSTHROUGH"),
        (https(httpsRedirect=True, **FILES), "belongs to a server of protocol HTTP"),
        (https(mode="PASSTHROUGH", credentialName="x"), "has no use with mode PASSTHROUGH"),
        (https(cipherSuites=["NONE"], **FILES), "tls.cipherSuites[0]"),
        (https(credentialNames=["a", "b", "c"]), "names more than two"),
        (server(tls={"mode": "SIMPLE"}), "belongs to protocol HTTPS, not HTTP"),
        (server(15021), "port.number"),
        (server(protocol="UDP"), "port.protocol"),
        (server(hosts=("a_b.example",)), "hosts[0]"),
        (server(defaultEndpoint="127.0.0.1:80"), "defaultEndpoint"),
        (server(bind="unix:///x"), "bind"),
        (server(redirect={"httpsRedirect": True}), "unknown key 'redirect'"),
    ],
)
def test_a_server_that_cannot_be_honoured_is_refused(one: JsonObject, message: str) -> None:
    assert message in faults(gateway(one))


@pytest.mark.parametrize(
    ("servers", "message"),
    [
        ((server(443), https(**FILES)), "HTTPS cannot share port 443 with HTTP"),
        ((server(443), server(443, "TCP")), "TCP cannot share port 443 with HTTP"),
        ((server(9000, "TCP"), server(9000, "TCP")), "TCP cannot share port 9000 with TCP"),
        ((https("a.example", **FILES), https("a.example", **FILES)), "each TLS host once"),
    ],
)
def test_servers_that_cannot_share_a_port_are_refused(servers: tuple[JsonObject, ...], message: str) -> None:
    assert message in faults(gateway(*servers))


def test_tls_servers_of_a_port_are_told_apart_by_name_and_plain_ones_by_host() -> None:
    plain = [server(80, "HTTP", ("a.example",)), server(80, "HTTP2", ("b.example",))]
    found = listeners(configuration(gateway(https("a.example", **FILES), https("b.example", **FILES), *plain)))
    names = [chain["filter_chain_match"]["server_names"] for chain in found["0.0.0.0_443"]["filter_chains"]]
    assert names == [["a.example"], ["b.example"]]
    assert len(found["0.0.0.0_80"]["filter_chains"]) == 1


def test_a_server_listens_where_the_gateway_s_service_sends_its_port() -> None:
    front = service("front", {"port": 80, "targetPort": 8080}, selector={"app": "edge"})
    assert "0.0.0.0_8080" in listeners(configuration(gateway(), front))
    other = service("front", {"port": 80, "targetPort": 8080}, selector={"app": "other"})
    assert "0.0.0.0_80" in listeners(configuration(gateway(), other))
    assert "127.0.0.2_80" in listeners(configuration(gateway(server(bind="127.0.0.2"))))


def test_files_of_a_secret_are_in_a_folder_of_its_name() -> None:
    found = context(https(credentialName="web"))["common_tls_context"]["tls_certificates"]
    assert found[0]["certificate_chain"]["filename"] == "/etc/gateway/secrets/web/tls.crt"


def secret(name: str, **entries: str) -> JsonObject:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "data": entries}


def test_entries_of_a_secret_of_the_documents_are_used_by_their_names() -> None:
    documents = [gateway(https(mode="MUTUAL", credentialName="web")), secret("web", cert="x", key="x")]
    text = str(configuration(*documents, secret("web-cacert", cacert="x")))
    assert "/etc/gateway/secrets/web/cert" in text
    assert "/etc/gateway/secrets/web-cacert/cacert" in text
    assert "holds other; valid: tls.crt and tls.key" in faults(documents[0], secret("web", other="x"))


def test_versions_and_ciphers_are_those_of_the_server() -> None:
    parameters = context(https(minProtocolVersion="TLSV1_3", cipherSuites=["ECDHE-RSA-AES128-GCM-SHA256"], **FILES))
    assert parameters["common_tls_context"]["tls_params"] == {
        "tls_minimum_protocol_version": "TLSv1_3",
        "tls_maximum_protocol_version": "TLSv1_3",
        "cipher_suites": ["ECDHE-RSA-AES128-GCM-SHA256"],
    }
    assert context(https(**FILES))["common_tls_context"]["tls_params"]["tls_minimum_protocol_version"] == "TLSv1_2"


@pytest.mark.parametrize(("mode", "is_required"), [("MUTUAL", True), ("OPTIONAL_MUTUAL", False)])
def test_client_certificates_are_required_or_only_verified(mode: str, is_required: bool) -> None:
    found = context(https(mode=mode, caCertificates="/c/ca.crt", subjectAltNames=["spiffe://a"], **FILES))
    assert found["require_client_certificate"] == is_required
    assert found["common_tls_context"]["validation_context"]["trusted_ca"]["filename"] == "/c/ca.crt"


def test_each_certificate_and_authority_has_a_watched_file_of_its_own() -> None:
    servers = [https("a.example", **FILES), https("b.example", mode="MUTUAL", credentialName="web")]
    found = rendered(gateway(*servers))
    assert sorted(found.files) == [
        "c_tls.crt.yaml",
        "ca_etc_gateway_secrets_web_ca.crt.yaml",
        "envoy.yaml",
        "etc_gateway_secrets_web_tls.crt.yaml",
    ]
    (secret_of_file,) = found.files["c_tls.crt.yaml"]["resources"]
    assert secret_of_file["tls_certificate"]["watched_directory"] == {"path": "/c"}
    assert "/etc/gateway/configuration/c_tls.crt.yaml" in str(found.files["envoy.yaml"])


def test_a_server_that_nothing_is_routed_from_is_left_out() -> None:
    (line,) = warnings(gateway(server(9000, "TCP")))
    assert "no VirtualService bound to it has a tcp route" in line
    (line,) = warnings(gateway(https(mode="PASSTHROUGH")))
    assert "no VirtualService bound to it has a tls route" in line


def test_envoy_takes_connections_that_are_forwarded_without_a_warning(tmp_path: Path) -> None:
    tls = [
        {"match": [{"port": 443, "sniHosts": ["a.example", "*.b.example"]}], "route": [to("web", 443)]},
        {"match": [{"sniHosts": ["c.example"]}], "route": [to("web", 443, weight=1), to("two", 443, weight=2)]},
    ]
    tcp = [{"match": [{"port": 9000}], "route": [to("db", 5432)]}]
    routed = virtual_service(tls=tls, tcp=tcp, hosts=("a.example", "*.b.example", "c.example", "*"))
    servers = [
        server(443, "TLS", ("*.b.example", "a.example", "c.example"), tls={"mode": "PASSTHROUGH"}),
        server(9000, "TCP"),
        server(9001, "MONGO"),
    ]
    pool = {"tcp": {"idleTimeout": "1m", "maxConnectionDuration": "1h"}}
    balancer = {"consistentHash": {"useSourceIp": True}}
    rule = document(
        "DestinationRule", "db", {"host": "db", "trafficPolicy": {"connectionPool": pool, "loadBalancer": balancer}}
    )
    accepted(configuration(gateway(*servers), routed, rule), tmp_path)


def test_every_certificate_way_is_taken_by_envoy_without_a_warning(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("a.example")
    certificate.private_key_pem.write_to_path(tmp_path / "tls.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    files: dict[str, Any] = {"serverCertificate": f"{tmp_path}/tls.crt", "privateKey": f"{tmp_path}/tls.key"}
    ca: dict[str, Any] = {"caCertificates": f"{tmp_path}/ca.crt"}
    upstream = {"mode": "MUTUAL", "clientCertificate": files["serverCertificate"], "privateKey": files["privateKey"]}
    servers = [
        https("a.example", **files),
        https("b.example", mode="OPTIONAL_MUTUAL", subjectAltNames=["a"], **files, **ca),
        https("c.example", mode="MUTUAL", verifyCertificateHash=["0f" * 32], **files, **ca),
        https("d.example", tlsCertificates=[files]),
        https("*", protocol="TLS", **files),
    ]
    rule = document("DestinationRule", "web", {"host": "web", "trafficPolicy": {"tls": {**upstream, **ca}}})
    found = rendered(
        gateway(*servers),
        virtual_service({"route": [to("web")]}, tcp=[{"route": [to("web")]}]),
        rule,
        directory=str(tmp_path),
    )
    accepted(found.configuration, tmp_path)
    for name, content in found.files.items():
        (tmp_path / name).write_text(write(content), encoding="utf-8")
    accepted(found.files["envoy.yaml"], tmp_path)
