"""The system clock. Nothing else reads it; all other code takes a `Clock` or a time."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def system_clock() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the only reader
