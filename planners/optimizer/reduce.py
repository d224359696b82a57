"""Leaves out candidates that no best solution uses, so that large fleets stay small problems.

A choice takes at most `limit` clusters, and all others together at most the sum of their limits.
Of more candidates than both, in the same domains and with room for the component alone, one is
used by nobody. So a worse candidate than all of these can be exchanged for one of them: no rule
breaks, and the solution gets better. Called by `milp`.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import replace

from planners.model import Unit
from planners.optimizer.problem import AssignmentProblem, Choice


def reduced(problem: AssignmentProblem) -> AssignmentProblem:
    """The same problem without these candidates."""
    choices_of = Counter(choice.component for choice in problem.choices)
    total = sum(choice.limit for choice in problem.choices)
    return replace(
        problem,
        choices=tuple(
            _reduced(problem, choice, total) if choices_of[choice.component] == 1 else choice
            for choice in problem.choices
        ),
    )


def _reduced(problem: AssignmentProblem, choice: Choice, most: int) -> Choice:
    if len(choice.candidates) <= most or _needs_same_cluster(problem, choice.component):
        return choice
    better: Counter[Hashable] = Counter()
    kept: dict[str, int] = {}
    for name in sorted(choice.candidates, key=lambda each: _rank(problem, choice, each)):
        domains = tuple(_domains(problem, choice.component, name))
        if better[domains] < most:
            kept[name] = choice.candidates[name]
            better[domains] += _fits_alone(problem, Unit(choice.component, name))
    return replace(choice, candidates=kept)


def _rank(problem: AssignmentProblem, choice: Choice, name: str) -> tuple[int, int, str]:
    """Best first, as the objective and its ties are decided."""
    return -choice.candidates[name], problem.loads.get(Unit(choice.component, name), 0), name


def _needs_same_cluster(problem: AssignmentProblem, component: str) -> bool:
    """Whether an affinity ties the component to others on the same cluster."""
    return any(
        component in (pair.component, pair.other) and pair.domains is None
        for pair in problem.affinities
    )


def _domains(problem: AssignmentProblem, component: str, cluster: str) -> Iterator[str | None]:
    """The domains of a cluster in every rule about the component."""
    for spread in problem.spreads:
        if spread.component == component:
            yield spread.domains.get(cluster)
    for pair in (*problem.affinities, *problem.anti_affinities):
        if component in (pair.component, pair.other) and pair.domains is not None:
            yield pair.domains.get(cluster)


def _fits_alone(problem: AssignmentProblem, unit: Unit) -> bool:
    """Whether the unit violates nothing on a cluster that no other choice uses."""
    here = [each for each in problem.fixed if each.cluster == unit.cluster]
    for pair in problem.anti_affinities:
        for one, other in ((pair.component, pair.other), (pair.other, pair.component)):
            if unit.component == one and pair.domains is None and Unit(other, unit.cluster) in here:
                return False
    free = problem.free.get(unit.cluster, {})
    return all(
        resource not in free
        or not amount
        or amount + sum(problem.requests.get(e, {}).get(resource, 0) for e in here)
        <= free[resource]
        for resource, amount in problem.requests.get(unit, {}).items()
    )
