"""Brings a cluster's fluxConfigurations to what they should be: compare, then put or delete.

Every pass reads first and writes only what differs, so that an answer that was lost, a crash or a
second process costs one more read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.azure.connection import ArmConnection, connect
from bot.azure.errors import AzureRefusedError
from bot.clock import Clock
from bot.settings import AzureSettings
from planners.model import Json
from plugins import ApiObjects

BUSY = frozenset({"Creating", "Updating", "Deleting"})
FAILED = frozenset({"Canceled", "Failed"})
IMMUTABLE = ("scope", "namespace")


@dataclass(frozen=True, slots=True)
class Converged:
    """The configurations as they were read; `pending` names those that are not as they should be.

    `written` maps those that were put or deleted to which of both, `refused` those that cannot be
    brought there to why.
    """

    found: tuple[Mapping[str, Any], ...]
    pending: tuple[str, ...]
    written: Mapping[str, str]
    refused: Mapping[str, str]


@dataclass(slots=True)
class Azure:
    """Azure as the settings describe it; connected when it is first needed."""

    settings: AzureSettings
    clock: Clock
    connection: ArmConnection | None = None

    async def converge(self, wanted: ApiObjects) -> Converged:
        """See `converge`."""
        if self.connection is None:
            self.connection = connect(self.settings, self.clock)
        return await converge(self.connection, wanted)

    def close(self) -> None:
        """Let go of connections."""
        if self.connection is not None:
            self.connection.close()


async def converge(connection: ArmConnection, wanted: ApiObjects) -> Converged:
    """Put what differs, and delete what has the prefix and is not wanted.

    What Azure is still working on is left alone: a write would conflict with its operation. What it
    could not finish is put again.

    Raises:
        AzureError: the cluster cannot be read, or Azure cannot do the writes now.
    """
    found = await connection.list(wanted.cluster)
    pending = sorted(
        {name for name in found if _is_ours(name, wanted.prefix) and name not in wanted.objects}
        | {name for name, each in wanted.objects.items() if not _is_done(found.get(name), each)}
    )
    written: dict[str, str] = {}
    refused: dict[str, str] = {}
    for name in pending:
        actual = (found.get(name) or {}).get("properties") or {}
        if actual.get("provisioningState") in FAILED:
            refused[name] = f"Azure could not finish {name}: {actual.get('errorMessage')}"
        try:
            done = await _write(connection, wanted.cluster, name, actual, wanted.objects.get(name))
            written |= {name: done} if done else {}
        except AzureRefusedError as error:
            refused[name] = str(error)
    return Converged(tuple(found.values()), tuple(pending), written, refused)


async def _write(
    connection: ArmConnection,
    cluster: str,
    name: str,
    actual: Mapping[str, Any],
    wanted: Mapping[str, Json] | None,
) -> str:
    """What was done: `put`, `delete`, or nothing while Azure is busy with it."""
    if actual.get("provisioningState") in BUSY:
        return ""
    if wanted is None:
        await connection.delete(cluster, name)
        return "delete"
    for field in IMMUTABLE:
        if actual and actual.get(field) != wanted[field]:
            raise AzureRefusedError(
                f"fluxConfiguration {name} has {field} {actual.get(field)!r}, which Azure cannot "
                f"change to {wanted[field]!r}: delete it, and it is created again"
            )
    await connection.put(cluster, name, wanted)
    return "put"


def _is_ours(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}-")


def _is_done(found: Mapping[str, Any] | None, wanted: Mapping[str, Json]) -> bool:
    """Whether Azure has what is wanted, and did not fail to finish it."""
    actual = (found or {}).get("properties") or {}
    return actual.get("provisioningState") not in FAILED and _holds(actual, wanted)


def _holds(actual: object, wanted: object) -> bool:
    """Whether what Azure has contains all that is wanted; it adds defaults and its own fields.

    `kustomizations` must have no other keys: each one applies and prunes by itself.
    """
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(
            _holds(actual.get(key), value)
            and (key != "kustomizations" or _same_keys(actual, wanted))
            for key, value in wanted.items()
        )
    return actual == wanted


def _same_keys(actual: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    there, here = actual.get("kustomizations"), wanted["kustomizations"]
    return isinstance(there, Mapping) and there.keys() == here.keys()
