"""Keys of the work queue and of the views: one place, so that no two parts of the shell collide."""

from planners.model import Repo

APPLICATION = "application"
REVIEW = "review"

ROLLOUT = "rollout/"
SUMMARY = "summary/"
PLAN = "plan/"
VERSIONS = "versions/"
CLUSTERS = "clusters/"
FLEET = "fleet"
SETUP_CHECK = "health/"
DEPENDANTS = "dependants/"
COMMAND_LOG = "commandlog/"
PAUSES = "pauses/"
FACTS = "facts/"


def application_key(application: str) -> str:
    """The queue's key for the passes of an application."""
    return f"{APPLICATION}/{application}"


def review_key(repo: Repo, number: int) -> str:
    """The queue's key for a merge request that people opened in an app or deploy repo."""
    return f"{REVIEW}/{repo}!{number}"
