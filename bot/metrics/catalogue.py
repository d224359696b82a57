"""The list of all metrics: names, meanings, labels with their values.

The reference page, the dashboard and the alerts of `docs/` are generated from it. Labels never name
applications, clusters, tenants, repositories or people: their number has no bound, and whoever may
read metrics need not be allowed to read those.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, get_args

from planners.model.gates import Gate

Values: TypeAlias = tuple[str, ...] | str
"""The values of a label, or what bounds them where extensions or settings name them."""


class Kind(StrEnum):
    """The types of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family; `buckets` are the upper bounds of a histogram, in its unit.

    A `shared` gauge is read from the database: every replica exposes the same value.
    """

    name: str
    kind: Kind
    help: str
    labels: Mapping[str, Values] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    shared: bool = False


def label_of(value: object) -> str:
    """The label of a gate or an effect: the name of its class."""
    return label(type(value).__name__)


def label(kind: str) -> str:
    """The name of a class as the value of a label."""
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in kind).lstrip("_")


FORGES = "the forges that are set up"
AGENTS = "the agents that are installed, and `document` for status documents"
GATES = tuple(sorted(label(each.__name__) for each in get_args(Gate)))
EFFECTS = (
    *("add_comment", "close_merge_request", "edit_comment", "merge", "open_merge_request"),
    *(
        "react",
        "reply",
        "request_approval",
        "retry_merge",
        "set_status",
        "update_merge_request",
        "wake",
    ),
    "write_pauses",
)
"""A test compares them with the effects; pushes are a metric of their own."""
SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
LONG_SECONDS = (60.0, 300.0, 900.0, 3600.0, 14400.0, 43200.0, 86400.0, 259200.0, 604800.0)

BUILD = Metric(
    "switchyard_build_info",
    Kind.GAUGE,
    "Always 1; the labels say what runs.",
    {"version": "the version of Switchyard", "python": "the version of Python"},
)
READY = Metric("switchyard_ready", Kind.GAUGE, "1 while /readyz answers 200, else 0.")
WEBHOOKS = Metric(
    "switchyard_webhooks_total",
    Kind.COUNTER,
    "Webhooks received. `repeated`: the delivery is known; `ignored`: it is about no repository.",
    {"forge": FORGES, "outcome": ("stored", "repeated", "ignored", "forged", "refused")},
)
INBOX = Metric(
    "switchyard_inbox_pending",
    Kind.GAUGE,
    "Stored webhooks that have not been turned into keys yet.",
    shared=True,
)
KEYS = Metric(
    "switchyard_queue_keys",
    Kind.GAUGE,
    "Keys of the work queue: due now, due later, in a pass, or in quarantine.",
    {"state": ("due", "later", "running", "quarantined")},
    shared=True,
)
OLDEST = Metric(
    "switchyard_queue_oldest_seconds",
    Kind.GAUGE,
    "How long the oldest key that no worker has taken has been due.",
    shared=True,
)
PASSES = Metric(
    "switchyard_pass_duration_seconds",
    Kind.HISTOGRAM,
    "Reconcile passes. `retried`: a forge or repository was away; `lost`: another worker has "
    "claimed the key; `database`: it failed; `defect`: an error in Switchyard; `stopped`: the "
    "service ended.",
    {
        "kind": ("application", "review", "cluster", "agent", "echo", "other"),
        "outcome": ("done", "retried", "lost", "database", "defect", "stopped"),
    },
    SECONDS,
)
EFFECTS_DONE = Metric(
    "switchyard_effects_total",
    Kind.COUNTER,
    "Effects performed on forges and repositories. `delayed`: for their pace, or a busy forge.",
    {"effect": EFFECTS, "outcome": ("done", "delayed", "failed")},
)
PUSHES = Metric(
    "switchyard_branches_pushed_total",
    Kind.COUNTER,
    "Branches pushed. `stale`: someone else was faster; `refused`: the forge did not accept it.",
    {"outcome": ("pushed", "stale", "refused")},
)
MERGES = Metric(
    "switchyard_merges_total",
    Kind.COUNTER,
    "Merges asked of a forge, and whether it merged.",
    {"outcome": ("merged", "refused")},
)
FORGE_REQUESTS = Metric(
    "switchyard_forge_requests_total",
    Kind.COUNTER,
    "Requests to the API of a forge. `unchanged`: status 304, which GitHub does not count; "
    "`limited`: a rate limit; `broken`: status 5xx.",
    {
        "forge": FORGES,
        "outcome": ("done", "unchanged", "rejected", "limited", "broken", "unreachable"),
    },
)
FORGE_REMAINING = Metric(
    "switchyard_forge_rate_remaining",
    Kind.GAUGE,
    "Requests that are left in the present period, as the forge said last.",
    {"forge": FORGES, "resource": ("core", "graphql", "other")},
)
FORGE_LIMIT = Metric(
    "switchyard_forge_rate_limit",
    Kind.GAUGE,
    "Requests that the forge permits in a period, as it said last.",
    {"forge": FORGES, "resource": ("core", "graphql", "other")},
)
MESSAGES = Metric(
    "switchyard_messages_total",
    Kind.COUNTER,
    "Attempts to tell people by a channel. `retried`: it has not arrived, and is sent again; "
    "`unsure`: it may have arrived, and is not sent again.",
    {
        "kind": "the kinds of channels that are installed",
        "outcome": ("sent", "retried", "unsure", "given_up"),
    },
)
PLANS = Metric(
    "switchyard_plan_duration_seconds",
    Kind.HISTOGRAM,
    "Plans made in planner processes. `limit`: out of time or memory.",
    {"outcome": ("planned", "limit", "failed")},
    SECONDS,
)
RESULTS = Metric(
    "switchyard_results_total",
    Kind.COUNTER,
    "Look-ups of intermediate results. A `plan` that is found needs no planner.",
    {"kind": ("plan", "other"), "outcome": ("hit", "miss")},
)
RESULT_BYTES = Metric(
    "switchyard_results_bytes", Kind.GAUGE, "Estimated size of the intermediate results kept."
)
FETCHES = Metric(
    "switchyard_git_fetch_duration_seconds",
    Kind.HISTOGRAM,
    "Fetches of repositories into their mirrors.",
    {"outcome": ("fetched", "failed")},
    SECONDS,
)
REPORTS = Metric(
    "switchyard_reports_total",
    Kind.COUNTER,
    "Status reports of agents. `unchanged`: late, or no news; `ignored`: about nothing that runs "
    "there; `refused`: not authentic, too many, or malformed.",
    {"agent": AGENTS, "outcome": ("recorded", "unchanged", "ignored", "refused")},
)
REPORT_DELAY = Metric(
    "switchyard_report_delay_seconds",
    Kind.HISTOGRAM,
    "Time between what a report says and its arrival, by the clock of the cluster.",
    {"agent": AGENTS},
    (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 3600.0, 86400.0),
)
CLUSTERS = Metric(
    "switchyard_clusters",
    Kind.GAUGE,
    "Clusters by the worst readiness of what runs on them; `empty`: nothing does.",
    {"readiness": ("ready", "progressing", "unknown", "stalled", "unmerged", "empty")},
    shared=True,
)
SILENT = Metric(
    "switchyard_clusters_silent",
    Kind.GAUGE,
    "Clusters of which no report is young enough to count, though something runs there.",
    shared=True,
)
ROLLOUTS = Metric(
    "switchyard_rollouts",
    Kind.GAUGE,
    "Applications by the state of their rollout. `invalid`: there is no plan; `failing`: a cluster "
    "reports a merged wave as failed.",
    {"state": ("idle", "done", "progressing", "failing", "invalid")},
    shared=True,
)
WAITS = Metric(
    "switchyard_waits",
    Kind.GAUGE,
    "Closed gates of waves, by what they wait for.",
    {"gate": GATES},
    shared=True,
)
WAIT_OLDEST = Metric(
    "switchyard_wait_oldest_seconds",
    Kind.GAUGE,
    "How long the oldest closed gate of a kind has been closed.",
    {"gate": GATES},
    shared=True,
)
COMPLETED = Metric(
    "switchyard_rollouts_completed_total",
    Kind.COUNTER,
    "Rollouts that are ready on all clusters, and whether a cluster reported a failure meanwhile.",
    {"failed": ("yes", "no")},
)
LEAD = Metric(
    "switchyard_rollout_duration_seconds",
    Kind.HISTOGRAM,
    "Time from the first pass on a revision until it is ready on all clusters.",
    buckets=LONG_SECONDS,
)
RESTORE = Metric(
    "switchyard_rollout_restore_seconds",
    Kind.HISTOGRAM,
    "Time from the first report of a failure until no cluster reports one.",
    buckets=LONG_SECONDS,
)

CATALOGUE: tuple[Metric, ...] = (
    *(BUILD, READY, WEBHOOKS, INBOX, KEYS, OLDEST, PASSES, EFFECTS_DONE, PUSHES, MERGES),
    *(FORGE_REQUESTS, FORGE_REMAINING, FORGE_LIMIT, PLANS, RESULTS, RESULT_BYTES, FETCHES),
    MESSAGES,
    *(REPORTS, REPORT_DELAY, CLUSTERS, SILENT, ROLLOUTS, WAITS, WAIT_OLDEST),
    *(COMPLETED, LEAD, RESTORE),
)
