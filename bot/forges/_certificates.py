"""Whose certificates a forge may show, and what to say of others."""

import ssl
from functools import cache
from pathlib import Path

import httpx

from bot.forges._values import ForgeError


@cache
def ssl_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """The system's authorities and those of a file; without one, those that httpx knows.

    Read once: it takes long, and clients may share it.
    """
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    return context


def certificate_error(forge: str, error: BaseException) -> ForgeError | None:
    """What to tell when a certificate that is not trusted is behind an error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ForgeError(
                f"{forge}'s certificate is not trusted ({cause.verify_message}); if it is of your "
                f"own authority, set SWITCHYARD_{forge.upper()}_CA_FILE"
            )
        cause = cause.__cause__ or cause.__context__
    return None
