"""What a team wants to run: the application, its components and its intents."""

from dataclasses import dataclass, field
from datetime import timedelta

from planners.model.basics import Json, On, OnFailure, Place, When
from planners.model.fleet import Cluster
from planners.model.placement import ExceptionRule, PlacementIntent
from planners.model.selectors import Selector


@dataclass(frozen=True, slots=True)
class Source:
    """Where a component's manifests are: `kind` names a file of renderers/sources."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """`component` must be `when` on `on` before the component that declares this may merge.

    `application` names another registered application (None: this one). `on_failure` says what a
    wait that has passed its `timeout` leads to. An `implied` one was found in the manifests: it
    counts where `component` is placed, and asks for no placement.
    """

    component: str
    when: When = When.READY
    on: On = On.SAME_CLUSTER
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
    """A part of an application that is placed, rendered and reported on as one."""

    name: str
    source: Source
    depends_on: tuple[Dependency, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Which object of a component a customisation changes."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class DataFile:
    """One entry of a ConfigMap or Secret: the bytes of `file`, a path in the app repo."""

    key: str
    file: str


@dataclass(frozen=True, slots=True)
class DataFiles:
    """Files for the ConfigMap or Secret (`kind`) of that name, which is made if it is not there."""

    kind: str
    name: str
    files: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class CustomizationIntent:
    """What is different on some clusters: a patch, new objects, or data files; exactly one.

    A patch has a `target`, a `kind` (a file of renderers/patch) and a `body` as written.
    `template` is a file of new objects. `clusters` selects (None: all), `excluded` takes away
    again.
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
    place: Place = field(default=Place("switchyard.yaml", 1, 1), compare=False)

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the app repo that it reads."""
        if self.template is not None:
            return (self.template,)
        return tuple(each.file for each in self.data.files) if self.data else ()

    def applies_to(self, component: str, cluster: Cluster) -> bool:
        """Whether this customisation is for that component on that cluster."""
        return (
            component in self.components
            and (self.clusters is None or self.clusters.matches(cluster))
            and not (self.excluded is not None and self.excluded.matches(cluster))
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a rollout: its clusters must all be ready before the next step begins.

    `max_at_once` splits its clusters into batches: a count, or a share of them in percent. With
    `by`, a cluster label, each of its values makes batches of its own. Up to `max_failures`
    clusters (or that share of them) may fail without holding up the next step.
    """

    name: str
    clusters: Selector | None = None
    soak: timedelta = timedelta()
    max_at_once: int | None = None
    max_at_once_percent: int | None = None
    by: str | None = None
    max_failures: int = 0
    max_failures_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """What a team wants to run (composite application), with its intents.

    With `optimal` all its components are placed at once by a solver instead of one after the other.
    `own` marks a tenant's own set-up, which Switchyard writes itself. `on_failure` says what
    happens when more clusters of a stage failed than it allows. `exceptions` hold for a time.
    """

    name: str
    tenant: str
    components: tuple[Component, ...]
    placements: tuple[PlacementIntent, ...] = ()
    customizations: tuple[CustomizationIntent, ...] = ()
    stages: tuple[Stage, ...] = ()
    on_failure: OnFailure = OnFailure.HOLD
    optimal: bool = False
    own: bool = False
    exceptions: tuple[ExceptionRule, ...] = ()

    def component(self, name: str) -> Component | None:
        """The component of that name, if there is one."""
        return next((part for part in self.components if part.name == name), None)
