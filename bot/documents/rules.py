"""Rules in documents: their values of `planners.model`, and checks that no single field shows."""

from collections.abc import Iterator
from datetime import timedelta

from bot.documents.models.application import ApplicationDocument
from bot.documents.models.rules import AutomaticPart, FailoverPart, QueryPart, RulePart, SignalPart
from bot.documents.problems import DocumentPositions, Problem, suggest
from planners.model import FilePosition, Fleet, Target
from planners.model.rules import Action, AutomaticRule, FailoverRule, Query, Rule
from planners.model.signals import SignalKey, SignalKind

FAILOVER_PACE = timedelta(minutes=10)


def rule(part: RulePart, position: FilePosition) -> Rule:
    """The rule of an entry of `rules`."""
    key, adds, replicas = signal(part.signal), part.add_clusters, part.set_replicas
    default = Rule(part.name, (), key, Action.ON_DEMAND)
    above = default.above if part.above is None else part.above
    action = Action.ON_DEMAND
    if not part.on_demand:
        action = Action.ADD_CLUSTERS if adds is not None else Action.SET_REPLICAS
    return Rule(
        name=part.name,
        components=tuple(part.components),
        signal=key,
        action=action,
        above=above,
        below=above if part.below is None else part.below,
        hold=default.hold if part.hold is None else part.hold,
        cooldown=default.cooldown if part.cooldown is None else part.cooldown,
        pace=default.pace if part.pace is None else part.pace,
        max_age=Rule.default_age(key) if part.max_age is None else part.max_age,
        clusters=adds.clusters.value() if adds is not None and adds.clusters else None,
        most=adds.most if adds is not None else 1,
        workload=Target(replicas.workload.kind, replicas.workload.name) if replicas else None,
        replicas=tuple(replicas.steps) if replicas else (),
        position=position,
    )


def signal(part: SignalPart) -> SignalKey:
    """The signal that a part names."""
    if part.schedule is not None:
        return SignalKey(SignalKind.SCHEDULE, str(part.schedule.value()))
    names = {
        SignalKind.ALERT: part.alert,
        SignalKind.METRIC: part.metric,
        SignalKind.DEMAND: part.demand,
        SignalKind.LOAD: part.load,
    }
    return next(SignalKey(kind, name) for kind, name in names.items() if name is not None)


def failover(part: FailoverPart) -> FailoverRule:
    """The rule of an entry of `failover`."""
    return FailoverRule(
        clusters=part.clusters.value(),
        after=part.after,
        quorum=part.quorum,
        max_share=part.max_share,
        pace=FAILOVER_PACE if part.pace is None else part.pace,
        fenced=part.fenced,
    )


def query(part: QueryPart) -> Query:
    """The query of an entry of `queries`."""
    return Query(part.name, part.address, part.query, tuple(part.tenants), part.private_network)


def automatic(part: AutomaticPart) -> AutomaticRule:
    """The permission of an entry of `automatic`."""
    return AutomaticRule(
        part.application, part.rule, part.clusters.value(), part.max_clusters, part.per_hour
    )


def check_rules(document: ApplicationDocument, positions: DocumentPositions) -> Iterator[Problem]:
    """Rules with the same name, and those that cannot do what they say."""
    spec = document.spec
    known, first = {each.name for each in spec.components}, dict[str, FilePosition]()
    shares = {
        name
        for each in spec.placement
        for entry in (each.any_of, *(some.any_of for some in each.all_of))
        if entry is not None and isinstance(entry.count, str) and entry.count != "all"
        for name in each.components
    }
    for number, part in enumerate(spec.rules):
        position = positions.at("spec", "rules", number, "name")
        if part.name in first:
            hint = f"first defined at {first[part.name]}"
            yield Problem(position, f"duplicate rule {part.name!r}", hint)
        first.setdefault(part.name, position)
        for index, name in enumerate(part.components):
            at = positions.at("spec", "rules", number, "components", index)
            if name not in known:
                yield Problem(at, f"unknown component {name!r}", suggest(name, known))
            elif part.on_demand and name in shares:
                message = f"component {name!r} is placed on a percentage of clusters"
                yield Problem(at, message, "give a number for a component that runs on demand")


def check_metrics(
    document: ApplicationDocument, positions: DocumentPositions, fleet: Fleet
) -> Iterator[Problem]:
    """Rules that watch a query which no policy has for the tenant."""
    spec = document.spec
    for number, part in enumerate(spec.rules):
        name = part.signal.metric
        if name is None or fleet.query(name, spec.tenant) is not None:
            continue
        every = (each for policy in fleet.policies for each in policy.queries)
        known = {each.name for each in every if each.serves(each.name, spec.tenant)}
        yield Problem(
            positions.at("spec", "rules", number, "signal", "metric"),
            f"no policy of the fleet has a query {name!r} for tenant {spec.tenant!r}",
            suggest(name, known) or "add it to `queries` of a policy in the fleet repo",
        )
