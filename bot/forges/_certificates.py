"""TLS certificates of forges: the trusted CAs, and the error for an untrusted certificate."""

import ssl
from functools import cache
from pathlib import Path

import httpx

from bot.forges._values import ForgeError


@cache
def ssl_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A context that trusts the system's CAs and those of a file; without one, httpx's default.

    Cached, because loading is slow and clients can share it.
    """
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    return context


def certificate_error(forge: str, error: BaseException) -> ForgeError | None:
    """The error for an untrusted certificate, if that is the cause of `error`."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ForgeError(
                f"{forge}'s certificate is not trusted ({cause.verify_message}); for a certificate "
                f"of your own CA, set SWITCHYARD_{forge.upper()}_CA_FILE"
            )
        cause = cause.__cause__ or cause.__context__
    return None
