"""Making and reading certificates. Pure: the time is an argument, and nothing is read or written.

Source: RFC 5280 (profile), RFC 6125 section 6.4 (names are looked for in subjectAltName).
"""

from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.model import Description, KeyPair, Settings

# So much earlier than now a certificate is valid: the clocks of clients may be behind.
CLOCK_SKEW = timedelta(minutes=5)
_RSA_BITS = 2048
_COMMON_NAME_LENGTH = 64
_AUTHORITY_NAME = "sidecar-injector authority"


class CertificateError(ValueError):
    """PEM text that holds no certificate or no private key."""


def create_authority(settings: Settings, now: datetime) -> KeyPair:
    """A new self-signed authority, valid from a little before `now` for the authority's lifetime."""
    key = _new_key(settings.key_type)
    # The time in the name tells two authorities apart that are trusted at once.
    subject = _name(f"{_AUTHORITY_NAME} {now:%Y-%m-%dT%H:%M:%S}")
    builder = (
        _builder(subject, key, now, now + settings.lifetimes.authority)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return _pair(builder.sign(key, hashes.SHA256()), key)


def issue(authority: KeyPair, settings: Settings, now: datetime) -> KeyPair:
    """A serving certificate for the names of `settings`, signed by `authority`, which it does not outlive.

    Raises CertificateError where the authority cannot be read.
    """
    issuer, issuer_key = _certificate(authority.certificate), _key(authority.key)
    key = _new_key(settings.key_type)
    end = min(now + settings.lifetimes.serving, issuer.not_valid_after_utc)
    builder = (
        _builder(_name(settings.names[0]), key, now, end)
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in settings.names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
    )
    return _pair(builder.sign(issuer_key, hashes.SHA256()), key)


def describe(certificate: bytes) -> Description:
    """What the first certificate in PEM text says. Raises CertificateError where there is none."""
    found = _certificate(certificate)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    try:
        is_authority = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    return Description(
        subject=found.subject.rfc4514_string(),
        names=tuple(str(name.value) for name in names),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        serial=found.serial_number,
        is_authority=is_authority,
    )


def key_type_of(pair: KeyPair) -> str:
    """The kind of its private key, as `Settings` names it. Raises CertificateError where it cannot be read."""
    return "rsa" if isinstance(_key(pair.key), rsa.RSAPrivateKey) else "ecdsa"


def pair_faults(pair: KeyPair) -> list[str]:
    """What keeps `pair` from being used at all: unreadable parts, or a key of another certificate."""
    try:
        certificate, key = _certificate(pair.certificate), _key(pair.key)
    except CertificateError as error:
        return [str(error)]
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        return ["the private key does not belong to the certificate"]
    return []


def serving_faults(serving: KeyPair, authority: bytes, names: tuple[str, ...], now: datetime) -> list[str]:
    """Why clients that trust `authority` would refuse `serving` under one of `names` at the time `now`."""
    faults = pair_faults(serving)
    if faults:
        return faults
    found = describe(serving.certificate)
    missing = sorted(set(names) - set(found.names))
    if missing:
        faults.append(f"the certificate lacks the names {', '.join(missing)}; it has {', '.join(found.names)}")
    if not found.not_before <= now < found.not_after:
        faults.append(f"the certificate is valid from {found.not_before} to {found.not_after}, not at {now}")
    try:
        _certificate(serving.certificate).verify_directly_issued_by(_certificate(authority))
    except (ValueError, TypeError, InvalidSignature):
        faults.append("the certificate was not signed by the authority")
    return faults


def certificates_in(bundle: bytes) -> list[bytes]:
    """Each certificate of a CA bundle as PEM of its own. Raises CertificateError where there is none."""
    try:
        found = x509.load_pem_x509_certificates(bundle)
    except ValueError as error:
        raise CertificateError(f"no certificate in PEM form: {error}") from error
    return [each.public_bytes(serialization.Encoding.PEM) for each in found]


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_COMMON_NAME_LENGTH])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _new_key(key_type: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if key_type == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> KeyPair:
    return KeyPair(
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise CertificateError(f"no certificate in PEM form: {error}") from error


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"no private key in PEM form: {error}") from error
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise CertificateError(f"a private key of type {type(key).__name__}; valid: ECDSA, RSA")
    return key
