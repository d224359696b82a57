"""Intake: documents in, values of planners.model out, every mistake with file, line and column.

The only place where pydantic models describe what people write.
"""

from bot.documents.application import read_application
from bot.documents.fleet import read_fleet
from bot.documents.problems import Problem

__all__ = ["Problem", "read_application", "read_fleet"]
