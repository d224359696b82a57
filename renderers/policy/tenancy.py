"""Checks whether a tenant may write an object: its kind, namespace and every other policy."""

from collections.abc import Iterator, Mapping

from planners.model import Json, Tenant
from renderers.kubernetes.fields import fields, mapping
from renderers.kubernetes.kinds import Scope, kind_of
from renderers.kubernetes.metadata import label_of, namespace_of
from renderers.policy import allowed_kinds
from renderers.policy.agent_metadata import metadata_violations
from renderers.policy.allowed_kinds import DefinedKinds, kind_violations, may_write, permission
from renderers.policy.annotations import annotation_violations
from renderers.policy.exposure import exposure_violations
from renderers.policy.hosts import host_violations
from renderers.policy.plaintext_secrets import secret_violations
from renderers.policy.pods import account_violations, pod_violations
from renderers.policy.rbac import rbac_violations
from renderers.policy.references import reference_violations

_CONTENT = frozenset({"data", "metadata", "roleRef", "rules", "spec"})
"""What an embedded object has and a reference has not."""


def violations(
    item: Mapping[str, Json],
    tenant: Tenant,
    *,
    defined: DefinedKinds = frozenset(),
    plaintext_allowed: bool = False,
) -> Iterator[str]:
    """Why the tenant may not write this object; empty if it may.

    Each reason begins with kind and name and says which field, what is allowed, and who can allow
    more. `defined` are the kinds that the application itself defines; `plaintext_allowed` is the
    policy's `plaintext_secrets` for this tenant.
    """
    label = label_of(item)
    yield from (f"{label} {reason}" for reason in _embedded(item, tenant, defined))
    reasons = (
        kind_violations(item, tenant, defined),
        metadata_violations(item),
        rbac_violations(item, tenant, defined),
        reference_violations(item, tenant),
        host_violations(item, tenant),
        exposure_violations(item, tenant),
        annotation_violations(item, tenant),
        (f"violates pod policy: {reason}" for reason in pod_violations(item, tenant.pod_security)),
        account_violations(item),
        secret_violations(item, plaintext_allowed=plaintext_allowed),
    )
    for each in reasons:
        yield from (f"{label} {reason}" for reason in each)


def signed_violations(item: Mapping[str, Json], *, plaintext_allowed: bool) -> Iterator[str]:
    """Why not even an object that the platform team signed may be written; empty if it may."""
    reasons = (
        allowed_kinds.signed_violations(item),
        metadata_violations(item, signed=True),
        secret_violations(item, plaintext_allowed=plaintext_allowed),
    )
    for each in reasons:
        yield from (f"{label_of(item)} {reason}" for reason in each)


def _embedded(item: Mapping[str, Json], tenant: Tenant, defined: DefinedKinds) -> Iterator[str]:
    """Objects inside of others, which a controller would write on the tenant's behalf."""
    for field in fields(dict(item)):
        inner = mapping(field.value)
        is_object = isinstance(inner.get("kind"), str) and isinstance(inner.get("apiVersion"), str)
        if is_object and _CONTENT & inner.keys():
            kind = kind_of(inner)
            if not may_write(kind, tenant, defined):
                yield (
                    f"contains {kind} at {field}, which tenant {tenant.name} may not write; "
                    f"{permission(str(kind), tenant)}"
                )
            for reason in rbac_violations(inner, tenant, defined):
                yield f"contains {kind} at {field}, which {reason}"


def in_namespace(item: Mapping[str, Json], tenant: Tenant) -> dict[str, Json]:
    """A copy with metadata.namespace set: the tenant's main one unless it states another.

    A cluster-scoped object gets none. An encrypted Secret gets it too, although its `mac` covers
    metadata: Flux applies nothing without a namespace and does not verify the `mac`
    (kustomize-controller, internal/decryptor, `checkSopsMac`), which kustomize would break anyway.
    """
    if kind_of(item).scope is Scope.CLUSTER:
        return dict(item)
    metadata = item.get("metadata")
    assert isinstance(metadata, dict)
    namespace = namespace_of(item) or tenant.namespace
    return {**item, "metadata": {**metadata, "namespace": namespace}}
