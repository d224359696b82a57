"""Deletes what nobody asks for any more, so that no table grows for ever.

Rows end with time, or with the application, cluster or repository that they are about. None holds
the truth of a rollout: a row that is deleted too soon costs a pass or a report.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.gather.alerts import WATCHED
from bot.gather.pauses import key_of
from bot.store import Store, keys
from bot.store.views import Views
from planners.model import Fleet, Repo

DELIVERIES_KEPT = timedelta(days=7)
AUDIT_KEPT = timedelta(days=365)
MESSAGES_KEPT = timedelta(days=365)
REPORTS_KEPT = timedelta(days=365)
"""Clusters that are seldom online need their last report for long."""

OF_APPLICATIONS = (
    keys.ROLLOUT,
    keys.SUMMARY,
    keys.PLAN,
    keys.PROPOSED_PLAN,
    keys.OPEN_PLAN,
    keys.KEPT_PLANS,
    keys.VERSIONS,
    keys.CLUSTERS,
    keys.DEPENDANTS,
    keys.COMMAND_LOG,
    keys.RULES,
    keys.RULE_PAGE,
    keys.WATCHES,
    keys.GATES,
    keys.PLACES,
    keys.CLAIMS,
    keys.HASHES + keys.PLACES,
    keys.HASHES + keys.CLAIMS,
    keys.PROGRESS,
    keys.HISTORY,
)
OF_CLUSTERS = (keys.FACTS, keys.ADDRESSES, keys.STATUSES)
OF_REPOSITORIES = (keys.HINTS, keys.SWEPT)


def prune(store: Store, now: datetime) -> None:
    """Delete what is old."""
    store.inbox.prune(now - DELIVERIES_KEPT)
    store.audit.prune(now - AUDIT_KEPT)
    store.reports.prune(now - REPORTS_KEPT)
    store.messages.prune(now - MESSAGES_KEPT)
    store.queue.prune()


def forget(store: Store, fleet: Fleet, repos: set[Repo]) -> None:
    """Delete what is about nothing that the fleet repo declares; `repos` are those it names."""
    applications = {each.application for each in fleet.registrations}
    clusters = {each.name for each in fleet.clusters}
    names, pauses = {str(each) for each in repos}, {key_of(each) for each in repos}
    heard = {name for each in store.views.load_all(WATCHED).values() for name in each.names}
    found = _by_prefix(store.views)
    gone = [key for key in found[keys.PAUSES] if key not in pauses]
    for prefix in OF_APPLICATIONS:
        gone += _without(found[prefix], prefix, applications)
    for prefix in OF_CLUSTERS:
        gone += _without(found[prefix], prefix, clusters)
    for prefix in OF_REPOSITORIES:
        gone += [key for key in found[prefix] if key.removeprefix(prefix) not in names]
    for key in found[keys.DEPENDANTS]:
        if key.rpartition("/")[2] not in applications:
            gone.append(key)
    for key in found[keys.SIGNALS]:
        cluster = key.removeprefix(keys.SIGNALS).split("/")[1]
        if cluster and cluster not in clusters:
            gone.append(key)
    gone += [key for key in found[keys.ALERTS] if key.removeprefix(keys.ALERTS) not in heard]
    store.views.drop(gone)


def _by_prefix(views: Views) -> Mapping[str, list[str]]:
    """All keys by how they begin, as `keys` has it, in one query: there are many kinds."""
    found: dict[str, list[str]] = defaultdict(list)
    for key in views.keys(""):
        first, _, rest = key.partition("/")
        prefix = f"{first}/"
        if prefix == keys.HASHES:
            prefix += f"{rest.partition('/')[0]}/"
        found[prefix].append(key)
    return found


def _without(found: Iterable[str], prefix: str, known: set[str]) -> list[str]:
    """Those of the keys that have the name of nothing that is known behind the prefix.

    The names of applications and clusters have neither slashes nor dots.
    """
    return [key for key in found if re.split("[/.]", key.removeprefix(prefix))[0] not in known]
