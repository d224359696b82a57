"""The keys of the work queue and of the views, in one place so that they cannot collide."""

from planners.model import Repo

APPLICATION = "application"
REVIEW = "review"
CLUSTER = "cluster"
AGENT = "agent"
ECHO = "echo"

ROLLOUT = "rollout/"
SUMMARY = "summary/"
PLAN = "plan/"
PROPOSED_PLAN = "proposed-plan/"
OPEN_PLAN = "open-plan/"
KEPT_PLANS = "kept-plans/"
VERSIONS = "versions/"
CLUSTERS = "clusters/"
FLEET = "fleet"
FLEET_DETAILS = "details"
CLAIMS = "claims/"
SETUP_CHECK = "health/"
DEPENDANTS = "dependants/"
COMMAND_LOG = "commandlog/"
PAUSES = "pauses/"
FACTS = "facts/"
SIGNALS = "signals/"
RULES = "rules/"
RULE_PAGE = "rule-page/"
ALERTS = "alerts/"
WATCHES = "watches/"
ADDRESSES = "addresses/"
GATES = "gates/"
REPORTERS = "reporters"
TENANTS = "tenants"
PLACES = "places/"
STATUSES = "statuses/"
PROGRESS = "progress/"
HISTORY = "history/"
LEASES = "lease/"
PROBE = "probe"
HASHES = "hash/"
HINTS = "hints/"
SWEPT = "swept/"
TOKENS = "tokens/"


def application_key(application: str) -> str:
    """The queue key for the reconcile passes of an application."""
    return f"{APPLICATION}/{application}"


def agent_key(name: str) -> str:
    """The queue key for the passes of an agent that is configured through an API."""
    return f"{AGENT}/{name}"


def echo_key(repo: Repo) -> str:
    """The queue key for what Switchyard itself did to a deploy repo a while ago."""
    return f"{ECHO}/{repo}"


def review_key(repo: Repo, number: int) -> str:
    """The queue key for a merge request opened by people in an app or deploy repo."""
    return f"{REVIEW}/{repo}!{number}"


def cluster_key(cluster: str) -> str:
    """The queue key for a cluster that Switchyard applies objects to itself."""
    return f"{CLUSTER}/{cluster}"
