"""Converts the intents of a valid application document to values of `planners.model`."""

from dataclasses import replace

from bot.documents.models import (
    AnyOfPart,
    ConnectivityPart,
    CustomizationPart,
    DataPart,
    ExceptionPart,
    GatePart,
    PlacementPart,
    SourcePart,
    StagePart,
)
from bot.engine import discovery
from planners.model import (
    Affinity,
    AnyOf,
    ClusterCount,
    ComponentSource,
    CustomizationIntent,
    DataFile,
    DataFiles,
    Division,
    ExceptionRule,
    FilePosition,
    PlacementIntent,
    ReplicaRule,
    ReplicaWeight,
    SpreadRule,
    Stage,
    Target,
    Toleration,
    UserPlace,
)
from planners.model.connectivity import (
    Callee,
    Caller,
    ConnectivityIntent,
    External,
    Protocol,
    RequestRule,
    TlsMode,
)
from planners.model.gate_rules import GateAction, GatePhase, GateRule, OnTimeout
from planners.model.selectors import Selector
from renderers.sources import ParameterKind


def placement(part: PlacementPart, position: FilePosition) -> PlacementIntent:
    """The placement intent of an entry of `placement`."""
    return PlacementIntent(
        components=tuple(part.components),
        all_of=tuple(
            _any_of(each.any_of) if each.any_of is not None else each.value()
            for each in part.all_of
        ),
        any_of=_any_of(part.any_of) if part.any_of is not None else None,
        excluded=part.excluded.value() if part.excluded else None,
        tolerations=tuple(
            Toleration(each.key or "", each.operator, each.value, each.effect or "")
            for each in part.tolerations
        ),
        requires=tuple(sorted(part.requires)),
        users=tuple(
            UserPlace(each.name, each.latitude, each.longitude, each.weight) for each in part.users
        ),
        max_distance=part.max_distance,
        max_latency=part.max_latency,
        affinity=tuple(
            Affinity(each.component, each.application, each.topology_key, each.apart, each.required)
            for each in part.affinity
        ),
        spread=tuple(
            SpreadRule(each.topology_key, each.max_skew, each.min_domains) for each in part.spread
        ),
        prefer=dict(sorted(part.prefer.items())),
        move_threshold=part.move_threshold,
        replicas=_replicas(part),
        position=position,
    )


def _any_of(part: AnyOfPart) -> AnyOf:
    selected = part.select if isinstance(part.select, list) else [part.select]
    return AnyOf(tuple(each.value() for each in selected), _count(part))


def _count(part: AnyOfPart) -> ClusterCount:
    match part.count:
        case int(number):
            return ClusterCount(number, number)
        case "all":
            return ClusterCount()
        case str(share):
            return ClusterCount(percent=int(share.removesuffix("%")))
        case None:
            return ClusterCount(part.min or 1, part.max)


def _replicas(part: PlacementPart) -> ReplicaRule | None:
    rule = part.replicas
    if rule is None:
        return None
    weights = tuple(ReplicaWeight(each.clusters.value(), each.weight) for each in rule.weights)
    return ReplicaRule(rule.kind, rule.name, rule.total, Division(rule.divide), weights)


def exception(part: ExceptionPart, position: FilePosition) -> ExceptionRule:
    """The exception of an entry of `exceptions`."""
    workload = part.workload
    return ExceptionRule(
        components=tuple(part.components),
        reason=part.reason,
        add=tuple(part.add),
        remove=tuple(part.remove),
        replicas=part.replicas,
        clusters=part.clusters.value() if part.clusters else Selector(),
        kind=workload.kind if workload else "Deployment",
        name=workload.name if workload else "",
        until=part.until,
        position=position,
    )


def customization(part: CustomizationPart, position: FilePosition) -> CustomizationIntent:
    """The customisation of an entry of `customizations`."""
    kind, body = next(iter(part.chosen().items()), ("", None))
    data = {"ConfigMap": part.config_map, "Secret": part.secret}
    return CustomizationIntent(
        name=part.name,
        components=tuple(part.components),
        target=Target(part.target.kind, part.target.name) if part.target else None,
        kind=kind,
        body=body,
        clusters=part.clusters.value() if part.clusters else None,
        excluded=part.excluded.value() if part.excluded else None,
        template=part.template,
        data=next((_data(kind, each) for kind, each in data.items() if each is not None), None),
        values=part.helm_values,
        position=position,
    )


def source(part: SourcePart) -> ComponentSource:
    """The source of a component, a folder or a mapping of parameters."""
    ((kind, value),) = part.chosen().items()
    if isinstance(value, str):
        return ComponentSource(kind, value)
    given = {each.kind: getattr(value, each.name) for each in discovery.sources()[kind].parameters}
    where = ParameterKind.CHART if ParameterKind.CHART in given else ParameterKind.FOLDER
    path = given[where]
    repository = given.get(ParameterKind.REPOSITORY)
    return ComponentSource(
        kind,
        f"{repository}/{path}" if repository else path,
        tuple(given.get(ParameterKind.FILES, ())),
        given.get(ParameterKind.NAME) or "",
        given.get(ParameterKind.VERSION) or "",
        given.get(ParameterKind.DIGEST) or "",
    )


def _data(kind: str, part: DataPart) -> DataFiles:
    files = [DataFile(each.key or each.file.rpartition("/")[2], each.file) for each in part.files]
    return DataFiles(kind, part.name, tuple(files))


def stage(part: StagePart, position: FilePosition) -> Stage:
    """The stage of an entry of `rollout.stages`."""
    at_once, failures = part.max_at_once, part.max_failures
    return Stage(
        name=part.name,
        clusters=part.clusters.value() if part.clusters else None,
        soak=part.soak if part.soak is not None else Stage(part.name).soak,
        max_at_once=at_once if isinstance(at_once, int) else None,
        max_at_once_percent=_percent(at_once),
        by=part.by,
        max_failures=failures if isinstance(failures, int) else 0,
        max_failures_percent=_percent(failures),
        position=position,
    )


def gate(part: GatePart) -> GateRule:
    """The gate of an entry of `rollout.gates`, or what one of a policy has in common with it."""
    ((kind, settings),) = part.chosen().items()
    rule = GateRule(
        name=part.name,
        kind=kind,
        phase=GatePhase(part.phase),
        settings=discovery.gates()[kind].settings(**dict(settings)),
        actions=tuple(each for each in GateAction if each in part.actions),
        stages=tuple(part.stages),
        on_timeout=OnTimeout(part.on_timeout),
    )
    return rule if part.timeout is None else replace(rule, timeout=part.timeout)


def _percent(value: int | str | None) -> int | None:
    return int(value.removesuffix("%")) if isinstance(value, str) else None


def connectivity(part: ConnectivityPart, position: FilePosition) -> ConnectivityIntent:
    """The intent of an entry of `connectivity`."""
    caller, callee, external = part.caller, part.callee, part.external
    return ConnectivityIntent(
        caller=Caller(
            caller.component or "",
            caller.namespace or "",
            caller.cidr or "",
            caller.application or "",
        ),
        callee=Callee(
            callee.component or "",
            callee.host or "",
            callee.cidr or "",
            callee.service or "",
            "" if callee.port is None else str(callee.port),
            Protocol(callee.protocol),
            callee.application or "",
        ),
        allow=tuple(RequestRule(tuple(each.methods), tuple(each.paths)) for each in part.allow),
        tls=TlsMode(part.tls),
        external=External(external.host, external.certificate_ref or "") if external else None,
        position=position,
    )
