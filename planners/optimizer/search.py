"""Searches a placement of all components together, without a solver, within a fixed effort.

Called by `repair` where placing one component after the other violates a rule. A depth-first
search always decides what is most constrained next: a choice that lacks clusters, a component whose
affinity nobody satisfies yet, or a spread rule that needs another domain. Choices that caused a
dead end come first after a restart. If a search ends before its limit, no placement exists.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from planners.optimizer.assignment import AssignmentState
from planners.optimizer.problem import Assignment, AssignmentProblem, check

NODES = 3_000
"""Assignments that are tried in all."""

_FIRST_RUN = 50
_ENOUGH = 8
"""Candidates beyond this number are not counted: the choice is not constrained."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The placement found, if any; without one, `exhausted` means that none exists."""

    chosen: frozenset[Assignment] | None
    exhausted: bool = False


@dataclass(frozen=True, slots=True)
class _Need:
    """Assignments of which one must be made next; `slack` is small if few are possible."""

    choices: tuple[int, ...]
    candidates: tuple[Assignment, ...]
    slack: float


@dataclass(slots=True)
class _Frame:
    """A need that is being tried: the candidates left, the current one, and those excluded."""

    candidates: Iterator[Assignment]
    current: Assignment | None = None
    excluded: list[Assignment] = field(default_factory=list)


def search(problem: AssignmentProblem, nodes: int = NODES) -> SearchResult:
    """A valid placement with as many clusters as fit; deterministic."""
    weights: Counter[int] = Counter()
    limit, left = _FIRST_RUN, nodes
    while left > 0:
        run = _Run(problem, weights, min(limit, left))
        found = run.complete()
        if found is not None or run.exhausted:
            return SearchResult(found, run.exhausted)
        left -= max(run.tried, 1)
        limit *= 2
    return SearchResult(None)


class _Run:
    """One depth-first search; `weights` counts the dead ends of each choice."""

    def __init__(self, problem: AssignmentProblem, weights: Counter[int], limit: int) -> None:
        self.problem = problem
        self.weights = weights
        self.limit = limit
        self.tried = 0
        self.exhausted = False
        self.state = AssignmentState(problem)
        self.excluded: set[Assignment] = set()

    def complete(self) -> frozenset[Assignment] | None:
        """Assign until no need is left; None if the limit is reached or nothing is left to try."""
        frames: list[_Frame] = []
        need = self._next_need()
        while need is not None:
            frames.append(_Frame(iter(need.candidates)))
            while frames and not self._advance(frames[-1]):
                frame = frames.pop()
                self.excluded.difference_update(frame.excluded)
            if not frames or self.tried >= self.limit:
                self.exhausted = not frames
                return None
            need = self._next_need()
        self.state.fill()
        chosen = frozenset(self.state.chosen)
        self.exhausted = bool(check(self.problem, chosen))  # then fixed units violate a rule
        return None if self.exhausted else chosen

    def _advance(self, frame: _Frame) -> bool:
        """Try the next candidate of a frame; what was tried is excluded below the frame."""
        if frame.current is not None:
            self.state.remove(frame.current)
            self.excluded.add(frame.current)
            frame.excluded.append(frame.current)
            frame.current = None
        for candidate in frame.candidates:
            if candidate not in self.excluded and self.state.possible(candidate):
                self.tried += 1
                self.state.add(candidate)
                frame.current = candidate
                return True
        return False

    def _next_need(self) -> _Need | None:
        """The most constrained need; without candidates if this is a dead end."""
        best: _Need | None = None
        for need in self._needs():
            if not need.candidates:
                self.weights.update(need.choices)
                return need
            if best is None or need.slack < best.slack:
                best = need
        return best or next(self._spread_needs(), None)

    def _needs(self) -> Iterator[_Need]:
        state = self.state
        for index, choice in enumerate(self.problem.choices):
            missing = choice.minimum - state.counts[index]
            if missing > 0:
                found = self._possible(state.ranked[index], missing + _ENOUGH)
                if len(found) < missing:
                    yield _Need((index,), (), 0)
                else:
                    slack = (len(found) - missing + 1) / (1 + self.weights[index])
                    yield _Need((index,), tuple(state.ranked[index]), slack)
        for missing_pair in state.missing_neighbours():
            pair, domain = missing_pair.pair, missing_pair.domain
            choices = state.choices_of.get(pair.other, ())
            near = [
                each
                for index in choices
                for each in state.ranked[index]
                if pair.domain(each.cluster) == domain
            ]
            found = self._possible(near, _ENOUGH)
            weight = 1 + sum(self.weights[index] for index in choices)
            blamed = (*choices, *state.choices_of.get(pair.component, ()))
            yield _Need(blamed, tuple(near) if found else (), len(found) / weight)

    def _spread_needs(self) -> Iterator[_Need]:
        """Domains that a spread rule still needs, once every choice has its minimum."""
        for missing in self.state.missing_domains():
            choices = self.state.choices_of.get(missing.spread.component, ())
            near = [
                each
                for index in choices
                for each in self.state.ranked[index]
                if missing.spread.domains.get(each.cluster) in missing.domains
            ]
            found = self._possible(near, 1)
            if not found:
                self.weights.update(choices)
            yield _Need(choices, tuple(near) if found else (), 0)

    def _possible(self, candidates: list[Assignment], enough: int) -> list[Assignment]:
        found = []
        for each in candidates:
            if each not in self.excluded and self.state.possible(each):
                found.append(each)
                if len(found) >= enough:
                    break
        return found
