"""The models of connectivity intents, and of the network facts of clusters."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from bot.documents import schema_rules as rules
from bot.documents.models.common import Part
from bot.documents.types import (
    ApplicationName,
    Cidr,
    HostAddress,
    HostPattern,
    LabelKey,
    LabelValue,
    Name,
    invalid,
)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
REQUESTS = ("HTTP", "GRPC")
MAX_PORT = 65535


def _port(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_PORT:
        return value
    if isinstance(value, str) and value and not value.isdigit():
        return value
    raise invalid(
        f"invalid port {value!r}; expected 1 to {MAX_PORT}, or the name of a Service's port"
    )


def _path(value: Any) -> str:
    """A path, or a prefix: no other use of `*`, whose meaning differs between meshes."""
    if isinstance(value, str) and value.startswith("/") and "*" not in value[:-1]:
        return value
    raise invalid(f"invalid path {value!r}; expected e.g. /status or /status/*")


PortPart = Annotated[
    int | str,
    BeforeValidator(_port),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_PORT},
                {"type": "string", "pattern": "[^0-9]"},
            ]
        }
    ),
]
RequestPath = Annotated[
    str, BeforeValidator(_path), WithJsonSchema({"type": "string", "pattern": r"^/[^*]*\*?$"})
]
CALLERS, CALLEES = ("component", "namespace", "cidr"), ("component", "host", "cidr")


def _exactly_one(part: Part, keys: tuple[str, ...]) -> None:
    if sum(bool(getattr(part, key)) for key in keys) != 1:
        raise invalid(f"exactly one of {', '.join(keys)} is required")


def _application_fits(part: "CallerPart | CalleePart") -> None:
    if part.application is not None and part.component is None:
        raise invalid("`application` is only valid with `component`")


class CallerPart(Part):
    """Who calls; exactly one key."""

    component: Name | None = Field(default=None, description="A component.")
    application: ApplicationName | None = Field(
        default=None,
        description="The registered application of the component. Default: this application.",
    )
    namespace: Name | None = Field(
        default=None, description="All pods of a namespace, on the cluster of the called component."
    )
    cidr: Cidr | None = Field(
        default=None, description="A network, such as 203.0.113.0/24; 0.0.0.0/0 is everybody."
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Exactly one caller."""
        return (
            rules.exactly_one(CALLERS),
            rules.needs(["application"], rules.given("component")),
        )

    @model_validator(mode="after")
    def _one_caller(self) -> "CallerPart":
        _exactly_one(self, CALLERS)
        _application_fits(self)
        return self

    @property
    def own(self) -> bool:
        """Whether it is a component of this application."""
        return self.component is not None and self.application is None


class CalleePart(Part):
    """What is called: a component, a host or a network, and its port."""

    component: Name | None = Field(default=None, description="A component.")
    application: ApplicationName | None = Field(
        default=None,
        description="The registered application of the component. Default: this application.",
    )
    host: HostPattern | None = Field(
        default=None, description="A host outside of the fleet, such as api.example.com."
    )
    cidr: Cidr | None = Field(default=None, description="A network outside of the fleet.")
    service: Name | None = Field(
        default=None, description="Service of the component. Default: its only Service."
    )
    port: PortPart | None = Field(
        default=None,
        description="Number or name of the Service's port, or the number of the host's port. "
        "Default: the only port of the Service.",
    )
    protocol: Literal["HTTP", "GRPC", "TCP", "TLS", "UDP"] = Field(
        default="TCP", description="What is spoken on the port."
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Exactly one callee; only components have Services."""
        return (
            rules.exactly_one(CALLEES),
            rules.needs(["application", "service"], rules.given("component")),
            {"if": rules.none_of("component"), "then": rules.given("port")},
        )

    @model_validator(mode="after")
    def _one_callee(self) -> "CalleePart":
        _exactly_one(self, CALLEES)
        _application_fits(self)
        if self.component is None and self.service is not None:
            raise invalid("`service` is only valid with `component`")
        if self.component is None and not isinstance(self.port, int):
            raise invalid("`port` must be a number where no component is called")
        return self

    @property
    def own(self) -> bool:
        """Whether it is a component of this application."""
        return self.component is not None and self.application is None


class RequestPart(Part):
    """Requests that are allowed."""

    methods: list[Literal[METHODS]] = Field(  # type: ignore[valid-type]
        default=[], description="Methods. Default: all."
    )
    paths: list[RequestPath] = Field(
        default=[], description="Paths, such as /status, or prefixes, such as /status/*."
    )


class ExternalPart(Part):
    """The name of a component for callers from outside."""

    host: HostPattern = Field(description="The host; one of the tenant's `hosts`.")
    certificate_ref: Name | None = Field(
        default=None,
        description="Secret of type kubernetes.io/tls with the key and certificate, which is in "
        "the clusters already. Default: without TLS.",
    )


class ConnectivityPart(Part):
    """Who may call whom."""

    caller: CallerPart = Field(alias="from", description="Who calls.")
    callee: CalleePart = Field(alias="to", description="What is called.")
    allow: list[RequestPart] = Field(
        default=[], description="Requests that are allowed. Default: all."
    )
    tls: Literal["strict", "permissive", "none"] = Field(
        default="permissive",
        description="Whether connections must be encrypted with the identities of both sides "
        "(`strict`), may be (`permissive`), or are not (`none`).",
    )
    external: ExternalPart | None = Field(
        default=None, description="The name for callers from outside; with `from.cidr` only."
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Names for the outside need callers from there."""
        return (rules.needs(["external"], {"properties": {"from": rules.given("cidr")}}),)

    @model_validator(mode="after")
    def _fits(self) -> "ConnectivityPart":
        if not self.callee.own and not self.caller.own:
            raise invalid("`from` or `to` must name a component of this application")
        if self.allow and self.callee.protocol not in REQUESTS:
            raise invalid(f"`allow` requires `to.protocol` {' or '.join(REQUESTS)}")
        if self.external is not None and self.caller.cidr is None:
            raise invalid("`external` requires `from.cidr`; 0.0.0.0/0 is everybody")
        if self.caller.component is None and not self.callee.own:
            raise invalid("only components may call what is not a component of this application")
        if self.external is not None and self.external.host.startswith("*"):
            raise invalid("`external.host` must be one host")
        return self


class GatewayPart(Part):
    """A gateway for traffic from other clusters."""

    address: HostAddress = Field(description="IP address or name at which other clusters reach it.")
    port: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Port of the gateway. Default: 15443, or 15008 with `istio-ambient`.",
    )
    namespace: Name = Field(default="istio-system", description="Namespace of its pods.")
    selector: dict[LabelKey, LabelValue] = Field(
        default={"istio": "eastwestgateway"}, description="Labels of its pods."
    )


class IngressPart(Part):
    """The way in from outside of the fleet."""

    address: HostAddress | None = Field(
        default=None,
        description="IP address or name at which clients reach it; plans show it beside the host.",
    )
    namespace: Name | None = Field(default=None, description="Namespace of the gateway's pods.")
    gateway_class: Name | None = Field(
        default=None, description="GatewayClass for Gateways of the Gateway API."
    )
    selector: dict[LabelKey, LabelValue] = Field(
        default={}, description="Labels of the pods of Istio's ingress gateway."
    )


class NetworkPart(Part):
    """What a cluster has that carries connections."""

    mesh: Literal["none", "istio", "istio-ambient", "linkerd"] = Field(
        default="none", description="The service mesh."
    )
    mesh_id: Name | None = Field(
        default=None,
        description="Clusters with the same one belong to one mesh. Default: a mesh of its own.",
    )
    network: Name | None = Field(
        default=None,
        description="Network of the cluster in its mesh (Istio: `topology.istio.io/network`).",
    )
    trust_domain: HostPattern = Field(
        default="cluster.local", description="Trust domain of the identities in its mesh."
    )
    east_west: GatewayPart | None = Field(
        default=None, description="The gateway for traffic from other clusters."
    )
    ingress: IngressPart | None = Field(
        default=None, description="The gateway for traffic from outside of the fleet."
    )
    cluster_set: Name | None = Field(
        default=None,
        description="ClusterSet in which the Multi-Cluster Services API exports Services.",
    )
    pod_ranges: list[Cidr] = Field(
        default=[],
        description="Networks from which connections of its pods come, as other clusters see them; "
        "policies there admit these as a whole if one of its pods may call.",
    )
    policies: Literal["networkpolicy", "clusternetworkpolicy"] = Field(
        default="networkpolicy",
        description="Which policies its network enforces: NetworkPolicies, or these and "
        "ClusterNetworkPolicies (`policy.networking.k8s.io/v1alpha2`).",
    )
    egress: Literal["none", "cilium", "ovn"] = Field(
        default="none", description="What controls connections to hosts outside of the fleet."
    )
    gateway_api: bool = Field(default=False, description="Whether the cluster has the Gateway API.")
