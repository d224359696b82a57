"""What the carriers of entries from outside share: what enters, by which name, what is refused."""

from collections.abc import Callable, Iterable

from planners.model import Json
from planners.model.connectivity import External, Protocol, TlsMode
from renderers.connections import (
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Need,
    RangeClient,
)

ENTERED = frozenset({Protocol.HTTP, Protocol.GRPC, Protocol.TLS})


def met(connection: Connection) -> frozenset[Need]:
    """The entry, and the requests that routes let through to a server that admits no others."""
    requests = {Need.REQUESTS} if connection.intent.allow else set[Need]()
    return frozenset({Need.ENTRY} | requests)


def by_service(
    unit: ConnectedUnit, enters: Callable[[Connection], bool]
) -> Iterable[list[Connection]]:
    """The connections that enter, of each called Service."""
    found: dict[tuple[str, str], list[Connection]] = {}
    for each in unit.serves:
        if enters(each):
            service = server_of(each).service
            found.setdefault((service.namespace, service.service), []).append(each)
    return found.values()


def derived(item: dict[str, Json], connections: Iterable[Connection]) -> DerivedObject:
    """An object that comes from these connections."""
    return DerivedObject(item, tuple(dict.fromkeys(each.intent for each in connections)))


def external_of(connection: Connection) -> External:
    """The name of an entry from outside."""
    external = connection.intent.external
    assert external is not None
    return external


def server_of(connection: Connection) -> ComponentServer:
    """The server of an entry from outside."""
    assert isinstance(connection.server, ComponentServer)
    return connection.server


def spoken(connection: Connection) -> str:
    """What a gateway speaks with callers: HTTP, HTTPS, or TLS that it passes on."""
    if connection.protocol is Protocol.TLS:
        return "TLS"
    return "HTTPS" if external_of(connection).certificate else "HTTP"


def unsupported(connection: Connection) -> str:
    """Why no gateway offers this entry; empty if one can."""
    certificate, is_passed_on = external_of(connection).certificate, spoken(connection) == "TLS"
    if connection.protocol not in ENTERED:
        return "an external host requires `to.protocol` HTTP, GRPC or TLS"
    if is_passed_on and certificate:
        return "with `to.protocol: TLS` the component has the certificate: drop `certificateRef`"
    if connection.intent.tls is TlsMode.STRICT and not (certificate or is_passed_on):
        return "set `external.certificateRef`, as `tls: strict` asks callers for certificates"
    return ""


def indistinct(connection: Connection, *, sees_callers: bool) -> str:
    """Why a gateway there does not tell the declared callers from others; empty if it does."""
    client = connection.client
    assert isinstance(client, RangeClient)
    if client.is_everybody or sees_callers:
        return ""
    return f"no gateway there tells callers from {client.cidr} from others; use 0.0.0.0/0"
