"""Derives keys from configured secrets: for cluster reports, the set-up page and session cookies.

A leaked cluster key exposes only the reports of that cluster. No derived key is stored.
"""

import hashlib
import hmac


def setup_key(marker_key: str) -> str:
    """The token in the link to the set-up page; its holder can create the bot's GitHub App."""
    return hmac.new(marker_key.encode(), b"switchyard-setup", hashlib.sha256).hexdigest()


def session_key(marker_key: str) -> bytes:
    """The key that signs session cookies."""
    return hmac.new(marker_key.encode(), b"switchyard-session", hashlib.sha256).digest()


def cluster_key(report_key: str, cluster: str) -> bytes:
    """The key that signs the reports of one cluster: 64 hexadecimal characters in ASCII."""
    message = f"switchyard-report:{cluster}".encode()
    return hmac.new(report_key.encode(), message, hashlib.sha256).hexdigest().encode()
