"""Improves a valid placement step by step, within a fixed effort.

A step gives a choice another cluster, or a better one, and where that is full moves one other
assignment away from it. Every step keeps all rules, and adds clusters or points.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from planners.optimizer.assignment import AssignmentState
from planners.optimizer.problem import Assignment, AssignmentProblem

STEPS = 40_000
"""Assignments that are tried in all."""


def improve(
    problem: AssignmentProblem,
    start: Iterable[Assignment],
    movable: Collection[int],
    steps: int = STEPS,
) -> frozenset[Assignment]:
    """A placement at least as good; only choices whose index is in `movable` change."""
    state = AssignmentState(problem)
    for each in sorted(start):
        state.add(each)
    search = _LocalSearch(state, movable, steps)
    while search.improve_once():
        pass
    return frozenset(state.chosen)


@dataclass(slots=True)
class _LocalSearch:
    state: AssignmentState
    movable: Collection[int]
    left: int

    def points(self, assignment: Assignment) -> int:
        choice = self.state.problem.choices[self.state.index(assignment)]
        return choice.candidates[assignment.cluster]

    def improve_once(self) -> bool:
        """Whether any choice was improved; every choice is tried once."""
        improved = False
        for index in sorted(self.movable):
            improved |= self._improve_choice(index)
        return improved and self.left > 0

    def _improve_choice(self, index: int) -> bool:
        """Take the best clusters that the choice does not have yet, instead of its worst ones."""
        state = self.state
        improved = False
        for wanted in state.ranked[index]:
            if self.left <= 0:
                break
            if wanted in state.chosen:
                continue
            own = [each for each in state.ranked[index] if each in state.chosen]
            if state.counts[index] < state.problem.choices[index].limit:
                improved |= self._exchange(None, wanted)
                continue
            worse = [each for each in reversed(own) if self.points(each) < self.points(wanted)]
            if not worse:
                break
            improved |= any(self._exchange(each, wanted) for each in worse)
        return improved

    def _exchange(self, given: Assignment | None, wanted: Assignment) -> bool:
        """Take `wanted` instead of `given`; None: in addition."""
        state = self.state
        self.left -= 1
        if given is not None:
            state.remove(given)
        if state.try_add(wanted):
            return True
        gain = self.points(wanted) - (self.points(given) if given else 0)
        for other in sorted(each for each in state.chosen if each.cluster == wanted.cluster):
            movable = state.index(other) in self.movable and other.component != wanted.component
            if movable and self._displace(other, wanted, None if given is None else gain):
                return True
        if given is not None:
            state.add(given)
        return False

    def _displace(self, other: Assignment, wanted: Assignment, gain: int | None) -> bool:
        """Take `wanted`, and move `other` where it loses less than `gain` (None: anywhere)."""
        state = self.state
        state.remove(other)
        if state.possible(wanted):
            state.add(wanted)
            for refuge in state.ranked[state.index(other)]:
                self.left -= 1
                lost = self.points(other) - self.points(refuge)
                if self.left <= 0 or (gain is not None and lost >= gain):
                    break
                if refuge != other and state.try_add(refuge):
                    return True
            state.remove(wanted)
        state.add(other)
        return False
