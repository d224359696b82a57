"""Intake: documents in, values of planners.model out, every mistake with file, line and column.

The only place where pydantic models describe what people write.
"""

from bot.intake.application import read_application
from bot.intake.fleet import read_fleet
from bot.intake.problems import Problem

__all__ = ["Problem", "read_application", "read_fleet"]
