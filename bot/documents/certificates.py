"""Certificates of certification authorities, as clusters report them."""

from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from planners.model.trust import Authority

MAX_PEM = 16_384
MOST_REMEMBERED = 4_096


class CertificateError(ValueError):
    """It is not the certificate of a certification authority."""


@lru_cache(MOST_REMEMBERED)
def read_authority(text: str) -> Authority:
    """One certificate of an authority, in PEM; what is around it is dropped.

    Remembered: each pass of every application reads all facts.

    Raises:
        CertificateError: there is none, more than one, a private key, or it is no authority's
            (RFC 5280, section 4.2.1.9).
    """
    if len(text) > MAX_PEM:
        raise CertificateError(f"a certificate has at most {MAX_PEM} characters")
    if "PRIVATE KEY" in text:
        raise CertificateError("a private key: only the certificate may leave the cluster")
    try:
        (found,) = x509.load_pem_x509_certificates(text.encode())
        constraints = found.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise CertificateError(
            "not the certificate of an authority: no basic constraints"
        ) from None
    except (ValueError, UnicodeError):
        raise CertificateError("not exactly one certificate in PEM") from None
    if not constraints.ca:
        raise CertificateError("not the certificate of an authority: `CA` is false")
    pem = found.public_bytes(Encoding.PEM).decode()
    return Authority(pem, found.not_valid_after_utc)
