"""Answers of GitHub are kept for conditional requests, within a number of bytes."""

import httpx

from bot.forges.github.answers import Answers, RawResponse


def answer(size: int) -> RawResponse:
    return RawResponse(200, httpx.Headers(), b"x" * size)


def test_the_newest_answer_of_an_address_is_kept() -> None:
    kept, second = Answers(most=100), answer(20)
    kept.keep("a", "1", answer(90))
    kept.keep("a", "2", second)
    kept.keep("b", "3", answer(80))

    assert kept.get("a") == ("2", second)
    assert kept.get("b") is not None
    assert kept.get("c") is None


def test_those_not_asked_for_longest_go_first() -> None:
    kept = Answers(most=100)
    for name in "abc":
        kept.keep(name, name, answer(30))
    assert kept.get("a") is not None
    kept.keep("d", "d", answer(30))

    assert [kept.get(name) is not None for name in "abcd"] == [True, False, True, True]


def test_what_is_too_large_is_not_kept() -> None:
    kept = Answers(most=100)
    kept.keep("a", "a", answer(101))

    assert kept.get("a") is None
    kept.keep("b", "b", answer(100))
    assert kept.get("b") is not None
