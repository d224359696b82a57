"""The facts that a cluster reports: free resources, prices, latencies, scores, addresses.

One format serves the service (`POST /facts/<cluster>`) and the command line (`--facts`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from bot.documents.certificates import read_authority
from bot.documents.models.fleet import PricePart
from bot.documents.types import Moment, Name, Number, Part, Quantities, invalid
from planners.model import Price
from planners.model.addresses import host_address
from planners.model.snapshot import ReportedFacts

MAX_TENANTS, MAX_ISSUERS, MAX_SIGNALS = 100, 3, 200
MAX_SERVICES, MAX_ADDRESSES = 1_000, 16
"""So many Services may have addresses, and each of them so many."""
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
)


def _authority(text: str) -> str:
    return read_authority(text).pem


def _is_address(text: str) -> bool:
    return host_address(text) is not None or _HOST_NAME.fullmatch(text) is not None


def _address(text: str) -> str:
    if not _is_address(text):
        raise invalid(
            f"invalid address {text!r}: expected the IP address of a host in its usual form, "
            f"neither loopback, link-local, multicast nor reserved, or a name with a domain"
        )
    return text


ServiceAddress = Annotated[str, AfterValidator(_address)]
Certificate = Annotated[str, AfterValidator(_authority)]
Level = Annotated[Number, Field(ge=0)]
Addresses = Annotated[list[ServiceAddress], Field(min_length=1, max_length=MAX_ADDRESSES)]
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

    addresses: dict[Name, dict[Name, Addresses]] = Field(
        default={},
        description="IP addresses or host names of Services of type LoadBalancer, by namespace and "
        "Service. Without it those that were reported before stay.",
    )

    @model_validator(mode="after")
    def _few_services(self) -> "FactsReport":
        found = sum(map(len, self.addresses.values()))
        if found > MAX_SERVICES or len(self.addresses) > MAX_SERVICES:
            raise invalid(f"`addresses` has {found} Services; at most {MAX_SERVICES} count")
        return self

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
            addresses={
                namespace: {name: tuple(sorted(set(each))) for name, each in sorted(found.items())}
                for namespace, found in sorted(self.addresses.items())
            },
        )


def addresses_of(services: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """The addresses in the status of Services of type LoadBalancer, as a report has them.

    Source: Kubernetes API, `LoadBalancerIngress`: an IP address or a host name. What no report can
    hold is left out.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for each in sorted(services, key=_place):
        balancer = each.get("status", {}).get("loadBalancer") or {}
        texts = [
            str(point.get("ip") or point.get("hostname") or "").lower()
            for point in balancer.get("ingress") or ()
        ]
        usable = sorted({text for text in texts if _is_address(text)})[:MAX_ADDRESSES]
        if usable and each["spec"].get("type") == "LoadBalancer":
            namespace, name = _place(each)
            found.setdefault(namespace, {})[name] = usable
        if sum(map(len, found.values())) == MAX_SERVICES:
            break
    return found


def _place(service: Mapping[str, Any]) -> tuple[str, str]:
    metadata = service["metadata"]
    return str(metadata.get("namespace", "")), str(metadata["name"])


def read_facts(documents: Mapping[str, object]) -> dict[str, ReportedFacts]:
    """Facts by cluster. Raises pydantic's ValidationError."""
    return {name: FactsReport.model_validate(each).value() for name, each in documents.items()}
