"""The record of commands: what it says comes back, and it always fits into a comment."""

import hashlib
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.commandlog.entry import (
    CommandLogEntry,
    Outcome,
    decode_entries,
    encode_entries,
    is_full,
    render_log,
)
from bot.commandlog.standing import standing_overrides
from bot.forges import Markers
from bot.forges.github import GitHubForge
from bot.forges.gitlab import GitLabForge
from bot.wording.markdown import units
from planners.model import Repo
from planners.model.overrides import Cancellation, GateOverride, Hold

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WORDS = st.text(st.characters(codec="utf-8"), max_size=300)


def entry(verb: str, by: str = "rita", **facts: str) -> CommandLogEntry:
    return CommandLogEntry(
        "app!1#1", "0" * 16, by, verb, NOW, Outcome.DONE, facts=facts, account=by
    )


@given(
    st.lists(
        st.builds(
            CommandLogEntry,
            WORDS,
            WORDS,
            WORDS,
            WORDS,
            st.just(NOW),
            st.sampled_from(Outcome),
            WORDS,
            st.dictionaries(WORDS, WORDS, max_size=3),
            WORDS,
        ),
        max_size=2,
    )
)
def test_what_is_written_is_read(entries: list[CommandLogEntry]) -> None:
    assert decode_entries({"entries": encode_entries(entries)}) == tuple(entries)


def test_the_later_deed_counts_over_the_earlier() -> None:
    told = standing_overrides(
        [
            entry("hold", target="", reason="wait"),
            entry("hold", target="canary.1", reason="look"),
            entry("skip", target="one", reason="dark"),
            entry("resume", target="canary.1"),
            entry("override", gate="freeze", target="", reason="outage"),
            entry("cancel", revision="a" * 40, reason="newer"),
        ]
    )

    assert told.holds == (Hold("", "rita", "wait", NOW),)
    assert told.skipped == {"one": "rita: dark"}
    assert told.gate_overrides == (GateOverride("freeze", "", "rita", "outage"),)
    assert told.cancelled == Cancellation("a" * 40, "rita", "newer")


def test_to_resume_everything_ends_what_was_held_and_what_was_skipped() -> None:
    told = standing_overrides(
        [
            entry("hold", target="canary.1", reason="look"),
            entry("skip", target="one", reason="dark"),
            entry("resume", target=""),
        ]
    )

    assert (told.holds, told.skipped) == ((), {})


def test_an_approval_counts_for_its_content_until_it_is_withdrawn() -> None:
    given_ones = [
        entry("approve", **{"canary.1": "d1"}),
        entry("approve", "otto", **{"canary.1": "d1"}),
    ]

    assert standing_overrides(given_ones).approvers("canary.1", "d1") == {"rita", "otto"}
    assert standing_overrides(given_ones).approvers("canary.1", "d2") == frozenset()
    given_ones.append(entry("unapprove", "otto", **{"canary.1": ""}))
    assert standing_overrides(given_ones).approvers("canary.1", "d1") == {"rita"}


def test_a_full_record_fits_into_a_comment_of_every_forge() -> None:
    """Each approval here is of 200 waves, the most at once, with digests never seen before."""
    entries: list[CommandLogEntry] = []
    while not is_full(entries):
        waves = {
            f"stage-{wave}.1": hashlib.sha256(f"{len(entries)} {wave}".encode()).hexdigest()
            for wave in range(200)
        }
        entries.append(entry("approve", "a" * 39, **waves))
    full = render_log(
        entries,
        Markers(b"k").write("record", Repo("github", "a/b"), {"d": encode_entries(entries)}),
    )

    assert len(entries) > 1
    assert units(full) < min(GitHubForge.comment_limit, GitLabForge.comment_limit)


def test_a_record_of_many_small_deeds_is_full_some_time() -> None:
    entries = [entry("why", target=f"canary.{number}") for number in range(1_000)]

    assert not is_full(entries[:100])
    assert is_full(entries)
    shown = render_log(entries, "<!-- -->")
    assert "and 970 earlier" in shown
    assert shown.count("| 11-20") == 30
