"""The pods, Services and ports in the objects of a component: what connections begin and end at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from planners.model import Json
from planners.model.connectivity import Callee
from renderers.connections import Labels, PodSet, ServicePort
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.metadata import group_of, name_of, namespace_of
from renderers.kubernetes.pod_templates import pod_templates


class EndpointError(Exception):
    """A component has no such pods, Service or port; the message says what it has."""


@dataclass(frozen=True, slots=True)
class _Pods:
    """The pods of one workload with the ports of their containers, by name."""

    pods: PodSet
    labels: Mapping[str, Json]
    ports: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What one variant of a component has to connect."""

    component: str
    workloads: tuple[_Pods, ...]
    services: tuple[Mapping[str, Json], ...]
    namespace: str

    @classmethod
    def of(
        cls, component: str, objects: Sequence[Mapping[str, Json]], namespace: str
    ) -> "Endpoints":
        """The endpoints in objects; `namespace` is that of objects that state none."""
        return cls(
            component,
            tuple(each for item in objects for each in _workloads(item, namespace)),
            tuple(each for each in objects if (group_of(each), each.get("kind")) == _SERVICE),
            namespace,
        )

    @property
    def pods(self) -> tuple[PodSet, ...]:
        """All its pods, each once.

        Raises:
            EndpointError: there are none, or labels do not select them.
        """
        if not self.workloads:
            raise EndpointError(f"component {self.component} has no workload with pods")
        return _distinct(self.workloads)

    def port(self, callee: Callee) -> tuple[ServicePort, tuple[PodSet, ...]]:
        """The called port, and the pods behind it.

        Raises:
            EndpointError: there is no such Service or port, or the intent does not say which.
        """
        service = self._service(callee.service)
        name, namespace = name_of(service), namespace_of(service) or self.namespace
        spec = mapping(service.get("spec"))
        port = _port(name, spec, callee)
        selector = mapping(spec.get("selector"))
        behind = [
            each
            for each in self.workloads
            if each.pods.namespace == namespace and selector.items() <= dict(each.labels).items()
        ]
        if not selector or not behind:
            raise EndpointError(self._selects_nothing(name, selector))
        return (
            ServicePort(
                service=name,
                namespace=namespace,
                selector=_labels(selector),
                port=_number(port.get("port")),
                name=str(port.get("name") or ""),
                transport=str(port.get("protocol") or "TCP"),
                targets=tuple(sorted(set(_targets(name, port, behind)))),
                headless=spec.get("clusterIP") == "None",
                exposed=_is_exposed(spec),
            ),
            _distinct(behind),
        )

    def _selects_nothing(self, service: str, selector: Mapping[str, Json]) -> str:
        has = " or ".join(_written(each.labels) for each in self.workloads) or "none"
        asks = f"asks for {_written(selector)}" if selector else "is empty"
        return (
            f"Service/{service} selects no pods of component {self.component}: correct its "
            f"selector, which {asks}; labels of the pods: {has}"
        )

    def _service(self, wanted: str) -> Mapping[str, Json]:
        known = [name_of(each) for each in self.services]
        has = ", ".join(sorted(known)) or "none"
        if not wanted and len(known) != 1:
            raise EndpointError(
                f"component {self.component} has {len(known)} Services ({has}): set `to.service`"
                if known
                else f"component {self.component} has no Service: add one"
            )
        found = [each for each in self.services if name_of(each) == (wanted or known[0])]
        if len(found) != 1:
            problem = "no" if not found else "several"
            raise EndpointError(
                f"component {self.component} has {problem} Service {wanted!r}; it has {has}"
            )
        return found[0]


_SERVICE = ("", "Service")


def _is_exposed(spec: Mapping[str, Json]) -> bool:
    """Whether others than its cluster reach it, with the address that they have.

    Source: Kubernetes documentation, "Create an External Load Balancer", "Preserving the client
    source IP": with `externalTrafficPolicy: Cluster` the pods see an address of a node.
    """
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _port(service: str, spec: Mapping[str, Json], callee: Callee) -> Mapping[str, Json]:
    every = [mapping(each) for each in _items(spec.get("ports"))]
    has = ", ".join(_described(each) for each in every) or "none"
    if not callee.port:
        if len(every) != 1:
            raise EndpointError(f"Service/{service} has {len(every)} ports ({has}): set `to.port`")
        found = every
    else:
        found = [each for each in every if callee.port in {str(each.get("port")), each.get("name")}]
        found = [
            each for each in found if (each.get("protocol") or "TCP") == callee.protocol.transport
        ] or found
    if not found:
        raise EndpointError(f"Service/{service} has no port {callee.port}; it has {has}")
    transport = str(found[0].get("protocol") or "TCP")
    if transport != callee.protocol.transport:
        raise EndpointError(
            f"port {_described(found[0])} of Service/{service} is {transport}, but `to.protocol` "
            f"is {callee.protocol}"
        )
    return found[0]


def _described(port: Mapping[str, Json]) -> str:
    name = port.get("name")
    return f"{port.get('port')} ({name})" if name else str(port.get("port"))


def _targets(service: str, port: Mapping[str, Json], behind: Sequence[_Pods]) -> Iterator[int]:
    """The numbers of the containers' ports, of each workload behind the Service.

    Source: Kubernetes documentation, "Service", "Port definitions": without `targetPort` it is the
    value of `port`; a name is that of a container's port.
    """
    target = port.get("targetPort")
    if target is None or isinstance(target, int):
        yield _number(port.get("port") if target is None else target)
        return
    for each in behind:
        if str(target) not in each.ports:
            raise EndpointError(
                f"Service/{service} leads to port {target!r}, which no container has: name a port "
                f"of the containers so (they have {', '.join(sorted(each.ports)) or 'no names'}), "
                f"or write its number in `targetPort`"
            )
        yield each.ports[str(target)]


def _number(value: Json) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise EndpointError(f"{value!r} is no number of a port")


def _workloads(item: Mapping[str, Json], namespace: str) -> Iterator[_Pods]:
    for _, template in pod_templates(item):
        labels = mapping(mapping(template.get("metadata")).get("labels"))
        spec = mapping(template.get("spec"))
        selected = mapping(mapping(mapping(item.get("spec")).get("selector")).get("matchLabels"))
        account = spec.get("serviceAccountName") or "default"
        namespace = namespace_of(item) or namespace
        pods = PodSet(name_of(item), namespace, _labels(selected or labels), str(account))
        if pods.labels:
            yield _Pods(pods, labels, dict(_container_ports(spec)))


def _container_ports(spec: Mapping[str, Json]) -> Iterator[tuple[str, int]]:
    for field in ("containers", "initContainers"):
        for container in _items(spec.get(field)):
            for port in _items(mapping(container).get("ports")):
                name, number = mapping(port).get("name"), mapping(port).get("containerPort")
                if isinstance(name, str) and isinstance(number, int):
                    yield name, number


def _distinct(workloads: Iterable[_Pods]) -> tuple[PodSet, ...]:
    return tuple(
        sorted(
            {each.pods for each in workloads},
            key=lambda each: (each.namespace, each.workload, each.labels),
        )
    )


def _written(labels: Mapping[str, Json]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _labels(found: Mapping[str, Json]) -> Labels:
    return tuple(sorted((key, str(value)) for key, value in found.items()))


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
