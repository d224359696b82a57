"""The objects in which agents say how they fare, and the words in them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import structlog

from bot.clusters.api import ClusterApi
from bot.clusters.errors import UnknownKindError
from plugins import Agent, ReportError, WatchedKind, Word

log = structlog.get_logger()


async def read_watched(api: ClusterApi, kinds: Iterable[WatchedKind]) -> tuple[dict[str, Any], ...]:
    """The objects in which an agent says how it fares; none of kinds that are not served.

    Raises:
        ClusterError: the cluster cannot be read, or not by this account.
    """
    found: list[dict[str, Any]] = []
    for each in kinds:
        try:
            resource = await api.resource(each.api_version, each.kind)
        except UnknownKindError:
            continue
        found += (await api.list(resource, "", namespace=each.namespace)).items
    return tuple(found)


def words_in(agent: Agent, cluster: str, objects: Iterable[Mapping[str, Any]]) -> Iterator[Word]:
    """What objects say; malformed ones say nothing, and hide no others.

    Objects of one name are read together: some agents say one thing in several kinds.
    """
    by_name: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in objects:
        metadata = each["metadata"]
        by_name.setdefault((metadata.get("namespace", ""), metadata["name"]), []).append(each)
    for found in by_name.values():
        try:
            yield from agent.read(cluster, found)
        except ReportError as error:
            log.warning("object not understood", cluster=cluster, error=str(error))
