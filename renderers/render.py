"""From a plan and sources to the files of every unit. Second of the core's three steps.

Cost follows distinct content: the objects of a component are rendered once for each different set
of customisations, and clusters with the same set share the bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planners.model import Cluster, Component, CustomizationIntent, Json, Unit
from planners.plan import Plan, PlanProblem
from planners.snapshot import Snapshot
from renderers import tenancy, yamlio
from renderers.customizers import CustomizeError, Customizer
from renderers.layout import Layout, References, object_file
from renderers.sources import Source, SourceError
from renderers.tree import FileTree, UnsafePathError


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions that rendering may use, each by its name."""

    sources: Mapping[str, Source]
    customizers: Mapping[str, Customizer]
    agents: Mapping[str, References]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Each unit's files, by their paths in the deploy repo; partial when there is a problem."""

    trees: Mapping[Unit, FileTree]
    problems: tuple[PlanProblem, ...] = ()


@dataclass(slots=True)
class _Rendering:
    """One run: caches of what was rendered, and the problems found so far."""

    snapshot: Snapshot
    extensions: Extensions
    problems: list[PlanProblem] = field(default_factory=list)
    variants: dict[tuple[str, tuple[int, ...]], FileTree] = field(default_factory=dict)

    def objects(self, component: Component) -> tuple[dict[str, Json], ...]:
        """The objects of a component as its source has them."""
        try:
            source = self.extensions.sources[component.source.kind]
            return source.objects(self.snapshot.sources[component.name])
        except SourceError as error:
            file = f"{component.source.path}/{error.file}" if error.file else component.source.path
            message = f"{file}:{error.line}:{error.column}: {error}"
            self.problems.append(PlanProblem(message))
            return ()

    def variant(
        self, component: Component, objects: Sequence[dict[str, Json]], cluster: Cluster
    ) -> FileTree:
        """The object files of a component on clusters like this one: file name -> bytes."""
        intents = self.snapshot.application.customizations
        wanted = tuple(
            index
            for index, intent in enumerate(intents)
            if intent.applies_to(component.name, cluster)
        )
        key = (component.name, wanted)
        if key not in self.variants:
            customized = list(objects)
            for index in wanted:
                customized = self.customize(component, customized, intents[index])
            self.variants[key] = self.files(component, customized)
        return self.variants[key]

    def customize(
        self,
        component: Component,
        objects: Sequence[dict[str, Json]],
        intent: CustomizationIntent,
    ) -> list[dict[str, Json]]:
        """Apply one customisation to the objects it targets."""
        customizer = self.extensions.customizers[intent.kind]
        result, hits = [], 0
        for item in objects:
            if not _is_target(item, intent):
                result.append(item)
                continue
            hits += 1
            try:
                changed = customizer.apply(item, intent.body)
            except CustomizeError as error:
                self.problem(f"customisation {intent.name}: {error}", intent)
                continue
            if _identity(changed) == _identity(item):
                result.append(changed)
            else:
                message = "would change apiVersion, kind, name or namespace"
                self.problem(f"customisation {intent.name} {message}", intent)
        if not hits:
            kinds = ", ".join(sorted(f"{each['kind']}/{tenancy.name_of(each)}" for each in objects))
            assert intent.target is not None
            target = f"{intent.target.kind}/{intent.target.name}"
            self.problem(
                f"customisation {intent.name} matches nothing: {component.name} has no {target} "
                f"(it has {kinds or 'no objects'})",
                intent,
            )
        return result

    def files(self, component: Component, objects: Sequence[dict[str, Json]]) -> FileTree:
        """One file for each object, after the tenant's rules were checked on the final objects."""
        tenant = self.snapshot.tenant
        found: dict[str, bytes] = {}
        for item in objects:
            for reason in tenancy.violations(item, tenant):
                self.problems.append(PlanProblem(f"{component.name}: {reason}"))
            try:
                name = object_file(item, tenant.namespace)
            except UnsafePathError as error:
                self.problems.append(PlanProblem(f"{component.name}: {error}"))
                continue
            if name in found:
                self.problems.append(PlanProblem(f"{component.name}: two objects for file {name}"))
            found[name] = yamlio.dump(tenancy.in_namespace(item, tenant))
        return found

    def problem(self, message: str, intent: CustomizationIntent) -> None:
        """Note a problem at a customisation's place, once."""
        found = PlanProblem(message, intent.place)
        if found not in self.problems:
            self.problems.append(found)


def render(plan: Plan, snapshot: Snapshot, extensions: Extensions) -> Rendered:
    """Render every unit of the plan; a pure function of its arguments."""
    run = _Rendering(snapshot, extensions)
    layout = Layout.of(snapshot.registration)
    clusters = {cluster.name: cluster for cluster in snapshot.clusters}
    trees: dict[Unit, FileTree] = {}
    wanted: dict[str, list[str]] = {}
    for unit in plan.units:
        wanted.setdefault(unit.component, []).append(unit.cluster)
    for component in snapshot.application.components:
        if component.name not in wanted:
            continue
        objects = run.objects(component)
        for name in wanted[component.name]:
            unit, cluster = Unit(component.name, name), clusters[name]
            folder = layout.objects_folder(unit)
            files = run.variant(component, objects, cluster)
            trees[unit] = {
                **{f"{folder}/{file}": content for file, content in files.items()},
                **_references(run, layout, unit, cluster),
            }
    return Rendered(trees, tuple(run.problems))


def _references(run: _Rendering, layout: Layout, unit: Unit, cluster: Cluster) -> FileTree:
    agent = run.extensions.agents[cluster.agent]
    items = agent.references(
        unit, layout.application, run.snapshot.tenant.namespace, layout.objects_folder(unit)
    )
    if not items:
        return {}
    return {layout.sync_file(unit): b"---\n".join(yamlio.dump(item) for item in items)}


def _identity(item: Mapping[str, Json]) -> tuple[Json, Json, str, str | None]:
    """What makes an object the one it is; no customisation may change it."""
    name, namespace = tenancy.name_of(item), tenancy.namespace_of(item)
    return item.get("apiVersion"), item.get("kind"), name, namespace


def _is_target(item: Mapping[str, Json], intent: CustomizationIntent) -> bool:
    assert intent.target is not None
    return item.get("kind") == intent.target.kind and tenancy.name_of(item) == intent.target.name
