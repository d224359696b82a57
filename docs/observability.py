"""What to watch: the dashboard and the alerts, made of the metrics of `bot/metrics/catalogue.py`.

Every expression takes names from the list, so that neither can lag behind it. Gauges that replicas
share are read with `max`, since each replica exposes the same value; what a replica counts itself
is added up.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.metrics import catalogue as m
from bot.metrics.catalogue import CATALOGUE, Kind, Metric

RATE = "[$__rate_interval]"
WIDTH, HEIGHT, COLUMNS = 8, 8, 24
GRAFANA_SCHEMA = 39


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph: expressions with their legends, and the unit of their values."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    shows: str = "timeseries"


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that somebody should know of, what it means, and the first thing to do."""

    name: str
    expression: str
    lasting: str
    severity: str
    summary: str
    action: str


def shared(metric: Metric) -> str:
    """A gauge that every replica reads from the same database."""
    assert metric.shared
    by = ", ".join(metric.labels)
    return f"max by ({by}) ({metric.name})" if by else f"max({metric.name})"


def rate(metric: Metric, *by: str, span: str = RATE, **where: str) -> str:
    """Events per second of all replicas; `where` has patterns of labels."""
    inner = f"rate({_events(metric, where)}{span})"
    return f"sum by ({', '.join(by)}) ({inner})" if by else f"sum({inner})"


def increase(metric: Metric, span: str, *by: str, **where: str) -> str:
    """Events of all replicas in a span of time."""
    inner = f"increase({_events(metric, where)}[{span}])"
    return f"sum by ({', '.join(by)}) ({inner})" if by else f"sum({inner})"


def _events(metric: Metric, where: Mapping[str, str]) -> str:
    suffix = "_count" if metric.kind is Kind.HISTOGRAM else ""
    chosen = ", ".join(f'{name}=~"{pattern}"' for name, pattern in where.items())
    return f"{metric.name}{suffix}{{{chosen}}}" if chosen else f"{metric.name}{suffix}"


def quantile(metric: Metric, q: float, *by: str, span: str = RATE) -> str:
    """A quantile of a histogram, over all replicas."""
    kept = ", ".join(("le", *by))
    return f"histogram_quantile({q}, sum by ({kept}) (rate({metric.name}_bucket{span})))"


PANELS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel("Replicas that are ready", "none", ((f"sum({m.READY.name})", ""),), "stat"),
        Panel("Rollouts", "none", ((shared(m.ROLLOUTS), "{{state}}"),), "stat"),
        Panel("Clusters", "none", ((shared(m.CLUSTERS), "{{readiness}}"),), "stat"),
        Panel("Clusters that are silent", "none", ((shared(m.SILENT), ""),), "stat"),
        Panel("What waves wait for", "none", ((f"{shared(m.WAITS)} > 0", "{{gate}}"),)),
        Panel("Oldest wait", "s", ((f"{shared(m.WAIT_OLDEST)} > 0", "{{gate}}"),)),
    ),
    "Delivery": (
        Panel(
            "Rollouts completed in a day",
            "none",
            ((increase(m.COMPLETED, "1d", "failed"), "failure: {{failed}}"),),
        ),
        Panel("Time of a rollout", "s", ((quantile(m.LEAD, 0.5, span="[1d]"), "median"),)),
        Panel("Time to restore", "s", ((quantile(m.RESTORE, 0.5, span="[7d]"), "median"),)),
        Panel("Merges", "ops", ((rate(m.MERGES, "outcome"), "{{outcome}}"),)),
        Panel("Messages to people", "ops", ((rate(m.MESSAGES, "outcome"), "{{outcome}}"),)),
        Panel("Branches pushed", "ops", ((rate(m.PUSHES, "outcome"), "{{outcome}}"),)),
        Panel("Effects", "ops", ((rate(m.EFFECTS_DONE, "effect"), "{{effect}}"),)),
    ),
    "Work": (
        Panel("Keys", "none", ((shared(m.KEYS), "{{state}}"),)),
        Panel("Oldest key", "s", ((shared(m.OLDEST), ""),)),
        Panel("Webhooks pending", "none", ((shared(m.INBOX), ""),)),
        Panel("Passes", "ops", ((rate(m.PASSES, "kind", "outcome"), "{{kind}} {{outcome}}"),)),
        Panel("Time of a pass", "s", ((quantile(m.PASSES, 0.95, "kind"), "{{kind}}, 95 %"),)),
        Panel("Time of a plan", "s", ((quantile(m.PLANS, 0.95, "outcome"), "{{outcome}}, 95 %"),)),
        Panel(
            "Results looked up",
            "ops",
            ((rate(m.RESULTS, "kind", "outcome"), "{{kind}} {{outcome}}"),),
        ),
        Panel("Size of results", "bytes", ((f"sum({m.RESULT_BYTES.name})", ""),)),
        Panel(
            "Time of a fetch", "s", ((quantile(m.FETCHES, 0.95, "outcome"), "{{outcome}}, 95 %"),)
        ),
    ),
    "Outside": (
        Panel(
            "Webhooks", "ops", ((rate(m.WEBHOOKS, "forge", "outcome"), "{{forge}} {{outcome}}"),)
        ),
        Panel(
            "Requests to forges",
            "ops",
            ((rate(m.FORGE_REQUESTS, "forge", "outcome"), "{{forge}} {{outcome}}"),),
        ),
        Panel(
            "Requests left",
            "none",
            (
                (f"min by (forge, resource) ({m.FORGE_REMAINING.name})", "{{forge}} {{resource}}"),
                (
                    f"max by (forge, resource) ({m.FORGE_LIMIT.name})",
                    "{{forge}} {{resource}} limit",
                ),
            ),
        ),
        Panel("Reports", "ops", ((rate(m.REPORTS, "agent", "outcome"), "{{agent}} {{outcome}}"),)),
        Panel(
            "Delay of reports", "s", ((quantile(m.REPORT_DELAY, 0.95, "agent"), "{{agent}}, 95 %"),)
        ),
        Panel(
            "Versions",
            "none",
            ((f"sum by (version, python) ({m.BUILD.name})", "{{version}}, Python {{python}}"),),
        ),
    ),
}

ALERTS = (
    Alert(
        "SwitchyardNotReady",
        f"max({m.READY.name}) < 1 or absent({m.READY.name})",
        "5m",
        "critical",
        "No replica is ready: nothing merges.",
        "Ask /readyz for the reasons, and read the log.",
    ),
    Alert(
        "SwitchyardQueueStuck",
        f"{shared(m.OLDEST)} > 600",
        "5m",
        "critical",
        "A key has been due for ten minutes, and no worker takes it.",
        "Look at the time of a pass and of a plan; more SWITCHYARD_WORKERS or replicas help if all "
        "are busy.",
    ),
    Alert(
        "SwitchyardKeyQuarantined",
        f'max({m.KEYS.name}{{state="quarantined"}}) > 0',
        "0m",
        "warning",
        "Passes of a key crashed or hung three times, so it is left alone until the next sweep.",
        "The page of waiting keys names it; the log has the reason.",
    ),
    Alert(
        "SwitchyardInboxBacklog",
        f"{shared(m.INBOX)} > 1000",
        "10m",
        "warning",
        "Webhooks are stored faster than they are turned into work.",
        "Look for errors of the task `inbox` in the log.",
    ),
    Alert(
        "SwitchyardPassesFail",
        f"{rate(m.PASSES, outcome='retried|defect|database', span='[15m]')} "
        f"> 0.5 * {rate(m.PASSES, span='[15m]')}",
        "15m",
        "warning",
        "More than half of all passes fail.",
        "The log says `pass failed` with the reason: mostly a forge or a repository that is away.",
    ),
    Alert(
        "SwitchyardDefect",
        f"{increase(m.PASSES, '1h', outcome='defect')} > 0",
        "0m",
        "warning",
        "A pass ended with an error in Switchyard.",
        "Report the traceback in the log (`pass ended abnormally`).",
    ),
    Alert(
        "SwitchyardForgeBudgetLow",
        f"min by (forge, resource) ({m.FORGE_REMAINING.name}) "
        f"< 0.1 * max by (forge, resource) ({m.FORGE_LIMIT.name})",
        "5m",
        "warning",
        "Less than a tenth of the forge's rate limit is left: comments are delayed first, then "
        "everything.",
        "Look at the requests by outcome; another program may use the same account.",
    ),
    Alert(
        "SwitchyardForgeAway",
        f"{rate(m.FORGE_REQUESTS, 'forge', outcome='broken|unreachable', span='[10m]')} "
        f"> 0.5 * {rate(m.FORGE_REQUESTS, 'forge', span='[10m]')}",
        "10m",
        "warning",
        "More than half of the requests to a forge fail.",
        "See whether the forge is in trouble, or the network policy forbids its address.",
    ),
    Alert(
        "SwitchyardWebhooksForged",
        f"{increase(m.WEBHOOKS, '1h', outcome='forged')} > 10",
        "0m",
        "warning",
        "Webhooks with a wrong signature arrive.",
        "After a rotation of webhook secrets list both; otherwise somebody tries to forge them.",
    ),
    Alert(
        "SwitchyardMergesRefused",
        f"{increase(m.MERGES, '1h', outcome='refused')} > 5",
        "0m",
        "warning",
        "The forge refuses merges that Switchyard holds for due.",
        "The waves say why; mostly a branch rule that requires more than switchyard/order.",
    ),
    Alert(
        "SwitchyardRolloutFailing",
        f'max({m.ROLLOUTS.name}{{state="failing"}}) > 0',
        "15m",
        "warning",
        "A cluster reports a merged wave as failed.",
        "The pages show which; see docs/guides/roll-back.md.",
    ),
    Alert(
        "SwitchyardClustersSilent",
        f"{shared(m.SILENT)} > 0.05 * sum({shared(m.CLUSTERS)})",
        "30m",
        "warning",
        "More than one in twenty clusters sends no reports, so waves there wait.",
        "See whether the clusters reach the service, and whether report keys were rotated.",
    ),
)


def dashboard() -> str:
    """A dashboard for Grafana, to be imported; it asks for the data source."""
    made = {
        "title": "Switchyard",
        "uid": "switchyard",
        "schemaVersion": GRAFANA_SCHEMA,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "panels": list(_panels()),
    }
    return json.dumps(made, indent=2) + "\n"


def _panels() -> Iterator[dict[str, Any]]:
    number = top = 0
    for title, panels in PANELS.items():
        number += 1
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}
        top += 1
        for index, panel in enumerate(panels):
            number += 1
            x, row = index * WIDTH % COLUMNS, index * WIDTH // COLUMNS
            yield _panel(panel, number, x, top + row * HEIGHT)
        top += -(-len(panels) * WIDTH // COLUMNS) * HEIGHT


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number,
        "type": panel.shows,
        "title": panel.title,
        "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT},
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": source,
                "expr": expression,
                "legendFormat": legend or panel.title,
            }
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }


def alerts() -> str:
    """Alert rules for Prometheus; JSON strings, which YAML reads as they are, need no escapes."""
    lines = [
        "# Generated by `make docs`; do not edit.",
        "groups:",
        "- name: switchyard",
        "  rules:",
    ]
    for each in ALERTS:
        lines += [
            f"  - alert: {each.name}",
            f"    expr: {json.dumps(each.expression)}",
            f"    for: {each.lasting}",
            "    labels:",
            f"      severity: {each.severity}",
            "    annotations:",
            f"      summary: {json.dumps(each.summary)}",
            f"      description: {json.dumps(each.action)}",
        ]
    return "\n".join(lines) + "\n"


INTRO = """# Metrics

Served in Prometheus' text format at `/metrics` on an address of its own, see
[monitoring](../guides/run-the-service.md#monitoring). No label names an application, a cluster, a
tenant, a repository or a person. Gauges marked as shared are read from the database, at most every
half a minute: every replica exposes the same value, so take the `max`, and add up all others.
Beside these there are the metrics of the process (`process_*`, `python_*`).

[The dashboard](../monitoring/dashboard.json) and [the alerts](../monitoring/alerts.yaml) are made
of the same list.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def reference() -> str:
    """Every metric and every alert."""
    lines = [_row(each) for each in CATALOGUE]
    lines += ["\n## Alerts\n", "| alert | after | means | first step |", "|---|---|---|---|"]
    lines += [
        f"| `{each.name}` ({each.severity}) | {each.lasting} | {each.summary} | {each.action} |"
        for each in ALERTS
    ]
    return INTRO + "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    kind = f"{metric.kind}, shared" if metric.shared else str(metric.kind)
    labels = "; ".join(_label(*each) for each in metric.labels.items())
    return f"| `{metric.name}` | {kind} | {labels} | {metric.help} |"


def _label(name: str, values: m.Values) -> str:
    found = values if isinstance(values, str) else ", ".join(f"`{each}`" for each in values)
    return f"`{name}`: {found}"
