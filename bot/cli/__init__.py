"""The commands of the command line, one function each: options in, exit code out."""

from bot.cli.folders import InputError
from bot.cli.offline import check, explain, plan, render
from bot.cli.service import demo, forge, report_key, serve, setup_link

__all__ = [
    "InputError",
    "check",
    "demo",
    "explain",
    "forge",
    "plan",
    "render",
    "report_key",
    "serve",
    "setup_link",
]
