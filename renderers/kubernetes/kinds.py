"""Which kinds are namespaced, and which of those an application may write by default.

Source: the Kubernetes API reference, v1.25 to v1.37; a test compares the list with the schemas of
those versions. The custom kinds are common ones, from their projects' API references; unknown
custom kinds count as namespaced, as most are.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from planners.model import Json
from renderers.kubernetes.metadata import group_of


class Scope(StrEnum):
    """Whether a kind is namespaced, and who may write it.

    OPEN kinds are namespaced and may be written by every tenant. GUARDED kinds are namespaced too,
    but set limits, can bypass network policies or are written by Kubernetes itself: like CLUSTER
    kinds, they require an entry in the tenant's `allowed_kinds`.
    """

    OPEN = "open"
    GUARDED = "guarded"
    CLUSTER = "cluster"


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
    "autoscaling.k8s.io": "VerticalPodAutoscaler",
    "bitnami.com": "SealedSecret",
    "cert-manager.io": "Certificate CertificateRequest Issuer",
    "external-secrets.io": "ExternalSecret SecretStore",
    "gateway.networking.k8s.io": "GRPCRoute Gateway HTTPRoute TCPRoute TLSRoute UDPRoute",
    "keda.sh": "ScaledJob ScaledObject TriggerAuthentication",
    "monitoring.coreos.com": "PodMonitor Probe PrometheusRule ServiceMonitor",
    "networking.istio.io": "DestinationRule Gateway ServiceEntry Sidecar VirtualService "
    "WorkloadEntry WorkloadGroup",
    "policy.linkerd.io": "AuthorizationPolicy HTTPRoute MeshTLSAuthentication Server",
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
    "gateway.networking.k8s.io": "ReferenceGrant",
    "lifecycle.k8s.io": "Eviction EvictionRequest",
    "networking.istio.io": "EnvoyFilter ProxyConfig",
    "policy": "Eviction",
    "resource.k8s.io": "PodScheduling PodSchedulingContext ResourceClaimParameters "
    "ResourceClassParameters",
    "scheduling.k8s.io": "CompositePodGroup",
    "storage.k8s.io": "CSIStorageCapacity",
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
    "cert-manager.io": "ClusterIssuer",
    "cilium.io": "CiliumClusterwideNetworkPolicy CiliumNode",
    "crd.projectcalico.org": "GlobalNetworkPolicy GlobalNetworkSet IPPool",
    "external-secrets.io": "ClusterExternalSecret ClusterPushSecret ClusterSecretStore",
    "gateway.networking.k8s.io": "GatewayClass",
    "karpenter.sh": "NodeClaim NodePool",
    "keda.sh": "ClusterTriggerAuthentication",
    "kyverno.io": "ClusterCleanupPolicy ClusterPolicy",
    "pkg.crossplane.io": "Configuration Function Provider",
    "policy.networking.k8s.io": "AdminNetworkPolicy BaselineAdminNetworkPolicy "
    "ClusterNetworkPolicy",
    "projectcalico.org": "GlobalNetworkPolicy GlobalNetworkSet IPPool",
    "snapshot.storage.k8s.io": "VolumeSnapshotClass VolumeSnapshotContent",
    "templates.gatekeeper.sh": "ConstraintTemplate",
}
_CLUSTER_GROUPS = frozenset({"constraints.gatekeeper.sh"})
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


KINDS: Mapping[tuple[str, str], Kind] = {
    (kind.group, kind.name): kind
    for table, scope in (
        (_OPEN, Scope.OPEN),
        (_OPEN_CUSTOM, Scope.OPEN),
        (_GUARDED, Scope.GUARDED),
        (_CLUSTER, Scope.CLUSTER),
    )
    for kind in _read(table, scope)
}


def kind_of(item: Mapping[str, Json]) -> Kind:
    """The kind of an object; an unknown one counts as OPEN."""
    group, name = group_of(item), str(item.get("kind", ""))
    scope = Scope.CLUSTER if group in _CLUSTER_GROUPS else Scope.OPEN
    return KINDS.get((group, name)) or Kind(group, name, _plural(name), scope)


def is_named(kind: Kind, names: Collection[str]) -> bool:
    """Whether a list of kinds contains this one, as `Kind` (of any group) or as `Kind.group`."""
    return kind.name in names or f"{kind.name}.{kind.group}" in names
