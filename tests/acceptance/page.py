"""Writes `docs/reference/acceptance.md`: what was tried, versions, date and result."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tests.acceptance.programs import Programs
from tests.acceptance.recorder import Exchange
from tests.acceptance.rig import CLUSTERS, LOCKED
from tests.acceptance.scenarios import SCENARIOS, Result

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "acceptance.md"
MAX_DETAIL = 600
_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


def write_page(
    day: date, programs: Programs, results: Sequence[Result], exchanges: Sequence[Exchange]
) -> None:
    """Write the page of one run."""
    passed = sum(result.passed for result in results)
    lines = [
        "# Acceptance run",
        "",
        "Written by `make acceptance`; do not edit. The programs below run on loopback:",
        "Kubernetes clusters whose pods kwok reports as running, their agents, the local forge,",
        "and the service.",
        "",
        f"- Date: {day.isoformat()}",
        f"- Result: {passed} of {len(results)} scenarios passed{_missing(results)}",
        "- Clusters: " + ", ".join(f"{name} ({_agent(name)})" for name in CLUSTERS),
        "",
        "| scenario | result | time | seen |",
        "|---|---|---|---|",
        *(_row(result) for result in results),
        "",
        "## Programs",
        "",
        "| program | version |",
        "|---|---|",
        *(f"| {name} | {version} |" for name, version in sorted(programs.versions.items())),
        "",
        "## Reports",
        "",
        "What the agents sent to the service, and the status of its answers.",
        "",
        "| agent | word | answer | reports |",
        "|---|---|---|---|",
        *_reports(exchanges),
        "",
    ]
    PAGE.write_text("\n".join(lines))


def _missing(results: Sequence[Result]) -> str:
    left = len(SCENARIOS) - len(results)
    skipped = sum(result.skipped for result in results)
    said = f"; {skipped} **skipped**" if skipped else ""
    return f"{said}; the run was stopped before the other {left}" if left else said


def _agent(name: str) -> str:
    return CLUSTERS[name] + (" with the multi-tenancy lockdown" if name == LOCKED else "")


def _row(result: Result) -> str:
    detail = _ADDRESS.sub("127.0.0.1", result.detail).replace("|", "\\|")
    text = "<br>".join(detail.splitlines())
    word = "passed" if result.passed else f"**{_lack(result)}**"
    return f"| {result.title} | {word} | {result.seconds} s | {text[:MAX_DETAIL]} |"


def _lack(result: Result) -> str:
    return "skipped" if result.skipped else "failed"


def _reports(exchanges: Sequence[Exchange]) -> list[str]:
    counts = Counter((each.agent, _word(each), each.status) for each in exchanges)
    return [f"| {' | '.join(map(str, key))} | {count} |" for key, count in sorted(counts.items())]


def _word(exchange: Exchange) -> str:
    event = exchange.event
    if exchange.agent == "argocd":
        parts = [event["status"].get(name) or {} for name in ("sync", "health")]
        return ", ".join(str(part.get("status")) for part in parts)
    return f"{event['reason']} ({event['severity']})"


def summary(results: Sequence[Result]) -> str:
    """The results as lines."""
    return "\n".join(
        f"{'passed' if each.passed else _lack(each).upper()}  {each.seconds:4} s  {each.title}\n"
        + "\n".join(f"          {line}" for line in each.detail.splitlines())
        for each in results
    )
