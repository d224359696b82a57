"""Charts from registries and chart repositories, by digest, from hosts that the fleet repo names.

`bot.charts.store` has them on disk, and fetches what is missing. Nothing here plans, renders or
runs a program; what is fetched is compared with its digest before it is parsed.
"""

from typing import Protocol

from bot.charts.errors import ChartError, ChartUnavailableError
from planners.model import ChartOrigin, ComponentSource
from renderers.tree import FileTree

__all__ = ["ChartError", "ChartUnavailableError", "Charts"]


class Charts(Protocol):
    """The charts that are not in app repos."""

    def files(self, source: ComponentSource, origin: ChartOrigin) -> FileTree:
        """The files of a chart by their paths in it.

        Raises:
            ChartError: it cannot be used.
            ChartUnavailableError: it is not here, and its host is away.
        """
