"""The model of channels that tell people about rollouts."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bot.documents.models.common import Part
from bot.documents.types import ApplicationName, Name, TenantName, invalid
from bot.engine import discovery
from bot.notify import Address
from planners.model.fleet import NotifiedChannel

KINDS = "; ".join(f"`{name}`: {each.summary}" for name, each in discovery.channels().items())


class NotifyPart(Part):
    """A channel, and what it tells. Its secret is in the settings, by the name of the channel."""

    channel: Name = Field(description="Name, as in `SWITCHYARD_NOTIFY_SECRETS`.")
    kind: str = Field(description=f"{KINDS}.", json_schema_extra={"enum": [*discovery.channels()]})
    events: Annotated[list[Literal["needs", "failures", "ends"]], Field(min_length=1)] = Field(
        description="`needs`: a wave waits for people; `failures`: a cluster failed or fell "
        "silent, or a rollback began; `ends`: a rollout or rollback is ready everywhere."
    )
    to: list[str] = Field(
        default=[],
        description="Whom it tells: the ID of a conversation in Slack, or addresses of e-mail.",
    )
    sender: str = Field(default="", description="Address from which e-mail comes.")
    tenants: list[TenantName] = Field(
        default=[], description="Whose rollouts. Default: of all tenants."
    )
    applications: list[ApplicationName] = Field(
        default=[], description="Which of their applications. Default: all."
    )
    private_network: bool = Field(
        default=False, description="Whether its server may have an address in a private network."
    )

    @model_validator(mode="after")
    def _of_its_kind(self) -> "NotifyPart":
        kinds = discovery.channels()
        if self.kind not in kinds:
            raise invalid(f"unknown kind of channel {self.kind!r}: one of {', '.join(kinds)}")
        if defect := kinds[self.kind].defect(Address(tuple(self.to), self.sender)):
            raise invalid(f"channel {self.channel!r}: {defect}")
        return self

    def value(self) -> NotifiedChannel:
        """The channel."""
        return NotifiedChannel(
            name=self.channel,
            kind=self.kind,
            events=frozenset(self.events),
            to=tuple(self.to),
            sender=self.sender,
            tenants=tuple(self.tenants),
            applications=tuple(self.applications),
            private_network=self.private_network,
        )
