"""Room at the merge itself: what a wave adds fits beside what others have claimed since the plan.

Two applications that are planned at the same time see neither each other's new merge requests nor
their merges. So the claims are read again right before a wave is let through, one wave at a time.
Called by `bot/worker/admission.py`.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

from planners.gating.effects import Effect, Merge, RequeueAt, SetOrderStatus
from planners.gating.evaluate import Evaluation, WaveState, WaveStatus
from planners.model import Cluster, Unit
from planners.model.gates import AwaitsRoom
from planners.model.snapshot import ResourceClaim, Snapshot
from planners.placement.supply import Supply

Claimant: TypeAlias = tuple[str, int]
"""An application, and its merge request that claims; 0 for what is merged."""


@dataclass(frozen=True)
class RoomCheck:
    """The claims of the plan's snapshot against the current ones; `units` are the plan's."""

    planned: Snapshot
    current: Snapshot
    units: frozenset[Unit]

    def grows(self, number: int) -> bool:
        """Whether a merge request of this application requests more than what is merged."""
        return next(self._added(number), None) is not None

    def rivals(self, number: int) -> frozenset[Claimant]:
        """Other merge requests that must give way, but would leave no room if they merged first."""
        yielding = self._yielding
        return self.claimants(number, yielding) - self.claimants(number, ())

    def claimants(self, number: int, admitted: Collection[Claimant]) -> frozenset[Claimant]:
        """Those that leave no room for what a merge request adds; none if it fits.

        They claim more than the plan knew and take precedence, or are `admitted`: they may merge at
        any time, although they must give way.
        """
        found: set[Claimant] = set()
        for cluster, resource in self._added(number):
            free = self._free(cluster, resource)
            newer = self._newer(cluster, resource)
            rivals = self._amounts(cluster, resource, admitted)
            if free is not None and newer and free < 0:
                found |= newer
            if free is not None and rivals and free < sum(rivals.values()):
                found |= rivals.keys()
        return frozenset(found)

    def _added(self, number: int) -> Iterator[tuple[str, str]]:
        """Each cluster and limited resource of which a merge request requests more."""
        for claim in self._own:
            if claim.merged_at is None and claim.number == number:
                for resource in [name for name, amount in claim.requests.items() if amount > 0]:
                    for cluster in claim.clusters:
                        if self._free(cluster, resource) is not None:
                            yield cluster, resource

    def _free(self, cluster: str, resource: str) -> int | None:
        """What is free after the claims of others and the application's own; None if unknown."""
        known = self._clusters.get(cluster)
        free = self._now.free(known, resource) if known is not None else None
        if free is None:
            return None
        own = (
            claim.requests.get(resource, 0)
            for claim in self._now.own_claims.get(cluster, ())
            if claim.merged_at is None or Unit(claim.component, cluster) in self.units
        )
        return free.value - sum(own)

    def _newer(self, cluster: str, resource: str) -> set[Claimant]:
        """Claims that take precedence, of applications that claim more than the plan knew."""
        found: set[Claimant] = set()
        for application, claims in self._now.other_claims.get(cluster, {}).items():
            before = self._then.other_claims.get(cluster, {}).get(application, [])
            if _total(claims, resource) > _total(before, resource):
                found |= {_claimant(each) for each in claims if each.requests.get(resource)}
        return found

    def _amounts(
        self, cluster: str, resource: str, of: Collection[Claimant]
    ) -> Mapping[Claimant, int]:
        amounts: dict[Claimant, int] = {}
        for claim in self.current.claims:
            who, amount = _claimant(claim), claim.requests.get(resource, 0)
            if amount and who in of and cluster in claim.clusters:
                amounts[who] = amounts.get(who, 0) + amount
        return amounts

    @cached_property
    def _yielding(self) -> frozenset[Claimant]:
        """The open merge requests of other applications that do not take precedence."""
        own = self.current.application.name
        others = {
            _claimant(each)
            for each in self.current.claims
            if each.application != own and each.merged_at is None
        }
        respected = {
            _claimant(claim)
            for by_application in self._now.other_claims.values()
            for claims in by_application.values()
            for claim in claims
        }
        return frozenset(others - respected)

    @cached_property
    def _own(self) -> tuple[ResourceClaim, ...]:
        own = self.current.application.name
        return tuple(each for each in self.current.claims if each.application == own)

    @cached_property
    def _clusters(self) -> Mapping[str, Cluster]:
        return {each.name: each for each in self.current.clusters}

    @cached_property
    def _now(self) -> Supply:
        return Supply(self.current, {})

    @cached_property
    def _then(self) -> Supply:
        return Supply(self.planned, {})


def give_way(evaluation: Evaluation, closed: Mapping[int, AwaitsRoom], at: datetime) -> Evaluation:
    """The same, where these merge requests are not let through before another pass, due `at`."""
    statuses = tuple(
        each
        if each.merge_request is None or each.merge_request.number not in closed
        else _waiting(each, closed[each.merge_request.number])
        for each in evaluation.wave_statuses
    )
    due: list[Effect] = []
    for effect in evaluation.effects:
        if isinstance(effect, SetOrderStatus) and effect.number in closed:
            due.append(replace(effect, gates=(*effect.gates, closed[effect.number])))
        elif not (isinstance(effect, Merge) and effect.number in closed):
            due.append(effect)
    return replace(evaluation, wave_statuses=statuses, effects=(*due, RequeueAt(at)))


def _waiting(status: WaveStatus, gate: AwaitsRoom) -> WaveStatus:
    return replace(status, state=WaveState.WAITING, gates=(*status.gates, gate))


def _claimant(claim: ResourceClaim) -> Claimant:
    return claim.application, claim.number if claim.merged_at is None else 0


def _total(claims: Collection[ResourceClaim], resource: str) -> int:
    return sum(claim.requests.get(resource, 0) for claim in claims)
