"""KNOWS ONE AGENT: how Flux, Argo CD, ... are told what to pull, and how their reports read.

One file per agent, exporting `PLUGIN: Agent`. Pure: an agent that needs an API call returns it as
an Effect. Imports `planners.model`, `renderers` and nothing of the shell.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from planners.model import Json, Readiness, Unit

_DIGESTS = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


class ReportError(ValueError):
    """A report that cannot be read; the text says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What one cluster said about one component of one application.

    `revision` is the full commit id of the deploy repo's branch that the cluster speaks about;
    `at` is the time by the cluster's clock.
    """

    application: str
    unit: Unit
    revision: str
    readiness: Readiness
    message: str
    at: datetime


def signed(signature: str, body: bytes, key: bytes) -> bool:
    """Whether `sha256=<hex>` (or sha512) is the HMAC of the exact bytes, in constant time."""
    algorithm, _, given = signature.partition("=")
    digest = _DIGESTS.get(algorithm)
    if digest is None or not key:
        return False
    expected = hmac.new(key, body, digest).hexdigest()
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


class Agent(Protocol):
    """What runs in a cluster and pulls what was merged; three roles, as in EMCO's rsync."""

    @property
    def name(self) -> str:
        """The value of a Cluster's `agent`."""

    def references(
        self, unit: Unit, application: str, namespace: str, objects_folder: str
    ) -> tuple[dict[str, Json], ...]:
        """The agent's own objects that make it pull that folder of the deploy repo.

        `namespace` is the tenant's; empty for a tenant's own set-up, which makes namespaces.
        """

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """Whether the signature over the exact bytes is right, compared in constant time.

        `headers` has lower-case names. Never raises, whatever the headers hold.
        """

    def report(self, cluster: str, body: bytes) -> StatusReport | None:
        """Read a verified report; None for one that says nothing about a unit of ours.

        `cluster` is the one whose key verified it: no field of the body can change it.

        Raises:
            ReportError: the body is not what this agent sends.
        """
