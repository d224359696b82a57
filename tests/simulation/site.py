"""The forge of a world: its state in memory, real Git, webhooks; and how the bot reaches it.

Every change of the state is told to `observers`. The bot's own calls pass through `FaultyForge` and
`FaultyGit`, where they take time and go wrong; people and clusters meet no faults here.
"""

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf
from typing import Any

import pygit2

from bot.forges import ForgeError, TransientForgeError
from bot.git import Limits, TransientGitError
from bot.git.remote import Access, BranchUpdate
from bot.sandbox.demo.site import DEPLOY
from bot.sandbox.forge import records
from bot.sandbox.forge.hooks import Hooks, sign
from bot.sandbox.forge.state import ForgeState
from tests.fakes.direct_git import DirectGit, path_of
from tests.fakes.memory_forge import NoStorage
from tests.simulation.faults import Faults
from tests.simulation.loop import PROCESS, Process

READ_SECONDS, WRITE_SECONDS, SLOW_SECONDS = 0.08, 0.25, 20.0
READS = frozenset(
    {"comments", "contributors", "member", "merge_request", "merge_request_of"}
    | {"merge_requests", "repository", "reviews", "role", "statuses", "user", "check_setup"}
)
LISTS = frozenset({"merge_requests", "comments", "reviews", "statuses"})
FREE = frozenset({"close", "git_credentials", "me"})
"""What asks the forge nothing, or once in the life of a process."""

LISTED_AT: ContextVar[float] = ContextVar("listed_at", default=inf)
"""When the forge's lists that the running pass has read were true, in the loop's time."""


class SimulatedHooks(Hooks):
    """Hands every delivery to `send`, which carries it."""

    def __init__(self, now: Callable[[], str], send: Callable[[records.Delivery], None]) -> None:
        super().__init__(NoStorage(), None, now)  # type: ignore[arg-type] # it sends nothing itself
        self._carry = send

    def _enqueue(self, delivery: records.Delivery) -> None:
        self._carry(delivery)

    def headers(self, delivery: records.Delivery) -> dict[str, str]:
        """The headers of a delivery, as the forge sends it."""
        (hook,) = self.of(delivery.repository)
        return {
            "Content-Type": "application/json",
            "X-Switchyard-Event": delivery.event,
            "X-Switchyard-Delivery": delivery.id,
            "X-Switchyard-Signature-256": f"sha256={sign(hook.secret, delivery.body.encode())}",
        }


@dataclass(frozen=True, slots=True)
class Happening:
    """A change of the forge's state, as its webhooks tell it."""

    repository: str
    event: str
    action: str
    by: str
    number: int | None = None
    ref: str | None = None


class ObservedState(ForgeState):
    """A forge's state that tells every change."""

    observers: list[Callable[[Happening], None]]
    pushes: Counter[str]

    def emit(
        self,
        path: str,
        event: str,
        action: str,
        user: records.User,
        *,
        number: int | None = None,
        ref: str | None = None,
    ) -> None:
        super().emit(path, event, action, user, number=number, ref=ref)
        self.pushes[path] += event == "push"
        for observer in self.observers:
            observer(Happening(path, event, action, user.login, number, ref))


@dataclass(slots=True)
class FaultyForge:
    """The forge as a process of the bot meets it: each call takes time, and may go wrong."""

    forge: Any
    faults: Faults
    kill: Callable[[Process, str], None]
    note: Callable[..., None]
    _told: dict[tuple[str, ...], tuple[Any, float]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.forge, name)
        if name in FREE or not inspect.iscoroutinefunction(found):
            return found

        async def call(*arguments: Any, **named: Any) -> Any:
            if name in READS:
                return await self._read(name, found, arguments, named)
            return await self._write(name, found, arguments, named)

        return call

    async def _read(self, name: str, call: Any, arguments: Any, named: Any) -> Any:
        await asyncio.sleep(READ_SECONDS * self.faults.next("latency"))
        fault = self.faults.draw("read")
        key = (name, *map(str, arguments), str(named))
        match fault:
            case "502" | "429":
                raise self._refusal(fault, name)
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
            case "stale" if name in LISTS and key in self._told:
                self.note("stale answer", call=name)
                found, told_at = self._told[key]
                self._listed(key, told_at)
                return found
        now = asyncio.get_running_loop().time()
        self._listed(key, now)
        found = await call(*arguments, **named)
        self._told[key] = found, now
        await asyncio.sleep(READ_SECONDS * self.faults.next("latency"))
        return found

    def _listed(self, key: tuple[str, ...], at: float) -> None:
        """Keep from when the list is that a pass works with; other lists only tell of room."""
        if key[:2] == ("merge_requests", DEPLOY):
            LISTED_AT.set(at)

    async def _write(self, name: str, call: Any, arguments: Any, named: Any) -> Any:
        process = PROCESS.get()
        await asyncio.sleep(WRITE_SECONDS * self.faults.next("latency"))
        fault = self.faults.draw("write")
        if fault in {"502 before", "429"}:
            raise self._refusal(fault, name)
        found = await call(*arguments, **named)
        self.note(f"bot: {name}", to=arguments[:2], by=process.name if process else "")
        if fault == "crash after" and process is not None:
            self.kill(process, f"after {name}")
        await asyncio.sleep(WRITE_SECONDS * self.faults.next("latency"))
        if fault == "502 after":
            raise self._refusal(fault, name)
        return found

    def _refusal(self, fault: str, name: str) -> ForgeError:
        self.note(f"forge answers {fault}", call=name)
        if fault == "429":
            return TransientForgeError("the forge responded 429: slow down", 30.0)
        return TransientForgeError("the forge responded 502: bad gateway")


class FaultyGit(DirectGit):
    """The transport of a process of the bot: connections break before or after the effect."""

    def __init__(self, forge: ForgeState, faults: Faults, note: Callable[..., None]) -> None:
        super().__init__(forge)
        self._faults, self._note = faults, note
        self._state = forge
        self._fetched: dict[str, int] = {}

    def fetch(
        self, repository: pygit2.Repository, url: str, access: Access | None, limits: Limits
    ) -> None:
        if self._faults.draw("git"):
            self._note("fetch breaks", url=url)
            raise TransientGitError(f"{url}: connection reset")
        pushes = self._state.pushes[path_of(url)]
        if self._fetched.get(url) == pushes and not repository.is_empty:
            return  # the same refs as before: nothing would be sent
        super().fetch(repository, url, access, limits)
        self._fetched[url] = pushes

    def push(
        self,
        repository: pygit2.Repository,
        url: str,
        access: Access | None,
        updates: Mapping[str, BranchUpdate],
    ) -> dict[str, str | None]:
        fault = self._faults.draw("git")
        if fault == "broken":
            self._note("push breaks", url=url)
            raise TransientGitError(f"{url}: connection reset")
        outcome = super().push(repository, url, access, updates)
        self._note("bot: push", branches=sorted(updates), outcome=outcome)
        if fault == "broken after":
            self._note("push breaks after its effect", url=url)
            raise TransientGitError(f"{url}: connection reset")
        return outcome
