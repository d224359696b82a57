"""The facts that a cluster reports: free resources, price, carbon, latencies and custom scores.

One format serves the service (`POST /facts/<cluster>`) and the command line (`--facts`).
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.documents.certificates import read_authority
from bot.documents.models.fleet import PricePart
from bot.documents.types import Moment, Name, Number, Part, Quantities
from planners.model import Price
from planners.model.snapshot import ReportedFacts

MAX_TENANTS, MAX_ISSUERS, MAX_SIGNALS = 100, 3, 200


def _authority(text: str) -> str:
    return read_authority(text).pem


Certificate = Annotated[str, AfterValidator(_authority)]
Level = Annotated[Number, Field(ge=0)]
Issued = Annotated[dict[Name, Certificate], Field(max_length=MAX_ISSUERS)]


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

    authorities: Annotated[dict[Name, Issued], Field(max_length=MAX_TENANTS)] = Field(
        default={},
        description="Certificates (PEM) of the authorities of tenants in the cluster, by tenant "
        "and issuer.",
    )

    demand: Annotated[dict[Name, Level], Field(max_length=MAX_SIGNALS)] = Field(
        default={},
        description="Demand that reaches the cluster, such as requests per second, by component or "
        "place; rules watch it.",
    )
    load: Annotated[dict[Name, Level], Field(max_length=MAX_SIGNALS)] = Field(
        default={},
        description="Utilisation of components on the cluster (1.0 is full); rules watch it.",
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
            authorities={
                tenant: {name: read_authority(each) for name, each in sorted(issued.items())}
                for tenant, issued in sorted(self.authorities.items())
            },
            demand=dict(sorted(self.demand.items())),
            load=dict(sorted(self.load.items())),
        )


def read_facts(documents: Mapping[str, object]) -> dict[str, ReportedFacts]:
    """Facts by cluster. Raises pydantic's ValidationError."""
    return {name: FactsReport.model_validate(each).value() for name, each in documents.items()}
