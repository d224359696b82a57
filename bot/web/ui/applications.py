"""The front page: what waits for people, open plans, and the applications, filtered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.report.model import NeedView, OpenPlanView, SummaryView
from bot.report.needs import MINE, PEOPLE, concerns
from bot.web.ui.badges import Badge, rollout_badge
from bot.web.ui.paging import Page, paged

ROWS, NEEDS, PLANS = 100, 10, 20
STATES = ("failing", "no plan", "in progress", "rolled out", "not started")


@dataclass(frozen=True, slots=True)
class ApplicationFilter:
    """What to show: words, a tenant, a state, and whom it waits for; empty stands for all."""

    text: str = ""
    tenant: str = ""
    state: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """An application, its state, and what waits for people now."""

    summary: SummaryView
    badge: Badge
    due: Sequence[NeedView]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits for a person; `mine`: the visitor can be the one."""

    application: str
    need: NeedView
    mine: bool


@dataclass(frozen=True, slots=True)
class IndexPage:
    """What the template shows; counts are those of all that match words and tenant."""

    filter: ApplicationFilter
    login: str
    tenants: Sequence[str]
    total: int
    found: int
    states: dict[str, int]
    people: int
    mine: int
    waiting: Sequence[Waiting]
    more_waiting: int
    plans: Sequence[OpenPlanView]
    more_plans: int
    rows: Page[ApplicationRow]


def index_page(
    summaries: Sequence[SummaryView],
    plans: Sequence[OpenPlanView],
    wanted: ApplicationFilter,
    login: str,
    number: int,
) -> IndexPage:
    """The front page for a visitor; without a sign-in `login` is empty."""
    found = [row for row in map(_row, summaries) if _matches(row.summary, wanted)]
    waiting = _waiting(found, login)
    people = {each.application for each in waiting}
    mine = {each.application for each in waiting if each.mine}
    who = {PEOPLE: people, MINE: mine}.get(wanted.needs)
    rows = [
        row
        for row in found
        if wanted.state in {"", row.badge.text} and (who is None or row.summary.application in who)
    ]
    shown = [each for each in waiting if each.mine or wanted.needs != MINE]
    open_plans = [each for each in plans if _plan_matches(each, wanted)]
    return IndexPage(
        filter=wanted,
        login=login,
        tenants=sorted({each.tenant for each in summaries if each.tenant}),
        total=len(summaries),
        found=len(found),
        states={state: sum(row.badge.text == state for row in found) for state in STATES},
        people=len(people),
        mine=len(mine),
        waiting=shown[:NEEDS],
        more_waiting=max(0, len(shown) - NEEDS),
        plans=open_plans[:PLANS],
        more_plans=max(0, len(open_plans) - PLANS),
        rows=paged(rows, number, ROWS),
    )


def _waiting(found: Iterable[ApplicationRow], login: str) -> list[Waiting]:
    """What is due, the visitor's own first, then what has waited longest."""
    waiting = [
        Waiting(row.summary.application, need, bool(login) and concerns(need, login))
        for row in found
        for need in row.due
    ]
    return sorted(waiting, key=lambda each: (not each.mine, each.need.since))


def _row(summary: SummaryView) -> ApplicationRow:
    due = [each for each in summary.needs if each.due]
    return ApplicationRow(summary, rollout_badge(summary, summary.totals), due)


def _matches(summary: SummaryView, wanted: ApplicationFilter) -> bool:
    text = f"{summary.application} {summary.tenant} {summary.revision} {summary.headline}"
    return wanted.tenant in {"", summary.tenant} and _has_words(text, wanted.text)


def _plan_matches(plan: OpenPlanView, wanted: ApplicationFilter) -> bool:
    text = f"{plan.application} {plan.tenant} {plan.title} {plan.author} {plan.repo}"
    return wanted.tenant in {"", plan.tenant} and _has_words(text, wanted.text)


def _has_words(text: str, words: str) -> bool:
    found: Iterable[str] = words.casefold().split()
    return all(word in text.casefold() for word in found)
