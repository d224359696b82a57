"""The status document that a reporter writes of what an agent says."""

from datetime import UTC, datetime, timedelta

from bot.documents.cluster_status import MOST_UNITS, read_cluster_status, write_cluster_status
from planners.model import Readiness
from plugins import MAX_BODY_BYTES, Word

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEAD = "c4d74e86ddffd5cec8ca4d05d93935de84a7a6ac"


def word(component: str, readiness: Readiness, revision: str = HEAD, **changes: str) -> Word:
    named = {"cluster": "one", "application": "shop", "message": "Applied", **changes}
    return Word(
        named["cluster"],
        named["application"],
        component,
        revision,
        readiness,
        named["message"],
        NOW - timedelta(days=1),
    )


def test_what_is_written_is_read_as_of_now() -> None:
    words = (
        word("switchyard", Readiness.STALLED, "", application="", message="cannot fetch"),
        word("web", Readiness.READY),
        word("cart", Readiness.STALLED, ""),
    )

    status = read_cluster_status(write_cluster_status("one", words, NOW))
    assert (status.at, status.sequence) == (NOW, 1795176000)
    assert [(w.application, w.component, w.revision, w.message) for w in status.words()] == [
        ("", "switchyard", "", "cannot fetch"),
        ("shop", "web", HEAD, "Applied"),
        ("shop", "cart", "", "Applied"),
    ]
    assert {w.at for w in status.words()} == {NOW}


def test_the_number_grows_with_time_alone() -> None:
    first, second = (
        read_cluster_status(write_cluster_status("one", (), NOW + timedelta(seconds=each)))
        for each in (0, 1)
    )

    assert second.sequence == first.sequence + 1


def test_what_no_document_can_hold_is_left_out() -> None:
    words = (
        word("web", Readiness.READY, ""),
        word("web", Readiness.UNKNOWN),
        word("web", Readiness.READY, "main@sha1:1234"),
        word("Web_1", Readiness.READY),
        word("web", Readiness.READY, application="a/b"),
        word("other", Readiness.READY, cluster="two"),
        word("a part", Readiness.READY, "", application=""),
        word("good", Readiness.READY),
    )

    status = read_cluster_status(write_cluster_status("one", words, NOW))
    assert [each.component for each in status.units] == ["good"]
    assert status.agent == []


def test_a_large_cluster_leaves_out_messages() -> None:
    ready = [word(f"c-{n}", Readiness.READY, message="x" * 500) for n in range(400)]
    stalled = [word(f"s-{n}", Readiness.STALLED, message="y" * 400) for n in range(200)]

    status = read_cluster_status(write_cluster_status("one", (*ready, *stalled), NOW))
    assert {each.message for each in status.units} == {"", "y" * 400}
    more = [word(f"t-{n}", Readiness.STALLED, message="y" * 500) for n in range(600)]
    body = write_cluster_status("one", (*ready, *more), NOW)
    assert {each.message for each in read_cluster_status(body).units} == {""}
    assert len(body) <= MAX_BODY_BYTES
    many = [word(f"c-{n:050}", Readiness.READY) for n in range(MOST_UNITS + 1)]
    assert len(write_cluster_status("one", many, NOW)) > MAX_BODY_BYTES, "the service says so"
