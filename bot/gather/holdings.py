"""What one deploy repo holds: the claims and objects of the applications that deploy there.

Made once for the heads of its default branch and of our branches, for all applications.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TypeAlias

from bot.context import Context
from bot.engine.ownership import OwnershipReader
from bot.engine.results import ByContent
from bot.engine.usage import ResourceUsage, UnitUsage, UsageReader, claims_of
from bot.gather.deploy import changed_by, read_units
from bot.gather.repository import Checkout, our_requests
from planners.model import Registration, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.snapshot import LONG_AGO, MergeRequestState, OwnedObjects, ResourceClaim
from renderers.layout import Layout

MARKER = "wave"
CLAIM, CLUSTER = 2_000, 8
OBJECT = 400
"""Bytes that a claim and a cluster of it, and an object or a cluster that has it, take, about."""


Merged: TypeAlias = dict[str, dict[Unit, UnitUsage]]
"""By application."""

FilesByUnit: TypeAlias = Mapping[Unit, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Proposed:
    """The files that an open merge request changes for an application, path -> blob id.

    None stands for a file that it deletes. `head` is the head of its branch.
    """

    registration: Registration
    number: int
    head: str
    changed: Mapping[str, str | None]

    @property
    def written(self) -> FilesByUnit:
        """Those that it writes."""
        units = Layout.of(self.registration).by_unit(self.changed)
        return {unit: _present(files) for unit, files in units.items()}

    def after(self, merged: FilesByUnit) -> FilesByUnit:
        """All files of the changed units, as they are once it is merged."""
        units = Layout.of(self.registration).by_unit(self.changed)
        return {unit: _present({**merged.get(unit, {}), **new}) for unit, new in units.items()}


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a deploy repo holds of the applications that are registered to deploy there.

    `reader` counts quota usage, `timed` are the clusters for which the time of merging is read.
    """

    context: Context
    checkout: Checkout
    registrations: Sequence[Registration]
    proposed: Sequence[Proposed]

    def claims(self, reader: UsageReader, timed: frozenset[str]) -> Sequence[ResourceClaim]:
        """The claims of all applications; those of a tenant without a quota have no usage."""
        key = (
            "claims",
            self.checkout.repo,
            self.checkout.head,
            tuple(self.registrations),
            tuple(
                (each.registration.application, each.number, each.head) for each in self.proposed
            ),
            timed,
            tuple(repr(reader.quota_tenant(each)) for each in self.registrations),
            ByContent("fleet", reader.fleet),
        )
        make = partial(self._claims, reader, timed)
        return self.context.results.get(key, make, _claims_size)

    def _claims(self, reader: UsageReader, timed: frozenset[str]) -> Sequence[ResourceClaim]:
        """The merged ones, then what proposed ones request beyond them."""
        registered = {each.application: each for each in self.registrations}
        merged = self._merged(reader, timed)
        claims: list[ResourceClaim] = []
        for name, usages in merged.items():
            claims += claims_of(registered[name], usages.values())
        names = {each.registration.application for each in self.proposed}
        files = {name: self._files(registered[name]) for name in names}
        for each in self.proposed:
            after = each.after(files[each.registration.application])
            units = reader.by_unit(each.registration, after, self.checkout.mirror.blob)
            before = merged[each.registration.application]
            claims += claims_of(each.registration, _excess(units, before), each.number)
        return tuple(claims)

    def _merged(self, reader: UsageReader, timed: frozenset[str]) -> Merged:
        mirror, sha = self.checkout.mirror, self.checkout.head
        merged: Merged = {}
        for each in self.registrations:
            layout = Layout.of(each)
            units = reader.by_unit(each, self._files(each), mirror.blob)
            folders = {
                unit: (layout.objects_folder(unit),) for unit in units if unit.cluster in timed
            }
            times = {unit: info.at for unit, info in mirror.last_changes(sha, folders).items()}
            merged[each.application] = {
                unit: UnitUsage(unit, usage, times.get(unit, LONG_AGO))
                for unit, usage in sorted(units.items())
            }
        return merged

    def owned(self, but: str = "") -> Sequence[OwnedObjects]:
        """The merged objects of all applications `but` one, and what merge requests write."""
        merged = [self._owned(each) for each in self.registrations if each.application != but]
        written = [self._written(each) for each in self.proposed]
        return [one for each in (*merged, *written) for one in each]

    def _owned(self, registration: Registration) -> Sequence[OwnedObjects]:
        def read() -> Sequence[OwnedObjects]:
            reader = OwnershipReader(self.context.identities_by_blob)
            return reader.owned(registration, self._files(registration), self.checkout.mirror.blob)

        key = "owned", self.checkout.repo, self.checkout.head, registration
        return self.context.results.get(key, read, _size)

    def _written(self, proposed: Proposed) -> Sequence[OwnedObjects]:
        registration, number = proposed.registration, proposed.number

        def read() -> Sequence[OwnedObjects]:
            reader, blob = (
                OwnershipReader(self.context.identities_by_blob),
                self.checkout.mirror.blob,
            )
            return reader.owned(registration, proposed.written, blob, number)

        key = "written", self.checkout.repo, proposed.head, number, registration
        return self.context.results.get(key, read, _size)

    def _files(self, registration: Registration) -> FleetFiles:
        """The files of an application on the default branch, by unit."""
        return read_units(self.context.results, self.checkout, registration)


def _excess(
    units: Mapping[Unit, ResourceUsage], merged: Mapping[Unit, UnitUsage]
) -> Iterator[UnitUsage]:
    """What units request beyond what they have; equal differences are one object."""
    known: dict[tuple[int, int], ResourceUsage] = {}
    nothing = ResourceUsage()
    for unit, usage in sorted(units.items(), key=itemgetter(0)):
        before = merged[unit].usage if unit in merged else nothing
        key = id(usage), id(before)
        if key not in known:
            known[key] = usage.excess_over(before)
        yield UnitUsage(unit, known[key], None)


def _claims_size(claims: Sequence[ResourceClaim]) -> int:
    return sum(CLAIM + CLUSTER * len(each.clusters) for each in claims)


def _present(files: Mapping[str, str | None]) -> dict[str, str]:
    """Those that are there; that a file can be executed does not matter."""
    return {path: blob.rpartition(":")[2] for path, blob in files.items() if blob is not None}


def _size(owned: Sequence[OwnedObjects]) -> int:
    return sum(OBJECT * (1 + len(each.objects) + len(each.clusters)) for each in owned)


async def read_holdings(
    context: Context, checkout: Checkout, registrations: Sequence[Registration]
) -> Holdings:
    """What a deploy repo holds of applications, with what our open merge requests write."""
    forge = context.forge(checkout.repo)
    me = await forge.me()
    known = {each.application: each for each in registrations}
    found = []
    for request in await our_requests(context, checkout):
        if request.state != MergeRequestState.OPEN:
            continue
        marker = context.markers.read(MARKER, checkout.repo, request.body)
        registration = known.get(request.source_branch.split("/")[1]) if marker else None
        if registration is None or request.author.id != me.id:
            continue
        head = await asyncio.to_thread(checkout.mirror.head, request.source_branch) or ""
        changed = await asyncio.to_thread(_changed, context, checkout, head) if head else {}
        found.append(Proposed(registration, request.number, head, changed))
    return Holdings(context, checkout, registrations, found)


def _changed(context: Context, checkout: Checkout, head: str) -> Mapping[str, str | None]:
    """The files that the one commit of a branch changes, path -> blob id, or None: deleted."""
    return {path: new for path, _, new in changed_by(context.results, checkout, head)}
