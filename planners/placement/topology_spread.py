"""Checks spread rules: how evenly a component uses the values of a cluster label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planners.model import Cluster, SpreadRule
from planners.placement.allocation import Allocation
from planners.placement.arrays import Codes, Mask
from planners.placement.filters import Verdict

SPREAD = "spread"


@dataclass(frozen=True, slots=True)
class SpreadCheck:
    """One spread rule for one component; `domains` are the label values of its candidates."""

    rule: SpreadRule
    component: str
    allocation: Allocation
    domains: frozenset[str]

    def reject(self, cluster: Cluster, open_slots: int) -> Verdict | None:
        """The verdict against assigning this cluster next; None if the rule admits it.

        `open_slots` is the number of clusters still to be selected, this one included.
        """
        key = self.rule.topology_key
        domain = cluster.labels.get(key)
        if domain is None:
            return _rejected(f"no label {key}", f"label {key}")
        counts = self.allocation.domain_counts(self.component, key)
        if domain in counts:
            missing = self.rule.min_domains - len(counts)
            if missing > 0 and open_slots <= missing:
                needed = f"at least {self.rule.min_domains} different values of {key}"
                return _rejected(f"{key}={domain} already used", needed)
        lowest = min((counts[each] + (each == domain) for each in self.domains), default=0)
        if counts[domain] + 1 - lowest > self.rule.max_skew:
            seen = f"{counts[domain]} clusters with {key}={domain}, {lowest} elsewhere"
            return _rejected(seen, f"a skew of at most {self.rule.max_skew} over {key}")
        return None

    def admits(self, open_slots: int) -> Mask:
        """The clusters that the rule admits next, see `reject`."""
        labels = self.allocation.columns.label(self.rule.topology_key)
        placed = labels.codes[self.allocation.placed(self.component)]
        counts = np.bincount(placed[placed >= 0], minlength=len(labels))
        used = int(np.count_nonzero(counts))
        candidates = np.array([each in self.domains for each in labels.distinct], np.bool_)
        lowest = _lowest(counts, candidates)
        admitted = counts + 1 - lowest <= self.rule.max_skew
        missing = self.rule.min_domains - used
        if missing > 0 and open_slots <= missing:
            admitted &= counts == 0
        found: Mask = np.append(admitted, False)[labels.codes]
        return found

    def violation(self) -> str | None:
        """How the final assignments violate the rule; None if they satisfy it."""
        key = self.rule.topology_key
        counts = self.allocation.domain_counts(self.component, key)
        if len(counts) < self.rule.min_domains:
            return f"{len(counts)} of at least {self.rule.min_domains} values of {key} used"
        if not counts:
            return None
        by_domain = {each: counts[each] for each in sorted(self.domains | counts.keys())}
        skew = max(by_domain.values()) - min(by_domain.values())
        if skew > self.rule.max_skew:
            listed = ", ".join(f"{count} with {key}={each}" for each, count in by_domain.items())
            return f"clusters: {listed}; the maximum skew is {self.rule.max_skew}"
        return None


def _lowest(counts: Codes, candidates: Mask) -> Codes:
    """For each domain the lowest count of all candidates, once it has one cluster more."""
    known = np.sort(counts[candidates])
    if not len(known):
        return np.zeros_like(counts)
    lowest = np.full_like(counts, known[0])
    if len(known) == 1 or known[1] > known[0]:
        only = candidates & (counts == known[0])
        lowest[only] = min([known[0] + 1, *known[1:2]])
    return lowest


def _rejected(seen: str, needed: str) -> Verdict:
    return Verdict(SPREAD, admitted=False, seen=seen, needed=needed)


def spread_checks(
    rules: Sequence[SpreadRule],
    component: str,
    allocation: Allocation,
    candidates: Mask,
) -> tuple[SpreadCheck, ...]:
    """The checks of a component's spread rules over its candidate clusters."""
    return tuple(
        SpreadCheck(rule, component, allocation, _domains(allocation, rule, candidates))
        for rule in rules
    )


def _domains(allocation: Allocation, rule: SpreadRule, candidates: Mask) -> frozenset[str]:
    labels = allocation.columns.label(rule.topology_key)
    codes = np.unique(labels.codes[candidates]).tolist()
    return frozenset(labels.distinct[code] for code in codes if code >= 0)
