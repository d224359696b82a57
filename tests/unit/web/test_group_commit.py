import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from bot.web import group_commit
from bot.web.group_commit import GroupCommit


class Log:
    """Writes groups of numbers when it is allowed to; zero cannot be written."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.allowed = Event()

    def write(self, numbers: Sequence[int]) -> list[int]:
        self.allowed.wait()
        self.groups.append(list(numbers))
        if 0 in numbers:
            raise ValueError("zero")
        return [number * 10 for number in numbers]


@pytest.fixture
def log() -> Log:
    return Log()


async def test_what_comes_while_a_group_is_written_is_the_next_group(log: Log) -> None:
    with ThreadPoolExecutor(1) as thread:
        commit = GroupCommit(log.write, thread)
        waiting = [asyncio.ensure_future(commit(1))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting += [asyncio.ensure_future(commit(number)) for number in (2, 3)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in waiting)
        log.allowed.set()

        assert await asyncio.gather(*waiting) == [10, 20, 30]
    assert log.groups == [[1], [2, 3]]


async def test_an_error_reaches_everybody_in_the_group_and_nobody_else(log: Log) -> None:
    log.allowed.set()
    with ThreadPoolExecutor(1) as thread:
        commit = GroupCommit(log.write, thread)
        together = asyncio.gather(commit(0), commit(1), return_exceptions=True)

        assert [str(each) for each in await together] == ["zero", "zero"]
        assert await commit(2) == 20


async def test_one_who_gives_up_leaves_the_others_their_answers(log: Log) -> None:
    with ThreadPoolExecutor(1) as thread:
        commit = GroupCommit(log.write, thread)
        first, second = asyncio.ensure_future(commit(1)), asyncio.ensure_future(commit(2))
        await asyncio.sleep(0)
        first.cancel()
        log.allowed.set()

        assert await second == 20


async def test_a_group_is_bounded(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MOST", 2)
    log.allowed.set()
    with ThreadPoolExecutor(1) as thread:
        commit = GroupCommit(log.write, thread)
        await asyncio.gather(*(commit(number) for number in range(1, 6)))

    assert log.groups == [[1, 2], [3, 4], [5]]
