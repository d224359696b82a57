"""Finds extensions: every file of an extension folder, and entry points of other distributions.

The only importer of extensions. An extension folder is imported when it is first asked for, so that
a command imports what it needs and nothing else.
"""

import importlib
import importlib.util
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.forges import ForgeKind
    from bot.gates import GateKind
    from bot.notify import ChannelKind
    from planners.placement.filters import Filter
    from planners.placement.scores import Score
    from plugins import Agent
    from renderers.carriers import Carrier
    from renderers.patch import Patch
    from renderers.sources import Source


class ExtensionError(Exception):
    """An extension folder holds a file without its constant, or two extensions share a name."""


@cache
def discover(package: str, constant: str) -> dict[str, Any]:
    """The constants of that name in a package's files and in entry points `switchyard.<package>`.

    `package` is the dotted name of an extension folder; the last part of it names the entry points.
    Returns each by its `name`, sorted. Files whose name begins with `_` are no extensions.

    Raises:
        ExtensionError: a file has no such constant, or a name appears twice.
    """
    found: dict[str, Any] = {}
    modules = [
        importlib.import_module(f"{package}.{each.name}")
        for each in pkgutil.iter_modules(importlib.import_module(package).__path__)
        if not each.name.startswith("_")
    ]
    group = f"switchyard.{package.rpartition('.')[2]}"
    for module in [*modules, *(point.load() for point in entry_points(group=group))]:
        extension = getattr(module, constant, None)
        if extension is None:
            raise ExtensionError(f"{module.__name__} has no {constant}")
        if extension.name in found:
            raise ExtensionError(f"two extensions of {package} are named {extension.name}")
        found[extension.name] = extension
    return dict(sorted(found.items()))


@cache
def names(package: str) -> tuple[str, ...]:
    """The names of the extensions of a package, from their files: nothing is imported."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    files = (each.name for each in pkgutil.iter_modules(folders) if not each.name.startswith("_"))
    points = entry_points(group=f"switchyard.{package.rpartition('.')[2]}")
    return tuple(sorted({*files, *(point.name for point in points)}))


def filters() -> "dict[str, Filter]":
    """Every placement filter."""
    return discover("planners.placement.filters", "FILTER")


def scores() -> "dict[str, Score]":
    """Every placement score."""
    return discover("planners.placement.scores", "SCORE")


def sources() -> "dict[str, Source]":
    """Every kind of source."""
    return discover("renderers.sources", "SOURCE")


def patches() -> "dict[str, Patch]":
    """Every kind of patch."""
    return discover("renderers.patch", "PATCH")


def carriers() -> "dict[str, Carrier]":
    """Everything that carries connections."""
    return discover("renderers.carriers", "CARRIER")


def agents() -> "dict[str, Agent]":
    """Every agent plugin."""
    return discover("plugins", "PLUGIN")


def gates() -> "dict[str, GateKind]":
    """Every kind of gate that can be declared."""
    return discover("bot.gates", "GATE")


def channels() -> "dict[str, ChannelKind]":
    """Every kind of channel that tells people about rollouts."""
    return discover("bot.notify", "CHANNEL")


def forges() -> "dict[str, ForgeKind]":
    """Every forge."""
    return discover("bot.forges", "FORGE")


def forge_names() -> tuple[str, ...]:
    """The names of every forge, without its client."""
    return names("bot.forges")
