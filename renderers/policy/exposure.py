"""Rejects fields of common kinds that reach beyond a tenant's namespaces.

Sources: CVE-2020-8554 (externalIPs), CVE-2021-25740 (endpoints), Kubernetes documentation,
"Service", "Persistent Volumes", "Dynamic Resource Allocation"; the references of Gateway API,
Istio, cert-manager, the Prometheus operator (`arbitraryFSAccessThroughSMs`), External Secrets,
Sealed Secrets and KEDA.
"""

from collections.abc import Callable, Iterator, Mapping

from planners.model import Json, Tenant
from renderers.kubernetes.fields import Field, fields, mapping, select, texts
from renderers.kubernetes.kinds import is_allowed, is_platform_group, kind_of, known_kind
from renderers.policy.allowed_kinds import may_write, permission

EXTERNAL_IPS = "Service.externalIPs"
EXTERNAL_NAME = "Service.externalName"
LOAD_BALANCER_ADDRESS = "Service.loadBalancerIP"
SNIPPETS = "Ingress.snippets"
FIELD_PERMISSIONS: Mapping[str, str] = {
    EXTERNAL_IPS: "Services that receive traffic for given addresses",
    EXTERNAL_NAME: "Services that resolve to names outside the cluster",
    LOAD_BALANCER_ADDRESS: "fixed addresses of load balancers and Gateways",
    SNIPPETS: "configuration snippets of ingress controllers",
}
"""What `kinds.allowed` can contain beside kinds: one dangerous field each."""

_ISTIO = "networking.istio.io"
_SERVICE_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - the name of a type
_SYSTEM = "system:"
_FILES = frozenset({"bearerTokenFile", "caFile", "certFile", "keyFile", "credentialsFile"})
_STORES = {
    "ClusterGenerator": "generators.external-secrets.io",
    "ClusterSecretStore": "external-secrets.io",
    "ClusterTriggerAuthentication": "keda.sh",
}
_BINDINGS = ("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding")
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def exposure_violations(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """The fields by which an object would reach further than its namespace."""
    kind = kind_of(item)
    check = _CHECKS.get((kind.group, kind.name))
    if check is not None:
        yield from check(item, tenant)
    for field in fields(dict(item)):
        yield from _chosen_volume(field, tenant)
        yield from _shared_store(field, tenant)
        yield from _token_template(field)


def _service(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """A Service can intercept the traffic of others."""
    spec = mapping(item.get("spec"))
    if spec.get("externalIPs") and EXTERNAL_IPS not in tenant.allowed_kinds:
        yield (
            f"receives traffic for addresses outside the cluster (spec.externalIPs); "
            f"{permission(EXTERNAL_IPS, tenant)}"
        )
    is_name = spec.get("type") == "ExternalName" or spec.get("externalName")
    if is_name and EXTERNAL_NAME not in tenant.allowed_kinds:
        yield (
            f"resolves to a name outside its namespace (spec.type ExternalName); "
            f"{permission(EXTERNAL_NAME, tenant)}"
        )
    if spec.get("loadBalancerIP") and LOAD_BALANCER_ADDRESS not in tenant.allowed_kinds:
        yield (
            f"takes a fixed address of a load balancer (spec.loadBalancerIP); "
            f"{permission(LOAD_BALANCER_ADDRESS, tenant)}"
        )


def _gateway(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    fixed = [mapping(field.value).get("value") for field in select(item, "spec.addresses[*]")]
    if any(fixed) and LOAD_BALANCER_ADDRESS not in tenant.allowed_kinds:
        yield (
            f"takes a fixed address of a load balancer (spec.addresses); "
            f"{permission(LOAD_BALANCER_ADDRESS, tenant)}"
        )


def _claim(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """A chosen volume may hold data of others."""
    volume = mapping(item.get("spec")).get("volumeName")
    if volume and not is_allowed(known_kind("", "PersistentVolume"), tenant.allowed_kinds):
        yield (
            f"binds a chosen volume (spec.volumeName {volume}), which may hold data of others; "
            f"{permission('PersistentVolume', tenant)}"
        )


def _chosen_volume(field: Field, tenant: Tenant) -> Iterator[str]:
    """Claims in the templates of workloads that bind a chosen volume."""
    if field.path[-1] == "volumeClaimTemplate" or field.path[-2:-1] == ("volumeClaimTemplates",):
        yield from _claim(mapping(field.value), tenant)


def _volume(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """A volume on a node gives its pods what `hostPath` would."""
    for name in ("hostPath", "local"):
        if mapping(item.get("spec")).get(name) and tenant.pod_security != "privileged":
            yield (
                f"gives access to the node (spec.{name}); Pod Security level "
                f"{tenant.pod_security} does not allow it"
            )


def _definition(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """A definition applies to the objects of everybody; deleting it deletes them."""
    spec = mapping(item.get("spec"))
    group, name = str(spec.get("group")), str(mapping(spec.get("names")).get("kind"))
    kind = known_kind(group, name)
    if is_platform_group(group) and not is_allowed(kind, tenant.allowed_kinds):
        yield (
            f"defines a kind of the platform (spec.group {group}); {permission(str(kind), tenant)}"
        )


def _priority(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:  # noqa: ARG001
    if item.get("globalDefault") is True:
        yield "applies to the pods of all namespaces (globalDefault); remove it"


def _admission_binding(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    matched = mapping(mapping(item.get("spec")).get("matchResources"))
    if not matched.get("namespaceSelector"):
        yield (
            f"applies to every namespace (spec.matchResources.namespaceSelector is not set); "
            f"select {', '.join(tenant.all_namespaces)} by kubernetes.io/metadata.name"
        )


def _ingress(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """Paths that would break out of a location of NGINX (CVE-2022-4886)."""
    for field in select(item, "spec.rules[*].http.paths[*]"):
        path = str(mapping(field.value).get("path", ""))
        if any(character in path for character in ";\n\r") and SNIPPETS not in tenant.allowed_kinds:
            yield (
                f"adds configuration to a shared ingress controller ({field}.path); "
                f"{permission(SNIPPETS, tenant)}"
            )


def _resource_claim(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:  # noqa: ARG001
    for field in fields(dict(item)):
        if field.path[-1] == "adminAccess" and field.value is True:
            yield f"gives access to devices that others use ({field}); remove it"


def _monitor(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    yield from _scraped_addresses(item, tenant)
    for field in fields(dict(item)):
        if field.path[-1] in _FILES and field.value:
            yield (
                f"makes Prometheus send a file of its own pod ({field}); refer to a Secret of the "
                f"namespace instead"
            )


def _scraped_addresses(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:  # noqa: ARG001
    """Relabelings to a fixed address would make Prometheus call what the tenant cannot."""
    for field in fields(dict(item)):
        rule = mapping(field.value)
        address = str(rule.get("replacement", ""))
        if rule.get("targetLabel") == "__address__" and "$" not in address:
            yield f"makes Prometheus call a fixed address ({field} is {address}); remove it"


def _external_secret(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """A target other than a Secret."""
    manifest = mapping(mapping(mapping(item.get("spec")).get("target")).get("manifest"))
    kind = kind_of(manifest)
    if manifest and kind.name != "Secret" and not may_write(kind, tenant, frozenset()):
        yield f"writes {kind} (spec.target.manifest); {permission(str(kind), tenant)}"


def _certificate(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """Identities in certificates that no list of hosts can cover."""
    spec = mapping(item.get("spec"))
    if spec.get("isCA") is True:
        yield "requests a certificate authority (spec.isCA), which can sign any identity; remove it"
    for name in ("ipAddresses", "emailAddresses", "otherNames", "literalSubject"):
        if spec.get(name):
            yield f"requests an identity that cannot be checked (spec.{name}); use spec.dnsNames"
    for field in select(item, "spec.uris[*]"):
        own = any(f"/ns/{each}/" in f"{field.value}/" for each in tenant.all_namespaces)
        if not (str(field.value).startswith("spiffe://") and own):
            yield f"requests identity {field.value} at {field}; use one of your own namespaces"
    subject = select(item, "spec.subject.organizations[*]")
    for field in (*subject, *select(item, "spec.commonName")):
        if str(field.value).startswith(_SYSTEM):
            yield f"requests an identity of Kubernetes ({field} is {field.value}); remove it"


def _service_entry(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    spec = mapping(item.get("spec"))
    exported = set(texts(spec.get("exportTo")))
    private = bool(exported) and exported <= {".", *tenant.all_namespaces}
    for name in ("addresses", "endpoints"):
        if spec.get(name) and not private:
            yield (
                f"takes addresses for the whole mesh (spec.{name}); set spec.exportTo to ['.'], so "
                f"that only its own namespace sees it"
            )


def _webhooks(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """Without a selector, a webhook sees and changes the objects of all namespaces."""
    for field in select(item, "webhooks[*]"):
        if not mapping(field.value).get("namespaceSelector"):
            yield (
                f"applies to every namespace ({field}.namespaceSelector is not set); select "
                f"{', '.join(tenant.all_namespaces)} by kubernetes.io/metadata.name"
            )


def _sealed_secret(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:  # noqa: ARG001
    for path in ("metadata", "spec.template.metadata"):
        for field in select(item, f"{path}.annotations"):
            for name in ("cluster-wide", "namespace-wide"):
                if mapping(field.value).get(f"sealedsecrets.bitnami.com/{name}") is not None:
                    yield (
                        f"is sealed for more than its own name ({field}, {name}), so that others' "
                        f"values could be copied; seal it strictly"
                    )


def _shared_store(field: Field, tenant: Tenant) -> Iterator[str]:
    """References to cluster-wide stores of secrets, whose rights are the platform's."""
    found = _STORES.get(str(field.value)) if field.path[-1] == "kind" else None
    if found is None or len(field.path) == 1:
        return
    store = known_kind(found, str(field.value))
    if not is_allowed(store, tenant.allowed_kinds):
        yield (
            f"uses the platform's secrets ({field} is {field.value}); "
            f"{permission(str(store), tenant)}"
        )


def _token_template(field: Field) -> Iterator[str]:
    """Templates of Secrets that Kubernetes would fill with an account's token."""
    if field.value == _SERVICE_TOKEN and len(field.path) > 1 and field.path[-1] == "type":
        yield (
            f"makes a Secret with a service account token ({field}); mount a projected token "
            f"instead"
        )


_CHECKS: Mapping[tuple[str, str], Callable[[Mapping[str, Json], Tenant], Iterator[str]]] = {
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("bitnami.com", "SealedSecret"): _sealed_secret,
    ("cert-manager.io", "Certificate"): _certificate,
    ("external-secrets.io", "ExternalSecret"): _external_secret,
    ("gateway.networking.k8s.io", "Gateway"): _gateway,
    ("monitoring.coreos.com", "PodMonitor"): _monitor,
    ("monitoring.coreos.com", "ServiceMonitor"): _monitor,
    ("resource.k8s.io", "ResourceClaim"): _resource_claim,
    ("resource.k8s.io", "ResourceClaimTemplate"): _resource_claim,
    (_ISTIO, "ServiceEntry"): _service_entry,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("scheduling.k8s.io", "PriorityClass"): _priority,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    **{("admissionregistration.k8s.io", name): _admission_binding for name in _BINDINGS},
    **{("admissionregistration.k8s.io", name): _webhooks for name in _WEBHOOKS},
}
