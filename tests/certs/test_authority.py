"""Certificates that real clients accept, and reasons for those that they would not."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import (
    BasicConstraints,
    CertificateBuilder,
    KeyUsage,
    Name,
    NameAttribute,
    load_pem_x509_certificate,
)
from cryptography.x509.oid import NameOID

from certs.authority import (
    CertificateError,
    certificates_in,
    create_authority,
    describe,
    issue,
    pair_faults,
    serving_faults,
)
from certs.model import KeyPair, Lifetimes, Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(names=("injector.injector-system.svc", "127.0.0.1"))


@pytest.mark.parametrize("key_type", ["ecdsa", "rsa"])
def test_a_serving_certificate_is_for_its_names_and_was_signed_by_its_authority(key_type: str) -> None:
    settings = Settings(SETTINGS.names, key_type=key_type)
    authority = create_authority(settings, NOW)
    serving = issue(authority, settings, NOW)
    assert serving_faults(serving, authority.certificate, settings.names, NOW) == []
    found = describe(serving.certificate)
    assert found.names == ("injector.injector-system.svc", "127.0.0.1")
    assert not found.is_authority
    assert describe(authority.certificate).is_authority


def test_lifetimes_are_those_of_the_settings() -> None:
    authority = create_authority(SETTINGS, NOW)
    assert describe(authority.certificate).not_after == NOW + timedelta(days=365)
    assert describe(issue(authority, SETTINGS, NOW).certificate).not_after == NOW + timedelta(days=7)


def test_a_serving_certificate_does_not_outlive_its_authority() -> None:
    authority = create_authority(SETTINGS, NOW)
    late = NOW + timedelta(days=363)
    assert describe(issue(authority, SETTINGS, late).certificate).not_after == NOW + timedelta(days=365)


def test_clocks_may_be_a_little_behind() -> None:
    authority = create_authority(SETTINGS, NOW)
    serving = issue(authority, SETTINGS, NOW)
    assert serving_faults(serving, authority.certificate, SETTINGS.names, NOW - timedelta(minutes=5)) == []
    assert serving_faults(serving, authority.certificate, SETTINGS.names, NOW - timedelta(minutes=5, seconds=1)) != []


def test_each_reason_why_clients_would_refuse_is_told() -> None:
    authority, other = create_authority(SETTINGS, NOW), create_authority(SETTINGS, NOW)
    serving = issue(authority, SETTINGS, NOW)
    faults = serving_faults(serving, other.certificate, ("elsewhere.svc",), NOW + timedelta(days=8))
    assert len(faults) == 3
    assert "elsewhere.svc" in faults[0]
    assert "valid from" in faults[1]
    assert "not signed by the authority" in faults[2]


def test_a_key_of_another_certificate_is_found() -> None:
    authority = create_authority(SETTINGS, NOW)
    one, other = issue(authority, SETTINGS, NOW), issue(authority, SETTINGS, NOW)
    assert pair_faults(KeyPair(one.certificate, other.key)) == ["the private key does not belong to the certificate"]


@pytest.mark.parametrize(
    "pair", [KeyPair(b"", b""), KeyPair(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", b"")]
)
def test_rubbish_is_a_fault_and_no_crash(pair: KeyPair) -> None:
    assert len(pair_faults(pair)) == 1


def test_a_bundle_is_taken_apart() -> None:
    one, other = create_authority(SETTINGS, NOW), create_authority(SETTINGS, NOW)
    assert certificates_in(one.certificate + other.certificate) == [one.certificate, other.certificate]
    with pytest.raises(CertificateError):
        certificates_in(b"rubbish")


def test_openssl_accepts_the_chain() -> None:
    authority = create_authority(SETTINGS, datetime.now(UTC))
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("lifetimes", "message"),
    [
        ({"authority": timedelta(0)}, "authority lifetime"),
        ({"renewal": 1.0}, "between 0 and 1"),
        ({"authority": timedelta(days=1)}, "longer than the authority's"),
    ],
)
def test_settings_that_cannot_work_are_refused(lifetimes: dict[str, timedelta], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Lifetimes(**lifetimes)  # type: ignore[arg-type]


def test_a_name_and_a_known_key_type_are_needed() -> None:
    with pytest.raises(ValueError, match="at least one name"):
        Settings(names=())
    with pytest.raises(ValueError, match="'dsa' is not one of ecdsa, rsa"):
        Settings(names=("a",), key_type="dsa")


def test_an_authority_signs_no_further_authorities() -> None:
    """Its path length is 0: with the key of a serving certificate nobody can make certificates that clients take."""
    authority = load_pem_x509_certificate(create_authority(SETTINGS, NOW).certificate)
    constraints = authority.extensions.get_extension_for_class(BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)


def test_a_serving_certificate_is_no_authority() -> None:
    serving = issue(create_authority(SETTINGS, NOW), SETTINGS, NOW)
    certificate = load_pem_x509_certificate(serving.certificate)
    assert certificate.extensions.get_extension_for_class(BasicConstraints).value.ca is False


USAGES = [
    *("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign"),
    *("content_commitment", "data_encipherment", "key_agreement"),
]


def test_a_key_is_used_for_what_its_certificate_is_for_and_nothing_else() -> None:
    """Clients refuse a chain whose keys are for something else: RFC 5280, 4.2.1.3."""
    authority = create_authority(SETTINGS, NOW)
    pems = (authority.certificate, issue(authority, SETTINGS, NOW).certificate)
    usages = [load_pem_x509_certificate(pem).extensions.get_extension_for_class(KeyUsage) for pem in pems]
    assert all(usage.critical for usage in usages)
    of_authority, of_serving = ({name for name in USAGES if getattr(usage.value, name)} for usage in usages)
    assert of_authority == {"key_cert_sign", "crl_sign"}
    assert of_serving == {"digital_signature", "key_encipherment"}


def test_rsa_keys_have_2048_bits() -> None:
    """The shortest that clients take, and the quickest to shake hands with."""
    settings = Settings(SETTINGS.names, key_type="rsa")
    authority = create_authority(settings, NOW)
    for pair in (authority, issue(authority, settings, NOW)):
        key = load_pem_x509_certificate(pair.certificate).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        assert key.key_size == 2048


def test_a_certificate_that_does_not_say_so_is_no_authority() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = Name([NameAttribute(NameOID.COMMON_NAME, "plain")])
    begun = CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = begun.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    plain = dated.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    assert (describe(plain).is_authority, describe(plain).names) == (False, ())
