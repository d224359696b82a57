"""Renders a plan and its variants to the files of every unit.

Called by `bot.engine.propose` between planning and gating.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from planners.connect import Link
from planners.model import (
    Cluster,
    Component,
    FilePosition,
    ObjectIdentity,
    PlanProblem,
    Target,
    Unit,
)
from planners.model.addresses import Awaited
from planners.model.network import Network
from planners.model.snapshot import Snapshot
from planners.plan import Plan
from renderers import yaml
from renderers.agents import References
from renderers.autoscaled import AutoscaledObjects
from renderers.carriers import Carrier
from renderers.cluster_files import ClusterFiles, FilesTemplate
from renderers.defects import Defect, confined
from renderers.derived import DerivedObjects, annotated
from renderers.kubernetes.fields import in_key_order
from renderers.kubernetes.kinds import Scope, kind_of
from renderers.kubernetes.metadata import label_of
from renderers.kubernetes.schemas import Schemas, custom_schema
from renderers.kubernetes.sops import is_encrypted
from renderers.layout import Layout, object_files
from renderers.owners import ObjectOwners
from renderers.policy import tenancy
from renderers.policy.allowed_kinds import NO_SUCH_KIND, DefinedKinds, defined_kinds
from renderers.policy.quota_ledger import QuotaLedger
from renderers.policy.quotas import Usage
from renderers.policy.signatures import object_digest, signature_of
from renderers.references import ReferenceFiles, Site
from renderers.tenant_network import cluster_policies
from renderers.tenant_setup import COMPONENT
from renderers.tree import FileTree, UnsafePathError
from renderers.validate import SchemaValidation
from renderers.variant_keys import VariantKey
from renderers.variants import Object, Variant, Variants, has_object, identity, is_target

MAX_OBJECT = 1536 * 1024
"""etcd documentation, "System limits": a request has at most 1.5 MiB by default."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files of each unit, by path in the deploy repo; incomplete if there are problems.

    `links` are the pairs that may talk; `awaited` are addresses without which units are not
    changed.
    """

    trees: Mapping[Unit, FileTree]
    problems: tuple[PlanProblem, ...] = ()
    warnings: tuple[PlanProblem, ...] = ()
    defects: tuple[Defect, ...] = ()
    links: tuple[Link, ...] = ()
    awaited: Awaited = field(default_factory=dict)


class _Written(NamedTuple):
    """An object that variants of a component share, and its file."""

    item: Object
    content: bytes


class _ReplicasKey(NamedTuple):
    """What distinguishes the replicas of a unit: those that are set on it, and those merged."""

    set_here: frozenset[tuple[Target, int]]
    merged: frozenset[tuple[ObjectIdentity, int]]


class _FilesKey(NamedTuple):
    """What distinguishes the files of units, and what is found in them; see `Site.alike`."""

    variant: VariantKey
    replicas: _ReplicasKey
    alike: int


NO_REPLICAS = _ReplicasKey(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class _ProblemKey:
    """Problems with the same message and position are reported once."""

    message: str
    position: object


@dataclass(slots=True)
class _Rendering:
    """One run: the files of each variant, and the distinct problems found so far.

    `settled` has the files in which nothing is found that counts for each cluster. `keys` are those
    of variants by component and cluster, `planned` the variants that the plan has.
    """

    plan: Plan
    snapshot: Snapshot
    variants: Variants
    references: ReferenceFiles
    schemas: Schemas
    derived: DerivedObjects
    files: dict[tuple[VariantKey, _ReplicasKey], FileTree] = field(default_factory=dict)
    settled: dict[_FilesKey, FilesTemplate] = field(default_factory=dict)
    problems: dict[_ProblemKey, PlanProblem] = field(default_factory=dict)
    warnings: dict[PlanProblem, None] = field(default_factory=dict)
    usages: dict[tuple[VariantKey, _ReplicasKey], dict[str, Usage]] = field(default_factory=dict)
    refused: dict[tuple[VariantKey, int], tuple[str, ...]] = field(default_factory=dict)
    written: dict[int, _Written] = field(default_factory=dict)
    networks: dict[Network, FileTree] = field(default_factory=dict)
    templates: dict[tuple[str, int, int], FilesTemplate] = field(default_factory=dict)
    defects: list[Defect] = field(default_factory=list)
    clusters: Mapping[str, Cluster] = field(init=False)
    components: Mapping[str, Component] = field(init=False)
    keys: Mapping[str, Mapping[str, VariantKey]] = field(init=False)
    planned: Mapping[VariantKey, Variant] = field(init=False)
    defined: DefinedKinds = field(init=False)
    quota: QuotaLedger = field(init=False)
    validation: SchemaValidation = field(init=False)
    owners: ObjectOwners = field(init=False)

    def __post_init__(self) -> None:
        self.clusters = {cluster.name: cluster for cluster in self.snapshot.clusters}
        self.components = {each.name: each for each in self.snapshot.application.components}
        self.keys = {name: self.variants.keys.of(each) for name, each in self.components.items()}
        self.planned = self.planned_variants()
        self.defined = defined_kinds(i for each in self.planned.values() for i in each.objects)
        self.quota = QuotaLedger(self.snapshot)
        self.validation = SchemaValidation(self.variants, self.schemas)
        self.owners = ObjectOwners(self.snapshot, self.validation.place)

    def planned_variants(self) -> Mapping[VariantKey, Variant]:
        """Every variant that is rolled out."""
        found: dict[VariantKey, Variant] = {}
        for component, cluster in self.plan.units:
            key = self.keys[component][cluster]
            if key not in found:
                part, site = self.components[component], self.clusters[cluster]
                found[key] = self.variants.variant(part, site)
        return found

    def unit_files(self, unit: Unit) -> FileTree:
        """All files of one unit: its objects, and the agent's references to them."""
        cluster = self.clusters[unit.cluster]
        site = self.references.site(cluster)
        key = self.derived.key(unit, self.keys[unit.component][unit.cluster])
        known = _FilesKey(key, self.replicas(unit), site.alike)
        template = self.settled.get(known)
        if template is None:
            template = self.files_template(unit, known, cluster, site)
        else:
            self.owners.add_known(key, unit.cluster)
        return ClusterFiles(site.folder, unit.cluster, template)

    def files_template(
        self, unit: Unit, known: _FilesKey, cluster: Cluster, site: Site
    ) -> FilesTemplate:
        """The files of units like this one; it is settled if nothing is found in them."""
        component = self.components[unit.component]
        unreachable = self.references.refusals(component.name, site)
        for reason in unreachable:
            self.problem(f"{unit}: {reason}")
        files, found = self.object_files(unit, known, cluster, site)
        if self.snapshot.application.is_tenant_setup and component.name == COMPONENT:
            every = {**files, **self.references.setup_files(site), **self.network_files(cluster)}
            return self.written_template(component, site, every)
        kind = component.name, site.kind, id(files)
        if kind not in self.templates:
            self.templates[kind] = self.written_template(component, site, files)
        if not found and not unreachable:
            self.settled[known] = self.templates[kind]
        return self.templates[kind]

    def written_template(self, component: Component, site: Site, files: FileTree) -> FilesTemplate:
        """The template of a unit's object files and of the agent's references to them."""
        own = self.references.files(component.name, site)
        objects = {f"{site.objects}/{component.name}/{name}": each for name, each in files.items()}
        every = {**objects, **own}
        return FilesTemplate.of({p.removeprefix(site.folder): each for p, each in every.items()})

    def network_files(self, cluster: Cluster) -> FileTree:
        """What a tenant's set-up has on a cluster because of its network, by file name."""
        if cluster.network not in self.networks:
            tenant = self.snapshot.tenant
            items = [*cluster_policies(tenant, cluster.network)]
            files = zip(object_files(items, tenant.namespace), items, strict=True)
            self.networks[cluster.network] = {file: yaml.dump(item) for file, item in files}
        return self.networks[cluster.network]

    def object_files(
        self, unit: Unit, known: _FilesKey, cluster: Cluster, site: Site
    ) -> tuple[FileTree, bool]:
        """The object files of a unit by file name, shared by all clusters with this variant.

        Also whether something is found in them that counts for each cluster.
        """
        key = known.variant, known.replicas
        variant = self.derived.variant(known.variant, self.components[unit.component], cluster)
        findings = self.validation.validate(known.variant, variant, cluster)
        self.owners.add(known.variant, variant, cluster.name)
        refusals = self.object_refusals(known.variant, variant, site)
        for reason in refusals:
            self.problem(f"{unit}: {reason}")
        if key not in self.files:
            for target, count in sorted(known.replicas.set_here):
                variant = self.variants.with_replicas(unit, target, variant, count)
            self.usages[key] = self.quota.usage(variant.objects)
            variant = self.autoscaled(variant, known.replicas)
            self.collect(variant)
            self.files[key] = self.write(variant)
        self.quota.add(unit.cluster, self.usages[key])
        return self.files[key], bool(findings or refusals or self.usages[key])

    def replicas(self, unit: Unit) -> _ReplicasKey:
        """The replicas that are set on a unit, and those that matter of what is merged of it."""
        if not self.snapshot.merged_replicas and not self.plan.replicas:
            return NO_REPLICAS
        merged = self.snapshot.merged_replicas.get(unit)
        replicas = self.plan.replicas.get(unit)
        if not merged and not replicas:
            return NO_REPLICAS
        return _ReplicasKey(frozenset((replicas or {}).items()), frozenset((merged or {}).items()))

    def autoscaled(self, variant: Variant, replicas: _ReplicasKey) -> Variant:
        """The variant without the replicas that autoscalers set in the cluster."""
        targets = [target for target, _ in replicas.set_here]
        objects, told = AutoscaledObjects(
            variant.component.name,
            self.snapshot.tenant.namespace,
            dict(replicas.merged),
            lambda item: any(is_target(item, target) for target in targets),
            partial(custom_schema, self.variants.custom),
        ).written(variant.objects)
        return replace(
            variant, objects=objects, warnings=[*variant.warnings, *map(PlanProblem, told)]
        )

    def object_refusals(self, key: VariantKey, variant: Variant, site: Site) -> tuple[str, ...]:
        """Why the agent could not apply objects of a variant, by kind of cluster."""
        known = (key, site.kind)
        if known not in self.refused:
            name = variant.component.name
            self.refused[known] = self.references.object_refusals(name, site, variant.objects)
        return self.refused[known]

    def collect(self, variant: Variant) -> None:
        """Keep a variant's problems and warnings; the same one on other clusters counts once."""
        for problem in variant.problems:
            message = problem.message.rpartition(" [on ")[0] or problem.message
            self.problems.setdefault(_ProblemKey(message, problem.position), problem)
        self.warnings |= dict.fromkeys(variant.warnings)

    def write(self, variant: Variant) -> FileTree:
        """One file for each object; the tenant's policies are checked on the final objects."""
        new = [item for item in variant.objects if id(item) not in self.written]
        for item in new:
            self.check_all(variant, item)
        try:
            names = object_files(variant.objects, self.snapshot.tenant.namespace)
        except UnsafePathError as error:
            self.problem(f"{variant.component.name}: {error}")
            return {}
        self.written |= {id(item): _Written(item, self.written_as(variant, item)) for item in new}
        contents = [self.written[id(item)].content for item in variant.objects]
        return dict(zip(names, contents, strict=True))

    def check_empty(self) -> None:
        """Warn of components that have no object anywhere."""
        placed = {key.component for key in self.planned}
        filled = {key.component for key, each in self.planned.items() if each.objects}
        for part in self.components.values():
            if part.name in placed - filled:
                message = f"{part.name} has no objects on any cluster: nothing is delivered"
                self.warnings[PlanProblem(message, part.position)] = None

    def check_rules(self) -> None:
        """Report rules that set the replicas of a workload which none of their components has."""
        for rule in self.snapshot.application.rules:
            units = [each for each in self.plan.units if each.component in rule.components]
            target = rule.workload
            if target is None or not units:
                continue
            keys = {self.keys[component][cluster] for component, cluster in units}
            if not any(has_object(self.planned[key].objects, target) for key in keys):
                message = (
                    f"rule {rule.name} sets the replicas of {target.kind}/{target.name}, which no "
                    f"component of it has ({', '.join(rule.components)}): correct the name"
                )
                self.problem(message, rule.position)

    def distinct_problems(self) -> Iterator[PlanProblem]:
        """The problems, without kinds that do not exist where the schema says which one does."""
        known = {f"{label} {NO_SUCH_KIND}" for label in self.validation.missing_kinds}
        return (each for each in self.problems.values() if each.message not in known)

    def check_all(self, variant: Variant, item: Object) -> None:
        """Check the size and the policies of one object."""
        tenant, name = self.snapshot.tenant, variant.component.name
        plaintext = any(tenant.name in each.plaintext_secrets for each in self.snapshot.policies)
        self.check_size(variant, item)
        if not self.snapshot.application.is_tenant_setup:
            self.check(variant, item, partial(self.violations, item, plaintext=plaintext))
        self.check(variant, item, partial(self.quota.rejections, item))
        for assumption in self.quota.assumptions(item):
            self.warnings[PlanProblem(f"{name}: {assumption}")] = None

    def check(self, variant: Variant, item: Object, rule: Callable[[], Iterable[str]]) -> None:
        """Add what a rule finds in an object and where that is, or that it could not be applied."""
        reasons, defect = confined(rule)
        if defect is not None:
            self.defects.append(defect)
            reasons = [f"{label_of(item)} {defect}"]
        for reason in reasons:
            place = self.validation.place(variant, item)
            self.problem(f"{variant.component.name}: {reason}", place)

    def violations(self, item: Object, *, plaintext: bool) -> Iterator[str]:
        """Why the tenant may not write an object.

        The digest to sign is shown for cluster-wide objects, and for all of a platform tenant.
        """
        tenant, application = self.snapshot.tenant, self.snapshot.application.name
        signed = signature_of(item, application, self.snapshot.policies)
        if signed is not None:
            label = label_of(item)
            permitted = f"{label} is permitted by its signature in a policy: {signed.reason}"
            self.warnings[PlanProblem(permitted)] = None
            yield from tenancy.signed_violations(item, plaintext_allowed=plaintext)
            return
        hint = ""
        platform = any(each.partition(".")[0] == "ClusterRole" for each in tenant.allowed_kinds)
        if platform or kind_of(item).scope is Scope.CLUSTER:
            hint = f" (the platform team can sign it: signedObjects, digest {object_digest(item)})"
        for reason in tenancy.violations(
            item, tenant, defined=self.defined, plaintext_allowed=plaintext
        ):
            yield f"{reason}{hint}"
            hint = ""

    def check_size(self, variant: Variant, item: Object) -> None:
        """Report an object that etcd would not store."""
        size = len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())
        if size > MAX_OBJECT:
            place = self.validation.place(variant, item)
            message = (
                f"{variant.component.name}: {label_of(item)} has {size} bytes; Kubernetes stores "
                f"at most {MAX_OBJECT} (etcd's limit of a request): divide it"
            )
            self.problem(message, place)

    def written_as(self, variant: Variant, item: Object) -> bytes:
        """An object as YAML; a derived one says what it comes from."""
        origin = variant.origins.get(identity(item)) if variant.origins else None
        return self.dumped(annotated(item, origin) if origin else item)

    def dumped(self, item: Object) -> bytes:
        """An object as YAML, in an order of keys that does not depend on its source.

        The `mac` of an encrypted Secret depends on the order, so that it keeps its own; one that
        states its namespace stays as it is.
        """
        if self.snapshot.application.is_tenant_setup:
            return yaml.dump(item)
        placed = tenancy.in_namespace(item, self.snapshot.tenant)
        return yaml.dump(placed if is_encrypted(placed) else in_key_order(placed))

    def problem(self, message: str, place: FilePosition | None = None) -> None:
        """Add a problem, once."""
        self.problems.setdefault(_ProblemKey(message, place), PlanProblem(message, place))


def render(
    plan: Plan,
    variants: Variants,
    agents: Mapping[str, References],
    schemas: Schemas,
    carriers: Iterable[Carrier],
) -> Rendered:
    """Render every unit of the plan; a pure function of its arguments."""
    snapshot = variants.snapshot
    layout = Layout.of(snapshot.registration)
    references = ReferenceFiles(snapshot, layout, agents)
    derived = DerivedObjects.of(plan, variants, carriers)
    run = _Rendering(plan, snapshot, derived.variants, references, schemas, derived)
    trees = {unit: run.unit_files(unit) for unit in plan.units}
    run.check_empty()
    run.check_rules()
    for message in run.quota.problems():
        run.problem(message)
    problems = (
        *derived.problems,
        *run.distinct_problems(),
        *run.owners.problems(),
        *run.validation.problems(),
    )
    warnings = (*derived.warnings, *run.warnings, *run.validation.warnings())
    return Rendered(
        trees,
        problems,
        warnings,
        (*run.defects, *run.validation.defects),
        derived.links,
        derived.waits.awaited,
    )
