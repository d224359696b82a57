"""The facts that a cluster reports: free resources, price, carbon, latencies and custom scores.

One format serves the service (`POST /facts/<cluster>`) and the command line (`--facts`).
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from bot.documents.models.fleet import PricePart
from bot.documents.types import Moment, Name, Number, Part, Quantities
from planners.model import Price
from planners.model.snapshot import ReportedFacts


class FactsReport(Part):
    """The measurements of one cluster."""

    at: Moment = Field(description="Time of measurement by the cluster's clock (RFC 3339).")
    free: Quantities = Field(
        default={}, description="Resources that no workload requests, by name."
    )
    price: PricePart | None = Field(default=None, description="Current hourly prices.")
    carbon: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Current carbon intensity, in grams of CO2 per kWh."
    )
    latency: dict[Name, Annotated[Number, Field(ge=0)]] = Field(
        default={}, description="Round-trip time to user locations in milliseconds, by name."
    )
    scores: dict[Name, Annotated[Number, Field(ge=0, le=100)]] = Field(
        default={}, description="Custom scores, used as `reported/<name>` in `prefer`."
    )

    def value(self) -> ReportedFacts:
        """The value of the planners' model."""
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
