from datetime import timedelta

from bot.store import Store
from bot.store.audit import AuditEntry
from tests.fakes.stores import NOON


def test_entries_of_a_key_are_read_newest_first(store: Store) -> None:
    for number in range(3):
        at = NOON + timedelta(seconds=number)
        store.audit.append(AuditEntry(at, "merge", "shop", {"number": number, "sha": None}))
    store.audit.append(AuditEntry(NOON, "merge", "other", {}))

    assert store.audit.of("shop", 2) == (
        AuditEntry(NOON + timedelta(seconds=2), "merge", "shop", {"number": 2, "sha": None}),
        AuditEntry(NOON + timedelta(seconds=1), "merge", "shop", {"number": 1, "sha": None}),
    )


def test_entries_that_are_appended_together_keep_their_order(store: Store) -> None:
    pushes = [AuditEntry(NOON, "push", "shop", {"branch": name}) for name in ("a", "b", "c")]
    store.audit.append(*pushes)

    assert store.audit.of("shop", 10) == tuple(reversed(pushes))


def test_the_audit_log_is_append_only(store: Store) -> None:
    verbs = {name for name in dir(store.audit) if not name.startswith("_")}

    assert verbs == {"append", "of", "prune"}


def test_old_entries_are_pruned_in_batches(store: Store) -> None:
    for day in range(5):
        store.audit.append(AuditEntry(NOON - timedelta(days=day), "merge", "shop", {}))

    assert store.audit.prune(NOON - timedelta(days=2)) == 2
    assert store.audit.prune(NOON - timedelta(days=2)) == 0
    assert len(store.audit.of("shop", 10)) == 3
