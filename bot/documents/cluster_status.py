"""The status document of a cluster: what runs there and the cluster's facts, at a time.

One format for every way on which it travels: `POST /status/<cluster>`, a branch, or a bucket.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from bot.documents.facts import FactsReport
from bot.documents.models.common import Version
from bot.documents.types import Moment, Name, Part, invalid
from planners.model import Readiness
from plugins import MAX_BODY_BYTES, MAX_MESSAGE_LENGTH, ReportError, Word, json_object

VERSION = "switchyard.dev/v1alpha1"
MOST_UNITS, MOST_PARTS = 2_000, 50
MOST_CHARACTERS = 500
FILE, SIGNATURE = "status.json", "status.json.sig"
"""The files of a branch: the document, and its signature."""
BUCKET_PREFIX, BUCKET_SUFFIX, SIGNATURE_NAME = "status/", ".json", "signature"
"""The key of an object is `status/<cluster>.json`; its metadata of that name is the signature."""

Commit = Annotated[str, Field(pattern=r"^([0-9a-f]{40})?$")]


class UnitStatus(Part):
    """One component of an application."""

    application: Name = Field(description="Name of the application.")
    component: Name = Field(description="Name of the component.")
    revision: Commit = Field(
        default="",
        description="The full id of the deploy repo's commit. Default: unknown, for a failure of "
        "the newest change.",
    )
    readiness: Literal["READY", "PROGRESSING", "STALLED"] = Field(description="State there.")
    message: Annotated[str, Field(max_length=MAX_MESSAGE_LENGTH)] = Field(
        default="", description="What the agent says, for people."
    )

    @model_validator(mode="after")
    def _ready_at_a_commit(self) -> "UnitStatus":
        if self.readiness == "READY" and not self.revision:
            raise invalid("a component that is READY needs a `revision`")
        return self


class AgentPartStatus(Part):
    """A part of the agent that serves all components, such as what fetches the deploy repo."""

    part: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,63}$")] = Field(
        description="What the agent calls it."
    )
    readiness: Literal["READY", "PROGRESSING", "STALLED"] = Field(description="State there.")
    message: Annotated[str, Field(max_length=MAX_MESSAGE_LENGTH)] = Field(
        default="", description="What the agent says, for people."
    )


class ClusterStatus(Part):
    """The state of a cluster at a time."""

    api_version: Version
    kind: Literal["ClusterStatus"] = Field(description="The kind of document.")
    cluster: Name = Field(description="Name of the cluster, as in the fleet repo.")
    at: Moment = Field(description="Time of the state by the cluster's clock (RFC 3339).")
    sequence: Annotated[int, Field(ge=1, lt=2**63)] = Field(
        description="A number that grows with each document of the cluster."
    )
    units: Annotated[list[UnitStatus], Field(max_length=MOST_UNITS)] = Field(
        default=[], description="What runs there."
    )
    agent: Annotated[list[AgentPartStatus], Field(max_length=MOST_PARTS)] = Field(
        default=[], description="How the agent itself fares."
    )
    facts: FactsReport | None = Field(default=None, description="The cluster's facts.")

    def words(self) -> tuple[Word, ...]:
        """What it says about the agent, and about each component."""
        parts = [
            Word(self.cluster, "", each.part, "", Readiness(each.readiness), each.message, self.at)
            for each in self.agent
        ]
        units = [
            Word(
                self.cluster,
                each.application,
                each.component,
                each.revision,
                Readiness(each.readiness),
                each.message,
                self.at,
            )
            for each in self.units
        ]
        return (*parts, *units)


def read_cluster_status(body: bytes) -> ClusterStatus:
    """Parse a document.

    Raises:
        ReportError: it is not JSON, too large or nested too deeply, or has a mistake.
    """
    try:
        return ClusterStatus.model_validate(json_object(body))
    except ValidationError as error:
        raise ReportError(str(error)[:MOST_CHARACTERS]) from error


def write_cluster_status(
    cluster: str,
    words: Iterable[Word],
    now: datetime,
    addresses: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
) -> bytes:
    """The document of what an agent says now; of other clusters, which a hub may have, nothing.

    Its number is the time in seconds, which grows without being kept anywhere. What no document can
    hold is left out: READY without a commit, names that are none of Switchyard's; and messages,
    where the whole would be too large: first those of components that are READY, then all.
    `addresses` are those of Services; None: it says nothing of them.
    """
    told = [each for each in words if each.cluster == cluster]
    parts = [_part(each) for each in told if each.is_about_cluster]
    units = [_unit(each) for each in told if not each.is_about_cluster]
    value: dict[str, Any] = {
        "apiVersion": VERSION,
        "kind": "ClusterStatus",
        "cluster": cluster,
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "sequence": int(now.timestamp()),
        "agent": [each for each in parts if _fits(AgentPartStatus, each)][:MOST_PARTS],
        "units": [each for each in units if _fits(UnitStatus, each)][:MOST_UNITS],
    }
    if addresses is not None:
        value["facts"] = {"at": value["at"], "addresses": addresses}
    body = json.dumps(value).encode()
    for silent in ({"READY"}, {"READY", "PROGRESSING", "STALLED"}):
        if len(body) <= MAX_BODY_BYTES:
            break
        for each in value["units"]:
            if each["readiness"] in silent:
                each.pop("message", None)
        body = json.dumps(value).encode()
    return body


def _part(word: Word) -> dict[str, str]:
    return {"part": word.component, "readiness": word.readiness.value, "message": word.message}


def _unit(word: Word) -> dict[str, str]:
    return {
        "application": word.application,
        "component": word.component,
        "revision": word.revision,
        "readiness": word.readiness.value,
        "message": word.message,
    }


def _fits(model: type[Part], value: dict[str, str]) -> bool:
    try:
        model.model_validate(value)
    except ValidationError:
        return False
    return True
