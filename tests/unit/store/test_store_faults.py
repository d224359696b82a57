"""A database that fails: one kind of error, one log line, and work again when it is over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.store import Store, StoreError, database
from bot.store.inbox import IncomingDelivery
from tests.fakes.store_faults import HEALS, POSTGRESQL, SQLITE, StoreFault, call_and_break, stalled
from tests.fakes.stores import NOON, fresh_url

FAULTS = [
    *(pytest.param("sqlite", fault, id=name) for name, fault in SQLITE.items()),
    *(pytest.param("postgresql", fault, id=name) for name, fault in POSTGRESQL.items()),
]


def delivery(number: int) -> IncomingDelivery:
    return IncomingDelivery("local", f"{number}", "push", "team/shop", None, b"x" * 100_000)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 10)
    monkeypatch.setattr(database, "LIMITS", ("SET lock_timeout = '10ms'",))


@pytest.fixture
def failing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    folder = tmp_path / "data"
    folder.mkdir()
    with fresh_url(request.param, folder) as url:
        store = Store.open(url)
        yield store
        store.close()


@pytest.mark.parametrize(("failing", "fault"), FAULTS, indirect=["failing"])
def test_a_fault_is_a_store_error_and_the_store_works_after_it(
    failing: Store, fault: StoreFault
) -> None:
    failing.inbox.put(delivery(1), NOON)
    with capture_logs() as logs:
        with fault(failing):
            for _ in range(2):
                with pytest.raises(StoreError) as raised:
                    failing.inbox.put(delivery(2), NOON)
            assert failing.is_out
        failing.mend()
        assert failing.probe()

    assert "\n" not in str(raised.value)
    assert "INSERT INTO" not in str(raised.value)
    assert not failing.is_out
    assert failing.inbox.put(delivery(2), NOON)
    kept = [] if fault.__name__ in HEALS else [1]
    assert [each.id for each in failing.inbox.pending(9)] == [*kept, len(kept) + 1]
    shown = [each["event"] for each in logs]
    damaged = [each for each in shown if each.startswith("database damaged")]
    assert [each for each in shown if each not in damaged] == [
        "database not available",
        "database available again",
    ]
    assert len(damaged) == (fault.__name__ in {"overwritten", "truncated"})


def test_connections_to_a_stalled_server_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "STALLED_SECONDS", 0.0)
    with fresh_url("postgresql", Path()) as url:
        store = Store.open(url)
        store.probe()
        with stalled(store):
            raised = call_and_break(store, store.probe)
            assert raised is None or isinstance(raised, StoreError)
        store.probe()
        store.close()


@pytest.mark.parametrize("content", [b"", b"rubbish" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_moved_aside_at_the_start(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "switchyard.db"
    file.write_bytes(content)
    with capture_logs() as logs:
        store = Store.open(f"sqlite:///{file}")
    assert store.queue.next_due() is None
    store.close()

    aside = tmp_path / "switchyard.db.damaged"
    if content:
        assert aside.read_bytes() == content
        assert logs[-1]["event"] == "database damaged: starting with an empty one"
        assert logs[-1]["kept"] == str(aside)
    else:
        assert not aside.exists()


def test_a_database_that_cannot_be_opened_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError):
        Store.open(f"sqlite:///{tmp_path / 'file' / 'switchyard.db'}")
    with pytest.raises(StoreError):
        Store.open(f"postgresql+psycopg://nobody@/none?host={tmp_path}")
