"""Derives keys from configured secrets: for reports, the set-up page, sessions and tokens.

A leaked cluster key exposes only one purpose of that cluster, and the fleet repo revokes it alone
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


def token_key(marker_key: str) -> bytes:
    """The key of the hashes that are kept of people's tokens."""
    return hmac.new(marker_key.encode(), b"switchyard-token", hashlib.sha256).digest()


def agent_key(report_key: str, agent: str, cluster: str, generation: int = 1) -> bytes:
    """The key with which a cluster's agent signs its reports, or which it sends with them.

    64 hexadecimal characters in ASCII. Names of clusters and agents have no slash, so that no two
    purposes, clusters and generations share a key.
    """
    return _cluster_key(report_key, f"report/{agent}", cluster, generation)


def facts_key(report_key: str, cluster: str, generation: int = 1) -> bytes:
    """The key that signs the facts of a cluster."""
    return _cluster_key(report_key, "facts", cluster, generation)


def status_key(report_key: str, cluster: str, generation: int = 1) -> bytes:
    """The key that signs the status documents of a cluster."""
    return _cluster_key(report_key, "status", cluster, generation)


def _cluster_key(report_key: str, purpose: str, cluster: str, generation: int) -> bytes:
    message = f"switchyard/{purpose}/{cluster}/{generation}".encode()
    return hmac.new(report_key.encode(), message, hashlib.sha256).hexdigest().encode()
