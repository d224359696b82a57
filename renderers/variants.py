"""Builds the objects of each component as each cluster gets them, once for each distinct variant.

Cost follows distinct content: clusters with the same customisations and the same values share one
variant.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeAlias

from planners.model import (
    Cluster,
    Component,
    ContainerLimits,
    CustomizationIntent,
    ExceptionRule,
    FilePosition,
    Json,
    PlacementIntent,
    PlanProblem,
    Target,
    Unit,
)
from planners.model.requests import WorkloadClasses, WorkloadRequests, WorkloadTable
from planners.model.rules import Rule
from planners.model.snapshot import Snapshot
from planners.placement.exceptions import in_force, replica_overrides
from renderers.builds import build_of, conflicting_values
from renderers.kubernetes.demand import autoscaler_of, joined, object_demand
from renderers.kubernetes.metadata import group_of, label_of, name_of, namespace_of
from renderers.kubernetes.patch_meta import Field, is_built_in, shape_of
from renderers.kubernetes.schemas import CustomKinds, custom_kinds, custom_schema, without_nulls
from renderers.new_objects import (
    add_data,
    data_writes,
    empty_data,
    template_objects,
)
from renderers.patch import Patch, PatchError
from renderers.patch_budget import PatchBudget
from renderers.sources import Source, SourceError
from renderers.substitution import (
    CALLED,
    Place,
    ValueReferenceError,
    substitute,
    unused_references,
)
from renderers.variant_keys import UnitAddresses, VariantKey, VariantKeys
from renderers.writes import Write, WriteLedger, path_in, text_of

Object = dict[str, Json]
Identity: TypeAlias = tuple[Json, Json, str, str | None]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a derived object comes from: intents, and where the first one is written.

    `notes` are annotations of Switchyard's own that its carrier reads again.
    """

    intents: tuple[str, ...]
    position: FilePosition
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Variant:
    """The objects of a component on clusters like `cluster`, and the problems of building them.

    `written` holds what customisations set, by the identity of the object, and `origins` what
    derived objects come from.
    """

    component: Component
    cluster: Cluster
    objects: list[Object]
    problems: list[PlanProblem] = field(default_factory=list)
    warnings: list[PlanProblem] = field(default_factory=list)
    written: dict[Identity, WriteLedger[CustomizationIntent]] = field(default_factory=dict)
    origins: Mapping[Identity, Origin] = field(default_factory=dict)

    def writer_of(
        self, item: Object, path: Iterable[str | int], custom: CustomKinds
    ) -> CustomizationIntent | None:
        """The customisation that set a field of one of the objects."""
        ledger = self.written.get(identity(item))
        known = Field(shape_of(item, custom_schema(custom, item)))
        return ledger.writer_of(path_in(item, path, known)) if ledger is not None else None


@dataclass(slots=True)
class Variants:
    """One run over a Snapshot; each variant is built on first use.

    `addresses` is None before placement has decided who reaches what where.
    """

    snapshot: Snapshot
    sources: Mapping[str, Source]
    patches: Mapping[str, Patch]
    addresses: UnitAddresses | None = None
    _objects: dict[tuple[str, str], tuple[Object, ...]] = field(default_factory=dict)
    _keys: VariantKeys | None = None
    _custom: CustomKinds | None = None
    _budget: PatchBudget | None = None
    _source_problems: dict[tuple[str, str], PlanProblem] = field(default_factory=dict)
    _variants: dict[VariantKey, Variant] = field(default_factory=dict)
    _unused: dict[str, tuple[PlanProblem, ...]] = field(default_factory=dict)

    def workloads(self) -> WorkloadTable:
        """What every component would request on every cluster; equal variants share one tuple."""
        clusters = self.snapshot.clusters
        return WorkloadTable(
            {cluster.name: row for row, cluster in enumerate(clusters)},
            {each.name: self._workloads(each) for each in self.snapshot.application.components},
        )

    def _workloads(self, part: Component) -> WorkloadClasses:
        limits, keys = self.snapshot.tenant.limits, self.keys.of(part)
        known: dict[VariantKey, int] = {}
        distinct: list[tuple[WorkloadRequests, ...]] = []
        for cluster in self.snapshot.clusters:
            key = keys[cluster.name]
            if key not in known:
                known[key] = len(known)
                objects = self.variant(part, cluster).objects
                distinct.append(
                    joined(each for item in objects for each in _workload(item, limits))
                )
        return WorkloadClasses([known[keys[e.name]] for e in self.snapshot.clusters], distinct)

    @property
    def keys(self) -> VariantKeys:
        """The keys of all variants."""
        if self._keys is None:
            self._keys = VariantKeys(self.snapshot, self.sources, self.addresses)
        return self._keys

    def with_addresses(self, addresses: UnitAddresses) -> "Variants":
        """The same variants where components reach what they call at these addresses."""
        return replace(self, addresses=addresses, _keys=None)

    def place(self, component: Component, cluster: Cluster) -> Place:
        """What values are looked up for, for a component on a cluster."""
        if self.addresses is None:
            return Place(cluster, component.name)
        unit = Unit(component.name, cluster.name)
        return Place(cluster, component.name, self.addresses.get(unit, {}))

    def refers_to_connections(self) -> bool:
        """Whether customisations say where components reach what they call."""
        parts = self.snapshot.application.components
        keys = (key for part in parts for key in set(self.keys.of(part).values()))
        return any(name.startswith(CALLED) for key in keys for name, _ in key.values)

    def key(self, component: Component, cluster: Cluster) -> VariantKey:
        """The key of the variant that a component has on a cluster."""
        return self.keys.of(component)[cluster.name]

    def variant(self, component: Component, cluster: Cluster) -> Variant:
        """The objects of a component on that cluster."""
        key = self.key(component, cluster)
        if key not in self._variants:
            variant = Variant(component, cluster, [])
            self._build(variant)
            for index in key.customizations:
                intent = self.snapshot.application.customizations[index]
                if intent.values is None:
                    _Customization(self, variant, intent).apply()
            variant.objects = [self._as_kept(item) for item in variant.objects]
            self._variants[key] = variant
        return self._variants[key]

    def _as_kept(self, item: Object) -> Object:
        """A custom object without the nulls that the API server drops."""
        schema = custom_schema(self.custom, item)
        return item if schema is None else without_nulls(item, schema)

    def objects(self, component: Component) -> tuple[Object, ...]:
        """The objects of a component as its source states them, on whatever cluster."""
        source = self.sources[component.source.kind]
        if not source.tool:
            return self._read(component, "")
        files = self.snapshot.sources[component.name]
        every = (item for file in sorted(files) for item in self._read(component, file))
        return tuple({identity(item): item for item in every}.values())

    def _build(self, variant: Variant) -> None:
        """Add the objects of the variant's source on its cluster, or why there are none."""
        component, cluster = variant.component, variant.cluster
        source = self.sources[component.source.kind]
        application, tenant = self.snapshot.application, self.snapshot.tenant
        if source.per_cluster and not tenant.clusters.matches(cluster):
            return  # its tool was not run for it, and the filters reject it
        try:
            variant.problems += conflicting_values(application, component.name, cluster)
            build = build_of(application, component, cluster, source, tenant.namespace)
        except ValueReferenceError as error:
            variant.problems.append(PlanProblem(str(error)))
            return
        variant.warnings += self._unused_references(component)
        file = build.file if build else ""
        variant.objects += self._read(component, file)
        if (component.name, file) in self._source_problems:
            variant.problems.append(self._source_problems[component.name, file])

    def _unused_references(self, component: Component) -> Iterator[PlanProblem]:
        """References to values in the files of a component, which are delivered as they are."""
        if component.name not in self._unused:
            path = component.source.path
            self._unused[component.name] = tuple(
                PlanProblem(
                    f"{component.name}: {text} stays as it is: write it in a patch or a template "
                    f"of `customizations` to replace it",
                    FilePosition(f"{path}/{file}".lstrip("/"), line, column),
                )
                for file, line, column, text in unused_references(
                    self.snapshot.sources[component.name]
                )
            )
        yield from self._unused[component.name]

    def _read(self, component: Component, file: str) -> tuple[Object, ...]:
        """The objects in the files of a component, or in that output of its tool."""
        key = component.name, file
        if key not in self._objects:
            try:
                files = self.snapshot.sources[component.name]
                source = self.sources[component.source.kind]
                found = source.objects({file: files[file]} if file else files)
            except SourceError as error:
                path = component.source.path
                place = f"{path}/{error.file}" if path and error.file else error.file or path
                here = FilePosition(place, error.line, error.column)
                position = here if error.file else component.position or here
                message = str(error) if error.file else f"{component.name}: {path}: {error}"
                self._source_problems[key] = PlanProblem(message, position)
                found = ()
            self._objects[key] = found
        return self._objects[key]

    @property
    def budget(self) -> PatchBudget:
        """What patches may still cost."""
        if self._budget is None:
            snapshot = self.snapshot
            units = len(snapshot.clusters) * len(snapshot.application.components)
            self._budget = PatchBudget.of(units)
        return self._budget

    @property
    def custom(self) -> CustomKinds:
        """The custom kinds that the application's own objects define."""
        if self._custom is None:
            components = self.snapshot.application.components
            self._custom = custom_kinds(item for each in components for item in self.objects(each))
        return self._custom

    def with_replicas(self, unit: Unit, target: Target, variant: Variant, count: int) -> Variant:
        """The variant with the replicas that the placement or an exception gives a unit.

        A customisation must not set divided replicas too; an exception takes precedence over it.
        """
        label = f"{target.kind}/{target.name}"
        if not has_object(variant.objects, target):
            problems = [*variant.problems, self._missing_workload(unit, target)]
            return Variant(variant.component, variant.cluster, variant.objects, problems)
        objects = [
            _with_replicas(item, count) if is_target(item, target) else item
            for item in variant.objects
        ]
        problems = list(variant.problems)
        scaler = autoscaler_of(variant.objects, target)
        rule = self._rule_of(unit, target)
        if scaler and rule is not None:
            message = (
                f"rule {rule.name} sets the replicas of {label}, which {scaler} sets in the "
                f"cluster: use addClusters, or raise the limits of {scaler}"
            )
            problems.append(PlanProblem(message, rule.position))
        targets = (item for item in variant.objects if is_target(item, target))
        writers = (variant.writer_of(item, ("spec", "replicas"), self.custom) for item in targets)
        conflict = next((each for each in writers if each is not None), None)
        if conflict is not None and rule is None and not self._has_exception(unit, target):
            message = (
                f"customisation {conflict.name} sets spec.replicas of {label}, but the "
                f"placement divides its replicas: remove one of the two"
            )
            problems.append(PlanProblem(message, conflict.position))
        return Variant(variant.component, variant.cluster, objects, problems, variant.warnings)

    def _missing_workload(self, unit: Unit, target: Target) -> PlanProblem:
        """Replicas for an object that does not exist: where they are asked for, and what exists."""
        snapshot, cluster = self.snapshot, self.snapshot.cluster(unit.cluster)
        exceptions = (
            each
            for each in in_force(snapshot, unit.component)
            if target == Target(each.kind, each.name or unit.component)
        )
        placements = (
            each
            for each in snapshot.application.placements
            if unit.component in each.components and each.replicas
        )
        asking: Iterator[ExceptionRule | PlacementIntent] = chain(exceptions, placements)
        asked = next(asking)
        every = snapshot.application.components
        parts = [each for each in every if each.name in asked.components]
        found = (
            {each.name: self.variant(each, cluster).objects for each in parts} if cluster else {}
        )
        lacking = {name: items for name, items in found.items() if not has_object(items, target)}
        existing = sorted({label_of(each) for items in lacking.values() for each in items})
        has, it_has = ("has", "it has") if len(lacking) == 1 else ("have", "they have")
        message = (
            f"cannot set the replicas of {target.kind}/{target.name}: {', '.join(lacking)} {has} "
            f"no such object ({it_has} {', '.join(existing) or 'no objects'}): correct the name, "
            f"or name other components"
        )
        return PlanProblem(message, asked.position)

    def _rule_of(self, unit: Unit, target: Target) -> Rule | None:
        """The rule that sets the replicas of a unit's workload now, if any."""
        deciding = {each.rule for each in self.snapshot.decisions}
        rules = (each for each in self.snapshot.application.rules if each.workload == target)
        found = (e for e in rules if e.name in deciding and unit.component in e.components)
        return next(found, None)

    def _has_exception(self, unit: Unit, target: Target) -> bool:
        cluster = self.snapshot.cluster(unit.cluster)
        return cluster is not None and target in replica_overrides(
            self.snapshot, unit.component, cluster
        )


def _workload(item: Object, limits: ContainerLimits | None) -> Iterator[WorkloadRequests]:
    """What an object's pods request; a quantity that cannot be read is reported when rendered."""
    try:
        found = object_demand(item, limits)
    except ValueError:
        return
    if found is not None:
        yield found


def _with_replicas(item: Object, count: int) -> Object:
    spec = item.get("spec")
    return {**item, "spec": {**(spec if isinstance(spec, dict) else {}), "replicas": count}}


def has_object(objects: Iterable[Object], target: Target) -> bool:
    """Whether one of the objects is the target."""
    return any(is_target(item, target) for item in objects)


def is_target(item: Mapping[str, Json], target: Target) -> bool:
    """Whether an object is the target of a customisation, of a kind or `Kind.group`."""
    kind = str(item.get("kind"))
    kinds = {kind, f"{kind}.{group_of(item)}"}
    return target.kind in kinds and name_of(item) == target.name


@dataclass(slots=True)
class _Customization:
    """One customisation applied to one variant."""

    variants: Variants
    variant: Variant
    intent: CustomizationIntent

    @property
    def place(self) -> Place:
        """What values are looked up for."""
        return self.variants.place(self.variant.component, self.variant.cluster)

    def apply(self) -> None:
        """Change the variant, or record why that fails."""
        intent, files = self.intent, self.variants.snapshot.files
        try:
            if intent.template is not None:
                self._create(intent.template, files[intent.template])
            elif intent.data is not None:
                self._add_data(files)
            else:
                self._patch(substitute(intent.body, self.place))
        except (PatchError, ValueReferenceError) as error:
            self._problem(str(error))

    def _create(self, file: str, content: bytes) -> None:
        """Add the objects of a template; none of them may exist already."""
        known = {identity(item)[1:] for item in self.variant.objects}
        for item in template_objects(file, content, self.place):
            if identity(item)[1:] in known:
                self._problem(f"{file} creates {label_of(item)}, which already exists: patch it")
                continue
            self.variant.objects.append(item)

    def _add_data(self, files: Mapping[str, bytes]) -> None:
        """Add data files to a ConfigMap or Secret, which is created if it does not exist."""
        data, place = self.intent.data, self.place
        assert data is not None
        target = Target(data.kind, data.name)
        if not has_object(self.variant.objects, target):
            self.variant.objects.append(empty_data(data))
        self._replace(
            target,
            lambda item: add_data(item, data, files, place),
            lambda item: data_writes(item, data, files, place),
        )

    def _patch(self, body: Json) -> None:
        """Apply a patch to its target."""
        intent = self.intent
        assert intent.target is not None
        patch, custom = self.variants.patches[intent.kind], self.variants.custom
        if not self._replace(
            intent.target,
            lambda item: self._patched(patch, item, body),
            lambda item: patch.writes(item, body, custom_schema(custom, item)),
        ):
            existing = ", ".join(sorted(label_of(each) for each in self.variant.objects))
            self._problem(
                f"matches nothing: {self.variant.component.name} has no "
                f"{intent.target.kind}/{intent.target.name} (it has {existing or 'no objects'})"
            )

    def _patched(self, patch: Patch, item: Object, body: Json) -> Object:
        """The object after the patch; a custom kind uses its schema, if that is known."""
        schema = custom_schema(self.variants.custom, item)
        if patch.uses_schema and schema is None and not is_built_in(item):
            kind = f"{item.get('apiVersion')} {item.get('kind')}"
            message = (
                f"customisation {self.intent.name}: the application does not define {kind}, so a "
                f"strategic merge replaces its lists instead of merging them"
            )
            self.variant.warnings.append(PlanProblem(message, self.intent.position))
        self.variants.budget.spend(item, body)
        result = patch.apply(item, body, schema)
        self.variants.budget.spend(result)
        return result

    def _replace(
        self,
        target: Target,
        change: Callable[[Object], Object],
        writes: Callable[[Object], Sequence[Write]],
    ) -> bool:
        """Change every object that is the target; False if there is none."""
        groups = sorted(
            {group_of(item) for item in self.variant.objects if is_target(item, target)}
        )
        if len(groups) > 1:
            names = " or ".join(f"{target.kind}.{group}" for group in groups)
            self._problem(f"matches {target.kind}/{target.name} of several groups; write {names}")
        for index, item in enumerate(self.variant.objects if len(groups) == 1 else ()):
            if not is_target(item, target):
                continue
            result = change(item)
            if identity(result) != identity(item):
                self._problem("must not change apiVersion, kind, name or namespace")
                continue
            self._record(item, writes(item))
            self.variant.objects[index] = result
        return bool(groups)

    def _record(self, item: Object, writes: Sequence[Write]) -> None:
        """Record the fields set; two customisations that set one field differently conflict."""
        ledger = self.variant.written.setdefault(identity(item), WriteLedger())
        conflict = ledger.add(writes, self.intent)
        if conflict is not None:
            self._problem(
                f"sets {text_of(conflict.path)} of {label_of(item)}, which customisation "
                f"{conflict.writer.name} ({conflict.writer.position}) sets to another value"
            )

    def _problem(self, message: str) -> None:
        """Add a problem at the customisation's place."""
        text = f"customisation {self.intent.name}: {message} [on {self.variant.cluster.name}]"
        self.variant.problems.append(PlanProblem(text, self.intent.position))


def identity(item: Mapping[str, Json]) -> Identity:
    """What a customisation must not change: apiVersion, kind, name and namespace."""
    return item.get("apiVersion"), item.get("kind"), name_of(item), namespace_of(item)
