"""Keys of clusters: each cluster signs its reports with a key of its own, derived from one secret.

A cluster that loses its key loses only its own voice; nothing needs to be stored.
"""

import hashlib
import hmac


def cluster_key(report_key: str, cluster: str) -> bytes:
    """The key of one cluster, as 64 hexadecimal characters in ASCII."""
    message = f"switchyard-report:{cluster}".encode()
    return hmac.new(report_key.encode(), message, hashlib.sha256).hexdigest().encode()
