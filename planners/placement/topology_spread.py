"""Spread rules: how evenly a component uses the values of a cluster label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planners.model import Cluster, SpreadRule
from planners.placement.allocation import Allocation


@dataclass(frozen=True, slots=True)
class SpreadCheck:
    """One rule for one component; `domains` are all label values that it could use."""

    rule: SpreadRule
    component: str
    allocation: Allocation
    domains: frozenset[str]

    def refuses(self, cluster: Cluster, assignments: int) -> tuple[str, str] | None:
        """Why the component may not take this cluster next: seen and needed.

        `assignments` is how many are left to make.
        """
        key = self.rule.topology_key
        domain = cluster.labels.get(key)
        if domain is None:
            return f"no label {key}", f"a label {key} to spread over"
        counts = self.allocation.domains(self.component, key)
        if domain in counts:
            missing = self.rule.min_domains - len(counts)
            if missing > 0 and assignments <= missing:
                needed = f"{self.rule.min_domains} different values of {key}"
                return f"{key}={domain} is used already", needed
        least = min((counts[each] + (each == domain) for each in self.domains), default=0)
        if counts[domain] + 1 - least > self.rule.max_skew:
            seen = f"{counts[domain]} clusters with {key}={domain}, {least} elsewhere"
            return seen, f"at most {self.rule.max_skew} between any two values of {key}"
        return None

    def broken(self) -> str | None:
        """How the final choice breaks the rule, if it does."""
        key = self.rule.topology_key
        counts = self.allocation.domains(self.component, key)
        if len(counts) < self.rule.min_domains:
            return f"{len(counts)} values of {key} are used, {self.rule.min_domains} are needed"
        if not counts:
            return None
        named = {each: counts[each] for each in sorted(self.domains | counts.keys())}
        skew = max(named.values()) - min(named.values())
        if skew > self.rule.max_skew:
            shown = ", ".join(f"{count} with {key}={each}" for each, count in named.items())
            return f"clusters are {shown}; at most {self.rule.max_skew} may lie between them"
        return None


def spread_checks(
    rules: Sequence[SpreadRule],
    component: str,
    allocation: Allocation,
    candidates: Iterable[Cluster],
) -> tuple[SpreadCheck, ...]:
    """The rules for one component over the clusters that it could use."""
    could = list(candidates)
    return tuple(
        SpreadCheck(
            rule,
            component,
            allocation,
            frozenset(
                each.labels[rule.topology_key] for each in could if rule.topology_key in each.labels
            ),
        )
        for rule in rules
    )
