"""Which kinds are namespaced, and which of those an application may write by default.

Source: the Kubernetes API reference, v1.25 to v1.37; a test compares the list with the schemas of
those versions. The custom kinds are common ones, from their projects' API references; all others
are unknown.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from planners.model import Json
from renderers.kubernetes.metadata import group_of


class Scope(StrEnum):
    """Whether a kind is namespaced, and who may write it.

    OPEN kinds are namespaced and may be written by every tenant. GUARDED kinds are namespaced too,
    but set limits, can bypass network policies, use the rights of a controller (secret stores,
    issuers) or are written by Kubernetes itself: like CLUSTER kinds, they require an entry in the
    tenant's `allowed_kinds`. UNKNOWN kinds count as namespaced and require such an entry too, or
    their definition in the application.
    """

    OPEN = "open"
    GUARDED = "guarded"
    CLUSTER = "cluster"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind: its API group (empty for core), its name in manifests and its plural in API paths."""

    group: str
    name: str
    plural: str
    scope: Scope

    def __str__(self) -> str:
        return f"{self.name}.{self.group}" if self.group else self.name


AGENT_ACCOUNT = "switchyard"
"""The service account that agents apply a tenant's objects as; its role has the same name."""

_RBAC = "rbac.authorization.k8s.io"
_OPEN = {
    "": "ConfigMap PersistentVolumeClaim Pod PodTemplate ReplicationController Secret Service "
    "ServiceAccount",
    "apps": "DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling": "HorizontalPodAutoscaler",
    "batch": "CronJob Job",
    "coordination.k8s.io": "Lease",
    "networking.k8s.io": "Ingress NetworkPolicy",
    "policy": "PodDisruptionBudget",
    _RBAC: "Role RoleBinding",
    "resource.k8s.io": "ResourceClaim ResourceClaimTemplate",
    "scheduling.k8s.io": "PodGroup Workload",
}
_OPEN_CUSTOM = {
    "argoproj.io": "AnalysisTemplate Rollout",
    "autoscaling.k8s.io": "VerticalPodAutoscaler",
    "cert-manager.io": "Certificate",
    "cilium.io": "CiliumNetworkPolicy",
    "gateway.networking.k8s.io": "GRPCRoute Gateway HTTPRoute TCPRoute TLSRoute UDPRoute",
    "keda.sh": "ScaledJob ScaledObject TriggerAuthentication",
    "monitoring.coreos.com": "PodMonitor PrometheusRule ServiceMonitor",
    "networking.istio.io": "DestinationRule Gateway ServiceEntry Sidecar VirtualService",
    "policy.linkerd.io": "AuthorizationPolicy HTTPRoute MeshTLSAuthentication Server",
    "route.openshift.io": "Route",
    "security.istio.io": "AuthorizationPolicy PeerAuthentication RequestAuthentication",
    "snapshot.storage.k8s.io": "VolumeSnapshot",
    "telemetry.istio.io": "Telemetry",
}
_GUARDED = {
    "": "Binding Endpoints Event LimitRange ResourceQuota",
    "apps": "ControllerRevision",
    "authorization.k8s.io": "LocalSubjectAccessReview",
    "autoscaling": "Scale",
    "authentication.k8s.io": "TokenRequest",
    "certificates.k8s.io": "PodCertificateRequest",
    "coordination.k8s.io": "LeaseCandidate",
    "discovery.k8s.io": "EndpointSlice",
    "events.k8s.io": "Event",
    "lifecycle.k8s.io": "Eviction EvictionRequest",
    "policy": "Eviction",
    "resource.k8s.io": "PodScheduling PodSchedulingContext ResourceClaimParameters "
    "ResourceClassParameters",
    "scheduling.k8s.io": "CompositePodGroup",
    "storage.k8s.io": "CSIStorageCapacity",
}
_GUARDED_CUSTOM = {
    "bitnami.com": "SealedSecret",
    "cert-manager.io": "CertificateRequest Issuer",
    "external-secrets.io": "ExternalSecret PushSecret SecretStore",
    "gateway.networking.k8s.io": "ReferenceGrant",
    "k8s.ovn.org": "EgressFirewall",
    "monitoring.coreos.com": "Alertmanager AlertmanagerConfig Probe Prometheus PrometheusAgent "
    "ScrapeConfig ThanosRuler",
    "multicluster.x-k8s.io": "ServiceExport",
    "net.gke.io": "ServiceExport",
    "networking.istio.io": "EnvoyFilter ProxyConfig WorkloadEntry WorkloadGroup",
    "extensions.istio.io": "WasmPlugin",
}
_CLUSTER = {
    "": "ComponentStatus Namespace Node PersistentVolume",
    "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding "
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "authentication.k8s.io": "SelfSubjectReview TokenReview",
    "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "internal.apiserver.k8s.io": "StorageVersion",
    "networking.k8s.io": "ClusterCIDR IPAddress IngressClass ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "policy": "PodSecurityPolicy",
    _RBAC: "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceClass ResourcePoolStatusRequest "
    "ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    "storagemigration.k8s.io": "StorageVersionMigration",
}
_CLUSTER_CUSTOM = {
    "addon.open-cluster-management.io": "ClusterManagementAddOn",
    "apiextensions.crossplane.io": "CompositeResourceDefinition Composition "
    "EnvironmentConfig ManagedResourceDefinition Usage",
    "capsule.clastix.io": "CapsuleConfiguration GlobalTenantResource Tenant",
    "cert-manager.io": "ClusterIssuer",
    "cilium.io": "CiliumBGPPeeringPolicy CiliumClusterwideEnvoyConfig "
    "CiliumClusterwideNetworkPolicy CiliumEgressGatewayPolicy CiliumExternalWorkload "
    "CiliumIdentity CiliumLoadBalancerIPPool CiliumNode",
    "cluster.open-cluster-management.io": "ManagedCluster ManagedClusterSet",
    "config.openshift.io": "APIServer ClusterVersion Ingress Network OAuth Scheduler",
    "crd.projectcalico.org": "BGPConfiguration BGPPeer FelixConfiguration GlobalNetworkPolicy "
    "GlobalNetworkSet IPPool Tier",
    "external-secrets.io": "ClusterExternalSecret ClusterPushSecret ClusterSecretStore",
    "gateway.networking.k8s.io": "GatewayClass",
    "karpenter.sh": "NodeClaim NodePool",
    "keda.sh": "ClusterTriggerAuthentication",
    "kyverno.io": "ClusterCleanupPolicy ClusterPolicy",
    "machineconfiguration.openshift.io": "KubeletConfig MachineConfig MachineConfigPool",
    "management.cattle.io": "Cluster ClusterRoleTemplateBinding GlobalRole GlobalRoleBinding "
    "RoleTemplate Setting User",
    "operators.coreos.com": "OLMConfig Operator",
    "pkg.crossplane.io": "Configuration ControllerConfig DeploymentRuntimeConfig Function "
    "ImageConfig Provider",
    "policies.kubewarden.io": "ClusterAdmissionPolicy ClusterAdmissionPolicyGroup PolicyServer",
    "policy.networking.k8s.io": "AdminNetworkPolicy BaselineAdminNetworkPolicy "
    "ClusterNetworkPolicy",
    "project.openshift.io": "Project ProjectRequest",
    "projectcalico.org": "BGPConfiguration BGPPeer FelixConfiguration GlobalNetworkPolicy "
    "GlobalNetworkSet IPPool Tier",
    "rbacmanager.reactiveops.io": "RBACDefinition",
    "security.openshift.io": "SecurityContextConstraints",
    "snapshot.storage.k8s.io": "VolumeSnapshotClass VolumeSnapshotContent",
    "templates.gatekeeper.sh": "ConstraintTemplate",
}
_CLUSTER_GROUPS = frozenset({"constraints.gatekeeper.sh"})
_PLATFORM_GROUPS = (
    *("app.terraform.io", "azure.com", "carvel.dev", "cattle.io", "clastix.io", "cloud.google.com"),
    *("cluster.x-k8s.io", "core.oam.dev", "crossplane.io", "csi.x-k8s.io", "fluxcd.io"),
    *("gatekeeper.sh", "getambassador.io", "hashicorp.com", "hnc.x-k8s.io", "istio.io"),
    *("jspolicy.com", "k14s.io", "k8s.aws", "k8s.io", "k8s.nginx.org", "karmada.io"),
    *("karpenter.sh", "konghq.com", "kubernetes.io", "kubevirt.io", "kubewarden.io", "kyverno.io"),
    *("linkerd.io", "loft.sh", "longhorn.io", "metallb.io", "metallb.universe.tf"),
    *("open-cluster-management.io", "openshift.io", "operators.coreos.com", "projectcalico.org"),
    *("projectcontour.io", "reactiveops.io", "rook.io", "solo.io", "tekton.dev", "traefik.io"),
    *("upbound.io", "velero.io"),
)
"""Groups of the platform's own controllers: an application cannot define kinds in them."""

_PLURALS = {"Endpoints": "endpoints", "Gateway": "gateways"}
_SIBILANTS = ("s", "x", "ch", "sh")


def _plural(name: str) -> str:
    """The name in API paths, as Kubernetes' generators form it (k8s.io/gengo, "namer")."""
    lower = name.lower()
    if name in _PLURALS:
        return _PLURALS[name]
    if lower.endswith("y"):
        return f"{lower[:-1]}ies"
    return f"{lower}es" if lower.endswith(_SIBILANTS) else f"{lower}s"


def _read(table: Mapping[str, str], scope: Scope) -> Iterable[Kind]:
    for group, names in table.items():
        for name in names.split():
            yield Kind(group, name, _plural(name), scope)


def _by_name(*tables: tuple[Mapping[str, str], Scope]) -> dict[tuple[str, str], Kind]:
    return {
        (kind.group, kind.name): kind for table, scope in tables for kind in _read(table, scope)
    }


BUILT_IN: Mapping[tuple[str, str], Kind] = _by_name(
    (_OPEN, Scope.OPEN), (_GUARDED, Scope.GUARDED), (_CLUSTER, Scope.CLUSTER)
)
"""The kinds of Kubernetes itself, by group and name."""

KINDS: Mapping[tuple[str, str], Kind] = {
    **BUILT_IN,
    **_by_name(
        (_OPEN_CUSTOM, Scope.OPEN),
        (_GUARDED_CUSTOM, Scope.GUARDED),
        (_CLUSTER_CUSTOM, Scope.CLUSTER),
    ),
}
"""All kinds with a known scope, by group and name."""

_KNOWN_GROUPS = frozenset(group for group, _ in KINDS)


def kind_of(item: Mapping[str, Json]) -> Kind:
    """The kind of an object."""
    return known_kind(group_of(item), str(item.get("kind", "")))


def known_kind(group: str, name: str) -> Kind:
    """The kind of that group and name; UNKNOWN if it is in no table."""
    scope = Scope.CLUSTER if group in _CLUSTER_GROUPS else Scope.UNKNOWN
    return KINDS.get((group, name)) or Kind(group, name, _plural(name), scope)


def is_missing(kind: Kind) -> bool:
    """Whether no cluster can have a kind: its group is one of Kubernetes, or can be no other one.

    Groups of CustomResourceDefinitions have a dot (ValidateCustomResourceDefinition).
    """
    own = "." not in kind.group or any(group == kind.group for group, _ in BUILT_IN)
    return kind.scope is Scope.UNKNOWN and own


def is_known_group(group: str) -> bool:
    """Whether some kind of a group is in the tables."""
    return group in _KNOWN_GROUPS


def is_platform_group(group: str) -> bool:
    """Whether a group belongs to Kubernetes or to a controller of the platform."""
    return group in _KNOWN_GROUPS or any(
        group == each or group.endswith(f".{each}") for each in _PLATFORM_GROUPS
    )


def is_allowed(kind: Kind, names: Collection[str]) -> bool:
    """Whether a list of allowed kinds names this one: no entry reaches further than it says.

    `Kind` names only a kind of Kubernetes itself; any other requires `Kind.group`. The group of a
    custom kind is a domain (Kubernetes validates that), unlike `externalIPs` in
    `Service.externalIPs`.
    """
    if (kind.group, kind.name) in BUILT_IN:
        return kind.name in names or f"{kind.name}.{kind.group}" in names
    return "." in kind.group and f"{kind.name}.{kind.group}" in names


def is_forbidden(kind: Kind, names: Collection[str]) -> bool:
    """Whether a list of forbidden kinds names this one, as `Kind` (any group) or `Kind.group`."""
    return kind.name in names or f"{kind.name}.{kind.group}" in names


def is_reserved_name(name: str) -> bool:
    """Whether a name belongs to Switchyard's own accounts, roles, bindings and policies."""
    return name == AGENT_ACCOUNT or name.startswith(f"{AGENT_ACCOUNT}-")
