"""A query to Prometheus, whose value meets a condition in several samples."""

import json
import operator
import re
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from bot.gates import Finding, GateKind, Outside, Question
from bot.outbound.prometheus import PrometheusError, query
from planners.model.gate_rules import GatePhase, GateSettings, GateState

CONDITION = r"(<=|>=|==|!=|<|>) *(-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]{1,3})?)"
MOST_SAMPLES = 100
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class MetricSettings(GateSettings):
    """A query to Prometheus."""

    prometheus: str = field(
        metadata={
            "description": "Scheme and host of the server; a policy of the fleet repo must list it "
            "in `gateServers`.",
            "pattern": r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$",
        }
    )
    query: str = field(
        metadata={
            "description": "PromQL expression with one value.",
            "pattern": r"^[^\x00-\x08]{1,4000}$",
        }
    )
    condition: str = field(
        metadata={
            "description": "What the value must be, such as `< 0.01`.",
            "pattern": f"^{CONDITION}$",
        }
    )
    samples: int = field(
        default=3, metadata={"description": "How many samples are taken.", "minimum": 1}
    )
    interval: timedelta = field(
        default=timedelta(minutes=1), metadata={"description": "Time between samples."}
    )
    tolerance: int = field(
        default=0,
        metadata={
            "description": "How many of the samples may miss the condition.",
            "minimum": 0,
        },
    )

    @property
    def server(self) -> str:
        """The server."""
        return urlsplit(self.prometheus).geturl()

    @property
    def defect(self) -> str:
        """Limits, and conditions that every series of samples meets."""
        if self.samples > MOST_SAMPLES:
            return f"it takes {self.samples} samples: at most {MOST_SAMPLES} are possible"
        if self.tolerance >= self.samples:
            return (
                f"with a tolerance of {self.tolerance} of {self.samples} samples it always passes"
            )
        if self.interval < timedelta(seconds=1):
            return "its interval must be at least 1s"
        return ""

    def meets(self, value: float) -> bool:
        """Whether a value meets the condition."""
        found = re.fullmatch(CONDITION, self.condition)
        assert found is not None
        return bool(_COMPARE[found[1]](value, float(found[2])))


@dataclass(frozen=True, slots=True)
class Metric:
    """Takes a sample each interval. No data is inconclusive: it counts neither way.

    After a wave more bad samples than tolerated are a failure. Before a wave they begin the series
    anew: it waits until the condition holds.
    """

    name: str = "metric"
    summary: str = "the value of a Prometheus query meets a condition in several samples"
    settings: type[GateSettings] = MetricSettings

    async def ask(self, question: Question, outside: Outside) -> Finding:
        """See AskedGate."""
        settings = question.rule.settings
        assert isinstance(settings, MetricSettings)
        taken = _taken(question)
        if outside.server is None:
            return _waiting(settings, taken, "the server is not permitted")
        try:
            value = await query(
                outside.outbound,
                outside.server,
                settings.query,
                question.now,
                token=outside.secret.decode(),
            )
        except PrometheusError as error:
            return _waiting(settings, taken, str(error))
        if value is None:
            return _waiting(settings, taken, "the query has no data")
        return _judge(settings, [*taken, value], question.rule.phase)


def _taken(question: Question) -> list[float]:
    """The samples so far; a series that passed and is asked again begins anew."""
    before = question.before
    if before is None or before.state is not GateState.RUNNING or not before.memory:
        return []
    return [float(each) for each in json.loads(before.memory)]


def _judge(settings: MetricSettings, taken: list[float], phase: GatePhase) -> Finding:
    last, missed = taken[-1], sum(not settings.meets(each) for each in taken)
    told = f"the last value is {last:g}, wanted {settings.condition}"
    if missed > settings.tolerance:
        if phase is GatePhase.AFTER:
            return Finding(GateState.FAILED, f"{missed} of {len(taken)} samples missed it: {told}")
        return _waiting(settings, [], told)
    if len(taken) < settings.samples:
        return _waiting(settings, taken, told)
    fresh = settings.interval * settings.samples if phase is GatePhase.BEFORE else None
    return Finding(GateState.PASSED, told, again=fresh)


def _waiting(settings: MetricSettings, taken: list[float], why: str) -> Finding:
    count = f"{len(taken)} of {settings.samples} samples: {why}"
    return Finding(GateState.RUNNING, count, again=settings.interval, memory=json.dumps(taken))


GATE: GateKind = Metric()
