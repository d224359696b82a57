"""A certificate authority of one's own, and a certificate for 127.0.0.1 from it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Authority:
    """`ca_file` is what clients must trust; `certificate` holds a server's, and its key."""

    ca_file: Path
    certificate: Path


def make_authority(folder: Path, address: str = "127.0.0.1") -> Authority:
    """A new one each time; the server's certificate is for that address alone."""
    folder.mkdir(parents=True)
    key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Authority of {folder}"[-64:])])
    authority = _begun(name, name, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    server = _begun(x509.Name([]), name, server_key).add_extension(names, critical=True)
    made = Authority(folder / "ca.pem", folder / "server.pem")
    made.ca_file.write_bytes(authority.sign(key, hashes.SHA256()).public_bytes(PEM))
    private = server_key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made.certificate.write_bytes(server.sign(key, hashes.SHA256()).public_bytes(PEM) + private)
    return made


def authority_pem(name: str, until: datetime, *, is_authority: bool = True) -> str:
    """The certificate of an authority of that name, with a new key each time."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
    begun = _begun(subject, subject, key, until).add_extension(constraints, critical=True)
    return begun.sign(key, hashes.SHA256()).public_bytes(PEM).decode()


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    until: datetime | None = None,
) -> x509.CertificateBuilder:
    end = until or datetime.now(UTC) + timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=30))
        .not_valid_after(end)
    )
