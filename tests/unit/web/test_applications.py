"""The front page: whom each application waits for, filtered by words, tenant, state and person."""

from dataclasses import replace

import pytest

from bot.report.model import NeedView, SummaryView
from bot.report.summary_view import summarize
from bot.web.ui.applications import ApplicationFilter, IndexPage, index_page
from planners.gating.evaluate import WaveState
from tests.fakes.pages import NOON, proposed, rollout


def summary(name: str, tenant: str, *needs: NeedView, done: bool = False) -> SummaryView:
    made = replace(summarize(rollout(["one"], name=name)), tenant=tenant, needs=needs, done=done)
    state = WaveState.DONE if done else WaveState.WAITING
    return replace(made, waves=tuple(replace(wave, state=state) for wave in made.waves))


def need(*who: str, due: bool = True) -> NeedView:
    return NeedView(("s.1",), "waits for 1 approval", "when approved", NOON, due=due, who=who)


SUMMARIES = [
    summary("bank", "money", need("tom")),
    summary("cart", "shop", need("rita")),
    summary("mail", "shop", need(due=False)),
    summary("web", "shop", done=True),
]


def page(wanted: ApplicationFilter, login: str = "rita") -> IndexPage:
    return index_page(SUMMARIES, [proposed("d").summary], wanted, login, 1)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (ApplicationFilter(), ["bank", "cart", "mail", "web"]),
        (ApplicationFilter(needs="people"), ["bank", "cart"]),
        (ApplicationFilter(needs="me"), ["cart"]),
        (ApplicationFilter(tenant="shop"), ["cart", "mail", "web"]),
        (ApplicationFilter(tenant="shop", state="rolled out"), ["web"]),
        (ApplicationFilter(text="MONEY ban"), ["bank"]),
        (ApplicationFilter(text="nothing"), []),
    ],
)
def test_applications_are_filtered(wanted: ApplicationFilter, names: list[str]) -> None:
    assert [row.summary.application for row in page(wanted).rows.items] == names


def test_what_is_mine_comes_first_and_only_what_is_due() -> None:
    found = page(ApplicationFilter())
    assert [each.application for each in found.waiting] == ["cart", "bank"]
    assert (found.people, found.mine) == (2, 1)
    assert page(ApplicationFilter(), login="").mine == 0
    assert found.states == {
        "failing": 0, "no plan": 0, "in progress": 3, "rolled out": 1, "not started": 0
    }  # fmt: skip


def test_open_plans_are_searched_too() -> None:
    assert len(page(ApplicationFilter(text="new ada")).plans) == 1
    assert page(ApplicationFilter(tenant="money")).plans == []
