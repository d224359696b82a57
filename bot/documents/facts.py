"""What a cluster reports of itself: free resources, price, carbon, latencies, other scores.

The same document serves the service (`POST /facts/<cluster>`) and the command line (`--facts`).
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from bot.documents.models.fleet import PricePart
from bot.documents.types import Moment, Name, Number, Part, Quantities
from planners.model import Price
from planners.model.snapshot import ReportedFacts


class FactsReport(Part):
    """What one cluster measured."""

    at: Moment = Field(description="When, by the cluster's clock (RFC 3339).")
    free: Quantities = Field(default={}, description="Unrequested resources, by name.")
    price: PricePart | None = Field(default=None, description="What an hour costs now.")
    carbon: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Grams of CO2 per kWh now."
    )
    latency: dict[Name, Annotated[Number, Field(ge=0)]] = Field(
        default={}, description="Milliseconds (round trip) to places of users, by their names."
    )
    scores: dict[Name, Annotated[Number, Field(ge=0, le=100)]] = Field(
        default={}, description="Scores of your own, `reported/<name>` in an intent's `prefer`."
    )

    def value(self) -> ReportedFacts:
        """As the planners know it."""
        price = Price(self.price.cpu_hour, self.price.memory_gib_hour) if self.price else None
        return ReportedFacts(
            at=self.at,
            free=dict(sorted(self.free.items())),
            price=price,
            carbon=self.carbon,
            latency=dict(sorted(self.latency.items())),
            scores=dict(sorted(self.scores.items())),
        )


def read_facts(documents: Mapping[str, object]) -> dict[str, ReportedFacts]:
    """Facts by cluster. Raises pydantic's ValidationError."""
    return {name: FactsReport.model_validate(each).value() for name, each in documents.items()}
