"""From a plan and variants to the files of every unit. Second of the core's three steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from planners.model import Cluster, Component, Target, Unit
from planners.model.snapshot import Snapshot
from planners.plan import Plan, PlanProblem
from renderers import yaml
from renderers.kubernetes.schemas import Schemas
from renderers.layout import Layout, References, object_file
from renderers.policy import tenancy
from renderers.policy.quota_ledger import Budget
from renderers.policy.quotas import Usage
from renderers.tree import FileTree, UnsafePathError
from renderers.validate import Inspection
from renderers.variants import Variant, Variants

STAND_IN = "stand_in.cluster"  # no name has an underscore (RFC 1123)


@dataclass(frozen=True, slots=True)
class Rendered:
    """Each unit's files, by their paths in the deploy repo; partial when there is a problem."""

    trees: Mapping[Unit, FileTree]
    problems: tuple[PlanProblem, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Rendering:
    """One run: the files of each variant, and the problems found so far, each once."""

    plan: Plan
    snapshot: Snapshot
    variants: Variants
    agents: Mapping[str, References]
    schemas: Schemas
    files: dict[tuple[object, ...], FileTree] = field(default_factory=dict)
    problems: dict[tuple[str, object], PlanProblem] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)
    usages: dict[tuple[object, ...], dict[str, Usage]] = field(default_factory=dict)
    written: dict[tuple[str, str], bytes] = field(default_factory=dict)
    plain: dict[str, bool] = field(default_factory=dict)
    budget: Budget = field(init=False)
    inspection: Inspection = field(init=False)

    def __post_init__(self) -> None:
        self.budget = Budget(self.snapshot)
        self.inspection = Inspection(self.variants, self.schemas)

    def unit(self, layout: Layout, component: Component, cluster: Cluster) -> FileTree:
        """All files of one unit: its objects, and the agent's own that points at them."""
        unit = Unit(component.name, cluster.name)
        folder = layout.objects_folder(unit)
        files = self.objects(unit, component, cluster)
        return {
            **{f"{folder}/{name}": content for name, content in files.items()},
            **self.references(layout, unit, cluster),
        }

    def objects(self, unit: Unit, component: Component, cluster: Cluster) -> FileTree:
        """The object files of a unit: file name -> bytes, shared by all clusters like this one."""
        shares = self.plan.replicas.get(unit, {})
        variant_key = self.variants.key(component, cluster)
        self.inspection.look(variant_key, self.variants.variant(component, cluster), cluster)
        key = (variant_key, tuple(sorted(shares.items())))
        if key not in self.files:
            variant = self.variants.variant(component, cluster)
            for (kind, name), count in sorted(shares.items()):
                variant = self.variants.replicated(unit, Target(kind, name), variant, count)
            self.note(variant)
            self.files[key] = self.write(variant)
            self.usages[key] = self.budget.usage(variant.objects)
        self.budget.spend(unit.cluster, self.usages[key])
        return self.files[key]

    def note(self, variant: Variant) -> None:
        """Keep a variant's problems: the same one on other clusters is said once."""
        for problem in variant.problems:
            message = problem.message.rpartition(" [on ")[0] or problem.message
            self.problems.setdefault((message, problem.position), problem)
        self.warnings |= dict.fromkeys(variant.warnings)

    def write(self, variant: Variant) -> FileTree:
        """One file for each object, after the tenant's rules were checked on the final objects."""
        tenant, name = self.snapshot.tenant, variant.component.name
        plaintext = any(tenant.name in each.plaintext_secrets for each in self.snapshot.policies)
        found: dict[str, bytes] = {}
        own = self.snapshot.application.is_tenant_setup
        for item in variant.objects:
            for reason in (
                () if own else tenancy.violations(item, tenant, plaintext_allowed=plaintext)
            ):
                self.problem(f"{name}: {reason}")
            for reason in self.budget.refusals(item):
                self.problem(f"{name}: {reason}")
            for guess in self.budget.guesses(item):
                self.warnings[f"{name}: {guess}"] = None
            try:
                file = object_file(item, tenant.namespace)
            except UnsafePathError as error:
                self.problem(f"{name}: {error}")
                continue
            if file in found:
                self.problem(f"{name}: two objects for file {file}")
            found[file] = yaml.dump(item if own else tenancy.in_namespace(item, tenant))
        return found

    def problem(self, message: str) -> None:
        """Note a problem that has no place in a file, once."""
        self.problems.setdefault((message, None), PlanProblem(message))

    def references(self, layout: Layout, unit: Unit, cluster: Cluster) -> FileTree:
        """The agent's own objects for a unit, in one file.

        They are written once for each component and agent, with a stand-in where the cluster's
        name belongs. A name that YAML would quote is written on its own.
        """
        agent = cluster.agent
        if cluster.name not in self.plain:
            self.plain[cluster.name] = yaml.dump(cluster.name) == f"{cluster.name}\n".encode()
        if not self.plain[cluster.name]:
            content = self.pointers(layout, unit, agent)
        else:
            key = (unit.component, agent)
            if key not in self.written:
                self.written[key] = self.pointers(layout, Unit(unit.component, STAND_IN), agent)
            content = self.written[key].replace(STAND_IN.encode(), cluster.name.encode())
        return {layout.sync_file(unit): content} if content else {}

    def pointers(self, layout: Layout, unit: Unit, agent: str) -> bytes:
        """The agent's own objects for a unit, as YAML."""
        items = self.agents[agent].references(
            unit,
            layout.application,
            "" if self.snapshot.application.is_tenant_setup else self.snapshot.tenant.namespace,
            layout.objects_folder(unit),
        )
        return b"---\n".join(yaml.dump(item) for item in items)


def render(
    plan: Plan,
    variants: Variants,
    agents: Mapping[str, References],
    schemas: Schemas,
) -> Rendered:
    """Render every unit of the plan; a pure function of its arguments."""
    snapshot = variants.snapshot
    run = _Rendering(plan, snapshot, variants, agents, schemas)
    layout = Layout.of(snapshot.registration)
    clusters = {cluster.name: cluster for cluster in snapshot.clusters}
    parts = {part.name: part for part in snapshot.application.components}
    trees = {
        unit: run.unit(layout, parts[unit.component], clusters[unit.cluster]) for unit in plan.units
    }
    for message in run.budget.problems():
        run.problem(message)
    problems = (*run.problems.values(), *run.inspection.problems())
    return Rendered(trees, problems, tuple(run.warnings))
