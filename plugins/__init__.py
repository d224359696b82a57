"""GitOps agents (Flux and others): how to configure what they pull, and how to parse their reports.

One file per agent, exporting `PLUGIN: Agent`. Pure: an agent that needs an API call returns it as
an Effect. Imports `planners` and `renderers`, never `bot`.
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
    """A report is malformed; the message says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of one component of one application on one cluster.

    `revision` is the full commit id on the deploy repo's branch that the report refers to; `at` is
    the time by the cluster's clock.
    """

    application: str
    unit: Unit
    revision: str
    readiness: Readiness
    message: str
    at: datetime


def signature_matches(signature: str, body: bytes, key: bytes) -> bool:
    """Whether `sha256=<hex>` (or sha512) is the HMAC of the exact bytes; constant time."""
    algorithm, _, received = signature.partition("=")
    digest = _DIGESTS.get(algorithm)
    if digest is None or not key:
        return False
    expected = hmac.new(key, body, digest).hexdigest()
    return hmac.compare_digest(expected.encode(), received.encode("utf-8", "replace"))


class Agent(Protocol):
    """The agent in a cluster that pulls what was merged; three roles, as in EMCO's rsync."""

    @property
    def name(self) -> str:
        """The value of a Cluster's `agent`."""

    def references(
        self, unit: Unit, application: str, namespace: str, objects_folder: str
    ) -> tuple[dict[str, Json], ...]:
        """The agent's own objects that configure it to pull a folder of the deploy repo.

        `namespace` is the tenant's; empty for the tenant set-up, which creates namespaces.
        """

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """Whether the signature over the exact bytes is valid, compared in constant time.

        `headers` has lower-case names. Never raises, whatever the headers contain.
        """

    def report(self, cluster: str, body: bytes) -> StatusReport | None:
        """Parse a verified report; None if it does not concern a unit of Switchyard.

        `cluster` is the one whose key verified it; no field of the body can override it.

        Raises:
            ReportError: the body does not have the agent's format.
        """
