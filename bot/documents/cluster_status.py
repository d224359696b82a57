"""The status document of a cluster: what runs there and the cluster's facts, at a time.

One format for every way on which it travels: `POST /status/<cluster>`, a branch, or a bucket.
"""

from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from bot.documents.facts import FactsReport
from bot.documents.models.common import Version
from bot.documents.types import Moment, Name, Part, invalid
from planners.model import Readiness
from plugins import MAX_MESSAGE_LENGTH, ReportError, Word, json_object

MOST_UNITS = 2_000
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
    facts: FactsReport | None = Field(default=None, description="The cluster's facts.")

    def words(self) -> tuple[Word, ...]:
        """What it says about each component."""
        return tuple(
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
        )


def read_cluster_status(body: bytes) -> ClusterStatus:
    """Parse a document.

    Raises:
        ReportError: it is not JSON, too large or nested too deeply, or has a mistake.
    """
    try:
        return ClusterStatus.model_validate(json_object(body))
    except ValidationError as error:
        raise ReportError(str(error)[:MOST_CHARACTERS]) from error
