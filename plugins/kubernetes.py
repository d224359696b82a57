"""Direct Kubernetes: no program in the cluster pulls; Switchyard applies what was merged itself.

The API server's rules are in `bot.clusters`, the record on the cluster in `renderers.inventory`.
Every object is applied as the account of its tenant, which Switchyard's own account impersonates
(Kubernetes documentation, "Authenticating", "User impersonation"); by itself that account reads,
and writes inventories.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from planners.model import AgentSettings, Json, ObjectIdentity, Readiness
from plugins import MAX_MESSAGE_LENGTH, Agent, ReportError, Word
from renderers.agents import (
    Account,
    ApplicationTarget,
    ClusterTarget,
    Objects,
    Target,
    TenantTarget,
)
from renderers.inventory import (
    NAMESPACE,
    ApplyState,
    ApplyUnit,
    DesiredState,
    DesiredUnit,
    Entry,
    Inventory,
    InventoryError,
    inventory_name,
    is_inventory,
    revision_of,
)
from renderers.kubernetes.kstatus import READINESS, ObjectStatus, Verdict, judge
from renderers.kubernetes.metadata import identity_of

OWN_ACCOUNT = "switchyard"
SETUP_ACCOUNT = "switchyard-setup"
MAX_NAME = 253
_RBAC = "rbac.authorization.k8s.io"
_WORST = (Readiness.STALLED, Readiness.UNKNOWN, Readiness.PROGRESSING, Readiness.READY)


@dataclass(frozen=True, slots=True)
class KubernetesSettings(AgentSettings):
    """Direct Kubernetes has no settings: credentials are the service's."""

    @property
    def max_report_age(self) -> timedelta:
        """The cluster is read every minute, and whenever it changes."""
        return timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """Clusters to whose API servers Switchyard applies objects itself."""

    name: str = "kubernetes"
    settings: type[KubernetesSettings] = KubernetesSettings

    def refusals(self, target: Target) -> tuple[str, ...]:
        """A name that the inventory could not have."""
        length = len(inventory_name(target.application, target.component))
        if length <= MAX_NAME:
            return ()
        return (f"the name of its inventory has {length} characters of at most {MAX_NAME}",)

    def references(self, target: Target) -> Objects:
        """None: nothing in the cluster pulls."""
        del target
        return ()

    def accounts(self, target: TenantTarget) -> tuple[Account, ...]:
        """One for each tenant, in a namespace where no tenant has rights."""
        return (Account(NAMESPACE, _account(target.tenant)),)

    def tenant_references(self, target: TenantTarget) -> Objects:
        """None: the account is enough."""
        del target
        return ()

    def application_references(self, target: ApplicationTarget) -> Objects:
        """None: the account of the tenant is enough."""
        del target
        return ()

    def cluster_references(self, target: ClusterTarget) -> Objects:
        """Switchyard's namespace and accounts, and what they may do.

        Its own account reads, keeps inventories, and acts as the accounts of its namespace. One of
        those sets up tenants: it may grant the roles of tenants, since it creates them.
        """
        del target
        own = _subject(OWN_ACCOUNT)
        inventories = _rule("", ("configmaps",), ("create", "delete", "get", "list", "update"))
        acts_as = _rule("", ("serviceaccounts",), ("impersonate",))
        return (
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            _object("v1", "ServiceAccount", OWN_ACCOUNT, NAMESPACE),
            _object("v1", "ServiceAccount", SETUP_ACCOUNT, NAMESPACE),
            _object(f"{_RBAC}/v1", "Role", OWN_ACCOUNT, NAMESPACE, rules=[inventories, acts_as]),
            _binding("RoleBinding", OWN_ACCOUNT, "Role", own, NAMESPACE),
            _object(
                f"{_RBAC}/v1",
                "ClusterRole",
                f"{OWN_ACCOUNT}-read",
                rules=[_rule("*", ("*",), ("get", "list", "watch"))],
            ),
            _binding("ClusterRoleBinding", f"{OWN_ACCOUNT}-read", "ClusterRole", own),
            _object(f"{_RBAC}/v1", "ClusterRole", SETUP_ACCOUNT, rules=_setup_rules()),
            _binding("ClusterRoleBinding", SETUP_ACCOUNT, "ClusterRole", _subject(SETUP_ACCOUNT)),
        )

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """Never: nobody sends reports."""
        del headers, body, key
        return False

    def report(self, speaker: str, body: bytes) -> tuple[Word, ...]:
        """None.

        Raises:
            ReportError: always; such a cluster is read.
        """
        raise ReportError(f"{speaker} has no agent that reports: Switchyard reads it ({len(body)})")

    def read(self, speaker: str, objects: Iterable[Mapping[str, Json]]) -> tuple[Word, ...]:
        """None: there is no agent that has objects of its own."""
        del speaker, objects
        return ()

    def words(
        self, cluster: str, objects: Iterable[Mapping[str, Json]], now: datetime
    ) -> tuple[Word, ...]:
        """One word for each inventory, judged by the objects that it lists."""
        found = tuple(objects)
        live = {identity_of(each): each for each in found if not is_inventory(each)}
        return tuple(_word(cluster, each, live, now) for each in _inventories(found))

    def effects(
        self, desired: DesiredState, objects: Iterable[Mapping[str, Json]]
    ) -> tuple[ApplyUnit, ...]:
        """Apply units that are not, or not completely, as merged; remove those that are no more.

        Set-ups of tenants come first. A unit with an object that somebody deleted is applied again.
        A unit is removed only if the repository that it came from was read and has it no more: an
        application that is not registered any more stays.
        """
        found = tuple(objects)
        stored = {(each.application, each.component): each for each in _inventories(found)}
        uids = {_uid(each) for each in found}
        due = [
            _apply(each)
            for each in sorted(desired.units, key=lambda unit: not unit.is_tenant_setup)
            if not _is_applied(stored.get((each.application, each.component)), each, uids)
        ]
        gone = [
            _remove(each)
            for key, each in stored.items()
            if key not in desired.present and each.deploy in desired.deploys
        ]
        return (*due, *gone)


def _account(tenant: str) -> str:
    return f"{OWN_ACCOUNT}-{tenant}"


def _user(account: str) -> str:
    return f"system:serviceaccount:{NAMESPACE}:{account}"


def _apply(unit: DesiredUnit) -> ApplyUnit:
    account = SETUP_ACCOUNT if unit.is_tenant_setup else _account(unit.tenant)
    return ApplyUnit(
        application=unit.application,
        component=unit.component,
        revision=unit.revision,
        account=_user(account),
        namespace=unit.namespace,
        deploy=unit.deploy,
        items=unit.items,
    )


def _remove(inventory: Inventory) -> ApplyUnit:
    return ApplyUnit(
        application=inventory.application,
        component=inventory.component,
        revision=inventory.revision,
        account=inventory.account,
        namespace="",
        deploy=inventory.deploy,
        items=(),
    )


def _is_applied(inventory: Inventory | None, unit: DesiredUnit, uids: Container[str]) -> bool:
    """Whether the unit was applied at its revision, and every object is still the one of then."""
    return (
        inventory is not None
        and inventory.revision == unit.revision
        and inventory.state is ApplyState.APPLIED
        and all(each.uid in uids for each in inventory.entries)
    )


def _inventories(objects: Iterable[Mapping[str, Json]]) -> Iterator[Inventory]:
    for each in objects:
        if is_inventory(each):
            try:
                yield Inventory.read(each)
            except InventoryError:
                continue


def _word(
    cluster: str,
    inventory: Inventory,
    live: Mapping[ObjectIdentity, Mapping[str, Json]],
    now: datetime,
) -> Word:
    readiness, message = _readiness(inventory, live, now)
    return Word(
        cluster=cluster,
        application=inventory.application,
        component=inventory.component,
        revision=inventory.revision,
        readiness=readiness,
        message=message[:MAX_MESSAGE_LENGTH],
        at=now,
    )


def _readiness(
    inventory: Inventory, live: Mapping[ObjectIdentity, Mapping[str, Json]], now: datetime
) -> tuple[Readiness, str]:
    """What stopped the application of the unit, else its worst object."""
    match inventory.state:
        case ApplyState.STALLED:
            return Readiness.STALLED, inventory.message
        case ApplyState.APPLYING:
            return Readiness.PROGRESSING, inventory.message or "being applied"
        case ApplyState.APPLIED:
            verdicts = [
                (each, _verdict(inventory, each, live.get(each.identity), now))
                for each in inventory.entries
                if each.uid
            ]
    order = {each: number for number, each in enumerate(_WORST)}
    entry, worst = min(verdicts, key=lambda pair: order[pair[1].readiness], default=(None, None))
    if entry is None or worst is None or worst.readiness is Readiness.READY:
        return Readiness.READY, f"{len(verdicts)} objects are as applied"
    return READINESS[worst.status], f"{entry}: {worst.message}"


def _verdict(
    inventory: Inventory, entry: Entry, item: Mapping[str, Json] | None, now: datetime
) -> Verdict:
    """The status of a recorded object; another one of that name is not it."""
    if item is None or _uid(item) != entry.uid:
        return Verdict(ObjectStatus.NOT_FOUND, "is not there any more")
    if revision_of(item) != inventory.revision:
        return Verdict(ObjectStatus.IN_PROGRESS, "is not at the applied revision")
    return judge(item, now)


def _uid(item: Mapping[str, Json]) -> str:
    metadata = item.get("metadata")
    return str(metadata.get("uid")) if isinstance(metadata, dict) else ""


def _object(
    api_version: str, kind: str, name: str, namespace: str = "", **fields: Json
) -> dict[str, Json]:
    metadata: dict[str, Json] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def _rule(group: str, resources: tuple[str, ...], verbs: tuple[str, ...]) -> Json:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _setup_rules() -> list[Json]:
    """What a tenant's set-up consists of."""
    verbs = ("create", "delete", "get", "list", "patch", "update")
    core = ("limitranges", "namespaces", "resourcequotas", "serviceaccounts")
    roles = ("clusterrolebindings", "clusterroles", "rolebindings", "roles")
    return [
        _rule("", core, verbs),
        _rule("cert-manager.io", ("certificates", "issuers"), verbs),
        _rule("networking.k8s.io", ("networkpolicies",), verbs),
        _rule("policy.networking.k8s.io", ("clusternetworkpolicies",), verbs),
        _rule(_RBAC, roles, (*verbs, "bind", "escalate")),
        _rule("trust.cert-manager.io", ("bundles",), verbs),
    ]


def _subject(account: str) -> Json:
    return {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}


def _binding(
    kind: str, name: str, role: str, subject: Json, namespace: str = ""
) -> dict[str, Json]:
    return _object(
        f"{_RBAC}/v1",
        kind,
        name,
        namespace,
        roleRef={"apiGroup": _RBAC, "kind": role, "name": name},
        subjects=[subject],
    )


PLUGIN: Agent = Kubernetes()
