"""Takes in the status documents of clusters, whoever carries them.

A document counts by its signature alone, once, and in the order of its numbers: what a carrier
stole, kept back, doubled or made up changes nothing. What it says is as old as the document is.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot.context import Context
from bot.documents.cluster_status import ClusterStatus, read_cluster_status
from bot.gather.facts import keep_reported
from bot.keys import status_key
from bot.report.model import REPORTERS, STATUSES, ReportersView
from bot.store.views import Views
from bot.web.places import Places
from plugins import ReportError, Word, signature_matches

MAX_SKEW = timedelta(minutes=10)


class StatusRefusedError(ValueError):
    """A document that does not count; the message says why."""


class ForgedStatusError(StatusRefusedError):
    """Nobody with the cluster's key signed it."""


class RepeatedStatusError(StatusRefusedError):
    """It is the one that counted last: it came again, or another way too."""


@dataclass(frozen=True, slots=True)
class SignedStatus:
    """A document as it arrived, said to be of a cluster: the exact bytes and their signature."""

    cluster: str
    body: bytes
    signature: str


async def verify_status(
    context: Context, report_keys: tuple[str, ...], signed: SignedStatus
) -> ReportersView:
    """Verify who signed a document; what the fleet repo says about clusters and applications.

    Raises:
        ForgedStatusError: another key signed it.
        StatusRefusedError: the fleet repo has no such cluster.
    """
    reporters = await asyncio.to_thread(context.store.views.load_shared, REPORTERS, "")
    known = reporters.clusters.get(signed.cluster) if reporters is not None else None
    generation = known.generation if known is not None else 1
    keys = [status_key(each, signed.cluster, generation) for each in report_keys]
    verified = [signature_matches(signed.signature, signed.body, key) for key in keys]
    if not any(verified):
        raise ForgedStatusError("invalid signature")
    if reporters is None or known is None:
        raise StatusRefusedError(f"the fleet repo declares no cluster {signed.cluster}")
    return reporters


async def record_status(
    context: Context, reporters: ReportersView, signed: SignedStatus
) -> frozenset[str]:
    """Record a verified document; the applications about which it says something new.

    Raises:
        StatusRefusedError: it is malformed, of another cluster, from the future, or not newer than
            the last one.
    """
    status = _read(signed)
    await asyncio.to_thread(_check_order, context, status)
    return await asyncio.to_thread(_record, context, reporters, status)


def _read(signed: SignedStatus) -> ClusterStatus:
    try:
        status = read_cluster_status(signed.body)
    except ReportError as error:
        raise StatusRefusedError(str(error)) from error
    if status.cluster != signed.cluster:
        raise StatusRefusedError(f"it is of cluster {status.cluster}, not of {signed.cluster}")
    return status


def _check_order(context: Context, status: ClusterStatus) -> None:
    if status.at > context.clock() + MAX_SKEW:
        raise StatusRefusedError("its time is in the future: check the cluster's clock")
    last = context.store.views.load(STATUSES, status.cluster)
    if last is None:
        return
    if status.sequence <= last.sequence:
        repeated = (status.sequence, status.at) == (last.sequence, last.at)
        refusal = RepeatedStatusError if repeated else StatusRefusedError
        raise refusal(f"number {status.sequence} is not newer than {last.sequence}")
    if status.at < last.at:
        raise StatusRefusedError(f"its number is newer than {last.sequence}, its time older")


def _record(context: Context, reporters: ReportersView, status: ClusterStatus) -> frozenset[str]:
    """Record what it says of what runs there, as received when it was written."""
    now = min(context.clock(), status.at)
    words = _placed(context.store.views, reporters, status)
    recorded = context.store.reports.record_all(list(words), now)
    if status.facts is not None:
        value = json.loads(status.facts.model_dump_json(by_alias=True, exclude_unset=True))
        keep_reported(context.store.views, status.cluster, value, now)
    _advance(context.store.views, status)
    return recorded.news


def _advance(views: Views, status: ClusterStatus) -> None:
    """Let the cluster's number grow; it never falls, whoever else records a document meanwhile."""
    key = STATUSES.prefix + status.cluster
    new = {"sequence": status.sequence, "at": status.at.isoformat()}
    while (known := views.get(key)) is None or known.get("sequence", 0) < status.sequence:
        if views.swap(key, known, new):
            return


def _placed(views: Views, reporters: ReportersView, status: ClusterStatus) -> Iterator[Word]:
    """The words about components that the cluster has; those of unplanned applications may be."""
    places, here = Places(views), {}
    for word in status.words():
        name = word.application
        if word.is_about_cluster:
            yield word
            continue
        if name not in reporters.applications:
            continue
        if name not in here:
            here[name] = places.components(name, status.cluster)
        found = here[name]
        if found is None or word.component in found:
            yield word
