"""The objects of each component as each cluster gets them: once for every different set of changes.

Cost follows distinct content: clusters with the same customisations and the same values share one
variant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from planners.model import Cluster, Component, CustomizationIntent, Json, Target, Unit
from planners.model.snapshot import Snapshot
from planners.placement.exceptions import scaled
from planners.plan import PlanProblem
from renderers.diff.flatten import MISSING, changed, leaves, same
from renderers.kubernetes import workloads
from renderers.kubernetes.patch_meta import is_built_in
from renderers.kubernetes.schemas import CustomKinds, custom_kinds, custom_schema
from renderers.new_objects import add_data, file_references, template_objects
from renderers.patch import Patch, PatchError
from renderers.policy import tenancy
from renderers.sources import Source, SourceError
from renderers.substitution import ValueReferenceError, fill, lookup, references

Object = dict[str, Json]
Key = tuple[str, tuple[int, ...], tuple[tuple[str, str], ...]]
Replicas = Mapping[tuple[str, str], int]


@dataclass(slots=True)
class Variant:
    """The objects of a component on clusters like `cluster`, and what went wrong making them."""

    component: Component
    cluster: Cluster
    objects: list[Object]
    problems: list[PlanProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    written: dict[tuple[str, str], dict[str, tuple[Json, CustomizationIntent]]] = field(
        default_factory=dict
    )


@dataclass(slots=True)
class Variants:
    """One run over a Snapshot: every variant is made when it is first asked for."""

    snapshot: Snapshot
    sources: Mapping[str, Source]
    patches: Mapping[str, Patch]
    _objects: dict[str, tuple[Object, ...]] = field(default_factory=dict)
    _keys: dict[tuple[str, str], Key] = field(default_factory=dict)
    _custom: CustomKinds | None = None
    _intents: dict[str, list[tuple[int, CustomizationIntent]]] = field(default_factory=dict)
    _broken: dict[str, PlanProblem] = field(default_factory=dict)
    _variants: dict[Key, Variant] = field(default_factory=dict)
    _references: dict[int, frozenset[str]] = field(default_factory=dict)
    _requests: dict[tuple[Key, tuple[tuple[tuple[str, str], int], ...]], dict[str, int]] = field(
        default_factory=dict
    )

    def of(self, component: str, cluster: Cluster, replicas: Replicas) -> Mapping[str, int]:
        """What the component requests on a cluster, in nano-units by resource."""
        part = self.snapshot.application.component(component)
        assert part is not None
        key = (self.key(part, cluster), tuple(sorted(replicas.items())))
        if key not in self._requests:
            total: dict[str, int] = {}
            for item in self.variant(part, cluster).objects:
                count = replicas.get((str(item.get("kind")), tenancy.name_of(item)))
                for name, amount in self._asked(item, count).items():
                    total[name] = total.get(name, 0) + amount
            self._requests[key] = total
        return self._requests[key]

    def _asked(self, item: Object, count: int | None) -> Mapping[str, int]:
        """An object with a quantity that cannot be read is said when it is rendered."""
        try:
            return workloads.requests(item, count)
        except ValueError:
            return {}

    def key(self, component: Component, cluster: Cluster) -> Key:
        """What makes a variant: the component, its customisations there, and their values."""
        known = self._keys.get((component.name, cluster.name))
        if known is None:
            known = self._keys[component.name, cluster.name] = self._key(component, cluster)
        return known

    def _key(self, component: Component, cluster: Cluster) -> Key:
        wanted: list[int] = []
        used: set[str] = set()
        for index, intent in self._of_component(component.name):
            if intent.applies_to(component.name, cluster):
                wanted.append(index)
                used |= self._refers(index, intent)
        seen = []
        for name in sorted(used):
            try:
                seen.append((name, repr(lookup(name, cluster))))
            except ValueReferenceError:
                seen.append((name, "?"))
        return component.name, tuple(wanted), tuple(seen)

    def _of_component(self, component: str) -> list[tuple[int, CustomizationIntent]]:
        if component not in self._intents:
            every = enumerate(self.snapshot.application.customizations)
            self._intents[component] = [each for each in every if component in each[1].components]
        return self._intents[component]

    def _refers(self, index: int, intent: CustomizationIntent) -> frozenset[str]:
        if index not in self._references:
            named = (file_references(self.snapshot.files[file]) for file in intent.files)
            self._references[index] = references(intent.body).union(*named)
        return self._references[index]

    def variant(self, component: Component, cluster: Cluster) -> Variant:
        """The objects of a component on that cluster."""
        key = self.key(component, cluster)
        if key not in self._variants:
            made = Variant(component, cluster, list(self.objects(component)))
            if component.name in self._broken:
                made.problems.append(self._broken[component.name])
            for index in key[1]:
                intent = self.snapshot.application.customizations[index]
                _Step(self, made, intent).run()
            self._variants[key] = made
        return self._variants[key]

    def objects(self, component: Component) -> tuple[Object, ...]:
        """The objects of a component as its source has them."""
        if component.name not in self._objects:
            try:
                source = self.sources[component.source.kind]
                found = source.objects(self.snapshot.sources[component.name])
            except SourceError as error:
                path = component.source.path
                file = f"{path}/{error.file}" if path and error.file else error.file or path
                message = f"{file}:{error.line}:{error.column}: {error}"
                self._broken[component.name] = PlanProblem(message)
                found = ()
            self._objects[component.name] = found
        return self._objects[component.name]

    @property
    def custom(self) -> CustomKinds:
        """The custom kinds that the application's own objects define."""
        if self._custom is None:
            parts = self.snapshot.application.components
            self._custom = custom_kinds(each for part in parts for each in self.objects(part))
        return self._custom

    def replicated(self, unit: Unit, target: Target, variant: Variant, count: int) -> Variant:
        """The variant with the replicas that the placement or an exception gives a unit.

        A customisation may not set them too where they are divided; an exception comes before it.
        """
        named, key = f"{target.kind}/{target.name}", (target.kind, target.name)
        if not any(is_target(item, target) for item in variant.objects):
            message = f"{unit.component} has no {named} whose replicas to set"
            problems = [*variant.problems, PlanProblem(message)]
            return Variant(variant.component, variant.cluster, variant.objects, problems)
        objects = [
            _with_replicas(item, count) if is_target(item, target) else item
            for item in variant.objects
        ]
        problems = list(variant.problems)
        clash = variant.written.get(key, {}).get("spec.replicas")
        if clash is not None and not self._excepted(unit, key):
            message = (
                f"customisation {clash[1].name} sets spec.replicas of {named}, "
                f"which the placement divides"
            )
            problems.append(PlanProblem(message, clash[1].position))
        return Variant(variant.component, variant.cluster, objects, problems, variant.warnings)

    def _excepted(self, unit: Unit, key: tuple[str, str]) -> bool:
        cluster = self.snapshot.cluster(unit.cluster)
        return cluster is not None and key in scaled(self.snapshot, unit.component, cluster)


def _with_replicas(item: Object, count: int) -> Object:
    spec = item.get("spec")
    return {**item, "spec": {**(spec if isinstance(spec, dict) else {}), "replicas": count}}


def is_target(item: Mapping[str, Json], target: Target) -> bool:
    """Whether an object is the one that a customisation names."""
    return item.get("kind") == target.kind and tenancy.name_of(item) == target.name


@dataclass(slots=True)
class _Step:
    """One customisation on one variant."""

    run_of: Variants
    variant: Variant
    intent: CustomizationIntent

    def run(self) -> None:
        """Change the variant, or note why not."""
        intent, files = self.intent, self.run_of.snapshot.files
        try:
            if intent.template is not None:
                self.create(intent.template, files[intent.template])
            elif intent.data is not None:
                self.add(files)
            else:
                self.patch(fill(intent.body, self.variant.cluster))
        except (PatchError, ValueReferenceError) as error:
            self.problem(str(error))

    def create(self, file: str, content: bytes) -> None:
        """Add the objects of a template; none may be there already."""
        known = {_identity(item)[1:] for item in self.variant.objects}
        for item in template_objects(file, content, self.variant.cluster):
            if _identity(item)[1:] in known:
                named = f"{item['kind']}/{tenancy.name_of(item)}"
                self.problem(f"{file} makes {named}, which is there already; patch it instead")
                continue
            self.variant.objects.append(item)

    def add(self, files: Mapping[str, bytes]) -> None:
        """Put data files into a ConfigMap or Secret."""
        data, cluster = self.intent.data, self.variant.cluster
        assert data is not None
        target = Target(data.kind, data.name)
        if any(is_target(item, target) for item in self.variant.objects):
            self.replace(target, lambda item: add_data(item, data, files, cluster))
        else:
            self.variant.objects.append(add_data(None, data, files, cluster))

    def patch(self, body: Json) -> None:
        """Apply a patch to its target."""
        intent = self.intent
        assert intent.target is not None
        patch = self.run_of.patches[intent.kind]
        if not self.replace(intent.target, lambda item: self.patched(patch, item, body)):
            objects = self.variant.objects
            kinds = ", ".join(sorted(f"{each['kind']}/{tenancy.name_of(each)}" for each in objects))
            target = f"{intent.target.kind}/{intent.target.name}"
            self.problem(
                f"matches nothing: {self.variant.component.name} has no {target} "
                f"(it has {kinds or 'no objects'})"
            )

    def patched(self, patch: Patch, item: Object, body: Json) -> Object:
        """The object after the patch; a custom kind goes by its definition, if that is here."""
        schema = custom_schema(self.run_of.custom, item)
        if patch.uses_schema and schema is None and not is_built_in(item):
            kind = f"{item.get('apiVersion')} {item.get('kind')}"
            self.variant.warnings.append(
                f"customisation {self.intent.name} ({self.intent.position}): the definition of "
                f"{kind} is not among the objects, so its lists are replaced and not merged"
            )
        return patch.apply(item, body, schema)

    def replace(self, target: Target, change: Callable[[Object], Object]) -> bool:
        """Change every object that is the target; False when there is none."""
        found = False
        for index, item in enumerate(self.variant.objects):
            if not is_target(item, target):
                continue
            found = True
            made = change(item)
            if _identity(made) != _identity(item):
                self.problem("would change apiVersion, kind, name or namespace")
                continue
            self.compare(target, item, made)
            self.variant.objects[index] = made
        return found

    def compare(self, target: Target, before: Object, after: Object) -> None:
        """A field that an earlier customisation set to another value is a conflict."""
        new = leaves(after)
        key = (target.kind, target.name)
        written = self.variant.written.setdefault(key, {})
        for path, (value, earlier) in sorted(written.items()):
            if not same(new.get(path, MISSING), value):
                self.problem(
                    f"sets {path} of {target.kind}/{target.name}, which customisation "
                    f"{earlier.name} ({earlier.position}) sets to another value"
                )
                break
        for path, value in changed(leaves(before), new).items():
            written[path] = (value, self.intent)

    def problem(self, message: str) -> None:
        """Note a problem at the customisation's place."""
        text = f"customisation {self.intent.name}: {message} [on {self.variant.cluster.name}]"
        self.variant.problems.append(PlanProblem(text, self.intent.position))


def _identity(item: Mapping[str, Json]) -> tuple[Json, Json, str, str | None]:
    """What makes an object the one it is; no customisation may change it."""
    name, namespace = tenancy.name_of(item), tenancy.namespace_of(item)
    return item.get("apiVersion"), item.get("kind"), name, namespace
