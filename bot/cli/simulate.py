"""`simulate`: plays series of signals against application and fleet, without changing anything."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from bot.cli.errors import InputError
from bot.cli.proposals import snapshot_of
from bot.documents.signal_series import SignalSeries, SignalSeriesError, read_series
from bot.engine.play import Frame, Values, play
from bot.terminal import progress, write
from bot.wording import simulation
from bot.wording.markdown import plural


def simulate(options: argparse.Namespace) -> int:
    """Print what rules would have done and when, and draw it if a file is named."""
    snapshot = snapshot_of(options)
    if not snapshot.application.rules:
        raise InputError(f"{options.app}: the application has no rules to simulate")
    try:
        series = read_series(options.signals.read_bytes())
    except SignalSeriesError as error:
        raise InputError(f"{options.signals}: {error}") from error
    frames: list[Frame] = []
    policies = tuple(replace(each, failover=()) for each in snapshot.policies)
    start = replace(snapshot, now=series.start, rule_states={}, decisions=(), policies=policies)
    with progress(f"playing {plural(len(series.times), 'step')}"):
        for frame in play(start, _steps(series)):
            frames.append(frame)
            if frame.problems:
                raise InputError("\n".join(f"{options.app}/{each}" for each in frame.problems))
    write("\n".join(simulation.table(frames)) + "\n")
    if options.svg is not None:
        options.svg.write_text(simulation.picture(frames))
    return 0


def _steps(series: SignalSeries) -> Iterator[tuple[datetime, Values]]:
    """The values of each step; a series that has ended has none."""
    for number, at in enumerate(series.times):
        yield (
            at,
            {key: each[number] for key, each in series.values.items() if number < len(each)},
        )
