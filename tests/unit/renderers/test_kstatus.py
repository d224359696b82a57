"""The status of objects, kind by kind; the rows are in `kstatus.yaml`."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from planners.model import Readiness
from renderers import yaml
from renderers.kubernetes.kinds import KINDS
from renderers.kubernetes.kstatus import READINESS, ObjectStatus, Verdict, judge

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LEAST = 100
WITH_RULES = {
    *("ConfigMap", "CronJob", "CustomResourceDefinition", "DaemonSet", "Deployment", "Job"),
    *("PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "ReplicaSet", "Secret", "Service"),
    "StatefulSet",
}


@dataclass(frozen=True, slots=True)
class Row:
    """An object of the table, its status and part of the message."""

    kind: str
    item: dict[str, Any]
    status: ObjectStatus
    says: str


def read_rows() -> list[Row]:
    """The table."""
    (document,) = yaml.load_documents(Path(__file__).with_name("kstatus.yaml").read_bytes())
    table: Any = document.value
    return [read_row(kind, entry) for kind, entries in table.items() for entry in entries]


def read_row(kind: str, entry: dict[str, Any]) -> Row:
    """One entry; its keys that are not of the table are those of the object."""
    status, says = ObjectStatus(entry.pop("is")), entry.pop("says", "")
    entry.pop("stricter", None)
    metadata = {"name": "x", **entry.pop("metadata", {})}
    if "generation" in entry:
        metadata["generation"] = entry.pop("generation")
    if "created" in entry:
        created = NOW - timedelta(seconds=entry.pop("created"))
        metadata["creationTimestamp"] = created.isoformat().replace("+00:00", "Z")
    api_version, _, name = kind.partition(" ")
    item = {"apiVersion": api_version, "kind": name, "metadata": metadata, **entry}
    return Row(name, item, status, says)


ROWS = read_rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind}-{row.status}")
def test_every_row_has_its_status(row: Row) -> None:
    verdict = judge(row.item, NOW)

    assert verdict.status is row.status, verdict.message
    assert row.says in verdict.message
    assert verdict.message


def test_the_table_has_rows_enough_for_every_kind_with_a_rule() -> None:
    kinds = Counter(row.kind for row in ROWS)

    assert len(ROWS) >= LEAST
    assert kinds.keys() >= WITH_RULES
    assert {row.status for row in ROWS} == set(ObjectStatus) - {ObjectStatus.NOT_FOUND}


def test_kinds_without_a_rule_are_current_at_once() -> None:
    others = [kind for kind in KINDS.values() if kind.name not in WITH_RULES]
    statuses = {
        kind.name: judge({"apiVersion": f"{kind.group}/v1", "kind": kind.name}, NOW).status
        for kind in others
    }

    assert set(statuses.values()) == {ObjectStatus.CURRENT}


def test_a_message_is_bounded() -> None:
    stalled = {"type": "Stalled", "status": "True", "message": "x" * 10_000}
    item: dict[str, Any] = {"kind": "Odd", "status": {"conditions": [stalled]}}

    assert len(judge(item, NOW).message) == 500


@pytest.mark.parametrize(
    "item",
    [{}, {"metadata": 3}, {"status": []}, {"kind": None, "status": {"conditions": [[]]}}],
    ids=range(4),
)
def test_an_odd_object_has_a_status(item: dict[str, Any]) -> None:
    assert isinstance(judge(item, NOW), Verdict)


def test_every_status_contributes_a_readiness() -> None:
    assert set(READINESS) == set(ObjectStatus)
    assert Verdict(ObjectStatus.FAILED, "x").readiness is Readiness.STALLED
    assert READINESS[ObjectStatus.NOT_FOUND] is Readiness.PROGRESSING
