"""Gates that teams and the platform declare, what they ask, and what came of it.

A kind of gate is a file of `bot.gates`, with its settings as a subclass of `GateSettings`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from planners.model.selectors import Selector


class GatePhase(StrEnum):
    """When a gate is asked: before its wave merges, or after its wave is merged and ready."""

    BEFORE = "before"
    AFTER = "after"


class GateAction(StrEnum):
    """What a wave does to units: a gate is asked for some of it."""

    INSTALL = "install"
    UPDATE = "update"
    ROLLBACK = "rollback"
    REMOVAL = "removal"


class OnTimeout(StrEnum):
    """What follows when a gate has no result in time."""

    HOLD = "hold"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What one kind of gate needs to know; each kind declares its own as a subclass.

    The metadata of each field has a `description`, and may have a `pattern` or a `minimum`.
    """

    @property
    def server(self) -> str:
        """The server that is asked, as scheme and host; empty if none is."""
        return ""

    @property
    def defect(self) -> str:
        """Why a gate with these settings could never open; empty if it could."""
        return ""

    @property
    def folder(self) -> str:
        """The folder of objects that run in the cluster; empty if the gate is asked elsewhere."""
        return ""


@dataclass(frozen=True, slots=True)
class GateRule:
    """A gate as declared: for waves that do one of `actions` on a selected cluster.

    `kind` names a file of `bot.gates`. With `stages` only waves of these stages are held; removals
    and rollbacks belong to no stage, and are held whatever it says. `policy` is the one that
    declares it; empty if the application does. `tenants` empty: it holds waves of every tenant.
    """

    name: str
    kind: str
    phase: GatePhase
    settings: GateSettings
    actions: tuple[GateAction, ...] = (GateAction.INSTALL, GateAction.UPDATE)
    stages: tuple[str, ...] = ()
    clusters: Selector | None = None
    timeout: timedelta = timedelta(minutes=30)
    on_timeout: OnTimeout = OnTimeout.HOLD
    policy: str = ""
    tenants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateServer:
    """A server that gates may ask: scheme, host and port; `tenants` empty: those of every tenant.

    With `private_network` it may have an address in a private network.
    """

    address: str
    tenants: tuple[str, ...] = ()
    private_network: bool = False

    def serves(self, address: str, tenant: str) -> bool:
        """Whether the gates of a tenant may ask it at this address."""
        return self.address == address and (not self.tenants or tenant in self.tenants)


class GateState(StrEnum):
    """What is known of a gate."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What a gate answered, and how far it is.

    `begun` is when it was asked first, `since` when it came to this state. It is asked again at
    `again`; until then a result counts, and one without that counts as long as the wave is the
    same. `memory` is what its kind needs to go on.
    """

    state: GateState
    begun: datetime
    since: datetime
    message: str = ""
    url: str = ""
    again: datetime | None = None
    memory: str = ""


@dataclass(frozen=True, slots=True)
class MergedWave:
    """The newest merge of a wave of the present revision, as its commit says.

    `commit` is the commit on the default branch, `clusters` are those that it changed.
    """

    name: str
    digest: str
    number: int
    commit: str
    at: datetime
    actions: tuple[GateAction, ...] = ()
    clusters: tuple[str, ...] = ()
