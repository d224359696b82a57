"""What a tenant may not write, attempt by attempt, and that nothing else is refused."""

import base64
from typing import Any

import pytest

from planners.model import Tenant
from renderers.policy.tenancy import in_namespace, violations

TENANT = Tenant("retail", "shop", namespaces=("shop-jobs",))
PEM = "-----BEGIN RSA PRIVATE KEY-----\nhush\n-----END RSA PRIVATE KEY-----\n"
RBAC = "rbac.authorization.k8s.io/v1"
FLUX = "kustomize.toolkit.fluxcd.io"


def item(api_version: str, kind: str, name: str = "x", **fields: Any) -> dict[str, Any]:
    """An object; `metadata` among the fields adds to the name."""
    metadata = {"name": name, **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def said(found: dict[str, Any], tenant: Tenant = TENANT, **how: bool) -> list[str]:
    return list(violations(found, tenant, **how))


def config(**metadata: Any) -> dict[str, Any]:
    return item("v1", "ConfigMap", metadata=metadata, data={"a": "b"})


def role(kind: str = "Role", **rule: list[str]) -> dict[str, Any]:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], **rule}]
    return item(RBAC, kind, rules=rules)


def binding(role: str, *subjects: dict[str, str], kind: str = "RoleBinding") -> dict[str, Any]:
    of, _, name = role.partition("/")
    return item(RBAC, kind, roleRef={"kind": of, "name": name}, subjects=list(subjects))


def account(name: str, namespace: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def deployment(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": "app:1"}]
    return item(
        "apps/v1", "Deployment", spec={"template": {"spec": {"containers": containers, **spec}}}
    )


def secret(**fields: Any) -> dict[str, Any]:
    return item("v1", "Secret", **fields)


SOPS = {"mac": "ENC[AES256_GCM,data:aa==,iv:bb==,tag:cc==,type:str]", "version": "3.9.0"}

REFUSED = [
    # namespaces and kinds
    (config(namespace="kube-system"), "is in namespace kube-system; tenant retail may write only to shop, shop-jobs: remove metadata.namespace"),
    (config(namespace=""), "is in namespace ; "),
    (item("v1", "Namespace"), "is cluster-scoped; the platform team can allow it in the fleet repo: add Namespace to kinds.allowed of tenant retail"),
    (item("v1", "Namespace"), "is not a namespace of tenant retail, which has shop, shop-jobs"),
    (item(RBAC, "ClusterRole"), "is cluster-scoped; "),
    (item(RBAC, "ClusterRoleBinding"), "is cluster-scoped; "),
    (item("v1", "Node"), "is cluster-scoped; "),
    (item("v1", "PersistentVolume"), "is cluster-scoped; "),
    (item("apiextensions.k8s.io/v1", "CustomResourceDefinition"), "is cluster-scoped; "),
    (item("apiregistration.k8s.io/v1", "APIService"), "is cluster-scoped; "),
    (item("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"), "is cluster-scoped; "),
    (item("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"), "is cluster-scoped; "),
    (item("scheduling.k8s.io/v1", "PriorityClass"), "is cluster-scoped; "),
    (item("storage.k8s.io/v1", "StorageClass"), "is cluster-scoped; "),
    (item("networking.k8s.io/v1", "IngressClass"), "is cluster-scoped; "),
    (item("cert-manager.io/v1", "ClusterIssuer"), "is cluster-scoped; "),
    (item("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"), "is cluster-scoped; "),
    (item("constraints.gatekeeper.sh/v1beta1", "Anything"), "is cluster-scoped; "),
    (item("v1", "ResourceQuota"), "is reserved for the platform; the platform team can allow it in the fleet repo: add ResourceQuota to kinds.allowed of tenant retail"),
    (item("v1", "LimitRange"), "is reserved for the platform; "),
    (item("v1", "Endpoints"), "is reserved for the platform; "),
    (item("discovery.k8s.io/v1", "EndpointSlice"), "is reserved for the platform; "),
    (item("gateway.networking.k8s.io/v1beta1", "ReferenceGrant"), "is reserved for the platform; "),
    (item("networking.istio.io/v1alpha3", "EnvoyFilter"), "is reserved for the platform; "),
    (item("v1", "ServiceAccount", "switchyard"), "has a name reserved for Switchyard's own objects; choose one that does not start with switchyard"),
    (item("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", "switchyard-bank"), "has a name reserved for Switchyard's own objects; "),
    (item("networking.k8s.io/v1", "NetworkPolicy", "switchyard-deny"), "has a name reserved for Switchyard's own objects; "),
    (item("v1", "SecretList", items=[{"kind": "Secret", "data": {"a": "hush"}}]), "contains other objects (items), which agents would apply unchecked; write each separately"),
    (item("example.com/v1", "Widget", items=[]), "contains other objects (items), "),
    # agents
    (item(f"{FLUX}/v1", "Kustomization"), f"controls the cluster's agent ({FLUX}); only Switchyard may write it"),
    (item("helm.toolkit.fluxcd.io/v2", "HelmRelease"), "controls the cluster's agent (helm.toolkit.fluxcd.io); "),
    (item("source.toolkit.fluxcd.io/v1", "GitRepository"), "controls the cluster's agent "),
    (item("argoproj.io/v1alpha1", "Application"), "controls the cluster's agent (argoproj.io); "),
    (item("configsync.gke.io/v1beta1", "RepoSync"), "controls the cluster's agent "),
    (item("helm.cattle.io/v1", "HelmChart"), "controls the cluster's agent "),
    (item("fleet.cattle.io/v1alpha1", "Bundle"), "controls the cluster's agent "),
    (item("clusterconfig.azure.com/v1beta1", "FluxConfig"), "controls the cluster's agent "),
    (config(annotations={f"{FLUX}/reconcile": "disabled"}), f"has annotation {FLUX}/reconcile, which controls the cluster's agent; remove it"),
    (config(annotations={f"{FLUX}/prune": "disabled"}), f"has annotation {FLUX}/prune, "),
    (config(annotations={f"{FLUX}/ssa": "IfNotPresent"}), f"has annotation {FLUX}/ssa, "),
    (config(annotations={"fluxcd.io/ignore": "true"}), "has annotation fluxcd.io/ignore, "),
    (config(labels={f"{FLUX}/name": "other"}), f"has label {FLUX}/name, "),
    (config(annotations={"argocd.argoproj.io/hook": "PreDelete"}), "has annotation argocd.argoproj.io/hook, which controls the cluster's agent"),
    (config(annotations={"argocd.argoproj.io/ignore-healthcheck": "true"}), "has annotation argocd.argoproj.io/ignore-healthcheck, "),
    (config(annotations={"argocd.argoproj.io/tracking-id": "a"}), "has annotation argocd.argoproj.io/tracking-id, "),
    (config(annotations={"configmanagement.gke.io/managed": "disabled"}), "has annotation configmanagement.gke.io/managed, "),
    (config(annotations={"client.lifecycle.config.k8s.io/mutation": "ignore"}), "has annotation client.lifecycle.config.k8s.io/mutation, "),
    (config(annotations={"config.kubernetes.io/local-config": "true"}), "has annotation config.kubernetes.io/local-config, which prevents the object from being applied"),
    (config(annotations={"helm.sh/hook": "pre-install"}), "has annotation helm.sh/hook, which turns the object into a hook, which agents do not watch"),
    (config(annotations={"helm.sh/hook-weight": "1"}), "has annotation helm.sh/hook-weight, "),
    (config(annotations={"helm.sh/resource-policy": "keep"}), "has annotation helm.sh/resource-policy, "),
    (config(annotations={"objectset.rio.cattle.io/id": "a"}), "has annotation objectset.rio.cattle.io/id, "),
    (config(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"}), "has annotation kubectl.kubernetes.io/last-applied-configuration, which is written by kubectl and may hold values"),
    (config(annotations={"internal.config.kubernetes.io/previousNames": "a"}), "has annotation internal.config.kubernetes.io/previousNames, which is internal to kustomize"),
    (config(annotations={"config.kubernetes.io/function": "exec: {}"}), "has annotation config.kubernetes.io/function, which is internal to kustomize"),
    (config(labels={"switchyard.dev/tenant": "other"}), "has label switchyard.dev/tenant, which is reserved for Switchyard"),
    (config(labels={"pod-security.kubernetes.io/enforce": "privileged"}), "has label pod-security.kubernetes.io/enforce, which sets the Pod Security level of a namespace"),
    (config(ownerReferences=[{"kind": "Node", "name": "n", "uid": "1"}]), "has metadata.ownerReferences, so Kubernetes would delete it with its owner; remove metadata.ownerReferences"),
    (config(finalizers=["example.com/wait"]), "has finalizer example.com/wait: its deletion would wait for a controller that may not run; remove it, controllers add their own finalizers"),
    # rights
    (role(verbs=["*"]), "grants too much: rules[0].verbs contains a wildcard; list each value"),
    (role(resources=["*"]), "grants too much: rules[0].resources contains a wildcard; "),
    (role(resources=["*/scale"]), "grants too much: rules[0].resources contains a wildcard; "),
    (role(apiGroups=["*"]), "grants too much: rules[0].apiGroups contains a wildcard; "),
    (role(verbs=["get", "escalate"]), "grants too much: rules[0].verbs contains escalate, which allows privilege escalation"),
    (role(verbs=["bind"]), "grants too much: rules[0].verbs contains bind, "),
    (role(verbs=["impersonate"]), "grants too much: rules[0].verbs contains impersonate, "),
    (role(resources=["nodes/proxy"]), "grants too much: rules[0].resources contains nodes/proxy, which gives access to every pod on a node"),
    (role(resources=["serviceaccounts/token"], verbs=["create"]), "grants too much: rules[0].resources contains serviceaccounts/token, which allows creating tokens for other accounts"),
    (role("ClusterRole", resources=["secrets"]), "grants too much: rules[0].resources contains secrets, for all namespaces; use a Role, which applies to one namespace"),
    (role("ClusterRole", resources=["pods/exec"]), "grants too much: rules[0].resources contains pods/exec, for all namespaces; "),
    (item(RBAC, "ClusterRole", aggregationRule={"clusterRoleSelectors": []}), "grants too much: aggregationRule includes the rules of other roles; "),
    (item(RBAC, "ClusterRole", metadata={"labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}), "grants too much: label rbac.authorization.k8s.io/aggregate-to-view adds its rules to a shared role"),
    (binding("ClusterRole/cluster-admin"), "binds ClusterRole/cluster-admin; a tenant may bind its own Roles, or ClusterRole view or edit"),
    (binding("ClusterRole/admin"), "binds ClusterRole/admin; "),
    (binding("ClusterRole/system:node"), "binds ClusterRole/system:node; "),
    (binding("Role/switchyard"), "binds Role/switchyard, which belongs to the agent; create your own Role"),
    (binding("ClusterRole/cluster-admin", kind="ClusterRoleBinding"), "binds ClusterRole/cluster-admin in all namespaces; bind your own ClusterRole"),
    (binding("ClusterRole/view", kind="ClusterRoleBinding"), "binds ClusterRole/view in all namespaces; "),
    (binding("Role/x", account("default", "other")), "has a subject that the tenant does not own: subjects[0] is a service account of namespace other"),
    (binding("ClusterRole/x", {"kind": "ServiceAccount", "name": "default"}, kind="ClusterRoleBinding"), "has a subject that the tenant does not own: subjects[0] is a service account without namespace"),
    (binding("Role/x", account("switchyard", "shop")), "has a subject that the tenant does not own: subjects[0] is the agent's service account"),
    (binding("Role/x", {"kind": "Group", "name": "system:authenticated"}), "has a subject that the tenant does not own: subjects[0] is Group system:authenticated"),
    (binding("Role/x", {"kind": "Group", "name": "system:serviceaccounts:other"}), "has a subject that the tenant does not own: subjects[0] is Group system:serviceaccounts:other"),
    (binding("Role/x", {"kind": "User", "name": "system:serviceaccount:shop:switchyard"}), "has a subject that the tenant does not own: subjects[0] is User system:serviceaccount:shop:switchyard"),
    (binding("Role/x", {"kind": "Robot", "name": "r2"}), "has a subject that the tenant does not own: subjects[0] is of kind Robot; "),
    # pods
    (deployment(hostNetwork=True), "violates pod policy: spec.template.spec.hostNetwork is true; Pod Security level baseline allows only false or unset"),
    (deployment(serviceAccountName="switchyard"), "spec.template.spec.serviceAccountName is switchyard, the agent's account; use an account of your own"),
    (deployment(serviceAccount="switchyard"), "spec.template.spec.serviceAccount is switchyard, "),
    (deployment(nodeName="master"), "violates pod policy: spec.template.spec.nodeName bypasses the scheduler; use nodeSelector or affinity"),
    (deployment(priorityClassName="system-node-critical"), "violates pod policy: spec.template.spec.priorityClassName is system-node-critical, which evicts the pods of others"),
    (item("v1", "Pod", spec={"hostPID": True}), "violates pod policy: spec.hostPID is true; "),
    (item("v1", "PodTemplate", template={"spec": {"hostPID": True}}), "violates pod policy: template.spec.hostPID is true; "),
    (item("batch/v1", "CronJob", spec={"jobTemplate": {"spec": {"template": {"spec": {"hostIPC": True}}}}}), "violates pod policy: spec.jobTemplate.spec.template.spec.hostIPC is true; "),
    (item("argoproj.io/v1alpha1", "Rollout", spec={"template": {"spec": {"hostIPC": True}}}), "violates pod policy: spec.template.spec.hostIPC is true; "),
    # services
    (item("v1", "Service", spec={"externalIPs": ["1.1.1.1"]}), "receives traffic for addresses outside the cluster (spec.externalIPs); the platform team can allow it in the fleet repo: add Service.externalIPs to kinds.allowed of tenant retail"),
    (item("v1", "Service", spec={"type": "ExternalName", "externalName": "a.b"}), "resolves to a name outside its namespace (spec.type ExternalName); the platform team can allow it in the fleet repo: add Service.externalName to kinds.allowed of tenant retail"),
    # secrets
    (secret(data={"key": "aHVzaA=="}), "contains plaintext values; keep them out of Git: use a SOPS-encrypted file, or a SealedSecret or an ExternalSecret if the tenant may write it"),
    (secret(stringData={"key": "hush"}), "contains plaintext values; "),
    (secret(stringData={"key": "ENC[hush]"}), "contains plaintext values; "),
    (secret(stringData={"key": "ENC[hush]"}, sops={"mac": ""}), "contains plaintext values; "),
    (secret(stringData={"a": SOPS["mac"], "b": "hush"}, sops=SOPS), "contains plaintext values at stringData.b beside encrypted ones; encrypt all"),
    (secret(data=["hush"], sops=SOPS), "contains plaintext values at data "),
    (secret(type="kubernetes.io/service-account-token"), "requests a service account token; mount a projected token instead"),
    (item("v1", "ConfigMap", data={"tls.key": PEM}), "contains a private key at data.tls.key; keep them out of Git: "),
    (item("v1", "ConfigMap", binaryData={"k": base64.b64encode(PEM.encode()).decode()}), "contains a private key at binaryData.k; "),
    (deployment(containers=[{"name": "a", "env": [{"name": "K", "value": PEM}]}]), "contains a private key at spec.template.spec.containers[0].env[0].value; "),
]  # fmt: skip


@pytest.mark.parametrize(("found", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_violations_are_reported(found: dict[str, Any], reason: str) -> None:
    label = f"{found['kind']}/{found['metadata']['name']}"
    messages = said(found)

    assert any(message.startswith(f"{label} {reason}") for message in messages), messages
    assert "hush" not in str(messages)


ALLOWED = [
    config(),
    config(namespace="shop"),
    config(namespace="shop-jobs"),
    config(labels={"helm.sh/chart": "web-1", "app.kubernetes.io/managed-by": "Helm"}),
    config(annotations={"argocd.argoproj.io/sync-wave": "1", f"{FLUX}/substitute": "disabled"}),
    item("v1", "PersistentVolumeClaim", metadata={"finalizers": ["kubernetes.io/pvc-protection"]}),
    item("v1", "ServiceAccount", "web"),
    item("networking.k8s.io/v1", "Ingress"),
    item("networking.k8s.io/v1", "NetworkPolicy"),
    item("v1", "Service", spec={"type": "LoadBalancer"}),
    role(resources=["pods/exec"], verbs=["create"]),
    role(resources=["secrets"]),
    binding("Role/x", account("web", "shop"), account("job", "shop-jobs")),
    binding("Role/x", {"kind": "ServiceAccount", "name": "default"}),
    binding(
        "ClusterRole/view", {"kind": "User", "name": "rita"}, {"kind": "Group", "name": "shop"}
    ),
    binding("ClusterRole/edit", {"kind": "Group", "name": "system:serviceaccounts:shop"}),
    binding("Role/x", {"kind": "User", "name": "system:serviceaccount:shop:web"}),
    deployment(serviceAccountName="web"),
    secret(type="kubernetes.io/tls"),
    secret(data={"a": SOPS["mac"], "b": ""}, sops=SOPS),
    item("v1", "ConfigMap", data={"ca.pem": "-----BEGIN CERTIFICATE-----"}),
]


@pytest.mark.parametrize("found", ALLOWED, ids=range(len(ALLOWED)))
def test_objects_within_the_tenant_are_allowed(found: dict[str, Any]) -> None:
    assert said(found) == []


def test_kinds_can_be_allowed_and_forbidden() -> None:
    tenant = Tenant(
        "retail",
        "shop",
        allowed_kinds=("StorageClass", "Endpoints", "ClusterIssuer.cert-manager.io"),
        forbidden_kinds=("Ingress", "Job.batch"),
    )

    assert said(item("storage.k8s.io/v1", "StorageClass"), tenant) == []
    assert said(item("v1", "Endpoints"), tenant) == []
    assert said(item("cert-manager.io/v1", "ClusterIssuer"), tenant) == []
    assert len(said(item("example.com/v1", "Ingress"), tenant)) == 1
    assert len(said(item("networking.k8s.io/v1", "Ingress"), tenant)) == 1
    assert said(item("batch/v1", "Job"), tenant) == [
        "Job/x is of a kind that tenant retail must not write (its kinds.forbidden)"
    ]
    assert len(said(item("volcano.sh/v1", "Job"), tenant)) == 1


def test_external_services_can_be_allowed() -> None:
    addresses = Tenant("retail", "shop", allowed_kinds=("Service.externalIPs",))
    names = Tenant("retail", "shop", allowed_kinds=("Service.externalName",))
    with_address = item("v1", "Service", spec={"externalIPs": ["1.1.1.1"]})
    with_name = item("v1", "Service", spec={"type": "ExternalName"})

    assert said(with_address, addresses) == said(with_name, names) == []
    assert len(said(with_address, names)) == len(said(with_name, addresses)) == 1


def test_agent_kinds_cannot_be_allowed() -> None:
    tenant = Tenant("retail", "shop", allowed_kinds=(f"Kustomization.{FLUX}",))

    assert len(said(item(f"{FLUX}/v1", "Kustomization"), tenant)) == 1


def test_an_allowed_namespace_must_belong_to_the_tenant() -> None:
    tenant = Tenant("retail", "shop", allowed_kinds=("Namespace",))

    assert said(item("v1", "Namespace", "shop"), tenant) == []
    assert said(item("v1", "Namespace", "kube-system"), tenant) == [
        (
            "Namespace/kube-system is not a namespace of tenant retail, which has shop: leave it "
            "out, or have the platform team add it to spec.namespaces of the tenant in the fleet "
            "repo"
        )
    ]


def test_the_pod_security_level_comes_from_the_tenant() -> None:
    privileged = Tenant("infra", "infra", pod_security="privileged")
    restricted = Tenant("bank", "bank", pod_security="restricted")

    assert said(deployment(hostNetwork=True), privileged) == []
    assert len(said(deployment(), restricted)) == 4


def test_plaintext_secrets_can_be_allowed_but_not_service_account_tokens() -> None:
    token = secret(type="kubernetes.io/service-account-token")

    assert said(secret(data={"key": "aHVzaA=="}), plaintext_allowed=True) == []
    assert said(item("v1", "ConfigMap", data={"k": PEM}), plaintext_allowed=True) == []
    assert len(said(token, plaintext_allowed=True)) == 1


def test_an_object_goes_to_the_main_namespace_unless_it_names_another() -> None:
    assert in_namespace(config(), TENANT)["metadata"] == {"name": "x", "namespace": "shop"}
    assert in_namespace(config(namespace="shop-jobs"), TENANT)["metadata"] == {
        "name": "x",
        "namespace": "shop-jobs",
    }
    assert in_namespace(item("v1", "Namespace"), TENANT)["metadata"] == {"name": "x"}
