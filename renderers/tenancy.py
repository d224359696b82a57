"""What a tenant may write, checked on final objects: nothing reaches a deploy repo unseen."""

from collections.abc import Iterator, Mapping

from planners.model import Json, Tenant

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterIssuer",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)
AGENT_GROUPS = ("toolkit.fluxcd.io", "argoproj.io", "configsync.gke.io", "fleet.cattle.io")


def name_of(item: Mapping[str, Json]) -> str:
    """The object's metadata.name, or nothing."""
    metadata = item.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def namespace_of(item: Mapping[str, Json]) -> str | None:
    """The object's metadata.namespace, if it names one."""
    metadata = item.get("metadata")
    found = metadata.get("namespace") if isinstance(metadata, dict) else None
    return str(found) if found is not None else None


def violations(
    item: Mapping[str, Json], tenant: Tenant, *, plaintext_allowed: bool = False
) -> Iterator[str]:
    """Why the tenant may not write this object; nothing when it may."""
    kind, name = str(item.get("kind")), name_of(item)
    group = str(item.get("apiVersion", "")).partition("/")[0]
    namespace = namespace_of(item)
    if kind in CLUSTER_SCOPED:
        yield f"{kind}/{name} is cluster-scoped; tenant {tenant.name} may write into its namespace"
    if namespace is not None and namespace != tenant.namespace:
        yield (
            f"{kind}/{name} is for namespace {namespace}; tenant {tenant.name} may write into "
            f"{tenant.namespace}: leave metadata.namespace out"
        )
    if group.endswith(AGENT_GROUPS):
        yield f"{kind}/{name} steers the cluster's agent ({group}); only Switchyard writes those"
    if not plaintext_allowed and kind == "Secret" and (item.get("data") or item.get("stringData")):
        yield (
            f"Secret/{name} holds plain values; keep them out of Git: use a SealedSecret, an "
            f"ExternalSecret or a SOPS-encrypted file"
        )


def in_namespace(item: Mapping[str, Json], tenant: Tenant) -> dict[str, Json]:
    """A copy that names the tenant's namespace (a cluster-scoped object is left without one)."""
    if item.get("kind") in CLUSTER_SCOPED:
        return dict(item)
    metadata = item.get("metadata")
    assert isinstance(metadata, dict)
    return {**item, "metadata": {**metadata, "namespace": tenant.namespace}}
