"""Every call of a forge is a read, or a write that needs the claim of its pass."""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import pytest

from bot.forges import Forge, fenced
from bot.forges._fenced import WRITES
from bot.forges._patience import READS

OTHER_READS = frozenset({"changed_requests"})
T = TypeVar("T")
OUTSIDE_OF_PASSES = frozenset({"close", "check_setup"})


class Recorder:
    """A forge that notes what reaches it."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    def __getattr__(self, name: str) -> object:
        async def called() -> None:
            self.reached.append(name)

        return called


class LostError(Exception):
    pass


class Lost:
    async def write(self, make: Callable[[], Awaitable[T]]) -> T:
        raise LostError(make)


CALLS = sorted(name for name, each in vars(Forge).items() if inspect.iscoroutinefunction(each))


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_is_fenced_if_it_writes(name: str) -> None:
    known = READS | OTHER_READS | OUTSIDE_OF_PASSES
    assert (name in WRITES) != (name in known), "say whether a new call of the Protocol writes"

    recorder = Recorder()
    call = getattr(fenced(cast("Forge", recorder), Lost()), name)
    if name in WRITES:
        with pytest.raises(LostError):
            await call()
    else:
        await call()
    assert recorder.reached == ([] if name in WRITES else [name])
