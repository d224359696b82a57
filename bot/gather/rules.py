"""What rules know and decide: signals, their states, and what the deploy repo records of them."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.context import Context
from bot.engine.discovery import discover
from bot.engine.results import Results
from bot.gather import signals
from bot.gather.alerts import read as read_alerts
from bot.gather.alerts import watch
from bot.gather.repository import Checkout
from bot.signals import Source, World
from bot.store.errors import StoreError
from bot.store.keys import RULES
from bot.store.views import ViewKind, Views, encode
from planners.model import Registration, Unit
from planners.model.fleet import query
from planners.model.fleet_files import FleetFiles
from planners.model.rules import Record, Records, RuleKey, RuleState, States
from planners.model.signals import Series, SignalKey, SignalKind
from planners.model.snapshot import Snapshot
from planners.model.unit_files import folder_of
from planners.rules.decide import decide, undecided, watched
from renderers.layout import Layout
from renderers.rule_records import read

TRAILER = "Switchyard-Rules"
RECORD_SIZE = 500


@dataclass(frozen=True, slots=True)
class RuleStates:
    """The states of an application's rules, by `rule/cluster`."""

    states: Mapping[str, RuleState] = field(default_factory=dict)


STATES = ViewKind(RULES, RuleStates)


@dataclass(frozen=True, slots=True)
class RuleReading:
    """The deploy repo whose records count."""

    context: Context
    checkout: Checkout


async def with_decisions(reading: RuleReading, snapshot: Snapshot) -> Snapshot:
    """The Snapshot with what its rules decide now; their states are kept for the next pass.

    Raises:
        StoreError: another replica has decided since the states were read.
    """
    snapshot = await _with_records(reading, snapshot)
    if not _has_rules(snapshot):
        return snapshot
    context, name = reading.context, snapshot.application.name
    before = await asyncio.to_thread(context.store.views.get, RULES + name)
    found = await _with_signals(context, await _with_states(context, snapshot))
    decided = decide(found)
    if decided.rule_states != found.rule_states:
        await asyncio.to_thread(keep, context.store.views, name, before, decided.rule_states)
    return decided


async def with_last_decisions(reading: RuleReading, snapshot: Snapshot) -> Snapshot:
    """The Snapshot with what its rules have decided; for plans that nobody carries out."""
    snapshot = await _with_records(reading, snapshot)
    if not _has_rules(snapshot):
        return snapshot
    return undecided(await _with_states(reading.context, snapshot))


def _has_rules(snapshot: Snapshot) -> bool:
    failover = any(policy.failover for policy in snapshot.policies)
    return bool(snapshot.application.rules or snapshot.base.records or failover)


async def _with_records(reading: RuleReading, snapshot: Snapshot) -> Snapshot:
    """With the records that are merged."""
    context, base = reading.context, snapshot.base
    args = (context.results, reading.checkout, snapshot.registration, base.entries)
    records = await asyncio.to_thread(merged_records, *args)
    return replace(snapshot, base=replace(base, records=records))


async def _with_states(context: Context, snapshot: Snapshot) -> Snapshot:
    """With the states of the last pass."""
    states = await asyncio.to_thread(_load, context.store.views, snapshot.application.name)
    return replace(snapshot, rule_states=states)


async def _with_signals(context: Context, snapshot: Snapshot) -> Snapshot:
    """With the series of every signal that a rule watches; each source is read once."""
    keys, now, views = list(dict.fromkeys(watched(snapshot))), snapshot.now, context.store.views
    known: Mapping[SignalKey, Series] = await asyncio.to_thread(signals.read, views, keys)
    world = await _world(context, snapshot, keys)
    for source in sources().values():
        old = [key for key in keys if not known.get(key, Series()).has_since(now - source.every)]
        wanted = [key for key in old if key.kind is source.kind]
        if wanted:
            samples = await source.read(wanted, world)
            await asyncio.to_thread(signals.append, views, samples, now)
            known = signals.with_samples(known, samples, now)
    return replace(snapshot, signals=known)


async def _world(context: Context, snapshot: Snapshot, keys: Sequence[SignalKey]) -> World:
    """What sources may read; alerts that the application watches are kept from now on."""
    views, tenant = context.store.views, snapshot.tenant.name
    alerts = [key for key in keys if key.kind is SignalKind.ALERT]
    names = {key.name for key in alerts}
    await asyncio.to_thread(watch, views, snapshot.application.name, names)
    metrics = (key.name for key in keys if key.kind is SignalKind.METRIC)
    queries = {name: query(snapshot.policies, name, tenant) for name in metrics}
    return World(
        now=snapshot.now,
        facts=snapshot.facts,
        alerts=await asyncio.to_thread(read_alerts, views, alerts),
        queries={name: each for name, each in queries.items() if each is not None},
        outbound=context.outbound,
        keys=context.gate_keys,
    )


def sources() -> dict[str, Source]:
    """Every source of signals."""
    return discover("bot.signals", "SOURCE")


def merged_records(
    results: Results,
    checkout: Checkout,
    registration: Registration,
    entries: FleetFiles,
) -> Records:
    """The records on main, by unit."""
    layout, found = Layout.of(registration), dict[Unit, tuple[Record, ...]]()
    for block in entries.blocks:
        cluster = block.clusters[0]
        file = layout.rules_file(Unit(block.component, cluster)).removeprefix(folder_of(cluster))
        if file in block.names:
            blobs = block.columns[block.names.index(file)]
            for unit, blob in zip(block.units, blobs, strict=True):
                found[unit] = _read(results, checkout, blob)
    return found


def proposed_records(
    results: Results,
    checkout: Checkout,
    registration: Registration,
    changed: Iterable[tuple[str, str | None, str | None]],
) -> Records:
    """The records that a branch writes, by unit; `changed` are (path, blob before, blob after)."""
    layout, found = Layout.of(registration), dict[Unit, tuple[Record, ...]]()
    for path, _, blob in changed:
        unit = layout.unit_of(path)
        if blob is not None and unit is not None and path == layout.rules_file(unit):
            found[unit] = _read(results, checkout, blob)
    return found


def _read(results: Results, checkout: Checkout, blob: str) -> tuple[Record, ...]:
    def make() -> tuple[Record, ...]:
        return read(checkout.mirror.blob(blob))

    return results.get(
        ("records", checkout.repo, blob), make, lambda each: RECORD_SIZE * (1 + len(each))
    )


def rules_of(trailers: Mapping[str, str]) -> frozenset[RuleKey]:
    """The rules that a commit of ours names."""
    return frozenset(_named(trailers))


def rule_steps(trailers: Mapping[str, str]) -> dict[RuleKey, int]:
    """How many steps of these rules are in force with a commit of ours, as far as it says so."""
    steps = {key: each.partition(":")[2] for key, each in _named(trailers).items()}
    return {key: int(each) for key, each in steps.items() if each.isdecimal()}


def _named(trailers: Mapping[str, str]) -> dict[RuleKey, str]:
    """The rules with what stands after them: `epoch:steps`."""
    words = (each.strip().partition("@") for each in trailers.get(TRAILER, "").split(","))
    parts = ((name.partition("/"), rest) for name, _, rest in words if name)
    return {RuleKey(rule, cluster): rest for (rule, _, cluster), rest in parts}


def _load(views: Views, application: str) -> States:
    """The states of the last pass; what cannot be read counts as lost."""
    view = views.load(STATES, application)
    found = {} if view is None else view.states
    return {RuleKey(*name.split("/", 1)): state for name, state in found.items()}


def keep(views: Views, application: str, before: Mapping[str, Any] | None, states: States) -> None:
    """Keep the states of a pass that read `before`: a replica that was held up is refused.

    Raises:
        StoreError: another replica has decided since.
    """
    view = RuleStates({f"{key.rule}/{key.cluster}": state for key, state in states.items()})
    if not views.swap(RULES + application, before, json.loads(encode(view))):
        raise StoreError(f"another replica has decided for the rules of {application}")
