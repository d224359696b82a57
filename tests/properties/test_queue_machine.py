"""The queue against a model of a dozen lines, on both databases, over random histories.

Workers die, hang past their lease and come back, triggers come at any moment; time only moves when
a rule moves it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.store import Store
from bot.store.queue import MAX_ABNORMAL_ENDS, Claim
from bot.store.tables import queue
from tests.fakes.examples import examples
from tests.fakes.stores import DIALECTS, NOON, fresh_url

LEASE = 30
KEYS = st.sampled_from(["application/a", "application/b", "review/a!1"])
OWNERS = st.sampled_from(["ann", "bob"])
DELAYS = st.integers(0, 40)


@dataclass
class Row:
    """What the queue should know of a key; times in seconds after noon."""

    due: int | None = None
    holder: Claim | None = None
    lease_until: int = 0
    attempts: int = 0
    abnormal_ends: int = 0
    quarantined: bool = False

    def owe(self, due: int) -> None:
        self.due = due if self.due is None else min(self.due, due)

    @property
    def claimable_at(self) -> int | None:
        if self.quarantined:
            return None
        return self.due if self.holder is None else self.lease_until


def at(seconds: int | None) -> datetime | None:
    return None if seconds is None else NOON + timedelta(seconds=seconds)


def moment(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def holders(rows: dict[str, Row]) -> list[Claim]:
    return [row.holder for row in rows.values() if row.holder is not None]


somebody_holds = precondition(lambda machine: bool(holders(machine.rows)))


class QueueMachine(RuleBasedStateMachine):
    """`claims` are all that were ever given out: holders, the dead, and those who come too late."""

    claims = Bundle("claims")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.queue = store.queue
        self.rows: dict[str, Row] = {}
        self.now = 0
        with store._database.write() as connection:
            connection.execute(queue.delete())

    @rule(keys=st.lists(KEYS, min_size=1), delay=DELAYS, release=st.booleans())
    def trigger(self, keys: list[str], delay: int, *, release: bool) -> None:
        self.queue.trigger(keys, moment(self.now + delay), release=release)
        for key in set(keys):
            row = self.rows.setdefault(key, Row())
            row.owe(self.now + delay)
            if release:
                row.quarantined, row.abnormal_ends, row.attempts = False, 0, 0

    @rule(target=claims, owner=OWNERS)
    def claim(self, owner: str) -> object:
        return multiple(*self._claim(owner))

    def _claim(self, owner: str) -> list[Claim]:
        expected = self._next_for_claim()
        claim = self.queue.claim(owner, timedelta(seconds=LEASE), moment(self.now))
        if expected is None:
            assert claim is None
            return []
        row = self.rows[expected]
        assert claim is not None
        assert row.holder is None or row.lease_until <= self.now, "two valid owners"
        row.abnormal_ends += row.holder is not None
        row.attempts += 1
        row.due, row.holder, row.lease_until = None, claim, self.now + LEASE
        assert (claim.key, claim.owner, claim.attempts) == (expected, owner, row.attempts)
        return [claim]

    def _next_for_claim(self) -> str | None:
        """The key that must be claimed now; those that ended their worker too often step aside."""
        while True:
            ready = sorted(
                (row.claimable_at, key)
                for key, row in self.rows.items()
                if row.claimable_at is not None and row.claimable_at <= self.now
            )
            if not ready:
                return None
            key = ready[0][1]
            row = self.rows[key]
            if row.holder is None or row.abnormal_ends + 1 < MAX_ABNORMAL_ENDS:
                return key
            row.owe(row.lease_until)
            row.holder, row.quarantined = None, True

    @somebody_holds
    @rule(data=st.data())
    def heartbeat(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(holders(self.rows)))
        assert self.queue.heartbeat(claim, timedelta(seconds=LEASE), moment(self.now))
        self.rows[claim.key].lease_until = self.now + LEASE

    @somebody_holds
    @rule(data=st.data(), later=st.none() | DELAYS)
    def done(self, data: st.DataObject, later: int | None) -> None:
        claim = data.draw(st.sampled_from(holders(self.rows)))
        row = self.rows[claim.key]
        row.holder, row.attempts, row.abnormal_ends = None, 0, 0
        if later is not None:
            row.owe(self.now + later)
        assert self.queue.done(claim, None if later is None else moment(self.now + later))

    @somebody_holds
    @rule(data=st.data(), later=DELAYS)
    def retry(self, data: st.DataObject, later: int) -> None:
        claim = data.draw(st.sampled_from(holders(self.rows)))
        row = self.rows[claim.key]
        row.holder, row.abnormal_ends = None, 0
        row.owe(self.now + later)
        assert self.queue.retry(claim, "refused", moment(self.now + later))

    @rule(claim=claims)
    def who_lost_the_key_writes_nothing(self, claim: Claim) -> None:
        if self.rows[claim.key].holder != claim:
            assert not self.queue.heartbeat(claim, timedelta(seconds=LEASE), moment(self.now))
            assert not self.queue.retry(claim, "too late", moment(self.now))
            assert not self.queue.done(claim, moment(self.now))

    @rule(key=KEYS)
    def release(self, key: str) -> None:
        row = self.rows.get(key)
        quarantined = row is not None and row.quarantined
        assert self.queue.release(key) == quarantined
        if row is not None and quarantined:
            row.quarantined, row.abnormal_ends, row.attempts = False, 0, 0

    @rule(seconds=st.integers(1, LEASE))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(target=claims, times=st.integers(1, MAX_ABNORMAL_ENDS))
    def workers_die(self, times: int) -> object:
        """Again and again somebody claims and says no other word before its lease has ended."""
        dead: list[Claim] = []
        for _ in range(times):
            dead += self._claim("cat")
            self.now = max([self.now, *(self.rows[each.key].lease_until for each in dead)])
        return multiple(*dead)

    @invariant()
    def the_queue_tells_what_the_model_knows(self) -> None:
        told = {
            each.key: (each.due, each.owner, each.attempts, each.quarantined is not None)
            for each in self.queue.waiting(10)
        }
        assert told == {
            key: (at(row.due), row.holder and row.holder.owner, row.attempts, row.quarantined)
            for key, row in self.rows.items()
            if row.claimable_at is not None or row.quarantined
        }
        times = [row.claimable_at for row in self.rows.values() if row.claimable_at is not None]
        assert self.queue.next_due() == at(min(times, default=None))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_queue_behaves_as_its_model(dialect: str, tmp_path: Path) -> None:
    with fresh_url(dialect, tmp_path) as url:
        store = Store.open(url)

        class Machine(QueueMachine):
            def __init__(self) -> None:
                super().__init__(store)

        run_state_machine_as_test(
            Machine,
            settings=examples(
                20,
                stateful_step_count=40,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
        store.close()
