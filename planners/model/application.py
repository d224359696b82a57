"""The application of a team: its components and intents, as read from `switchyard.yaml`."""

from dataclasses import dataclass, field
from datetime import timedelta

from planners.model.basics import (
    DependencyCondition,
    DependencyScope,
    FilePosition,
    Json,
    OfflineMode,
    OnFailure,
    Target,
)
from planners.model.connectivity import ConnectivityIntent
from planners.model.fleet import Cluster
from planners.model.gate_rules import GateRule
from planners.model.placement import ExceptionRule, PlacementIntent
from planners.model.rules import Action, Rule
from planners.model.selectors import Selector


@dataclass(frozen=True, slots=True)
class ComponentSource:
    """Where a component's manifests are; `kind` is the name of a module of `renderers.sources`.

    `files` and `name` are further parameters that some kinds have: paths in the application's
    folder, and a name (of a Helm release). A source with a `digest` is not in the app repo: `path`
    is then its address, such as `oci://registry.example.com/charts/web`, with its `version`.
    """

    kind: str
    path: str
    files: tuple[str, ...] = ()
    name: str = ""
    version: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Dependency:
    """`component` must have reached `when` on `on` before the declaring component may merge.

    `application` names another registered application (None: this one). `on_failure` is the
    reaction when `timeout` has passed. An `implied` dependency was derived from the manifests: it
    orders the rollout where `component` is placed, but does not influence placement.
    """

    component: str
    when: DependencyCondition = DependencyCondition.READY
    on: DependencyScope = DependencyScope.SAME_CLUSTER
    quorum: int | None = None
    soak: timedelta = timedelta()
    timeout: timedelta = timedelta(minutes=15)
    on_failure: OnFailure = OnFailure.HOLD
    application: str | None = None
    implied: bool = False

    def __str__(self) -> str:
        return f"{self.application}/{self.component}" if self.application else self.component


@dataclass(frozen=True, slots=True)
class Component:
    """The unit of an application that is placed, rendered and reported on as a whole."""

    name: str
    source: ComponentSource
    depends_on: tuple[Dependency, ...] = ()
    position: FilePosition | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DataFile:
    """One entry of a ConfigMap or Secret: the content of `file`, a path in the app repo."""

    key: str
    file: str


@dataclass(frozen=True, slots=True)
class DataFiles:
    """Files of a ConfigMap or Secret (`kind`), which is created if the component has none."""

    kind: str
    name: str
    files: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class CustomizationIntent:
    """A difference on some clusters: exactly one of a patch, new objects, data files, or values.

    A patch has a `target`, a `kind` (the name of a module of `renderers.patch`) and a `body` as
    written. `template` is a file with new objects, `values` are for the components' Helm charts.
    Applies to `clusters` (None: all) except `excluded`.
    """

    name: str
    components: tuple[str, ...]
    target: Target | None = None
    kind: str = ""
    body: Json = None
    clusters: Selector | None = None
    excluded: Selector | None = None
    template: str | None = None
    data: DataFiles | None = None
    values: Json = None
    position: FilePosition = field(default=FilePosition("switchyard.yaml", 1, 1), compare=False)

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the app repo that it reads."""
        if self.template is not None:
            return (self.template,)
        return tuple(each.file for each in self.data.files) if self.data else ()

    def applies_to(self, component: str, cluster: Cluster) -> bool:
        """Whether it applies to that component on that cluster."""
        return (
            component in self.components
            and (self.clusters is None or self.clusters.matches(cluster))
            and not (self.excluded is not None and self.excluded.matches(cluster))
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a rollout: all its clusters must be ready before the next stage begins.

    `max_at_once` (or its percentage) splits the clusters into batches. With `by`, a cluster label,
    clusters with different values of the label never share a batch. The next stage may begin while
    up to `max_failures` clusters (or that percentage) have failed.
    """

    name: str
    clusters: Selector | None = None
    soak: timedelta = timedelta()
    max_at_once: int | None = None
    max_at_once_percent: int | None = None
    by: str | None = None
    max_failures: int = 0
    max_failures_percent: int | None = None
    position: FilePosition | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Application:
    """A composite application with its intents.

    With `optimal` a solver places all components together; otherwise they are placed one by one.
    `is_tenant_setup` marks the application that Switchyard generates for a tenant's namespaces.
    `on_failure` is the reaction when more clusters of a stage failed than the stage allows,
    `offline` says whether stages and dependencies wait for clusters that are away.
    """

    name: str
    tenant: str
    components: tuple[Component, ...]
    placements: tuple[PlacementIntent, ...] = ()
    customizations: tuple[CustomizationIntent, ...] = ()
    stages: tuple[Stage, ...] = ()
    on_failure: OnFailure = OnFailure.HOLD
    offline: OfflineMode = OfflineMode.WAIT
    optimal: bool = False
    is_tenant_setup: bool = False
    exceptions: tuple[ExceptionRule, ...] = ()
    connectivity: tuple[ConnectivityIntent, ...] = ()
    rules: tuple[Rule, ...] = ()
    gates: tuple[GateRule, ...] = ()

    @property
    def on_demand(self) -> frozenset[str]:
        """The components that run only where there is demand, so that they may run nowhere."""
        rules = (each for each in self.rules if each.action is Action.ON_DEMAND)
        return frozenset(name for rule in rules for name in rule.components)

    def component(self, name: str) -> Component | None:
        """The component of that name, or None."""
        return next((part for part in self.components if part.name == name), None)
