"""Finds the targets: the `TARGET` of every module in `targets/`, and the inputs found so far."""

import pkgutil
from importlib import import_module

from tests.fuzz import FOUND, Target, targets


def names() -> list[str]:
    """The names of all targets."""
    return sorted(each.name for each in pkgutil.iter_modules(targets.__path__))


def load(name: str) -> Target:
    """The target of that name."""
    found: Target = import_module(f"tests.fuzz.targets.{name}").TARGET
    return found


def found_inputs(name: str) -> list[bytes]:
    """The inputs that once violated a rule of the target."""
    return [file.read_bytes() for file in sorted(FOUND.glob(f"{name}/*"))]
