"""The words of the home comment, as reviewers will see them.

Whole comments stand in `tests/golden/comments`; `pytest --inline-snapshot=create,fix` writes them.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import external_file
from inline_snapshot import snapshot as inline
from markdown_it import MarkdownIt

from bot.chatops.handler import commands
from bot.chatops.parser import CommandReader, Help, ParsedCommand
from bot.engine.propose import propose
from bot.wording import comment as words
from bot.wording.headline import Sign, headline
from bot.wording.markdown import code, fence, link, units
from tests.fakes.builders import application, component
from tests.fakes.comments import IMAGE, MARKER, Told, assert_dead, home, read, sources, world
from tests.fakes.states import STATES, awaiting, begun, large

GOLDEN = Path(__file__).parents[2] / "golden" / "comments"


def short(text: str) -> str:
    """Without the marker, and with long lists of clusters cut."""
    shown = text.removeprefix(f"{MARKER}\n\n")
    return re.sub(r"(`c\d+(?:, c\d+){5}), [c\d, ]+`", r"\1, ...`", shown) + "\n"


def section(text: str, title: str) -> str:
    return text.partition(f"### {title}\n\n")[2].partition("<details><summary>Order")[0]


@pytest.fixture(scope="module")
def comments() -> dict[str, str]:
    """Every comment, by the name of its state."""
    return {name: make() for name, make in STATES.items()}


@pytest.mark.parametrize("state", STATES)
def test_the_comment_of_every_state(comments: dict[str, str], state: str) -> None:
    assert short(comments[state]) == external_file(GOLDEN / f"{state}.md", format=".txt")


def test_no_comment_is_kept_of_a_state_that_is_gone() -> None:
    assert {path.stem for path in GOLDEN.glob("*.md")} == set(STATES)


def test_the_first_line_says_the_state_and_who_acts_next(
    comments: dict[str, str],
) -> None:
    lines = {name: short(text).splitlines()[0] for name, text in comments.items()}

    assert lines == inline(
        {
            "first-plan": "📋 **`storefront`**: changes 3 of 3 clusters in 4 waves; next: someone merges this merge request",
            "update": "✋ **`storefront`**: 0 of 2 waves merged; next: `rita` approves `all.1`",
            "update-on-github": "✋ **`storefront`**: 0 of 2 waves merged; next: `rita` approves `all.1`",
            "212-clusters": "📋 **`storefront`**: changes 212 of 212 clusters in 4 waves; next: someone merges this merge request",
            "nothing-matches": "🛑 **`storefront`: no plan.** 1 problem in revision `aaaaaaaaaaaa`; nothing was changed. Next: someone corrects it.",
            "nothing-changes": "⚪ **`storefront`**: no changes on any cluster",
            "conflict": "⏳ **`storefront`**: 1 of 4 waves merged; `canary.2`: merge conflict with main; Switchyard rebuilds the branch",
            "held-by-label": "✋ **`storefront`**: 0 of 4 waves merged; `canary.1`: held by label `switchyard/hold`; continues when someone removes label `switchyard/hold`",
            "held-by-command": "✋ **`storefront`**: 0 of 4 waves merged; `canary.1`: held by `otto` (target `canary.1`): `looking at the latency`; continues when someone comments `/switchyard resume canary.1`",
            "failed-cluster": "🛑 **`storefront`**: held: `redis` failed on `c1`; continues when the cluster is repaired, or with a new revision",
            "failed-update": "🛑 **`storefront`**: held: `redis` failed on `c1`; continues when the cluster is repaired, or with a new revision",
            "skipped-failure": "⏳ **`storefront`**: 1 of 4 waves merged; failed: `c1` (`redis` failed: `crash loop`); next: `canary.2` merges",
            "silent-cluster": "✋ **`storefront`**: 1 of 4 waves merged; `canary.2`: `web` waits for `redis` to be Ready on `c1` (no report since `12:00:00`, overdue); continues when the cluster reports again; check its agent",
            "frozen": "⏳ **`storefront`**: 0 of 4 waves merged; `canary.1`: frozen by `noon` until 2026-11-20 12:10 UTC: `lunch`; continues when the freeze ends at 2026-11-20 12:10 UTC or the policy changes",
            "refused-by-checks": '⏳ **`storefront`**: 0 of 4 waves merged; `canary.1`: the forge refused the merge: `Required status check "security/scan" is expected`; next attempt at 12:00:10 UTC; continues when the forge\'s branch rules are met: checks, approvals, merge queue',
            "closed-by-a-person": "✋ **`storefront`**: 1 of 4 waves merged; `canary.2`: `tom` closed merge request 2; continues when someone reopens it, or with a new revision that changes the plan",
            "all-merged": "⏳ **`storefront`**: all waves merged; waiting for `c1, c2, c3` (no report yet); continues automatically, when the clusters report Ready",
            "done": "✅ **`storefront`**: rolled out: 3 clusters ready",
            "rollback": "⏪ **`storefront`**: rolling back revision `bbbbbbbb` because of `c2` (`web` failed: `crash loop`): 0 of 2 waves merged; `rollback.2`: the merge request is not open yet; continues automatically, in the next pass",
            "rollback-by-command": "⏪ **`storefront`**: rolling back revision `bbbbbbbb`: 0 of 1 wave merged; `rollback.3`: the merge request is not open yet; continues automatically, in the next pass",
            "second-push": "📋 **`storefront`**: changes 3 of 3 clusters in 2 waves; next: someone merges this merge request",
            "as-previewed": "⏳ **`storefront`**: 1 of 2 waves merged; `all.2`: `web` waits for `redis` to be Ready on `c1, c2, c3` (no report yet); continues automatically, when the clusters report Ready",
            "not-as-previewed": "⏳ **`storefront`**: 0 of 2 waves merged; `all.1`: the merge request is not open yet; continues automatically, in the next pass",
            "approval-fell": "✋ **`storefront`**: 0 of 2 waves merged; next: `rita` approves `all.1`",
            "tier-grouped": "⏳ **`storefront`**: 0 of 4 waves merged; `canary.1`: the merge request is not open yet; continues automatically, in the next pass",
            "tier-statistics": "⏳ **`storefront`**: 0 of 4 waves merged; `canary.1`: the merge request is not open yet; continues automatically, in the next pass",
            "tier-link": "⏳ **`storefront`**: 0 of 4 waves merged; `canary.1`: the merge request is not open yet; continues automatically, in the next pass",
        }
    )


@pytest.mark.parametrize("state", STATES)
def test_every_command_that_is_offered_is_one(comments: dict[str, str], state: str) -> None:
    reader = CommandReader("switchyard", tuple(each.verb for each in commands().values()))
    found = re.findall(r"(?m)(?:`|^  )(/switchyard [^`\n]*)`?$", comments[state])

    assert found or state == "nothing-matches"
    for line in found:
        (result,) = reader.read(line)
        assert isinstance(result, ParsedCommand | Help), line


@pytest.mark.parametrize("state", STATES)
def test_no_comment_mentions_or_refers(comments: dict[str, str], state: str) -> None:
    assert_dead(read(comments[state]))


def test_each_tier_says_what_it_leaves_out(comments: dict[str, str]) -> None:
    whole, grouped = comments["212-clusters"], comments["tier-grouped"]

    assert "```diff" in whole
    assert "Left out" not in whole
    assert "the diffs of 1 of 2 groups" in grouped
    assert "5 of 212 clusters" in comments["tier-statistics"]
    assert "too large for a comment" in comments["tier-link"]


def test_many_waves_leave_room_for_the_rest() -> None:
    stages = (replace(world().world.snapshot.application.stages[1], max_at_once=1),)
    text = world(300, stages=stages).comment(preview=True, limit=30_000)

    assert "and 540 more waves. See the reply to `/switchyard diff CLUSTER`." in text
    assert "292 more stages to come." in text
    assert "```diff" in text


@pytest.mark.parametrize("limit", [1_000, 2_500, 5_000, 60_000])
def test_every_tier_keeps_its_limit(limit: int) -> None:
    assert units(large().comment(limit=limit)) <= limit


def branching() -> Told:
    """`cart` and `web` need `redis`."""
    parts = (component("redis"), component("cart", "redis"), component("web", "redis"))
    made = sources(f"{IMAGE}:1.4.2", "redis", "cart", "web")
    return world().change(application=application(*parts), sources=made)


def test_the_picture_shows_what_is_not_a_straight_line() -> None:
    assert "mermaid" not in world().comment(preview=True)
    chart = branching().comment(preview=True).partition("```mermaid\n")[2].partition("\n```")[0]

    assert chart.splitlines() == inline(
        [
            "flowchart LR",
            '  w0["redis"]',
            '  w1["cart"]',
            '  w2["web"]',
            "  w0 --> w1",
            "  w0 --> w2",
        ]
    )


def test_long_diffs_are_links_to_the_page_of_the_plan() -> None:
    parts = [f"part-{number}" for number in range(9)]
    app = application(*map(component, parts))
    told = world().change(application=app, sources=sources(f"{IMAGE}:1.4.2", *parts))
    page = "http://page/plans/storefront/1234"
    linked = told.comment(preview=True, plan_page=page)
    short = world(stages=()).comment(preview=True, plan_page=page)

    assert f"[Diff]({page}?cluster=c1)" in linked
    assert "```diff" not in linked
    assert "```diff" in told.comment(preview=True)
    assert "```diff" in short
    assert f"<sub>plan [`{told.proposal().digest[:12]}`]({page})" in linked


def test_without_a_page_nothing_names_one() -> None:
    about = replace(home(preview=True), page="")
    told = large()
    proposal = told.proposal()

    text = words.comment(replace(about, limit=5_000), proposal, told.diffs(proposal))

    assert "](" not in text
    assert "Left out because of the size limit" in text
    assert "See the reply to `/switchyard diff CLUSTER`." in text


@pytest.mark.parametrize(
    ("make", "preview"), [(world, True), (begun, False), (lambda: awaiting("rita"), False)]
)
def test_the_first_line_is_the_headline_that_status_and_pages_show(
    make: Callable[[], Told], preview: bool
) -> None:
    told = make()
    first = short(told.comment(preview=preview)).splitlines()[0]

    mark, _, text = first.replace("`", "").partition(" **storefront**: ")
    assert text == str(headline(told.proposal(), preview=preview))
    assert mark in {*Sign}


def test_a_secret_is_told_without_its_value() -> None:
    told = world(stages=())
    old = deployment_with_secrets("s3cr3t-1")
    told.change(sources={**sources(), "web": {"main.yaml": old}}).installed()
    told.change(sources={**sources(), "web": {"main.yaml": old.replace(b"et-1", b"et-2")}})

    text = told.comment(preview=True)

    assert "s3cr3t" not in text
    assert section(text, "Changes").splitlines()[:3] == inline([])


def deployment_with_secrets(value: str) -> bytes:
    text = sources()["web"]["main.yaml"].decode()
    return f"{text}          env: [{{name: DB_PASSWORD, value: {value}}}]\n".encode()


@given(st.text())
def test_a_code_span_is_one_span_whatever_is_in_it(hostile: str) -> None:
    block = MarkdownIt().parse(f"x {code(hostile)} y")[1]
    kinds = [child.type for child in block.children or []]

    assert kinds == ["text", "code_inline", "text"]


@given(st.text(alphabet="`~ab\n<>@#", max_size=60))
def test_a_fence_holds_whatever_is_in_it(hostile: str) -> None:
    tokens = MarkdownIt().parse(f"{fence(hostile, 'diff')}\nafter")

    assert tokens[0].type == "fence"
    assert re.sub(r"\s", "", tokens[0].content) == re.sub(r"\s", "", hostile)


@given(st.text())
def test_an_address_ends_where_it_ends(hostile: str) -> None:
    block = MarkdownIt().parse(f"x {link('page', f'https://{hostile}')} y")[1]
    kinds = [child.type for child in block.children or []]

    assert kinds == ["text", "link_open", "text", "link_close", "text"]


def test_the_plan_that_a_comment_names_can_be_made_again() -> None:
    told = world()

    assert f"--expect {propose(told.world.snapshot).digest[:12]}`" in told.comment(preview=True)
