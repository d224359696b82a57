"""The clusters that this process can reach: those whose credentials are in a folder."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot.clusters.api import ClusterApi
from bot.clusters.connection import Connection
from bot.clusters.errors import ClusterError
from bot.clusters.kubeconfig import Credentials, read_kubeconfig


@dataclass(slots=True)
class Clusters:
    """One connection to each cluster that was asked for; `folder` holds the kubeconfig files.

    A file that changed is read again, so that credentials can be rotated while the service runs.
    `applied` is when everything was last applied to a cluster; losing it costs one repetition.
    """

    folder: Path | None = None
    applied: dict[str, datetime] = field(default_factory=dict)
    _open: dict[str, tuple[Credentials, ClusterApi]] = field(default_factory=dict)

    async def api(self, cluster: str) -> ClusterApi:
        """The API of a cluster.

        Raises:
            ClusterError: there are no credentials, or none that are accepted.
        """
        if self.folder is None:
            raise ClusterError(
                f"there are no credentials for {cluster}: set SWITCHYARD_CLUSTER_CREDENTIALS"
            )
        credentials = read_kubeconfig(self.folder / f"{cluster}.kubeconfig")
        known = self._open.get(cluster)
        if known is not None and known[0] == credentials:
            return known[1]
        await self._forget(cluster)
        api = ClusterApi(Connection(cluster, credentials))
        self._open[cluster] = (credentials, api)
        return api

    async def close(self) -> None:
        """Close all connections."""
        for each in list(self._open):
            await self._forget(each)

    async def _forget(self, cluster: str) -> None:
        known = self._open.pop(cluster, None)
        if known is not None:
            await known[1].connection.close()
