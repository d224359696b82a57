"""An interrupt at any moment of a command's event loop ends it, and nothing is left half made."""

import asyncio
import signal
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from bot.cli import event_loop


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """As in a terminal, whatever the tests themselves were told to ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


async def interrupted() -> None:
    signal.raise_signal(signal.SIGINT)
    await asyncio.Event().wait()


async def forever() -> None:
    await asyncio.Event().wait()


def test_an_interrupt_while_the_loop_is_made_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loop(asyncio.SelectorEventLoop):
        def __init__(self) -> None:
            signal.raise_signal(signal.SIGINT)
            super().__init__()
            loops.append(self)

    loops: list[Loop] = []
    monkeypatch.setattr(asyncio.events, "new_event_loop", Loop)
    with pytest.raises(KeyboardInterrupt):
        event_loop.run(forever())
    (loop,) = loops
    assert loop.is_closed()


def test_an_interrupt_while_it_runs_cancels_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        event_loop.run(interrupted())
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


class Application:
    """An application whose start takes a while; what happened to it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        for interrupts in (True, False):
            self.told.append((await receive())["type"])
            if interrupts:
                await asyncio.sleep(0)
                signal.raise_signal(signal.SIGINT)
            await send({"type": f"{self.told[-1]}.complete"})


@pytest.mark.parametrize("early", [True, False], ids=["before", "in the start"])
def test_an_interrupt_of_a_server_is_no_error_of_its_application(
    caplog: pytest.LogCaptureFixture, *, early: bool
) -> None:
    application = Application()
    config = uvicorn.Config(application, port=0, log_config=None, lifespan="on")

    async def served() -> None:
        if early:
            signal.raise_signal(signal.SIGINT)
        await event_loop.serve(uvicorn.Server(config))

    with pytest.raises(KeyboardInterrupt):
        event_loop.run(served())
    assert application.told == ([] if early else ["lifespan.startup", "lifespan.shutdown"])
    assert [each for each in caplog.records if each.exc_info] == []


def test_it_returns_what_the_coroutine_does() -> None:
    assert event_loop.run(asyncio.sleep(0, "done")) == "done"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
