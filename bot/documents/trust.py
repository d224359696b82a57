"""What makes the clusters of a tenant trust each other, as components of the tenant's set-up.

1. `authority` enrols: in each cluster cert-manager makes a key, and each issuer of the tenant signs
   its certificate. Clusters report the certificates as facts.
2. `trust` distributes them, once every authority is ready: certificates are only added. One goes
   when it has expired, when its issuer is not the tenant's any more, or its cluster has been left.
3. `issuer` signs for the tenant's applications, once every cluster has the certificates. It changes
   to another issuer only when the authorities of that one are trusted everywhere.

What is merged in the deploy repo is known even if nothing has been reported again. Nothing here
does I/O: `merged` reads a blob.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.documents.tenants import FILE
from planners.model import (
    Component,
    ComponentSource,
    CustomizationIntent,
    Dependency,
    DependencyScope,
    Json,
    PlacementIntent,
    Target,
    Tenant,
)
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from planners.model.trust import Authority
from renderers import yaml
from renderers.layout import is_object
from renderers.tenant_setup import COMPONENT
from renderers.tenant_trust import (
    Object,
    Trusted,
    authority_name,
    authority_objects,
    bundle_objects,
    issuer_objects,
    read_bundles,
    read_signers,
)

AUTHORITY, TRUST, ISSUER = "authority", "trust", "issuer"
MAX_RENEWALS = 4
"""So many certificates of one authority are trusted at a time, the newest ones."""


class TrustError(Exception):
    """An issuer is gone that still signs; the message says what to do."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A component of the set-up, its objects, and the clusters where it runs (None: all)."""

    component: Component
    objects: tuple[Object, ...]
    clusters: tuple[str, ...] | None = None


def with_trust(snapshot: Snapshot, merged: Callable[[str], bytes]) -> Snapshot:
    """The Snapshot of a tenant's set-up with the components above; any other one as it is.

    Raises:
        TrustError: an issuer that still signs is not among the tenant's issuers.
    """
    if not (snapshot.application.is_tenant_setup and snapshot.tenant.issuers):
        return snapshot
    parts = _parts(snapshot, merged)
    application = snapshot.application
    issuers = snapshot.tenant.issuers
    certificates = [Target("Certificate", authority_name(each.name)) for each in issuers]
    return replace(
        snapshot,
        application=replace(
            application,
            components=(*application.components, *(each.component for each in parts)),
            placements=(*application.placements, *map(_placement, parts)),
            customizations=tuple(map(_named_after_cluster, certificates)),
        ),
        sources={**snapshot.sources, **{each.component.name: _files(each) for each in parts}},
    )


def _parts(snapshot: Snapshot, merged: Callable[[str], bytes]) -> list[_Part]:
    tenant = snapshot.tenant
    here = [each.name for each in snapshot.clusters if tenant.clusters.matches(each)]
    needs_namespace = Dependency(COMPONENT)
    parts = [_Part(_component(AUTHORITY, needs_namespace), tuple(authority_objects(tenant)))]
    signing = read_signers(_merged(snapshot, ISSUER, merged))
    _check_signers(tenant, signing)
    trusted = _trusted(snapshot, here, read_bundles(_merged(snapshot, TRUST, merged)))
    if not trusted:
        return parts
    enrolled = Dependency(AUTHORITY, on=DependencyScope.ALL_CLUSTERS)
    parts.append(_Part(_component(TRUST, enrolled), tuple(bundle_objects(tenant, trusted))))
    signer = _signer([each.name for each in tenant.issuers], here, trusted, signing)
    if signer:
        known = tuple(name for name in here if _is_known(trusted, name, signer))
        distributed = Dependency(TRUST, on=DependencyScope.ALL_CLUSTERS)
        objects = tuple(issuer_objects(tenant, signer))
        parts.append(_Part(_component(ISSUER, distributed), objects, known))
    return parts


def _trusted(snapshot: Snapshot, here: Sequence[str], merged: Trusted) -> Trusted:
    """Merged certificates and reported ones, of clusters that have an authority or still had one.

    Those of an issuer are distributed once all clusters have reported theirs; renewed ones at once.
    """
    tenant, now = snapshot.tenant, snapshot.now
    issuers = {each.name for each in tenant.issuers}
    clusters = {*here, *snapshot.base.entries.on(AUTHORITY)}
    reported = {
        (name, issuer, authority)
        for name in clusters & snapshot.facts.keys()
        for issuer, authority in snapshot.facts[name].authorities.get(tenant.name, {}).items()
    }
    complete = _complete(issuers, here, merged | reported)
    renewed = {each[:2] for each in merged}
    current = [
        each
        for each in merged | {one for one in reported if one[1] in complete or one[:2] in renewed}
        if each[0] in clusters and each[1] in issuers and each[2].until > now
    ]
    current.sort(key=lambda each: (each[0], each[1], each[2].until, each[2].pem))
    newest: dict[tuple[str, str], list[tuple[str, str, Authority]]] = {}
    for each in current:
        newest.setdefault(each[:2], []).append(each)
    return frozenset(each for found in newest.values() for each in found[-MAX_RENEWALS:])


def _complete(issuers: Iterable[str], here: Sequence[str], known: Trusted) -> set[str]:
    """The issuers whose authorities are known in every cluster."""
    return {name for name in issuers if all(_is_known(known, each, name) for each in here)}


def _check_signers(tenant: Tenant, signing: frozenset[str]) -> None:
    names = [each.name for each in tenant.issuers]
    if gone := sorted(signing - set(names)):
        raise TrustError(
            f"tenant {tenant.name}: issuer {gone[0]} still signs; keep it in `trust.issuers`, "
            f"after {names[0]}, until component `{ISSUER}` is rolled out with {names[0]}"
        )


def _signer(
    names: Sequence[str], here: Sequence[str], trusted: Trusted, signing: frozenset[str]
) -> str:
    """The issuer whose authorities sign: the first, once those are trusted; until then none new."""
    if _complete(names[:1], here, trusted):
        return names[0]
    return next((name for name in names if name in signing), "")


def _is_known(trusted: Trusted, cluster: str, issuer: str) -> bool:
    return any(each[:2] == (cluster, issuer) for each in trusted)


def _merged(
    snapshot: Snapshot, component: str, merged: Callable[[str], bytes]
) -> list[Mapping[str, Json]]:
    """The objects of a component that are merged on any cluster."""
    blobs = {
        blob
        for block in snapshot.base.entries.by_component.get(component, ())
        for name, column in zip(block.names, block.columns, strict=True)
        if is_object(name)
        for blob in column.every
    }
    documents = [each for blob in sorted(blobs) for each in yaml.load_documents(merged(blob))]
    return [each.value for each in documents if isinstance(each.value, dict)]


def _component(name: str, need: Dependency) -> Component:
    return Component(name, ComponentSource("manifests", ""), depends_on=(need,))


def _placement(part: _Part) -> PlacementIntent:
    return PlacementIntent((part.component.name,), all_of=(Selector(names=part.clusters),))


def _named_after_cluster(certificate: Target) -> CustomizationIntent:
    body: Json = {"spec": {"commonName": "${cluster.name}"}}
    return CustomizationIntent(
        f"{certificate.name}-cluster", (AUTHORITY,), certificate, "mergePatch", body
    )


def _files(part: _Part) -> dict[str, bytes]:
    return {FILE: b"---\n".join(yaml.dump(item) for item in part.objects)}
