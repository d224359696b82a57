from datetime import UTC, datetime, timedelta

import pytest

from bot.store import Store
from bot.store.queue import MAX_ABNORMAL_ENDS, QUARANTINE, Claim
from tests.fakes.stores import NOON

LEASE = timedelta(seconds=60)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def claim(store: Store, at: float = 0, owner: str = "ann") -> Claim:
    found = store.queue.claim(owner, LEASE, after(at))
    assert found is not None
    return found


def nothing_to_claim(store: Store, at: float) -> bool:
    return store.queue.claim("nobody", LEASE, after(at)) is None


def lapse(store: Store, times: int, at: float = 0) -> float:
    """Claim and die so many times; when the last lease ends."""
    for _ in range(times):
        claim(store, at)
        at += LEASE.total_seconds()
    return at


def test_a_key_is_claimed_when_it_is_due_and_not_before(store: Store) -> None:
    store.queue.trigger(["shop"], after(5))

    assert nothing_to_claim(store, 4)
    found = claim(store, 5)

    assert (found.key, found.owner, found.attempts) == ("shop", "ann", 1)
    assert nothing_to_claim(store, 6)


def test_triggers_of_a_waiting_key_become_one_pass_at_the_earliest_time(store: Store) -> None:
    for due in (9, 5, 7):
        store.queue.trigger(["shop", "shop"], after(due))
    assert store.queue.next_due() == after(5)

    assert store.queue.done(claim(store, 5), None)

    assert nothing_to_claim(store, 1000)
    assert store.queue.waiting(10) == ()


def test_preferred_keys_are_claimed_before_a_burst_of_others(store: Store) -> None:
    store.queue.trigger([f"review/app!{number}" for number in range(3)], after(1))
    store.queue.trigger(["application/shop", "application/late"], after(2))
    store.queue.trigger(["application/late"], after(9))

    def prefer(at: float) -> str:
        found = store.queue.claim("ann", LEASE, after(at), prefer="application/")
        assert found is not None
        return found.key

    assert [prefer(1), prefer(3), prefer(3), prefer(3)] == [
        "review/app!0",
        "application/late",
        "application/shop",
        "review/app!1",
    ]


def test_the_key_that_has_waited_longest_is_claimed_first(store: Store) -> None:
    store.queue.trigger(["b"], after(2))
    store.queue.trigger(["c", "a"], after(3))

    assert [claim(store, 9).key for _ in range(3)] == ["b", "a", "c"]


def test_a_trigger_during_the_pass_causes_one_more(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    first = claim(store)
    store.queue.trigger(["shop"], after(1))
    store.queue.trigger(["shop"], after(2))
    assert nothing_to_claim(store, 3)

    assert store.queue.done(first, after(500))

    assert store.queue.done(claim(store, 3), None)
    assert nothing_to_claim(store, 1000)


def test_a_trigger_during_a_pass_is_kept_without_a_next_due(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    first = claim(store)
    store.queue.trigger(["shop"], after(1))

    store.queue.done(first, None)

    assert store.queue.next_due() == after(1)


def test_a_trigger_for_later_during_the_pass_waits_until_then(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    first = claim(store)
    store.queue.trigger(["shop"], after(50))

    store.queue.done(first, after(70))

    assert store.queue.next_due() == after(50)


def test_a_trigger_advances_a_later_pass(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    store.queue.done(claim(store), after(500))
    assert nothing_to_claim(store, 499)

    store.queue.trigger(["shop"], after(3))

    assert claim(store, 3).key == "shop"


def test_a_failed_pass_is_retried_and_keeps_error_and_attempts(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    for attempt in (1, 2, 3, 4, 5):
        failed = claim(store, attempt * 10)
        assert failed.attempts == attempt
        assert store.queue.retry(failed, f"no answer\0 {attempt}", after(attempt * 10 + 10))

    (waiting,) = store.queue.waiting(10)
    assert (waiting.attempts, waiting.last_error) == (5, "no answer\ufffd 5")
    assert waiting.due == after(60)
    assert waiting.quarantined is None

    store.queue.done(claim(store, 60), after(90))

    (waiting,) = store.queue.waiting(10)
    assert (waiting.attempts, waiting.last_error) == (0, None)


def test_a_postponed_key_has_had_no_attempt(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    assert store.queue.retry(claim(store, 0), "no answer", after(1))

    assert store.queue.postpone(claim(store, 1), after(3))

    assert nothing_to_claim(store, 2)
    assert claim(store, 3).attempts == 2


def test_postponing_does_not_forget_abnormal_ends(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    at = lapse(store, MAX_ABNORMAL_ENDS - 1)
    assert store.queue.postpone(claim(store, at), after(at))
    lapse(store, 1, at)

    assert nothing_to_claim(store, at + LEASE.total_seconds())


def test_an_expired_lease_can_be_claimed_and_its_former_holder_is_fenced(
    store: Store,
) -> None:
    store.queue.trigger(["shop"], after(0))
    dead = claim(store, 0)
    assert nothing_to_claim(store, 59)
    assert store.queue.next_due() == after(60)

    heir = claim(store, 60, "bob")

    assert heir.attempts == 2
    assert not store.queue.heartbeat(dead, LEASE, after(61))
    assert not store.queue.retry(dead, "late", after(61))
    assert not store.queue.done(dead, None)
    assert store.queue.done(heir, None)
    assert not store.queue.done(heir, None)


def test_a_claim_is_distinguished_from_a_later_one_of_the_same_owner(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    dead = claim(store, 0)
    heir = claim(store, 60)
    store.queue.done(heir, after(61))
    now = claim(store, 61)

    assert not store.queue.done(dead, None)
    assert not store.queue.done(heir, None)
    assert store.queue.done(now, None)


def test_a_heartbeat_lengthens_the_lease(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    held = claim(store, 0)

    assert store.queue.heartbeat(held, LEASE, after(50))

    assert nothing_to_claim(store, 109)
    assert claim(store, 110, "bob").owner == "bob"


def test_a_claim_is_confirmed_until_another_worker_has_the_key(store: Store) -> None:
    store.queue.trigger(["shop"], NOON)
    first = claim(store)

    def lease_end() -> datetime | None:
        return store.queue.waiting(1)[0].lease_until

    assert store.queue.confirm(first, LEASE, after(29))
    assert lease_end() == after(60)
    assert store.queue.confirm(first, LEASE, after(30))
    assert lease_end() == after(90)
    assert store.queue.confirm(first, LEASE, after(200)), "nobody claimed it when it expired"
    assert lease_end() == after(260)

    claim(store, 260, "ben")
    assert not store.queue.confirm(first, LEASE, after(261))


def test_a_key_that_crashes_its_workers_is_quarantined(store: Store) -> None:
    store.queue.trigger(["bad"], after(0))
    end = lapse(store, MAX_ABNORMAL_ENDS)
    store.queue.trigger(["good"], after(1))

    assert claim(store, end).key == "good"

    assert nothing_to_claim(store, end)
    bad, _ = store.queue.waiting(10)
    assert (bad.key, bad.owner, bad.quarantined) == ("bad", None, QUARANTINE)
    assert bad.attempts == MAX_ABNORMAL_ENDS
    assert store.queue.next_due() == after(end + 60)


def test_only_consecutive_abnormal_ends_count(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    at = lapse(store, MAX_ABNORMAL_ENDS - 1)
    store.queue.retry(claim(store, at), "refused", after(at))
    at = lapse(store, MAX_ABNORMAL_ENDS - 1, at)
    store.queue.done(claim(store, at), after(at))
    at = lapse(store, MAX_ABNORMAL_ENDS - 1, at)

    assert store.queue.done(claim(store, at), None)


def test_a_quarantined_key_stays_quarantined_until_its_release(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    end = lapse(store, MAX_ABNORMAL_ENDS)
    assert not store.queue.release("shop")
    assert nothing_to_claim(store, end)

    assert store.queue.release("shop")

    assert claim(store, end).attempts == 1
    assert not store.queue.release("shop")


def test_a_trigger_can_release(store: Store) -> None:
    store.queue.trigger(["shop"], after(0))
    end = lapse(store, MAX_ABNORMAL_ENDS)
    assert nothing_to_claim(store, end)

    store.queue.trigger(["shop"], after(end))
    assert nothing_to_claim(store, end)
    store.queue.trigger(["shop"], after(end), release=True)

    assert claim(store, end).attempts == 1


def test_no_keys_need_no_known_hosts(store: Store) -> None:
    store.queue.trigger([], after(0))

    assert store.queue.next_due() is None


def test_sqlite_needs_the_time_and_postgresql_has_its_own(store: Store, store_url: str) -> None:
    store.queue.trigger(["shop"], NOON - timedelta(days=20_000))
    if store_url.startswith("sqlite"):
        with pytest.raises(ValueError, match="pass `now`"):
            store.queue.claim("ann", LEASE, None)
        return
    store.queue.trigger(["later"], datetime(2200, 1, 1, tzinfo=UTC))

    lapsed = store.queue.claim("ann", timedelta(0), None)
    heir = store.queue.claim("bob", LEASE, None)

    assert lapsed is not None
    assert heir is not None
    assert (lapsed.key, heir.key, heir.attempts) == ("shop", "shop", 2)
    assert store.queue.heartbeat(heir, LEASE, None)
    assert store.queue.claim("ann", LEASE, None) is None


def test_keys_that_need_no_pass_are_pruned_and_no_others(store: Store) -> None:
    for key in ("done", "claimed", "again"):
        store.queue.trigger([key], NOON)
        claim = store.queue.claim("one", LEASE, NOON)
        assert claim is not None
        if key != "claimed":
            assert store.queue.done(claim, None if key == "done" else NOON + LEASE)
    for _ in range(MAX_ABNORMAL_ENDS + 1):
        store.queue.trigger(["broken"], NOON)
        store.queue.claim("one", -LEASE, NOON)

    assert store.queue.prune() == 1
    assert {each.key for each in store.queue.waiting(9)} == {"claimed", "again", "broken"}
    assert store.queue.prune() == 0
    store.queue.trigger(["done"], NOON)
    assert "done" in {each.key for each in store.queue.waiting(9)}


def test_the_depth_counts_keys_by_state_and_tells_the_oldest(store: Store) -> None:
    """A key whose lease has expired is due, and has been since before its claim."""
    store.queue.trigger(["crashes"], after(0))
    at = lapse(store, MAX_ABNORMAL_ENDS)
    assert nothing_to_claim(store, at)
    store.queue.trigger(["runs"], after(1))
    claim(store, at)
    store.queue.trigger(["old"], after(2))
    store.queue.trigger(["new"], after(3))
    store.queue.trigger(["later"], after(at + 9))

    depth = store.queue.depth(after(at))
    assert depth.keys == {"quarantined": 1, "running": 1, "due": 2, "later": 1}
    assert depth.oldest == after(2)
    assert store.queue.depth(after(at + 60)).keys == {"quarantined": 1, "due": 4}


def test_an_empty_queue_has_no_depth(store: Store) -> None:
    assert store.queue.depth(NOON).keys == {}
    assert store.queue.depth(NOON).oldest is None
