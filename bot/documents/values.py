"""Converts valid fleet documents to values of `planners.model`."""

from dataclasses import replace

from bot.documents import rules
from bot.documents.intents import gate
from bot.documents.models import (
    ClusterDocument,
    GatewayPart,
    NetworkPart,
    PolicyDocument,
    RegistrationDocument,
    TenantDocument,
)
from bot.documents.models.agents import given_settings
from bot.documents.models.fleet import (
    ApprovalPart,
    ChartsPart,
    ClusterFacts,
    FreezePart,
    WindowPart,
)
from bot.documents.models.gates import PolicyGatePart
from bot.engine import discovery
from planners.model import (
    AgentSettings,
    ApprovalRule,
    ChartOrigin,
    Cluster,
    ContainerLimits,
    Freeze,
    Location,
    Maintenance,
    Member,
    MergeMethod,
    Policy,
    Price,
    Registration,
    ReportAge,
    Role,
    SignedObject,
    Taint,
    TaintEffect,
    Tenant,
    Window,
)
from planners.model.fleet import DEFAULT_NETWORK
from planners.model.gate_rules import GateRule, GateServer
from planners.model.network import EgressEngine, Gateway, Ingress, Mesh, Network, PolicyEngine
from planners.model.trust import Issuer

REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def cluster(document: ClusterDocument) -> Cluster:
    """A cluster; the region and zone of its location become labels unless it sets these itself."""
    metadata, spec = document.metadata, document.spec
    labels = dict(metadata.labels)
    location = None
    if spec.location is not None:
        location = Location(spec.location.latitude, spec.location.longitude)
        for key, value in ((REGION, spec.location.region), (ZONE, spec.location.zone)):
            if value is not None:
                labels.setdefault(key, value)
    price = Price(spec.price.cpu_hour, spec.price.memory_gib_hour) if spec.price else None
    return Cluster(
        name=metadata.name,
        agent=spec.agent,
        labels=dict(sorted(labels.items())),
        kubernetes=spec.kubernetes,
        api_versions=tuple(sorted(spec.api_versions)),
        taints=tuple(Taint(each.key, each.value, TaintEffect(each.effect)) for each in spec.taints),
        capabilities=frozenset(spec.capabilities),
        capacity=dict(sorted(spec.capacity.items())),
        allocated=dict(sorted(spec.allocated.items())),
        nodes=spec.nodes,
        location=location,
        price=price,
        carbon=spec.carbon,
        maintenance=Maintenance(spec.maintenance),
        timezone=spec.timezone,
        values=dict(sorted(spec.values.items())),
        report_key_generation=spec.report_key_generation,
        agent_settings=agent_settings(spec),
        network=_network(spec.network) if spec.network else DEFAULT_NETWORK,
    )


def _east_west(part: GatewayPart, mesh: Mesh) -> Gateway:
    """Istio, "Install Multicluster": 15443 takes TLS, 15008 the tunnels of an ambient mesh."""
    port = part.port or (15008 if mesh is Mesh.ISTIO_AMBIENT else 15443)
    return Gateway(part.address, port, part.namespace, tuple(sorted(part.selector.items())))


def _network(part: NetworkPart) -> Network:
    mesh, east_west, ingress = Mesh(part.mesh), part.east_west, part.ingress
    return Network(
        mesh=mesh,
        mesh_id=part.mesh_id or "",
        name=part.network or "",
        trust_domain=part.trust_domain,
        east_west=_east_west(east_west, mesh) if east_west else None,
        ingress=Ingress(
            ingress.address or "",
            ingress.namespace or "",
            ingress.gateway_class or "",
            tuple(sorted(ingress.selector.items())),
        )
        if ingress
        else None,
        cluster_set=part.cluster_set or "",
        pod_ranges=tuple(sorted(part.pod_ranges)),
        policies=PolicyEngine(part.policies),
        egress=EgressEngine(part.egress),
        gateway_api=part.gateway_api,
    )


def agent_settings(spec: ClusterFacts) -> AgentSettings | None:
    """The settings of the cluster's agent; None if the document has none."""
    part = given_settings(spec).get(spec.agent)
    agent = discovery.agents().get(spec.agent)
    if part is None or agent is None:
        return None
    return agent.settings(**{name: getattr(part, name) for name in type(part).model_fields})


def tenant(document: TenantDocument) -> Tenant:
    """A tenant."""
    spec = document.spec
    limits, issuers = spec.limits, spec.trust.issuers if spec.trust else ()
    return Tenant(
        name=document.metadata.name,
        namespace=spec.namespace,
        clusters=spec.clusters.value(),
        namespaces=tuple(sorted({*spec.namespaces} - {spec.namespace})),
        deploy=spec.deploy,
        quota=dict(sorted(spec.quota.items())),
        limits=ContainerLimits(limits.default, limits.default_request, limits.max)
        if limits
        else None,
        allowed_kinds=tuple(sorted(spec.kinds.allowed)),
        forbidden_kinds=tuple(sorted(spec.kinds.forbidden)),
        approvers=tuple(sorted(spec.approvers)),
        approver_teams=tuple(sorted(spec.approver_teams)),
        members=tuple(
            sorted(
                (Member(each.kind, each.name, each.role) for each in spec.members),
                key=lambda each: (each.kind, each.name, each.role),
            )
        ),
        pod_security=spec.pod_security,
        allow_from_namespaces=tuple(sorted(spec.allow_from_namespaces)),
        hosts=tuple(sorted(spec.hosts)),
        declared_traffic_only=spec.internal_traffic == "declared",
        issuers=tuple(Issuer(each.name, each.kind, each.group) for each in issuers),
    )


def registration(document: RegistrationDocument) -> Registration:
    """A registration."""
    spec = document.spec
    return Registration(
        application=spec.application,
        tenant=spec.tenant,
        app=spec.app,
        deploy=spec.deploy,
        path=spec.path,
        priority=spec.priority,
    )


def policy(document: PolicyDocument) -> Policy:
    """A policy."""
    spec = document.spec
    return Policy(
        name=document.metadata.name,
        approvals=tuple(_approval(each) for each in spec.approvals),
        freezes=tuple(_freeze(each) for each in spec.freezes),
        windows=tuple(_window(each) for each in spec.windows),
        report_ages=tuple(ReportAge(each.clusters.value(), each.max_age) for each in spec.reports),
        facts_max_age=spec.facts.max_age if spec.facts else None,
        plaintext_secrets=tuple(spec.plaintext_secrets),
        signed_objects=tuple(
            SignedObject(each.application, each.kind, each.name, each.digest, each.reason)
            for each in spec.signed_objects
        ),
        merge_method=MergeMethod(spec.merge_method) if spec.merge_method else None,
        charts=tuple(_chart_origin(each) for each in spec.charts),
        watched_clusters=spec.watched_clusters.value() if spec.watched_clusters else None,
        direct_clusters=spec.direct_clusters.value() if spec.direct_clusters else None,
        failover=tuple(rules.failover(each) for each in spec.failover),
        automatic=tuple(rules.automatic(each) for each in spec.automatic),
        queries=tuple(rules.query(each) for each in spec.queries),
        gates=tuple(_gate(each, document.metadata.name) for each in spec.gates),
        gate_servers=tuple(
            GateServer(each.address, tuple(each.tenants), each.private_network)
            for each in spec.gate_servers
        ),
        notify=tuple(each.value() for each in spec.notify),
    )


def _gate(part: PolicyGatePart, policy: str) -> GateRule:
    clusters = part.clusters.value() if part.clusters else None
    return replace(gate(part), clusters=clusters, policy=policy, tenants=tuple(part.tenants))


def _chart_origin(part: ChartsPart) -> ChartOrigin:
    return ChartOrigin(
        address=part.address,
        tenants=tuple(part.tenants),
        token_hosts=tuple(part.token_hosts),
        download_hosts=tuple(part.download_hosts),
        private_network=part.private_network,
    )


def _approval(part: ApprovalPart) -> ApprovalRule:
    return ApprovalRule(
        clusters=part.clusters.value(),
        count=part.count,
        author_may_approve=part.author_may_approve,
        users=tuple(part.users),
        teams=tuple(part.teams),
        role=Role[part.role.upper()],
        code_owners=part.code_owners,
    )


def _freeze(part: FreezePart) -> Freeze:
    return Freeze(
        name=part.name,
        clusters=part.clusters.value(),
        start=part.begin,
        end=part.until,
        reason=part.reason,
    )


def _window(part: WindowPart) -> Window:
    return Window(
        name=part.name,
        clusters=part.clusters.value(),
        days=frozenset(DAYS.index(day) for day in part.days),
        start=part.begin,
        end=part.until,
    )
