"""API servers of clusters that Switchyard reads or writes; the only door to `kubernetes`.

`kubeconfig` reads credentials, `connection` sends requests, `api` speaks the protocol, `units`
applies and prunes the objects of one unit, and `watch` follows objects. No decision is taken here:
what is applied, where and when comes as data.
"""

from bot.clusters.api import ClusterApi
from bot.clusters.connection import Connection
from bot.clusters.errors import (
    ApiUnavailableError,
    ClusterError,
    ExpiredError,
    ForbiddenError,
    ObjectNotFoundError,
    OwnershipError,
    UnknownKindError,
    WriteConflictError,
)
from bot.clusters.known import Clusters
from bot.clusters.kubeconfig import Credentials, read_kubeconfig

__all__ = [
    "ApiUnavailableError",
    "ClusterApi",
    "ClusterError",
    "Clusters",
    "Connection",
    "Credentials",
    "ExpiredError",
    "ForbiddenError",
    "ObjectNotFoundError",
    "OwnershipError",
    "UnknownKindError",
    "WriteConflictError",
    "read_kubeconfig",
]
