"""The charts of a folder; apart, since what fetches charts takes long to import."""

from pathlib import Path

from bot.charts import Charts
from bot.charts.store import ChartStore
from bot.cli.settings import checked
from bot.settings import ChartSettings


def read_charts(folder: Path) -> Charts:
    """The charts in a folder, into which missing ones are fetched.

    Raises:
        InputError: naming each wrong variable.
    """
    with checked():
        return ChartStore.of(ChartSettings(), folder)
