"""Plans applications with the fleet as it is and as a merge request proposes it.

Bounded: applications that the change cannot touch are not planned, a pass plans a limited number
for a limited time, and what a merge request names is not read before it is merged.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from bot.charts import Charts, ChartUnavailableError
from bot.context import Context
from bot.engine.process import PlannerError
from bot.forges import ForgeError, TransientForgeError
from bot.gather.documents import application_at
from bot.gather.errors import AwayError, DocumentsError, GatherError
from bot.gather.repository import Checkout, last_known, read_hints
from bot.gather.snapshot import snapshot_with
from bot.git import GitError, TransientGitError
from bot.wording.fleet_requests import FleetComparison
from planners.fleet_changes import FleetChange
from planners.model import ChartOrigin, ComponentSource, Fleet, PlanProblem, Registration, Repo
from planners.plan import digest_of
from planners.plan_differences import NoPlan, Outcome, PlanDifference, Planned, difference
from renderers.tree import FileTree

MOST_PLANNED = 50
MOST_READ = 200
MOST_TIME = timedelta(minutes=2)

TRANSIENT = (AwayError, TransientForgeError, TransientGitError)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Side:
    """A fleet, and what reads with it; `sha` names it in plans."""

    context: Context
    fleet: Fleet
    sha: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An application whose plan the change may touch, with the commits that are planned."""

    name: str
    app: Checkout
    deploy: Checkout


@dataclass(slots=True)
class FleetPlans:
    """The comparison for one merge request with this `head`; `fleet` is the default branch.

    `read` finds out what there is to plan, `compare` plans it. Where something is away, what is
    found is `incomplete`, and worth another pass.
    """

    context: Context
    change: FleetChange
    fleet: Checkout
    head: str
    incomplete: bool = False
    _until: datetime = field(init=False)
    _candidates: list[_Candidate] = field(default_factory=list)
    _differences: list[PlanDifference] = field(default_factory=list)
    _unplanned: list[str] = field(default_factory=list)
    _hints: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin to count the time."""
        self._until = self.context.clock() + MOST_TIME

    async def read(self) -> str:
        """Find the applications to plan; the digest of all that the comment will be made of.

        What is merged and reported meanwhile is no part of it: each rollout would change all open
        comments.
        """
        self._hints = await read_hints(self.context)
        concerned = await asyncio.to_thread(self._concerned)
        for number, name in enumerate(concerned):
            known = self._known(name)
            if known is not None:
                self._differences.append(known)
            elif number >= MOST_READ or self._is_over(len(self._candidates)):
                self._unplanned.append(name)
            else:
                await self._consider(name)
        found = [[each.name, each.app.head, str(each.deploy.repo)] for each in self._candidates]
        return digest_of([[self.fleet.head, self.head], found, self._unplanned])

    def _concerned(self) -> list[str]:
        return [name for name in self.change.applications if self.change.may_concern(name)]

    def _known(self, name: str) -> PlanDifference | None:
        """The difference, where it takes no plan."""
        if self.change.after.registration(name) is None:
            return PlanDifference(name, Outcome.UNREGISTERED)
        if self.change.readable.registration(name) is None:
            return PlanDifference(name, Outcome.UNREAD)
        return None

    def _is_over(self, planned: int) -> bool:
        return planned >= MOST_PLANNED or self.context.clock() >= self._until

    async def _consider(self, name: str) -> None:
        """Make an application a candidate, unless its intents tell that its plan stays."""
        before = self.change.before.registration(name)
        registration = before or self.change.readable.registration(name)
        assert registration is not None, "one of the fleets registers it"
        try:
            app = await self._repository(registration.app)
            if before is None or not await self._stays(before, app):
                deploy = await self._repository(registration.deploy)
                self._candidates.append(_Candidate(name, app, deploy))
        except (GatherError, ForgeError, GitError) as error:
            self._leave_out(name, error)

    async def _stays(self, registration: Registration, app: Checkout) -> bool:
        """Whether the intents of an application tell that its plan does not change."""
        fleet = self.change.before
        try:
            read = await application_at(self.context, app, app.head, fleet, registration)
        except DocumentsError:
            return False
        return not await asyncio.to_thread(self.change.may_change, read.application)

    async def _repository(self, repo: Repo) -> Checkout:
        if repo == self.fleet.repo:
            return self.fleet
        return await last_known(self.context, repo, self._hints.get(str(repo), ""))

    def _leave_out(self, name: str, error: Exception) -> None:
        """What is away may be planned later; what cannot be read has no plan with either fleet."""
        log.warning("application not planned", application=name, error=str(error))
        if isinstance(error, TRANSIENT):
            self._unplanned.append(name)
            self.incomplete = True
        else:
            problems = (PlanProblem(str(error)),)
            self._differences.append(PlanDifference(name, Outcome.FAILING, problems=problems))

    async def compare(self) -> FleetComparison:
        """Plan all candidates with both fleets, as far as time allows."""
        context, before = self.context, self.change.before
        sides = (
            _Side(context, before, self.fleet.head),
            _Side(
                replace(context, charts=_PresentCharts(context.charts, before), holdings={}),
                self.change.readable,
                self.head,
            ),
        )
        for each in self._candidates:
            if self.context.clock() >= self._until:
                self._unplanned.append(each.name)
                continue
            try:
                plans = [await self._plan(each, side) for side in sides]
            except (AwayError, ForgeError, GitError) as error:
                self._leave_out(each.name, error)
                continue
            self._differences.append(difference(each.name, *plans))
        return FleetComparison(
            base=self.fleet.head,
            head=self.head,
            registered=len(self.change.applications),
            differences=tuple(sorted(self._differences, key=lambda each: each.application)),
            unplanned=tuple(sorted(self._unplanned)),
        )

    async def _plan(self, candidate: _Candidate, side: _Side) -> Planned | NoPlan | None:
        """The plan with a fleet, or why there is none; None where it is not registered.

        Raises:
            AwayError, ForgeError, GitError: something cannot be read now.
        """
        registration = side.fleet.registration(candidate.name)
        if registration is None:
            return None
        app = await self._moved(registration.app, candidate.app)
        deploy = await self._moved(registration.deploy, candidate.deploy)
        try:
            snapshot = await snapshot_with(
                side.context,
                side.fleet,
                side.sha,
                registration,
                app=app,
                sha=app.head,
                deploy=deploy,
            )
            return await side.context.propose(snapshot)
        except AwayError:
            raise
        except DocumentsError as error:
            return NoPlan(tuple(PlanProblem(str(each)) for each in error.problems))
        except (GatherError, PlannerError) as error:
            return NoPlan((PlanProblem(str(error)),))

    async def _moved(self, repo: Repo, known: Checkout) -> Checkout:
        """Another repository, where a registration changes it."""
        return known if repo == known.repo else await self._repository(repo)


@dataclass(frozen=True, slots=True)
class _PresentCharts:
    """Charts from where the default branch of the fleet repo says, and from nowhere else."""

    charts: Charts
    fleet: Fleet

    def files(self, source: ComponentSource, origin: ChartOrigin) -> FileTree:
        """See `Charts.files`."""
        if not any(origin in policy.charts for policy in self.fleet.policies):
            raise ChartUnavailableError("its host is asked after the merge")
        return self.charts.files(source, origin)
