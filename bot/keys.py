"""Keys derived from a secret: of clusters (which sign reports), of the set-up page, of cookies.

A cluster that loses its key loses only its own voice; nothing needs to be stored.
"""

import hashlib
import hmac


def setup_key(marker_key: str) -> str:
    """What the set-up page's link holds: whoever has it may make the bot's App."""
    return hmac.new(marker_key.encode(), b"switchyard-setup", hashlib.sha256).hexdigest()


def session_key(marker_key: str) -> bytes:
    """The key of the cookies by which people stay signed in."""
    return hmac.new(marker_key.encode(), b"switchyard-session", hashlib.sha256).digest()


def cluster_key(report_key: str, cluster: str) -> bytes:
    """The key of one cluster, as 64 hexadecimal characters in ASCII."""
    message = f"switchyard-report:{cluster}".encode()
    return hmac.new(report_key.encode(), message, hashlib.sha256).hexdigest().encode()
