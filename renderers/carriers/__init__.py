"""Carriers turn connections into Kubernetes objects: one file each, exporting `CARRIER: Carrier`.

A carrier adds objects to the units of both sides: they are written into the unit's own folder, ship
in its wave and leave with it. An object that the unit has itself is not written: its labels and
annotations are added to the unit's own. A carrier decides by the facts of the clusters
(`cluster.network`) whether it has a part in a connection at all. A connection whose needs are not
all met by some carrier is a problem of the plan, so that nothing is declared that is not carried
out.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from renderers.connections import Address, ConnectedUnit, Connection, DerivedObject, Need


class Carrier(Protocol):
    """One way to carry out connections."""

    @property
    def name(self) -> str:
        """The name in messages and on reference pages."""

    @property
    def summary(self) -> str:
        """What it does, as a sentence; the reference pages show it."""

    def meets(self, connection: Connection) -> frozenset[Need]:
        """Which of the connection's needs its objects meet; empty if it has no part in it."""

    def missing(self, connection: Connection) -> str:
        """What the cluster documents would have to state for it to meet more; else empty."""

    def address(self, connection: Connection) -> Address | None:
        """Where the client reaches the server, if this carrier provides the way."""

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """What the unit gets because others call it (`unit.serves`)."""

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """What the unit gets because it calls others (`unit.calls`)."""


@runtime_checkable
class ComparesConnections(Protocol):
    """The further part of a carrier with objects that connections of several units share."""

    def conflicts(self, connections: Sequence[Connection]) -> Iterator[tuple[Connection, str]]:
        """Connections of the application that it cannot carry out beside others, and why."""


@runtime_checkable
class Deferred(Protocol):
    """The further part of a carrier whose ways lead to addresses that clusters report."""

    def awaits(self, connection: Connection) -> bool:
        """Whether the way of this connection has no address yet."""


@runtime_checkable
class WarnsOfConnections(Protocol):
    """The further part of a carrier that cannot confine every connection to its client."""

    def cautions(self, connections: Sequence[Connection]) -> Iterator[tuple[Connection, str]]:
        """Connections that admit others too, and whom: warnings of the plan."""
