"""Finds extensions: every file of an extension folder, and entry points of other distributions.

The only importer of extensions. Called by the composition root and by the core.
"""

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import bot.forges
import planners.placement.filters
import planners.placement.scores
import plugins
import renderers.patch
import renderers.sources

if TYPE_CHECKING:
    from types import ModuleType


class ExtensionError(Exception):
    """An extension folder holds a file without its constant, or two extensions share a name."""


@cache
def discover(package: "ModuleType", constant: str) -> dict[str, Any]:
    """The constants of that name in a package's files and in entry points `switchyard.<package>`.

    Returns each by its `name`, sorted. Files whose name begins with `_` are no extensions.

    Raises:
        ExtensionError: a file has no such constant, or a name appears twice.
    """
    found: dict[str, Any] = {}
    modules = [
        importlib.import_module(f"{package.__name__}.{each.name}")
        for each in pkgutil.iter_modules(package.__path__)
        if not each.name.startswith("_")
    ]
    group = f"switchyard.{package.__name__.rpartition('.')[2]}"
    for module in [*modules, *(point.load() for point in entry_points(group=group))]:
        extension = getattr(module, constant, None)
        if extension is None:
            raise ExtensionError(f"{module.__name__} has no {constant}")
        if extension.name in found:
            raise ExtensionError(f"two extensions of {package.__name__} are named {extension.name}")
        found[extension.name] = extension
    return dict(sorted(found.items()))


def filters() -> dict[str, planners.placement.filters.Filter]:
    """Every placement filter."""
    return discover(planners.placement.filters, "FILTER")


def scores() -> dict[str, planners.placement.scores.Score]:
    """Every placement score."""
    return discover(planners.placement.scores, "SCORE")


def sources() -> dict[str, renderers.sources.Source]:
    """Every kind of source."""
    return discover(renderers.sources, "SOURCE")


def patches() -> dict[str, renderers.patch.Patch]:
    """Every kind of patch."""
    return discover(renderers.patch, "PATCH")


def agents() -> dict[str, plugins.Agent]:
    """Every agent plugin."""
    return discover(plugins, "PLUGIN")


def forges() -> dict[str, bot.forges.ForgeKind]:
    """Every forge."""
    return discover(bot.forges, "FORGE")
