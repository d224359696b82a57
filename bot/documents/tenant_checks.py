"""Checks tenants against each other: no two of them own a namespace or a host.

A namespace or a host with two owners would be separated by nothing, so both documents are reported.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.documents.models import TenantDocument
from bot.documents.problems import DocumentPositions, Problem, suggest
from planners.model import FilePosition
from planners.model.hosts import covering
from renderers.kubernetes.kinds import BUILT_IN, KINDS, known_kind
from renderers.policy.agent_metadata import is_agent_kind
from renderers.policy.exposure import FIELD_PERMISSIONS
from renderers.policy.hosts import is_cluster_local

_RESERVED_NAMESPACES = frozenset(
    {"argo-cd", "argocd", "azure-arc", "azure-arc-release", "config-management-monitoring"}
    | {"config-management-system", "default", "fleet-default", "fleet-local", "flux-system"}
    | {"gatekeeper-system", "openshift", "resource-group-system", "switchyard"}
)
"""Namespaces of agents, whose accounts may write everything, and the one that everybody shares."""

_RESERVED_PREFIXES = ("cattle-", "kube-", "openshift-")
_BUILT_IN_NAMES = frozenset(name for _, name in BUILT_IN)


@dataclass(frozen=True, slots=True)
class _Owned:
    """A namespace or host that a tenant owns, and where its document says so."""

    tenant: str
    name: str
    position: FilePosition


def tenant_problems(
    documents: Iterable[tuple[TenantDocument, DocumentPositions]],
) -> Iterator[Problem]:
    """Reserved and shared namespaces, overlapping hosts, and kinds that name nothing."""
    namespaces: list[_Owned] = []
    hosts: list[_Owned] = []
    for document, positions in documents:
        tenant, spec = document.metadata.name, document.spec
        position = positions.at("spec", "namespace")
        namespaces.append(_Owned(tenant, spec.namespace, position))
        for index, name in enumerate(spec.namespaces):
            position = positions.at("spec", "namespaces", index)
            namespaces.append(_Owned(tenant, name, position))
        for index, host in enumerate(spec.hosts):
            position = positions.at("spec", "hosts", index)
            hosts.append(_Owned(tenant, host, position))
            if is_cluster_local(host):
                hint = "a cluster-local name belongs to the owner of its namespace; remove it"
                yield Problem(position, f"tenant {tenant!r} must not own host {host!r}", hint)
        yield from _kinds(document, positions)
    yield from _reserved(namespaces)
    yield from _shared(namespaces, "namespace")
    yield from _shared(hosts, "host")


def _reserved(namespaces: Iterable[_Owned]) -> Iterator[Problem]:
    for each in namespaces:
        if each.name in _RESERVED_NAMESPACES or each.name.startswith(_RESERVED_PREFIXES):
            message = f"tenant {each.tenant!r} must not own reserved namespace {each.name!r}"
            hint = "it belongs to Kubernetes, to an agent or to everybody; use another one"
            yield Problem(each.position, message, hint)


def _shared(owned: Iterable[_Owned], what: str) -> Iterator[Problem]:
    """What two tenants own, once in each of the two documents."""
    by_name: dict[str, list[_Owned]] = {}
    for each in owned:
        by_name.setdefault(each.name, []).append(each)
    for name, owners in by_name.items():
        for one, other in itertools.permutations(owners, 2):
            yield from _clash(one, other, f"{what} {name!r} of tenant {one.tenant!r} is owned")
        for pattern in covering(name) if what == "host" else ():
            for one, other in itertools.product(owners, by_name.get(pattern, ())):
                for here, there in ((one, other), (other, one)):
                    start = f"{what} {here.name!r} of tenant {here.tenant!r} overlaps with "
                    yield from _clash(here, there, f"{start}{there.name!r}, owned")


def _clash(one: _Owned, other: _Owned, message: str) -> Iterator[Problem]:
    if one.tenant != other.tenant:
        hint = f"defined at {other.position}; only one of them can own it"
        yield Problem(one.position, f"{message} by tenant {other.tenant!r} too", hint)


def _kinds(document: TenantDocument, positions: DocumentPositions) -> Iterator[Problem]:
    """Entries of `kinds.allowed` without effect."""
    for index, entry in enumerate(document.spec.kinds.allowed):
        if entry in FIELD_PERMISSIONS or entry in _BUILT_IN_NAMES:
            continue
        position = positions.at("spec", "kinds", "allowed", index)
        name, _, group = entry.partition(".")
        if not group:
            known = [str(kind) for kind in KINDS.values() if kind.name == entry]
            hint = f"did you mean {known[0]!r}?" if known else suggest(entry, _BUILT_IN_NAMES)
            message = f"Kubernetes has no kind {entry!r}; write a custom kind with its group"
            yield Problem(position, message, hint or f"like {entry}.example.com")
        elif is_agent_kind(known_kind(group, name)):
            message = f"kind {entry!r} controls agents; no tenant may be allowed to write it"
            yield Problem(position, message, "remove it")
