"""Connectivity intents: who calls whom, as an application team writes it, without mesh words."""

from dataclasses import dataclass, field
from enum import StrEnum

from planners.model.basics import FilePosition


class Protocol(StrEnum):
    """What is spoken on a port."""

    HTTP = "HTTP"
    GRPC = "GRPC"
    TCP = "TCP"
    TLS = "TLS"
    UDP = "UDP"

    @property
    def transport(self) -> str:
        """The transport protocol, as Services and NetworkPolicies name it."""
        return "UDP" if self is Protocol.UDP else "TCP"


class TlsMode(StrEnum):
    """Whether connections must be encrypted with the identities of both sides."""

    STRICT = "strict"
    PERMISSIVE = "permissive"
    NONE = "none"


def _in_application(component: str, application: str) -> str:
    return f"{application}/{component}" if application else component


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: exactly one of a component, a namespace of the same cluster, and a network.

    `application` is that of the component; empty: the one that declares the intent.
    """

    component: str = ""
    namespace: str = ""
    cidr: str = ""
    application: str = ""

    def __str__(self) -> str:
        if self.namespace:
            return f"namespace {self.namespace}"
        return _in_application(self.component, self.application) or self.cidr


@dataclass(frozen=True, slots=True)
class Callee:
    """What is called: a port of a component's Service, of a host, or of a network.

    `service` is empty for the only Service of the component, `port` (a number or a name) for the
    only port of the Service. `application` is as that of a `Caller`.
    """

    component: str = ""
    host: str = ""
    cidr: str = ""
    service: str = ""
    port: str = ""
    protocol: Protocol = Protocol.TCP
    application: str = ""

    def __str__(self) -> str:
        name = _in_application(self.component, self.application) or self.host or self.cidr
        return f"{name}:{self.port}" if self.port else name


@dataclass(frozen=True, slots=True)
class RequestRule:
    """Requests that are allowed: any of the methods (empty: all) on any of the paths (likewise).

    A path is exact, or a prefix that ends with `*`.
    """

    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class External:
    """The name under which a component is reached from outside, and the Secret with its key.

    `certificate` names a Secret of type kubernetes.io/tls in the clusters; empty: without TLS.
    """

    host: str
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class ConnectivityIntent:
    """`caller` may call `callee`, with these requests only (empty: all)."""

    caller: Caller
    callee: Callee
    allow: tuple[RequestRule, ...] = ()
    tls: TlsMode = TlsMode.PERMISSIVE
    external: External | None = None
    position: FilePosition = field(default=FilePosition("switchyard.yaml", 1, 1), compare=False)

    def __str__(self) -> str:
        return f"{self.caller} to {self.callee}"
