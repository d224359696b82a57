"""The page of an application's rules: a picture of each signal, for a template to draw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.report.model import RulesView, RuleView, SampleView
from bot.web.ui.reading import ViewReader
from bot.web.ui.rollout import AuditEntryView, audit_entries
from planners.model.rules import Phase

WIDTH, HEIGHT = 640, 110
DECISION = "rules"


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines through the samples, broken where there was no data, and the height of thresholds.

    All in pixels; `dots` are samples between two gaps. `most` is the value at the top.
    """

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    above: float
    below: float
    most: float
    samples: Sequence[SampleView]


@dataclass(frozen=True, slots=True)
class RuleSection:
    """A rule with its picture, if there are samples."""

    rule: RuleView
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class RulesPage:
    """What the template shows; `done` are the audit log's entries of waves that rules caused.

    `quiet` are states of rules on clusters where nothing happens and no signal is drawn.
    """

    application: str
    view: RulesView | None
    sections: Sequence[RuleSection]
    quiet: Sequence[RuleView]
    done: Sequence[AuditEntryView]


def rules_page(reader: ViewReader, application: str) -> RulesPage:
    """The rules of an application. Raises HTTPException 404."""
    rollout = reader.rollout_head(application)
    view = reader.rules(application) if rollout.rules else None
    entries = [each for each in reader.audit_log(application) if each.fields.get(DECISION)]
    every = view.rules if view else ()
    quiet = [each for each in every if _is_quiet(each)]
    sections = [RuleSection(each, chart(each)) for each in every if not _is_quiet(each)]
    done = audit_entries(entries, reader.number_prefix(rollout))
    return RulesPage(application, view, sections, quiet, done)


def _is_quiet(rule: RuleView) -> bool:
    return rule.phase == Phase.IDLE.value and bool(rule.cluster) and not rule.samples


def chart(rule: RuleView) -> Chart | None:
    """The picture of a rule's signal; None without samples."""
    samples = rule.samples
    if not samples:
        return None
    known = [each.value for each in samples if each.value is not None]
    most = max((*known, rule.above), default=1.0) or 1.0
    length = (samples[-1].at - samples[0].at) or timedelta(seconds=1)

    def place(sample: SampleView) -> tuple[float, float]:
        passed = (sample.at - samples[0].at) / length
        return round(WIDTH * passed, 1), _height(sample.value or 0.0, most)

    runs = [[place(each) for each in run] for run in _runs(rule)]
    return Chart(
        lines=tuple(" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1),
        dots=tuple(run[0] for run in runs if len(run) == 1),
        above=_height(rule.above, most),
        below=_height(rule.below, most),
        most=most,
        samples=samples,
    )


def _runs(rule: RuleView) -> Iterator[list[SampleView]]:
    """Samples with values, each of which came while the one before it counted."""
    run: list[SampleView] = []
    for each in rule.samples:
        if run and (each.value is None or each.at - run[-1].at > rule.max_age):
            yield run
            run = []
        if each.value is not None:
            run.append(each)
    if run:
        yield run


def _height(value: float, most: float) -> float:
    return round(HEIGHT * (1 - min(max(value / most, 0.0), 1.0)), 1)
