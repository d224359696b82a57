"""The kinds of gates that teams and the platform can declare: one file each, exporting `GATE`.

`name` is the key in an entry of `gates`, the fields of `settings` are the keys below it. A kind
that is asked outside of the cluster has `ask`: it is called while its wave waits, in a pass, and
again when it says so. It finds out and decides nothing else; what a result means for a wave is a
matter of `planners.gating.declared_gates`. Whatever cannot be found out is no result: the gate goes
on waiting until its timeout.

Documents are checked with these files: importing one loads neither a client nor a server.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bot.outbound import Outbound, Server
from planners.gating.effects import GateSubject
from planners.model.gate_rules import GateAnswer, GateRule, GateSettings, GateState

if TYPE_CHECKING:
    from bot.forges import Forge

__all__ = ["AskedGate", "Finding", "GateKind", "Outside", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `id` stays the same while wave, gate and attempt do.

    `callback` is where a result may be posted, `before` what was found last, if anything.
    """

    id: str
    application: str
    revision: str
    rule: GateRule
    subject: GateSubject
    callback: str
    now: datetime
    before: GateAnswer | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """What a gate may ask: the forge of the deploy repo, and the server that its settings name.

    `secret` is shared with that server; empty if none is configured.
    """

    forge: "Forge"
    repository: str
    outbound: Outbound
    server: Server | None = None
    secret: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known now; asked again after `again`, or never if that is None.

    A result with `again` counts until then.
    """

    state: GateState
    message: str = ""
    url: str = ""
    again: timedelta | None = None
    memory: str = ""


class GateKind(Protocol):
    """One kind of gate."""

    @property
    def name(self) -> str:
        """The key in an entry of `gates`, in camel case."""

    @property
    def summary(self) -> str:
        """What it waits for, as a phrase; documents and reference pages show it."""

    @property
    def settings(self) -> type[GateSettings]:
        """The keys below its name."""


@runtime_checkable
class AskedGate(GateKind, Protocol):
    """A kind that is asked outside of the cluster."""

    async def ask(self, question: Question, outside: Outside) -> Finding:
        """Find out what is known now, within limits of time and size. Raises ForgeError only."""
