"""What differs between two plans of one application, made from different inputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from planners.gating.change_sets import ChangeSet
from planners.gating.conditions import Conditions
from planners.model import PlanProblem, Unit
from planners.plan import Plan

NO_FILES: Mapping[str, str] = {}


class Planned(Protocol):
    """A plan with its files, or why there is none."""

    @property
    def plan(self) -> Plan:
        """What should run."""

    @property
    def files(self) -> Mapping[Unit, Mapping[str, str]]:
        """Each unit's files: path -> blob id."""

    @property
    def conditions(self) -> Conditions:
        """What else its digest binds."""

    @property
    def changes(self) -> tuple[ChangeSet, ...]:
        """What each wave changes of what is merged."""

    @property
    def digest(self) -> str:
        """Its digest."""

    @property
    def problems(self) -> tuple[PlanProblem, ...]:
        """Why it cannot be carried out."""


@dataclass(frozen=True, slots=True)
class NoPlan:
    """What is needed for a plan cannot be read, or planning exceeded a limit."""

    problems: tuple[PlanProblem, ...]


class Outcome(StrEnum):
    """What becomes of a plan; those that need people most come first."""

    BROKEN = "broken"
    MOVED = "moved"
    ADDED = "added"
    UNREAD = "unread"
    UNREGISTERED = "unregistered"
    RENDERED = "rendered"
    REORDERED = "reordered"
    MENDED = "mended"
    SAME = "same"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Move:
    """Components that join, and leave, the same clusters."""

    components: tuple[str, ...]
    joined: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """How the second plan of an application differs from the first.

    `rendered` are the clusters on which files of a component differ that stays there, `clusters`
    how many the second plan has. `waves` counts those that carry the difference out; `digest` is
    that of the second plan. `conditions` are both plans', where they differ by more than the moves.
    A BROKEN or FAILING one has `problems`.
    """

    application: str
    outcome: Outcome
    moves: tuple[Move, ...] = ()
    rendered: tuple[str, ...] = ()
    clusters: int = 0
    waves: int = 0
    reordered: bool = False
    conditions: tuple[Conditions, Conditions] | None = None
    digest: str = ""
    problems: tuple[PlanProblem, ...] = ()


def difference(
    application: str, before: Planned | NoPlan | None, after: Planned | NoPlan | None
) -> PlanDifference:
    """Compare two plans; None: the application is not registered there."""
    if after is None:
        return PlanDifference(application, Outcome.UNREGISTERED)
    if isinstance(after, NoPlan) or after.problems:
        had_none = before is not None and bool(before.problems)
        outcome = Outcome.FAILING if had_none else Outcome.BROKEN
        return PlanDifference(application, outcome, problems=after.problems)
    if before is None:
        return replace(_compared(application, None, after), outcome=Outcome.ADDED)
    if isinstance(before, NoPlan) or before.problems:
        return replace(_compared(application, None, after), outcome=Outcome.MENDED)
    return _compared(application, before, after)


def _compared(application: str, before: Planned | None, after: Planned) -> PlanDifference:
    old = set(before.plan.units) if before is not None else set()
    new, known = set(after.plan.units), before.files if before is not None else {}
    rendered = {
        unit for unit in old & new if known.get(unit, NO_FILES) != after.files.get(unit, NO_FILES)
    }
    moves, touched = _moves(new - old, old - new), rendered | (old ^ new)
    terms, reordered = None, False
    if before is not None:
        reordered = _order(before.plan, old & new) != _order(after.plan, old & new)
        terms = _terms(before.conditions, moves), _terms(after.conditions, moves)
    found = PlanDifference(
        application=application,
        outcome=Outcome.SAME,
        moves=moves,
        rendered=tuple(sorted({unit.cluster for unit in rendered})),
        clusters=len({unit.cluster for unit in new}),
        waves=sum(not touched.isdisjoint(each.units) for each in after.changes),
        reordered=reordered,
        conditions=terms if terms and terms[0] != terms[1] else None,
        digest=after.digest,
    )
    return replace(found, outcome=_outcome(found))


def _terms(conditions: Conditions, moves: tuple[Move, ...]) -> Conditions:
    """The conditions; those that follow from where components are go without saying."""
    if not moves:
        return conditions
    return replace(conditions, stages=(), dependencies={}, time_zones=())


def _outcome(found: PlanDifference) -> Outcome:
    if found.moves:
        return Outcome.MOVED
    if found.rendered:
        return Outcome.RENDERED
    return Outcome.REORDERED if found.reordered or found.conditions else Outcome.SAME


def _moves(joined: Iterable[Unit], left: Iterable[Unit]) -> tuple[Move, ...]:
    """Components with the same clusters together, in the order of their names."""
    sides: dict[str, tuple[set[str], set[str]]] = {}
    for index, units in enumerate((joined, left)):
        for unit in units:
            sides.setdefault(unit.component, (set(), set()))[index].add(unit.cluster)
    together: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for name, (gains, losses) in sorted(sides.items()):
        together.setdefault((tuple(sorted(gains)), tuple(sorted(losses))), []).append(name)
    return tuple(Move(tuple(names), *clusters) for clusters, names in together.items())


def _order(plan: Plan, units: set[Unit]) -> list[list[Unit]]:
    """These units as the waves have them, one list for each wave."""
    every = (
        [unit for unit in wave.units if unit in units] for wave in plan.waves if not wave.removal
    )
    return [each for each in every if each]
