"""Derives keys from configured secrets: for cluster reports, the set-up page and session cookies.

A leaked cluster key exposes only the reports of that cluster, and the fleet repo revokes it alone
by a new generation. No derived key is stored.
"""

import hashlib
import hmac


def setup_key(marker_key: str) -> str:
    """The token in the link to the set-up page; its holder can create the bot's GitHub App."""
    return hmac.new(marker_key.encode(), b"switchyard-setup", hashlib.sha256).hexdigest()


def session_key(marker_key: str) -> bytes:
    """The key that signs session cookies."""
    return hmac.new(marker_key.encode(), b"switchyard-session", hashlib.sha256).digest()


def cluster_key(report_key: str, cluster: str, generation: int = 1) -> bytes:
    """The key that signs the reports of one cluster: 64 hexadecimal characters in ASCII.

    The name of a cluster has no colon, so that no two clusters and generations share a key.
    """
    later = f":{generation}" if generation > 1 else ""
    message = f"switchyard-report:{cluster}{later}".encode()
    return hmac.new(report_key.encode(), message, hashlib.sha256).hexdigest().encode()
