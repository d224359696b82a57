"""Reading a push before Git does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.forge.protection import (
    ZERO,
    Push,
    PushFormatError,
    RefUpdate,
    read_push,
    refuse,
)

OLD, NEW = "1" * 40, "2" * 40


def line(text: bytes) -> bytes:
    return b"%04x%b" % (len(text) + 4, text)


PUSH = (
    line(f"{OLD} {NEW} refs/heads/main\0 report-status side-band-64k agent=git/2".encode())
    + line(f"shallow {OLD}".encode())
    + line(f"{ZERO} {NEW} refs/heads/a b\n".encode())
    + b"0000"
)


def test_ref_updates_and_capabilities_are_parsed() -> None:
    push = read_push(PUSH + b"PACK...")

    assert push is not None
    assert push.updates == (
        RefUpdate(OLD, NEW, "refs/heads/main"),
        RefUpdate(ZERO, NEW, "refs/heads/a b"),
    )
    assert {"report-status", "side-band-64k"} <= push.capabilities
    assert push.updates[0].branch == "main"


@given(st.integers(min_value=0, max_value=len(PUSH) - 1))
def test_an_incomplete_push_needs_more_bytes(cut: int) -> None:
    assert read_push(PUSH[:cut]) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_rejected(body: bytes) -> None:
    try:
        push = read_push(body)
    except PushFormatError:
        return
    assert push is None or isinstance(push, Push)


@pytest.mark.parametrize(
    "body",
    [
        b"+004",
        b"0x10",
        b" 004",
        b"0001",
        b"0004",
        line(f"{OLD} {NEW}".encode()),
        line(b"push-cert\0x"),
        line(f"{OLD.upper().replace('1', 'A')} {NEW} refs/heads/main".encode()),
        line(f"{OLD} {NEW} refs/heads/main\nmore".encode()),
    ],
)
def test_lines_that_git_would_parse_differently_are_rejected(body: bytes) -> None:
    with pytest.raises(PushFormatError):
        read_push(body)


def test_a_long_rejection_is_split_into_packets() -> None:
    many = tuple(RefUpdate(ZERO, NEW, f"refs/heads/branch-{number}") for number in range(3000))
    push = Push(many, frozenset({"report-status", "side-band-64k"}))

    answer = refuse(push, {})

    at, report = 0, b""
    while length := int(answer[at : at + 4], 16):
        assert length <= 65520
        assert answer[at + 4] == 1
        report += answer[at + 5 : at + length]
        at += length
    assert report.count(b"ng refs/heads/") == 3000
    assert report.endswith(b"0000")


def test_a_client_without_report_status_gets_an_empty_response() -> None:
    assert refuse(Push((RefUpdate(OLD, NEW, "refs/heads/main"),), frozenset()), {}) == b""
