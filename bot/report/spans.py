"""What of a rollout has ended between two passes, as spans of its trace."""

from collections.abc import Iterator

from bot.report.model import ProgressView, RolloutView
from bot.tracing import RolloutId, Span
from planners.gating.evaluate import WaveState


def rollout_id(application: str, progress: ProgressView) -> RolloutId:
    """The rollout that a progress is of."""
    return RolloutId(application, progress.revision, progress.since)


def ended_spans(view: RolloutView, before: ProgressView, after: ProgressView) -> Iterator[Span]:
    """The spans of waves and of the rollout that have ended since the progress `before`."""
    rollout = rollout_id(view.application, before)
    replaced = rollout != rollout_id(view.application, after)
    if not replaced:
        yield from _waves(view, before, rollout)
    if before.state in {"done", "idle"} or not (replaced or after.state == "done"):
        return
    attributes = {
        "switchyard.application": view.application,
        "switchyard.revision": before.revision,
        "switchyard.digest": view.digest,
        "switchyard.outcome": "replaced" if replaced else "done",
        "switchyard.failed": before.failed,
    }
    yield Span(
        name="rollout",
        trace=rollout.trace,
        id=rollout.span,
        parent=None,
        start=before.since,
        end=after.at,
        attributes=attributes,
    )


def _waves(view: RolloutView, before: ProgressView, rollout: RolloutId) -> Iterator[Span]:
    for wave in view.waves:
        known = before.waves.get(wave.name)
        if known is None or wave.state is not WaveState.DONE:
            continue
        merged = known.merged or view.at
        number = wave.merge_request.number if wave.merge_request else 0
        yield Span(
            name="wave",
            trace=rollout.trace,
            id=rollout.of_wave(wave.name),
            parent=rollout.span,
            start=known.since,
            end=view.at,
            attributes={
                "switchyard.wave": wave.name,
                "switchyard.clusters": len(wave.clusters),
                "switchyard.components": ", ".join(wave.components)[:500],
                "switchyard.merge_request": number,
            },
            events=(("merged", merged),),
        )
