"""GitOps agents (Flux and others): how to configure what they pull, and how to parse their reports.

One file per agent, exporting `PLUGIN: Agent`. Pure: an agent that needs an API call returns it as
an Effect. Imports `planners` and `renderers`, never `bot`. `docs/guides/write-an-agent-plugin.md`
explains how to add one.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from planners.model import AgentSettings, Json, Readiness
from renderers.agents import ClusterTarget, References, Target
from renderers.inventory import ApplyUnit, DesiredState

MAX_BODY_BYTES = 256 * 1024
MAX_MESSAGE_LENGTH = 500
_DIGESTS = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_COMMIT = re.compile(r"(?:[^@]*@)?sha1:([0-9a-f]{40})|(?:.*/)?([0-9a-f]{40})")


class ReportError(ValueError):
    """A report is malformed; the message says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class ApiObjects:
    """What the agent of a cluster is configured with at a provider's API, by name.

    `cluster` is the cluster's id there. `prefix`, alone or followed by a hyphen, begins the names
    of all objects that Switchyard has there; those that are not listed are deleted.
    """

    provider: str
    cluster: str
    objects: Mapping[str, Mapping[str, Json]]
    prefix: str


@dataclass(frozen=True, slots=True)
class Word:
    """What an agent says about one component of one application on one cluster.

    Without an `application` it is about the cluster as a whole, such as that it cannot fetch the
    deploy repo; `component` then names the agent's part. `revision` is the full commit id on the
    deploy repo's branch; it is empty where the agent names none, which counts for the newest change
    and is never READY. `at` is the time by the agent's clock.
    """

    cluster: str
    application: str
    component: str
    revision: str
    readiness: Readiness
    message: str
    at: datetime

    @property
    def is_about_cluster(self) -> bool:
        """Whether it is about the cluster as a whole."""
        return not self.application


def signature_matches(signature: str, body: bytes, key: bytes) -> bool:
    """Whether `sha256=<hex>` (or sha512) is the HMAC of the exact bytes; constant time."""
    algorithm, _, received = signature.partition("=")
    digest = _DIGESTS.get(algorithm)
    if digest is None or not key:
        return False
    expected = hmac.new(key, body, digest).hexdigest()
    return hmac.compare_digest(expected.encode(), received.encode("utf-8", "replace"))


def bearer_matches(authorization: str, key: bytes) -> bool:
    """Whether `Bearer <key>` is the key itself, for senders that cannot sign; constant time."""
    scheme, _, token = authorization.partition(" ")
    received = token.strip().encode("utf-8", "replace")
    return bool(key) and scheme.lower() == "bearer" and hmac.compare_digest(key, received)


def json_object(body: bytes) -> dict[str, Any]:
    """A body as a JSON object.

    Raises:
        ReportError: it is too large, no JSON, nested too deeply, or no object.
    """
    if len(body) > MAX_BODY_BYTES:
        raise ReportError(f"the report is larger than {MAX_BODY_BYTES} bytes")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReportError("the report is not JSON") from error
    if not isinstance(found, dict):
        raise ReportError("the report is not a JSON object")
    return found


def time_of(text: object) -> datetime:
    """A time in RFC 3339.

    Raises:
        ReportError: it is none, or has no time zone.
    """
    try:
        found = datetime.fromisoformat(str(text))
        found.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise ReportError("the report has no timestamp (RFC 3339)") from error
    if found.tzinfo is None:
        raise ReportError("the report's timestamp has no time zone")
    return found


def commit_of(revision: object) -> str:
    """The commit in `<id>`, `main@sha1:<id>` or `main/<id>`; empty if there is none."""
    match = _COMMIT.fullmatch(str(revision)) if isinstance(revision, str) else None
    return (match[1] or match[2]) if match else ""


class Agent(References, Protocol):
    """The agent in a cluster that pulls what was merged; three roles, as in EMCO's rsync.

    - Resources: the folders of `renderers.layout` are the same for every agent; `refusals` says
      what it cannot deliver from there.
    - References: the agent's own objects (`renderers.agents.References`).
    - Status: `verify` and `report` for agents that push, `read` for those whose objects are read.
    """

    @property
    def name(self) -> str:
        """The value of a Cluster's `agent`."""

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """Whether the key signed the exact bytes, or is the bearer token; constant time.

        `headers` has lower-case names. Never raises, whatever the headers contain.
        """

    def report(self, speaker: str, body: bytes) -> tuple[Word, ...]:
        """Parse a verified report; empty if it does not concern a unit of Switchyard.

        `speaker` is the cluster whose key verified it. What it says about other clusters counts
        only for those whose Cluster document names it as their hub; the caller checks that.

        Raises:
            ReportError: the body does not have the agent's format.
        """

    def read(self, speaker: str, objects: Iterable[Mapping[str, Json]]) -> tuple[Word, ...]:
        """The words in the agent's own objects, as its API server returns them.

        Objects of one name and namespace are given together. Those of other kinds, and those
        without a status, say nothing.
        """


@dataclass(frozen=True, slots=True)
class WatchedKind:
    """A kind of objects in which an agent says how it fares, and the namespace where they are."""

    api_version: str
    kind: str
    namespace: str


@runtime_checkable
class Watched(Protocol):
    """The further part of an agent whose objects Switchyard can read from an API server."""

    def watched(self, settings: AgentSettings) -> tuple[WatchedKind, ...]:
        """What to give to `read`: the kinds of objects on a cluster with these settings."""


@runtime_checkable
class AppliesUnits(Protocol):
    """The further part of an agent that is Switchyard itself: no program in the cluster pulls."""

    def effects(
        self, desired: DesiredState, objects: Iterable[Mapping[str, Json]]
    ) -> tuple[ApplyUnit, ...]:
        """What to apply and to remove on a cluster with these objects, so that it is as desired.

        Empty where everything is; performed after the merge, and safe to repeat.
        """

    def words(
        self, cluster: str, objects: Iterable[Mapping[str, Json]], now: datetime
    ) -> tuple[Word, ...]:
        """What a cluster with these objects says at `now`."""


@runtime_checkable
class ApiAgent(Agent, Protocol):
    """An agent that is configured through its provider's API, and read there."""

    def api_objects(self, target: ClusterTarget, units: Iterable[Target]) -> ApiObjects:
        """What a cluster should have there; `units` are what is merged for it.

        A cluster for which nothing is merged has none of it.
        """
