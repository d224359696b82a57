"""The file that says for which rules a unit is there: for people, with a line each for the service.

It is among the unit's files, outside of the folders that agents read. It is YAML: comments, and a
list in JSON.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from planners.model import Registration, Unit
from planners.model.rules import Action, Evidence, Record, Records, reason_of
from renderers.layout import Layout
from renderers.tree import FileTree

LINE = "- "
MOST_LINES, MOST_BYTES, MOST_STEPS = 50, 64 * 1024, 10_000


def with_records(
    trees: Mapping[Unit, FileTree], records: Records, registration: Registration
) -> dict[Unit, FileTree]:
    """The files of each unit, with that of its records."""
    layout, found = Layout.of(registration), dict(trees)
    for unit, each in records.items():
        if unit in found:
            found[unit] = {**found[unit], layout.rules_file(unit): write(unit, each)}
    return found


def write(unit: Unit, records: Iterable[Record]) -> bytes:
    """The file of a unit."""
    lines = [f"# Why {unit.component} is on {unit.cluster}, or as it is there."]
    for each in records:
        reason = reason_of(each.action, each.cluster, each.signal, each.evidence)
        lines += [f"# By rule {each.rule}, step {each.step}: {reason}.", LINE + _line(each)]
    return "\n".join([*lines, ""]).encode()


def read(content: bytes) -> tuple[Record, ...]:
    """The records of such a file; what it does not have of a record is no record."""
    if len(content) > MOST_BYTES:
        return ()
    lines = content.decode(errors="replace").splitlines()
    found = [_record(line.removeprefix(LINE)) for line in lines if line.startswith(LINE)]
    return tuple(each for each in found[:MOST_LINES] if each is not None)


def _line(record: Record) -> str:
    evidence = record.evidence
    value = {
        "rule": record.rule,
        "action": record.action.value,
        "epoch": record.epoch,
        "step": record.step,
        "signal": record.signal,
        "value": evidence.value,
        "threshold": evidence.threshold,
        "at": evidence.at.isoformat(),
        "decided": evidence.decided.isoformat(),
        "cluster": record.cluster,
    }
    return json.dumps(value)


def _record(line: str) -> Record | None:
    try:
        value = json.loads(line)
        evidence = Evidence(
            float(value["value"]),
            float(value["threshold"]),
            _moment(value["at"]),
            _moment(value["decided"]),
        )
        step = max(1, int(value["step"]))
        if step > MOST_STEPS:
            return None
        return Record(
            str(value["rule"]),
            Action(value["action"]),
            int(value["epoch"]),
            step,
            str(value["signal"]),
            evidence,
            str(value["cluster"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found
