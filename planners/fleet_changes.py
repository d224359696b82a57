"""Which applications a change of the fleet can touch: only their plans have to be compared.

Not followed are room that applications of other tenants leave when they are registered no longer,
and connections to applications on clusters that an application's own tenant may not use.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from planners.model import Application, Cluster, Fleet, Policy, Registration
from planners.model.fleet import policy_gates
from planners.model.selectors import Selector


@dataclass(frozen=True)
class FleetChange:
    """The fleet as it is, and as somebody proposes it."""

    before: Fleet
    after: Fleet

    @cached_property
    def readable(self) -> Fleet:
        """The proposed fleet without registrations of repositories that are in no present one.

        Only the default branch says what is read: nobody may have others read by proposing it.
        """
        known = {repo for each in self.before.registrations for repo in (each.app, each.deploy)}
        kept = (e for e in self.after.registrations if e.app in known and e.deploy in known)
        return replace(self.after, registrations=tuple(kept))

    @cached_property
    def applications(self) -> tuple[str, ...]:
        """All that one of the fleets registers: those of higher priority first, then by name."""
        before, after = self._registrations
        every = {**after, **before}
        return tuple(sorted(every, key=lambda name: (-every[name].priority, name)))

    def may_concern(self, name: str) -> bool:
        """Whether it can touch an application of which only the registration is known."""
        return self._concerns_otherwise(name) or bool(self._usable(self._tenant(name)))

    def may_change(self, application: Application) -> bool:
        """Whether it can change the plan of an application with these intents."""
        name = application.name
        return self._concerns_otherwise(name) or any(
            _may_select(application, each) for each in self._usable(self._tenant(name))
        )

    def _tenant(self, name: str) -> str:
        before, after = self._registrations
        return (before.get(name) or after[name]).tenant

    @cached_property
    def _registrations(self) -> tuple[dict[str, Registration], dict[str, Registration]]:
        before, after = self.before.registrations, self.after.registrations
        return {e.application: e for e in before}, {e.application: e for e in after}

    @cached_property
    def _clusters(self) -> tuple[Cluster, ...]:
        """Both versions of each cluster that differs; the keys of reports decide no plan."""
        before, after = (
            {each.name: replace(each, report_key_generation=1) for each in fleet.clusters}
            for fleet in (self.before, self.after)
        )
        names = sorted(n for n in before | after if before.get(n) != after.get(n))
        return tuple(known[name] for name in names for known in (before, after) if name in known)

    @cached_property
    def _tenants(self) -> frozenset[str]:
        """The tenants that differ, or of whose applications a registration does.

        A tenant's set-up prepares for its applications, and its quota counts all of them.
        """
        before, after = ({e.name: e for e in f.tenants} for f in (self.before, self.after))
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        old, new = self._registrations
        names = [name for name in old | new if old.get(name) != new.get(name)]
        return frozenset(
            changed | {k[name].tenant for name in names for k in (old, new) if name in k}
        )

    @cached_property
    def _known_usable(self) -> dict[str, tuple[Cluster, ...]]:
        return {}

    @cached_property
    def _known_statements(self) -> dict[str, bool]:
        return {}

    def _usable(self, tenant: str) -> tuple[Cluster, ...]:
        """The clusters that differ which a tenant may use, in one of the fleets."""
        known = self._known_usable
        if tenant not in known:
            known[tenant] = tuple(e for e in self._clusters if self._may_use(tenant, e))
        return known[tenant]

    def _concerns_otherwise(self, name: str) -> bool:
        """Whether more than clusters differs for an application."""
        tenant = self._tenant(name)
        if tenant in self._tenants:
            return True
        if self.before.policies == self.after.policies:
            return False
        before, after = (
            list(_terms(fleet.policies, tenant, name)) for fleet in (self.before, self.after)
        )
        if before != after:
            return True
        known = self._known_statements
        if tenant not in known:
            known[tenant] = self._states_otherwise(tenant)
        return known[tenant]

    def _states_otherwise(self, tenant: str) -> bool:
        """Whether a rule for some clusters differs, and the tenant may use one of these."""
        before, after = (list(_ranged(fleet.policies)) for fleet in (self.before, self.after))
        different = [each for each in before if each not in after]
        different += [each for each in after if each not in before]
        return any(
            selector.matches(cluster) and self._may_use(tenant, cluster)
            for selector, _ in different
            for cluster in (*self.after.clusters, *self._clusters)
        )

    def _may_use(self, tenant: str, cluster: Cluster) -> bool:
        found = (fleet.tenant(tenant) for fleet in (self.before, self.after))
        return any(each is not None and each.clusters.matches(cluster) for each in found)


def _terms(policies: tuple[Policy, ...], tenant: str, application: str) -> Iterator[object]:
    """What policies say of an application and its tenant, whatever the clusters.

    Freezes stop what is planned, and channels tell of it: neither is part of a plan.
    """
    for each in policies:
        yield each.facts_max_age, each.merge_method, tenant in each.plaintext_secrets
        yield [signed for signed in each.signed_objects if signed.application == application]
        yield [origin for origin in each.charts if not origin.tenants or tenant in origin.tenants]
        yield [rule for rule in each.automatic if rule.application == application]
        yield [query for query in each.queries if query.serves(query.name, tenant)]
        yield [server for server in each.gate_servers if server.serves(server.address, tenant)]
    yield policy_gates(policies, tenant)


def _ranged(policies: tuple[Policy, ...]) -> Iterator[tuple[Selector, object]]:
    """The rules of policies for some clusters, each with its selector."""
    for each in policies:
        yield from ((rule.clusters, rule) for rule in each.approvals)
        yield from ((window.clusters, window) for window in each.windows)
        yield from ((age.clusters, age) for age in each.report_ages)
        yield from ((rule.clusters, rule) for rule in each.failover)


def _may_select(application: Application, cluster: Cluster) -> bool:
    """Whether an intent of the application can put something on that cluster.

    Where others count, whatever they run on that cluster does.
    """
    intents = application.placements
    if application.is_tenant_setup or application.connectivity:
        return True
    if any(rule.application for intent in intents for rule in intent.affinity):
        return True
    return (
        any(intent.selects(cluster) for intent in intents)
        or any(cluster.name in rule.add for rule in application.exceptions)
        or any(r.clusters is not None and r.clusters.matches(cluster) for r in application.rules)
    )
