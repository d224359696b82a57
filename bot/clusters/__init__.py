"""API servers of clusters that Switchyard reads or writes; the only door to `kubernetes`.

`kubeconfig` and `in_cluster` read credentials, `connection` sends requests, `api` speaks the
protocol, `units` applies and prunes the objects of one unit, `watch` follows objects, and `watched`
reads those of agents. No decision is taken here: what is applied, where and when comes as data.
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
from bot.clusters.in_cluster import in_cluster_credentials
from bot.clusters.known import Clusters
from bot.clusters.kubeconfig import Credentials, read_kubeconfig
from bot.clusters.watched import read_watched, words_in

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
    "in_cluster_credentials",
    "read_kubeconfig",
    "read_watched",
    "words_in",
]
