"""Reads what the pages show from the store; a page asks neither the forge nor Git."""

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from fastapi import HTTPException, status

from bot.context import Context
from bot.gather.facts import read_facts
from bot.report.cluster_details import (
    CLAIMS,
    FLEET_DETAILS,
    ClaimsView,
    ClusterDetailsView,
    FleetDetailsView,
)
from bot.report.history import HISTORY, HistoryView
from bot.report.model import (
    APPLICATION_CLUSTERS,
    FLEETS,
    OPEN_PLANS,
    PLANS,
    PROPOSED_PLANS,
    ROLLOUT_HEADS,
    ROLLOUTS,
    RULES,
    SETUP_CHECKS,
    SUMMARIES,
    VERSIONS,
    ApplicationClustersView,
    FleetView,
    OpenPlanView,
    PlanView,
    ProposedPlanView,
    RolloutHead,
    RolloutView,
    RulesView,
    SummaryView,
)
from bot.report.summary_view import VERSION_LENGTH
from bot.store.audit import AuditEntry
from bot.store.keys import application_key
from bot.store.queue import Waiting
from bot.store.reports import ReportRow
from bot.store.views import ViewKind
from planners.model.snapshot import ReportedFacts

T = TypeVar("T")
MAX_WAITING = 1_000
MAX_AUDIT_ENTRIES = 100
MAX_NAMES = 10


@dataclass(frozen=True, slots=True)
class ViewReader:
    """The read model, by what the pages ask for."""

    context: Context

    @property
    def now(self) -> datetime:
        """The time by the service's clock."""
        return self.context.clock()

    def summaries(self) -> list[SummaryView]:
        """Every application in short, sorted by name."""
        return [*self.context.store.views.load_all(SUMMARIES).values()]

    def application_clusters(self) -> list[ApplicationClustersView]:
        """Where every application runs."""
        return [*self.context.store.views.load_all(APPLICATION_CLUSTERS).values()]

    def summary(self, application: str) -> SummaryView:
        """One application in short. Raises HTTPException 404."""
        return self._known(SUMMARIES, application)

    def rollout(self, application: str) -> RolloutView:
        """One application's whole rollout. Raises HTTPException 404."""
        return self._known(ROLLOUTS, application)

    def _known(self, kind: ViewKind[T], application: str) -> T:
        found = self.context.store.views.load(kind, application)
        if found is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, self.unknown(application))
        return found

    def unknown(self, application: str) -> str:
        """Why there is no page of that application."""
        names = [*self.context.store.views.load_all(VERSIONS)]
        near = difflib.get_close_matches(application, names, 1)
        text = f"Unknown application {application[:100]}. Is it registered in the fleet repo?"
        if near:
            return f"{text} Did you mean {near[0]}?"
        if not names:
            return f"{text} No application has been processed yet."
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        return f"{text} Known applications: {', '.join(names[:MAX_NAMES])}{more}."

    def rollout_head(self, application: str) -> RolloutHead:
        """One application's rollout without its units. Raises HTTPException 404."""
        return self._known(ROLLOUT_HEADS, application)

    def find_rollout(self, application: str) -> RolloutHead | None:
        """One application's rollout without its units, if it is known."""
        return self.context.store.views.load(ROLLOUT_HEADS, application)

    def history(self, application: str) -> HistoryView:
        """The newest rollouts of an application."""
        return self.context.store.views.load(HISTORY, application) or HistoryView()

    def histories(self, applications: Iterable[str]) -> dict[str, HistoryView]:
        """The newest rollouts of several applications, of those that have any."""
        return self.context.store.views.load_each(HISTORY, applications)

    def proposed_plan(self, application: str, digest: str) -> ProposedPlanView | None:
        """A plan of a merge request, open or not, if it is kept."""
        return self.context.store.views.load(PROPOSED_PLANS, f"{application}/{digest}")

    def open_plans(self) -> list[OpenPlanView]:
        """The newest plan of every open merge request, by application."""
        return [*self.context.store.views.load_all(OPEN_PLANS).values()]

    def plan(self, application: str) -> PlanView | None:
        """The last plan with its diffs, if one could be made."""
        return self.context.store.views.load(PLANS, application)

    def rules(self, application: str) -> RulesView | None:
        """The application's rules as they were in the last pass, if it has any."""
        return self.context.store.views.load(RULES, application)

    def fleet(self) -> FleetView:
        """The content of the fleet repo; empty, without a revision, until it has been read."""
        return self.context.store.views.load_shared(FLEETS, "") or FleetView(revision="")

    def cluster_details(self, cluster: str) -> ClusterDetailsView:
        """What the fleet repo says of one cluster; empty if it does not name it."""
        found = self.context.store.views.load_shared(FLEET_DETAILS, "") or FleetDetailsView()
        return found.clusters.get(cluster, ClusterDetailsView())

    def claims(self, application: str, cluster: str) -> Mapping[str, int]:
        """What an application claims of one cluster, in nano-units by resource."""
        found = self.context.store.views.load_shared(CLAIMS, application) or ClaimsView()
        return found.clusters.get(cluster, {})

    def facts(self, cluster: str) -> ReportedFacts | None:
        """The newest facts that a cluster reported."""
        return read_facts(self.context.store.views, cluster)

    def reports(self, application: str, cluster: str) -> tuple[ReportRow, ...]:
        """What a cluster said of an application; without one, of itself."""
        return self.context.store.reports.of_application_on(application, cluster)

    def warnings(self) -> list[str]:
        """What an administrator has to put right at the forges."""
        checks = self.context.store.views.load_all(SETUP_CHECKS).values()
        return [warning for check in checks for warning in check.warnings]

    def failures(self, application: str | None = None) -> list[Waiting]:
        """Passes that failed and are to be retried; of one application, or all."""
        waiting = self.context.store.queue.waiting(MAX_WAITING)
        key = None if application is None else application_key(application)
        return [each for each in waiting if each.last_error and key in {None, each.key}]

    def audit_log(self, application: str) -> tuple[AuditEntry, ...]:
        """The newest entries of an application, newest first."""
        return self.context.store.audit.of(application_key(application), MAX_AUDIT_ENTRIES)

    def number_prefix(self, view: RolloutHead) -> str:
        """What the forge of a rollout's deploy repo writes before the number of a merge request."""
        forge = self.context.forges.get(view.deploy.partition(":")[0])
        return forge.number_prefix if forge else ""

    def versions(self) -> dict[str, str]:
        """The version of each application's page: changes with the rollout and its failures."""
        failed = {each.key: f"{each.last_error} {each.quarantined}" for each in self.failures()}
        return {
            name: _hash(versions.rollout, failed.get(application_key(name), ""))
            for name, versions in self.context.store.views.load_all(VERSIONS).items()
        }


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:VERSION_LENGTH]
