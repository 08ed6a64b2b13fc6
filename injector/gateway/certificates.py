"""The files of certificates: those that a server names, and those of Secrets, by the names of Istio's documentation.

Each Secret is a folder of the gateway's container. Source of the names in it:
https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/#key-formats.
"""

from dataclasses import dataclass

from injector.core.model import JsonObject
from injector.gateway.documents import Resources, mapping_in
from injector.gateway.model import Certificate, PeerValidation, Report, ServerTls
from injector.gateway.servers import Server

_PAIRS = (("tls.crt", "tls.key"), ("cert", "key"))
_AUTHORITIES = ("ca.crt", "cacert")
_REVOCATIONS = "ca.crl"
_SUFFIX_OF_AUTHORITY = "-cacert"
_DEFAULT_MINIMUM, _DEFAULT_MAXIMUM = "TLSV1_2", "TLSV1_3"
_PREFIX = "kubernetes://"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where the files of Secrets are: `directory` holds a folder for each. The documents may say what a Secret has."""

    directory: str
    resources: Resources

    def file(self, secret: str, name: str) -> str:
        """The path of one entry of a Secret."""
        return f"{self.directory.rstrip('/')}/{secret}/{name}"

    def keys(self, namespace: str, secret: str) -> frozenset[str] | None:
        """The names of the Secret's entries; None where it is not among the documents."""
        found = self.resources.find("Secret", namespace, secret)
        if found is None:
            return None
        return frozenset((*mapping_in(found, "data"), *mapping_in(found, "stringData")))

    def certificate(self, server: Server, name: str, report: Report) -> Certificate:
        """Certificate and key of the Secret; those of type kubernetes.io/tls where nothing is known of it."""
        secret = name.removeprefix(_PREFIX)
        keys = self.keys(server.gateway.namespace, secret)
        pair = _PAIRS[0] if keys is None else next((each for each in _PAIRS if keys.issuperset(each)), None)
        if pair is None:
            held = ", ".join(sorted(keys or ())) or "nothing"
            message = f'Secret "{server.gateway.namespace}/{secret}" holds {held}; valid: tls.crt and tls.key'
            report.refuse(server.gateway, server.at("tls", "credentialName"), message)
        chain, key = pair or _PAIRS[0]
        return Certificate(self.file(secret, chain), self.file(secret, key))

    def authority(self, server: Server, name: str) -> tuple[str, str]:
        """The files of the authority that signs client certificates and of revocations, which may be missing.

        They are in the Secret of the certificate, or in one of its own, whose name ends in `-cacert`.
        """
        secret = name.removeprefix(_PREFIX)
        namespace, beside = server.gateway.namespace, f"{secret}{_SUFFIX_OF_AUTHORITY}"
        keys = self.keys(namespace, secret)
        if not (keys and keys.intersection(_AUTHORITIES)) and (found := self.keys(namespace, beside)) is not None:
            secret, keys = beside, found
        entry = next((each for each in _AUTHORITIES if keys and each in keys), _AUTHORITIES[0])
        revocations = self.file(secret, _REVOCATIONS) if keys and _REVOCATIONS in keys else ""
        return self.file(secret, entry), revocations


def server_tls(server: Server, secrets: Secrets, report: Report) -> ServerTls | None:
    """How the server terminates TLS; None where it does not."""
    if not server.terminates_tls:
        return None
    tls = server.tls
    return ServerTls(
        certificates=tuple(_certificates(server, secrets, report)),
        minimum_version=_version(tls, "minProtocolVersion", _DEFAULT_MINIMUM),
        maximum_version=_version(tls, "maxProtocolVersion", _DEFAULT_MAXIMUM),
        cipher_suites=tuple(dict.fromkeys(tls.get("cipherSuites") or ())),
        clients=None if tls["mode"] == "SIMPLE" else _clients(server, secrets),
        requires_client_certificate=tls["mode"] == "MUTUAL",
    )


def _certificates(server: Server, secrets: Secrets, report: Report) -> list[Certificate]:
    tls = server.tls
    names = tls.get("credentialNames") or ([tls["credentialName"]] if "credentialName" in tls else [])
    if names:
        return [secrets.certificate(server, name, report) for name in names]
    return [Certificate(each["serverCertificate"], each["privateKey"]) for each in tls.get("tlsCertificates") or [tls]]


def _clients(server: Server, secrets: Secrets) -> PeerValidation:
    tls = server.tls
    named = (
        tls.get("caCertCredentialName") or tls.get("credentialName") or next(iter(tls.get("credentialNames", ())), "")
    )
    if "caCertificates" in tls:
        authority, revocations = tls["caCertificates"], ""
    elif named:
        authority, revocations = secrets.authority(server, named)
    else:
        authority, revocations = tls["tlsCertificates"][0].get("caCertificates", ""), ""
    return PeerValidation(
        authority=authority,
        revocations=tls.get("caCrl", revocations),
        subject_names=tuple(tls.get("subjectAltNames") or ()),
        key_hashes=tuple(tls.get("verifyCertificateSpki") or ()),
        certificate_hashes=tuple(tls.get("verifyCertificateHash") or ()),
    )


def _version(tls: JsonObject, field: str, default: str) -> str:
    version = tls.get(field, "TLS_AUTO")
    return default if version == "TLS_AUTO" else str(version)
