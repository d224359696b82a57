"""Takes in the status documents of clusters, whoever carries them.

A document counts by its signature alone, once, and in the order of its numbers: what a carrier
stole, kept back, doubled or made up changes nothing. What it says is as old as the document is.
"""

import asyncio
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.context import Context
from bot.documents.cluster_status import ClusterStatus, read_cluster_status
from bot.gather.facts import keep_all_reported
from bot.keys import status_key
from bot.report.model import REPORTERS, STATUSES, PlacesView, ReportersView, StatusView
from bot.store.reports import Message
from bot.store.views import Views
from bot.web.places import Places, readers_of
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


@dataclass(frozen=True, slots=True)
class Document:
    """A verified document, and what the fleet repo says about clusters and applications."""

    status: ClusterStatus
    reporters: ReportersView


async def verify_status(
    context: Context, report_keys: tuple[str, ...], signed: SignedStatus
) -> ReportersView:
    """Verify who signed a document; what the fleet repo says about clusters and applications.

    Raises:
        ForgedStatusError: another key signed it.
        StatusRefusedError: the fleet repo has no such cluster.
    """
    found = await asyncio.to_thread(context.store.views.load_shared, REPORTERS, "")
    reporters = found or ReportersView({}, frozenset())
    check_signature(reporters, report_keys, signed)
    return reporters


def check_signature(
    reporters: ReportersView, report_keys: tuple[str, ...], signed: SignedStatus
) -> None:
    """Verify who signed a document; raises as `verify_status` does.

    Whether there is such a cluster is told to the holder of its key alone.
    """
    known = reporters.clusters.get(signed.cluster)
    generation = known.generation if known is not None else 1
    keys = [status_key(each, signed.cluster, generation) for each in report_keys]
    verified = [signature_matches(signed.signature, signed.body, key) for key in keys]
    if not any(verified):
        raise ForgedStatusError("invalid signature")
    if known is None:
        raise StatusRefusedError(f"the fleet repo declares no cluster {signed.cluster}")


async def record_status(
    context: Context, reporters: ReportersView, signed: SignedStatus
) -> frozenset[str]:
    """Record a verified document; the applications about which it says something new.

    Raises:
        StatusRefusedError: it is malformed, of another cluster, from the future, or not newer than
            the last one.
    """
    document = Document(read_status(signed), reporters)
    (outcome,) = await asyncio.to_thread(record_documents, context, [document])
    if isinstance(outcome, StatusRefusedError):
        raise outcome
    return outcome


def read_status(signed: SignedStatus) -> ClusterStatus:
    """Parse a verified document.

    Raises:
        StatusRefusedError: it is malformed, or of another cluster.
    """
    try:
        status = read_cluster_status(signed.body)
    except ReportError as error:
        raise StatusRefusedError(str(error)) from error
    if status.cluster != signed.cluster:
        raise StatusRefusedError(f"it is of cluster {status.cluster}, not of {signed.cluster}")
    return status


def record_documents(
    context: Context, documents: Sequence[Document]
) -> list[frozenset[str] | StatusRefusedError]:
    """Record documents that come together, as received when they were written.

    For each the applications about which it says something new, or why it does not count.
    """
    views, now = context.store.views, context.clock()
    last = views.load_each(STATUSES, {each.status.cluster for each in documents})
    refusals: list[StatusRefusedError | None] = []
    for each in documents:
        refusal = _refusal(each.status, last.get(each.status.cluster), now)
        if refusal is None:
            last[each.status.cluster] = StatusView(each.status.sequence, each.status.at)
        refusals.append(refusal)
    counted = [each for each, no in zip(documents, refusals, strict=True) if no is None]
    moved = _keep(context, counted, now)
    news = iter(_record(context, counted, now, moved))
    return [next(news) if refusal is None else refusal for refusal in refusals]


def _refusal(
    status: ClusterStatus, last: StatusView | None, now: datetime
) -> StatusRefusedError | None:
    if status.at > now + MAX_SKEW:
        return StatusRefusedError("its time is in the future: check the cluster's clock")
    if last is None:
        return None
    if status.sequence <= last.sequence:
        repeated = (status.sequence, status.at) == (last.sequence, last.at)
        refusal = RepeatedStatusError if repeated else StatusRefusedError
        return refusal(f"number {status.sequence} is not newer than {last.sequence}")
    if status.at < last.at:
        return StatusRefusedError(f"its number is newer than {last.sequence}, its time older")
    return None


def _record(
    context: Context, documents: Sequence[Document], now: datetime, moved: frozenset[str]
) -> list[frozenset[str]]:
    """Record what documents say of what runs there; the numbers follow, so that none is lost.

    The addresses of the clusters in `moved` have changed.
    """
    places = functools.cache(Places(context.store.views).of)
    messages = [
        Message(tuple(_placed(places, each)), min(now, each.status.at)) for each in documents
    ]
    recorded = context.store.reports.record_messages(messages)
    _advance(context.store.views, [each.status for each in documents])
    return [
        found.news | _woken(context.store.views, document, moved)
        for document, found in zip(documents, recorded, strict=True)
    ]


def _woken(views: Views, document: Document, moved: frozenset[str]) -> frozenset[str]:
    """Who may call what has moved."""
    cluster, applications = document.status.cluster, document.reporters.applications
    return readers_of(views, applications, cluster) if cluster in moved else frozenset()


def _keep(context: Context, documents: Sequence[Document], now: datetime) -> frozenset[str]:
    """Keep the facts; the clusters whose addresses have changed."""
    facts: dict[str, tuple[dict[str, Any], datetime]] = {}
    for each in documents:
        if each.status.facts is not None:
            text = each.status.facts.model_dump_json(by_alias=True, exclude_unset=True)
            facts[each.status.cluster] = (json.loads(text), min(now, each.status.at))
    return keep_all_reported(context.store.views, facts)


def _advance(views: Views, statuses: Sequence[ClusterStatus]) -> None:
    """Let the clusters' numbers grow; none falls, whoever else records a document meanwhile."""
    new = {
        STATUSES.prefix + each.cluster: {"sequence": each.sequence, "at": each.at.isoformat()}
        for each in sorted(statuses, key=lambda each: each.sequence)
    }
    while new:
        known = views.get_each(new)
        changes = {
            key: (known.get(key), value)
            for key, value in new.items()
            if key not in known or known[key].get("sequence", 0) < value["sequence"]
        }
        done = views.swap_all(changes)
        new = {key: new[key] for key in changes.keys() - done}


def _placed(places: Callable[[str], PlacesView | None], document: Document) -> Iterator[Word]:
    """The words about components that the cluster has; those of unplanned applications may be."""
    for word in document.status.words():
        if word.is_about_cluster:
            yield word
        elif word.application in document.reporters.applications:
            found = places(word.application)
            if found is None or word.component in found.clusters.get(word.cluster, ()):
                yield word
