"""Reads the documents of app and fleet repos into values of `planners.model`.

Every problem has its file, line and column. The pydantic models of what people write live here and
nowhere else; no module here reads a repository or a folder.
"""

from bot.documents.application import FILE, LoadedApplication, read_application, read_connectivity
from bot.documents.fleet import LoadedFleet, read_fleet
from bot.documents.problems import Problem

APPLICATION_FILE = FILE

__all__ = [
    "APPLICATION_FILE",
    "LoadedApplication",
    "LoadedFleet",
    "Problem",
    "read_application",
    "read_connectivity",
    "read_fleet",
]
