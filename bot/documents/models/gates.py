"""The models of declared gates: those of an application, and those of policies."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bot.documents import schema_rules as rules
from bot.documents.models.agents import part_of
from bot.documents.models.common import Part
from bot.documents.models.kinds import KindPart, with_kinds
from bot.documents.types import Duration, Name, SelectorPart, ServerAddress, TenantName, invalid
from bot.engine import discovery
from planners.model.gates import OVERRIDABLE

Action = Literal["install", "update", "rollback", "removal"]


@with_kinds(
    {name: (part_of(each.settings), each.summary) for name, each in discovery.gates().items()}
)
class GatePart(KindPart):
    """A gate: what has to pass before a wave merges, or after it before the next one does."""

    name: Name = Field(
        description=f"Name, by which it is overridden; {', '.join(OVERRIDABLE)} are reserved."
    )
    phase: Literal["before", "after"] = Field(
        description="`before`: asked when all other gates of the wave are open. `after`: asked "
        "when the wave is merged and ready; holds the next waves."
    )
    actions: Annotated[list[Action], Field(min_length=1)] = Field(
        default=["install", "update"],
        alias="on",
        description="What the wave does. Default: install and update.",
    )
    stages: list[Name] = Field(
        default=[], description="Stages whose waves it holds. Default: all; removals always."
    )
    timeout: Duration | None = Field(
        default=None, description="How long it may take to pass. Default: 30m."
    )
    on_timeout: Literal["hold", "fail"] = Field(
        default="hold",
        description="Without a result in time: go on waiting, or count as failed.",
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Exactly one kind; some names are reserved."""
        return (
            rules.exactly_one(list(cls.kinds())),
            {"not": rules.has("name", *OVERRIDABLE)},
        )

    @model_validator(mode="after")
    def _exactly_one(self) -> "GatePart":
        if len(self.chosen()) != 1:
            raise invalid(f"a gate must have exactly one of {', '.join(self.kinds())}")
        if self.name in OVERRIDABLE:
            raise invalid(f"gate name {self.name!r} is reserved")
        return self


class PolicyGatePart(GatePart):
    """A gate of the platform, for the waves of all applications or of those of some tenants."""

    clusters: SelectorPart | None = Field(
        default=None, description="Holds waves that change one of these. Default: all clusters."
    )
    tenants: list[TenantName] = Field(
        default=[], description="Tenants whose waves it holds. Default: every tenant."
    )


class GateServerPart(Part):
    """A server that gates may ask."""

    address: ServerAddress = Field(
        alias="at", description="Scheme, host and port, such as `https://checks.example.com`."
    )
    tenants: list[TenantName] = Field(
        default=[], description="Tenants whose gates may ask it. Default: every tenant."
    )
    private_network: bool = Field(
        default=False, description="Whether it may have an address in a private network."
    )
