"""Findings as JSON: in a form of our own, and as SARIF for the code scanning of forges.

Sources: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", 3.13 (log file),
3.14 (run), 3.27 (result), 3.30 (region), 3.49 (rule); GitHub documentation, "SARIF support for code
scanning" (which of them it needs).
"""

import json
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from bot.cli.findings import Finding, Findings

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
RULES = {
    "error": ("mistake", "Mistake in a document", "What it says cannot be rolled out."),
    "warning": ("warning", "Warning of a plan", "It can be rolled out; look at it before."),
}
ADVICE = "The message says what to change. `switchyard check` repeats the check."


def as_json(found: Findings) -> str:
    """The findings as one object."""
    entries = [
        {
            "level": each.level,
            "message": each.message,
            "file": each.file or None,
            "line": each.line or None,
            "column": each.column or None,
        }
        for each in found.entries
    ]
    shown = {"checked": list(found.folders), "valid": not found.has_errors, "findings": entries}
    return json.dumps(shown, indent=2) + "\n"


def as_sarif(found: Findings) -> str:
    """The findings as a log with one run."""
    driver = {
        "name": "Switchyard",
        "version": version("switchyard"),
        "rules": [_rule(level) for level in RULES],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, found.folders[-1]) for each in found.entries],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(level: str) -> dict[str, Any]:
    name, title, description = RULES[level]
    return {
        "id": name,
        "shortDescription": {"text": title},
        "fullDescription": {"text": description},
        "help": {"text": ADVICE},
        "defaultConfiguration": {"level": level},
    }


def _result(each: Finding, folder: str) -> dict[str, Any]:
    """One without a file is about the folder."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(each.file or folder)}}
    if each.line:
        physical["region"] = {
            "startLine": each.line,
            "startColumn": each.column,
            "endLine": each.line,
            "endColumn": each.column + 1,
        }
    return {
        "ruleId": RULES[each.level][0],
        "ruleIndex": list(RULES).index(each.level),
        "level": each.level,
        "message": {"text": each.message},
        "locations": [{"physicalLocation": physical}],
    }
