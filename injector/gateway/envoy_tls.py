"""TLS of listeners and clusters. Certificates are files, and renewed ones are loaded while Envoy runs.

Envoy looks at a certificate's files again only where the certificate comes through SDS, and then whenever something is
renamed in the folder that is watched, which is how Kubernetes renews a mounted Secret. SDS needs a file of its own for
each certificate: `secret_files` gives them. Where there is no folder for these, Envoy reads certificates once, when it
starts.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from injector.core.model import JsonObject
from injector.envoy.messages import extension, typed
from injector.gateway.model import Certificate, PeerValidation, ServerTls, Upstream

_HTTP_PROTOCOLS = ("h2", "http/1.1")
_SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class CertificateSource:
    """How Envoy gets certificates: through SDS from files in `directory`, or, without one, once from the files."""

    directory: str | None

    def certificates(self, certificates: Iterable[Certificate]) -> JsonObject:
        """The field of a TLS context that names a proxy's own certificates."""
        if self.directory is None:
            return {"tls_certificates": [_pair(each) for each in certificates]}
        return {"tls_certificate_sds_secret_configs": [self._reference(_name(each.chain)) for each in certificates]}

    def validation(self, peers: PeerValidation) -> JsonObject:
        """The field of a TLS context that says how the peer's certificate is verified."""
        checks = _checks(peers)
        if self.directory is None or peers.authority in ("", _SYSTEM_AUTHORITIES):
            return {"validation_context": {**_authority(peers), **checks}}
        reference = self._reference(_authority_name(peers))
        return {
            "combined_validation_context": {
                "default_validation_context": checks,
                "validation_context_sds_secret_config": reference,
            }
        }

    def _reference(self, name: str) -> JsonObject:
        path = f"{(self.directory or '').rstrip('/')}/{name}.yaml"
        return {"name": name, "sds_config": {"path_config_source": {"path": path}, "resource_api_version": "V3"}}


def secret_files(servers: Iterable[ServerTls], upstreams: Iterable[Upstream], secrets: str) -> dict[str, JsonObject]:
    """The files that SDS reads, by their names: one for each certificate and each authority."""
    files: dict[str, JsonObject] = {}
    for certificates, peers in (*map(_of_server, servers), *(_of_upstream(each, secrets) for each in upstreams)):
        for each in certificates:
            files |= _secret_file(_name(each.chain), {"tls_certificate": _watched(_pair(each), each.chain)})
        if peers and peers.authority not in ("", _SYSTEM_AUTHORITIES):
            context = _watched(_authority(peers), peers.authority)
            files |= _secret_file(_authority_name(peers), {"validation_context": context})
    return files


def _of_server(tls: ServerTls) -> tuple[tuple[Certificate, ...], PeerValidation | None]:
    return tls.certificates, tls.clients


def _of_upstream(upstream: Upstream, secrets: str) -> tuple[tuple[Certificate, ...], PeerValidation | None]:
    tls = upstream.policy.get("tls") or {}
    if tls.get("mode", "DISABLE") == "DISABLE":
        return (), None
    return tuple(_client_certificates(tls, secrets)), _servers(upstream, tls, secrets)


def _secret_file(name: str, content: JsonObject) -> dict[str, JsonObject]:
    return {f"{name}.yaml": {"resources": [{**typed("transport_sockets.tls.v3.Secret"), "name": name, **content}]}}


def _watched(content: JsonObject, file: str) -> JsonObject:
    return {**content, "watched_directory": {"path": str(PurePosixPath(file).parent)}}


def _name(file: str) -> str:
    """A name for the secret of a file, fit for a file of its own and for a key of a ConfigMap."""
    name = _UNSAFE.sub("_", file).strip("_")
    return name if len(name) <= _LONGEST_NAME else hashlib.sha256(file.encode()).hexdigest()


def _authority_name(peers: PeerValidation) -> str:
    return f"ca_{_name(peers.authority)}"


def _pair(certificate: Certificate) -> JsonObject:
    return {
        "certificate_chain": {"filename": certificate.chain},
        "private_key": {"filename": certificate.private_key},
    }


def _authority(peers: PeerValidation) -> JsonObject:
    found = {"trusted_ca": {"filename": peers.authority}} if peers.authority else {}
    return {**found, "crl": {"filename": peers.revocations}} if peers.revocations else found


def _checks(peers: PeerValidation) -> JsonObject:
    checks: JsonObject = {}
    if peers.subject_names:
        kinds = ("DNS", "URI", "IP_ADDRESS", "EMAIL")
        checks["match_typed_subject_alt_names"] = [
            {"san_type": kind, "matcher": {"exact": name}} for name in peers.subject_names for kind in kinds
        ]
    if peers.key_hashes:
        checks["verify_certificate_spki"] = list(peers.key_hashes)
    if peers.certificate_hashes:
        checks["verify_certificate_hash"] = list(peers.certificate_hashes)
    return checks


def server_socket(tls: ServerTls, source: CertificateSource, *, is_http: bool) -> JsonObject:
    """The transport socket of a chain that terminates TLS."""
    context: JsonObject = {
        **source.certificates(tls.certificates),
        "tls_params": _parameters(tls.minimum_version, tls.maximum_version, tls.cipher_suites),
    }
    if is_http:
        context["alpn_protocols"] = list(_HTTP_PROTOCOLS)
    fields: JsonObject = {}
    if tls.clients is not None:
        context |= source.validation(tls.clients)
        # Where it is not required, a certificate that is shown has to be valid all the same.
        fields["require_client_certificate"] = tls.requires_client_certificate
    kind = "transport_sockets.tls.v3.DownstreamTlsContext"
    return extension("transport_sockets.tls", kind, common_tls_context=context, **fields)


def _parameters(minimum: str, maximum: str, ciphers: Iterable[str]) -> JsonObject:
    """Versions and ciphers. TLSV1_2 of Istio is TLSv1_2 of Envoy."""
    found: JsonObject = {
        "tls_minimum_protocol_version": minimum.replace("TLSV", "TLSv"),
        "tls_maximum_protocol_version": maximum.replace("TLSV", "TLSv"),
    }
    return {**found, "cipher_suites": list(ciphers)} if ciphers else found


def upstream_socket(upstream: Upstream, source: CertificateSource, secrets: str) -> JsonObject | None:
    """The transport socket of a cluster whose policy asks for TLS, else None."""
    tls = upstream.policy.get("tls") or {}
    if tls.get("mode", "DISABLE") == "DISABLE":
        return None
    context: JsonObject = {}
    if certificates := list(_client_certificates(tls, secrets)):
        context |= source.certificates(certificates)
    if peers := _servers(upstream, tls, secrets):
        context |= source.validation(peers)
    if upstream.http2:
        context["alpn_protocols"] = ["h2"]
    fields: JsonObject = {"sni": tls["sni"]} if "sni" in tls else {}
    kind = "transport_sockets.tls.v3.UpstreamTlsContext"
    return extension("transport_sockets.tls", kind, common_tls_context=context, **fields)


def _client_certificates(tls: JsonObject, secrets: str) -> Iterator[Certificate]:
    if tls["mode"] != "MUTUAL":
        return
    if "credentialName" in tls:
        folder = f"{secrets.rstrip('/')}/{tls['credentialName']}"
        yield Certificate(f"{folder}/tls.crt", f"{folder}/tls.key")
    else:
        yield Certificate(tls["clientCertificate"], tls["privateKey"])


def _servers(upstream: Upstream, tls: JsonObject, secrets: str) -> PeerValidation | None:
    """How servers are verified: by the authorities of the system where none is named; None: not at all."""
    if tls.get("insecureSkipVerify"):
        return None
    authority = tls.get("caCertificates", _SYSTEM_AUTHORITIES)
    if "credentialName" in tls:
        authority = f"{secrets.rstrip('/')}/{tls['credentialName']}/ca.crt"
    names = tls.get("subjectAltNames") or upstream.subject_names or ([tls["sni"]] if "sni" in tls else [])
    return PeerValidation(authority, tls.get("caCrl", ""), tuple(names))
