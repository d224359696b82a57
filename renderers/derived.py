"""Derives objects from connectivity intents: resolves connections, and asks the carriers.

Called while a plan is rendered. Without intents nothing is resolved and nothing is derived.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from planners.connect import Case, Link, Places, idle_connections, link_problems, links
from planners.model import Cluster, Component, Json, PlanProblem, Tenant, Unit, listing
from planners.model.connectivity import ConnectivityIntent
from planners.plan import Plan
from renderers import yaml
from renderers.awaited import UsableAddresses, Waits, waits
from renderers.carriers import Carrier, ComparesConnections, WarnsOfConnections
from renderers.connections import (
    Address,
    Client,
    ComponentClient,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    HostServer,
    NamespaceClient,
    Need,
    RangeClient,
    RangeServer,
    Server,
    service_address,
)
from renderers.endpoints import EndpointError, Endpoints
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.metadata import identity_of
from renderers.policy.hosts import owns
from renderers.policy.tenancy import in_namespace
from renderers.variant_keys import VariantKey
from renderers.variants import Object, Origin, Variant, Variants, identity

ANNOTATION = "switchyard.dev/connectivity"
"""The annotation of derived objects that lists the intents behind them."""

_KEY, _SEPARATOR = "connections", "; "


@dataclass(slots=True)
class _Resolver:
    """Turns links into connections; problems are reported once for each intent and message.

    `leaving` are units that will be removed: what cannot be resolved for them is left out.
    """

    variants: Variants
    clusters: Mapping[str, Cluster]
    components: Mapping[str, Component]
    leaving: Collection[Unit]
    addresses: UsableAddresses
    problems: dict[PlanProblem, set[str]] = field(default_factory=dict)
    _endpoints: dict[VariantKey, Endpoints] = field(default_factory=dict)
    _clients: dict[tuple[str, Unit], ComponentClient] = field(default_factory=dict)
    _servers: dict[tuple[int, Unit], ComponentServer] = field(default_factory=dict)

    def connections(self, found: Sequence[Link]) -> Iterator[Connection]:
        """The connections of all links whose sides exist in the rendered objects."""
        for link in found:
            try:
                yield Connection(link.intent, link.case, self._client(link), self._server(link))
            except EndpointError as error:
                if self.leaves(link.intent, link.client):
                    continue
                unit = link.server or link.client
                self.problem(link.intent, str(error), unit.cluster if unit else "")

    def problem(self, intent: ConnectivityIntent, message: str, cluster: str) -> None:
        """Add a problem of an intent on a cluster."""
        problem = PlanProblem(f"connectivity from {intent}: {message}", intent.position)
        where = self.problems.setdefault(problem, set())
        if cluster:
            where.add(cluster)

    def leaves(self, intent: ConnectivityIntent, client: Unit | None) -> bool:
        """Whether a client will be removed."""
        return not intent.caller.application and client in self.leaving

    def problems_with_clusters(self) -> Iterator[PlanProblem]:
        """All problems, each with the clusters where it is found."""
        for problem, where in self.problems.items():
            on = f" [on {listing(sorted(where))}]" if where else ""
            yield replace(problem, message=problem.message + on)

    def endpoints(self, unit: Unit, application: str) -> Endpoints:
        """The endpoints of a component on a cluster; equal variants share them."""
        if application:
            peer = self.variants.snapshot.peers[application]
            return Endpoints.of(unit.component, peer.objects[unit], peer.namespace)
        component, cluster = self.components[unit.component], self.clusters[unit.cluster]
        key = self.variants.key(component, cluster)
        if key not in self._endpoints:
            objects = self.variants.variant(component, cluster).objects
            namespace = self.variants.snapshot.tenant.namespace
            self._endpoints[key] = Endpoints.of(component.name, objects, namespace)
        return self._endpoints[key]

    def _client(self, link: Link) -> Client:
        caller, unit = link.intent.caller, link.client
        if unit is None:
            named = caller.namespace
            return NamespaceClient(named) if named else RangeClient(caller.cidr)
        key = caller.application, unit
        if key not in self._clients:
            pods = self.endpoints(unit, caller.application).pods
            self._clients[key] = ComponentClient(unit, self.clusters[unit.cluster], pods)
        return self._clients[key]

    def _server(self, link: Link) -> Server:
        callee, unit = link.intent.callee, link.server
        if unit is None:
            number = int(callee.port)
            return (
                HostServer(callee.host, number) if callee.host else RangeServer(callee.cidr, number)
            )
        key = id(link.intent), unit
        if key not in self._servers:
            port, pods = self.endpoints(unit, callee.application).port(callee)
            server = ComponentServer(unit, self.clusters[unit.cluster], port, pods)
            usable, refused = self.addresses.at(server.place)
            self._servers[key] = replace(server, addresses=usable, refused=refused)
        return self._servers[key]


@dataclass(slots=True)
class DerivedObjects:
    """The connections of one plan, and the objects that carriers derive from them."""

    variants: Variants
    carriers: Sequence[Carrier]
    clusters: Mapping[str, Cluster]
    links: tuple[Link, ...] = ()
    connections: tuple[Connection, ...] = ()
    problems: tuple[PlanProblem, ...] = ()
    warnings: tuple[PlanProblem, ...] = ()
    waits: Waits = field(default_factory=Waits)
    _serves: dict[Unit, list[Connection]] = field(default_factory=dict)
    _calls: dict[Unit, list[Connection]] = field(default_factory=dict)
    _components: Mapping[str, Component] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _extended: dict[VariantKey, Variant] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, variants: Variants, carriers: Iterable[Carrier]) -> "DerivedObjects":
        """Resolve the application's intents against a plan.

        Units that are merged and not planned any more may call until they are removed.
        """
        snapshot = variants.snapshot
        clusters = {each.name: each for each in snapshot.clusters}
        made = cls(variants, tuple(carriers), clusters)
        if not snapshot.application.connectivity:
            made._resolve_addresses()
            return made
        leaving = snapshot.base.entries.beyond(plan.units)
        places = Places(plan.units, leaving, clusters, snapshot.peers)
        found = links(snapshot.application, places)
        made.warnings = tuple(idle_connections(snapshot.application, places))
        components = {each.name: each for each in snapshot.application.components}
        made._components = components
        addresses = UsableAddresses.of(snapshot)
        resolver = _Resolver(variants, clusters, components, leaving, addresses)
        made.links = tuple(e for e in found if not resolver.leaves(e.intent, e.client))
        made.connections = tuple(made._carried(resolver, found))
        made._check_together(resolver)
        made.waits = waits(plan, made.connections, made.carriers, leaving)
        made.warnings += made.waits.warnings
        made.warnings += tuple(made._cautions())
        made.problems = (*link_problems(found), *resolver.problems_with_clusters())
        made._index()
        made._resolve_addresses()
        return made

    def key(self, unit: Unit, key: VariantKey) -> VariantKey:
        """The key of a unit's variant with what is derived for the unit."""
        if unit not in self._serves and unit not in self._calls:
            return key
        variant = self.variants.variant(
            self._components[unit.component], self.clusters[unit.cluster]
        )
        derived = self._derived(unit, variant)
        if not derived:
            return key
        text = repr([(each.item, each.notes) for each in derived])
        token = self._tokens.setdefault(text, str(len(self._tokens)))
        key = key._replace(values=(*key.values, (_KEY, token)))
        if key not in self._extended:
            self._extended[key] = _with_objects(variant, derived, self.variants.snapshot.tenant)
        return key

    def variant(self, key: VariantKey, component: Component, cluster: Cluster) -> Variant:
        """The variant of a `key`, with derived objects."""
        return self._extended.get(key) or self.variants.variant(component, cluster)

    def address(self, connection: Connection) -> Address | None:
        """Where the client of a connection reaches its server; None if nothing says so."""
        if connection.case is Case.SAME_CLUSTER and isinstance(connection.server, ComponentServer):
            return service_address(connection.server)
        found = (each.address(connection) for each in self.carriers)
        return next((each for each in found if each is not None), None)

    def _resolve_addresses(self) -> None:
        """Let customisations know where components reach what they call."""
        if not self.variants.refers_to_connections():
            return
        found: dict[Unit, dict[str, tuple[Address, ...]]] = {}
        for unit, calls in self._calls.items():
            for each in calls:
                address = self.address(each)
                if address is not None:
                    known = found.setdefault(unit, {})
                    name = each.intent.callee.component
                    known[name] = (*known.get(name, ()), address)
        self.variants = self.variants.with_addresses(found)

    def _index(self) -> None:
        for each in self.connections:
            if isinstance(each.server, ComponentServer) and not each.intent.callee.application:
                self._serves.setdefault(each.server.unit, []).append(each)
            if isinstance(each.client, ComponentClient) and not each.intent.caller.application:
                self._calls.setdefault(each.client.unit, []).append(each)

    def _derived(self, unit: Unit, variant: Variant) -> list[DerivedObject]:
        snapshot = self.variants.snapshot
        connected = ConnectedUnit(
            unit=unit,
            cluster=self.clusters[unit.cluster],
            tenant=snapshot.tenant,
            application=snapshot.application.name,
            objects=variant.objects,
            serves=tuple(self._serves.get(unit, ())),
            calls=tuple(self._calls.get(unit, ())),
        )
        found: list[DerivedObject] = []
        for carrier in self.carriers:
            found += carrier.server_objects(connected)
            found += carrier.client_objects(connected)
        return found

    def _carried(self, resolver: _Resolver, found: Sequence[Link]) -> Iterator[Connection]:
        """The connections that carriers carry out; the others are problems.

        Units that leave are refused nothing: what cannot be carried out for them is left out.
        """
        for each in resolver.connections(found):
            if foreign := self._foreign_host(each):
                resolver.problem(each.intent, foreign, "")
                continue
            unmet = sorted(each.needs - self._met(each))
            client = each.client.unit if isinstance(each.client, ComponentClient) else None
            if unmet and not resolver.leaves(each.intent, client):
                hints = [hint for carrier in self.carriers if (hint := carrier.missing(each))]
                remedy = "; ".join(dict.fromkeys(hints)) or "no carrier does it on these clusters"
                message = f"lacks {' and '.join(unmet)}: {remedy}"
                resolver.problem(each.intent, message, _place(each))
            elif not unmet:
                yield each

    def _check_together(self, resolver: _Resolver) -> None:
        """Report what carriers cannot carry out together; units that leave are refused nothing."""
        for carrier in self.carriers:
            if isinstance(carrier, ComparesConnections):
                for each, message in carrier.conflicts(self.connections):
                    client = each.client.unit if isinstance(each.client, ComponentClient) else None
                    if not resolver.leaves(each.intent, client):
                        resolver.problem(each.intent, message, _place(each))

    def _cautions(self) -> Iterator[PlanProblem]:
        found: dict[PlanProblem, None] = {}
        for carrier in self.carriers:
            if isinstance(carrier, WarnsOfConnections):
                for each, message in carrier.cautions(self.connections):
                    intent = each.intent
                    text = f"connectivity from {intent}: {message}"
                    found[PlanProblem(text, intent.position)] = None
        yield from found

    def _met(self, connection: Connection) -> frozenset[Need]:
        return frozenset[Need]().union(*(each.meets(connection) for each in self.carriers))

    def _foreign_host(self, connection: Connection) -> str:
        """Why a connection may not have its external host; empty if it may."""
        external, tenant = connection.intent.external, self.variants.snapshot.tenant
        if external is None or owns(external.host, tenant):
            return ""
        return (
            f"host {external.host} is not of tenant {tenant.name}, which has "
            f"{', '.join(tenant.hosts) or 'none'}: use one of these, or let the platform team add "
            f"it to `spec.hosts` of the tenant"
        )


def _with_objects(variant: Variant, derived: Sequence[DerivedObject], tenant: Tenant) -> Variant:
    """The variant with derived objects; what derives for one of its own adds metadata to it."""
    objects = list(variant.objects)
    own = {identity_of(in_namespace(each, tenant)): n for n, each in enumerate(objects)}
    added: list[DerivedObject] = []
    for each in derived:
        index = own.get(identity_of(each.item))
        if index is None:
            added.append(each)
        else:
            objects[index] = _labelled(objects[index], each.item)
    origins = {identity(each.item): _origin(each) for each in added}
    return replace(variant, objects=[*objects, *(each.item for each in added)], origins=origins)


def _labelled(item: Object, derived: Mapping[str, Json]) -> Object:
    metadata, more = mapping(item.get("metadata")), mapping(derived.get("metadata"))
    labels = {**mapping(metadata.get("labels")), **mapping(more.get("labels"))}
    added: Object = {"labels": dict(sorted(labels.items()))}
    annotations = {**mapping(more.get("annotations")), **mapping(metadata.get("annotations"))}
    if annotations:
        added["annotations"] = dict(sorted(annotations.items()))
    return {**item, "metadata": {**metadata, **added}}


def _origin(derived: DerivedObject) -> Origin:
    names = dict.fromkeys(str(each) for each in derived.intents)
    return Origin(tuple(sorted(names)), derived.intents[0].position, derived.notes)


def annotated(item: Mapping[str, Json], origin: Origin) -> dict[str, Json]:
    """A derived object with what it comes from, as it is written."""
    metadata = mapping(item.get("metadata"))
    known = mapping(metadata.get("annotations"))
    annotations: dict[str, Json] = {**known, ANNOTATION: _SEPARATOR.join(origin.intents)}
    annotations |= dict(origin.notes)
    return {**item, "metadata": {**metadata, "annotations": annotations}}


def intents_in(content: bytes) -> frozenset[str]:
    """The intents that an object in a deploy repo comes from; empty for any other object."""
    if ANNOTATION.encode() not in content:
        return frozenset()
    found: set[str] = set()
    for document in yaml.load_documents(content):
        metadata = mapping(mapping(document.value).get("metadata"))
        text = mapping(metadata.get("annotations")).get(ANNOTATION)
        found |= set(str(text).split(_SEPARATOR)) if text else set()
    return frozenset(found)


def _place(connection: Connection) -> str:
    """The clusters of a connection, as messages list them."""
    sides = (connection.server, connection.client)
    found = [
        each.cluster.name for each in sides if isinstance(each, ComponentServer | ComponentClient)
    ]
    return " from ".join(dict.fromkeys(found))
