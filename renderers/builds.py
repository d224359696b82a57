"""Which runs of a source's tool a component needs: one for each distinct input, not each cluster.

The shell makes these runs before it plans, and hands in their outputs by `Build.file`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import (
    Application,
    Cluster,
    Component,
    ComponentSource,
    CustomizationIntent,
    Json,
    PlanProblem,
)
from planners.plan import digest_of
from renderers.kubernetes.patch_meta import UNKNOWN, Field
from renderers.sources import Source
from renderers.substitution import Place, ValueReferenceError, substitute
from renderers.writes import WriteLedger, leaves, text_of

DIGEST = 16


@dataclass(frozen=True, slots=True)
class Build:
    """One run of a tool, by all that its output depends on besides the files.

    `release` and `namespace` are those of a Helm release; `values` are those of customisations, in
    order, each as JSON; `kubernetes` is a minor version, or empty if it is unknown; `api_versions`
    are those of custom kinds on the cluster.
    """

    tool: str
    source: ComponentSource
    release: str = ""
    namespace: str = ""
    values: tuple[str, ...] = ()
    kubernetes: str = ""
    api_versions: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The name of the file in which the output is handed in."""
        if not self.release:
            return f"{self.tool}-output.yaml"
        told: list[Json] = [
            self.release,
            self.namespace,
            list(self.values),
            self.kubernetes,
            list(self.api_versions),
        ]
        return f"{self.tool}-output-{digest_of(told)[:DIGEST]}.yaml"


def values_for(
    application: Application, component: str, cluster: Cluster
) -> Iterator[tuple[CustomizationIntent, Json]]:
    """The values that customisations give a component's chart on a cluster, in order.

    Raises:
        ValueReferenceError: a reference in them has no value.
    """
    for intent in application.customizations:
        if intent.values is not None and intent.applies_to(component, cluster):
            try:
                yield intent, substitute(intent.values, Place(cluster, component))
            except ValueReferenceError as error:
                message = f"{intent.position}: customisation {intent.name}: {error}"
                raise ValueReferenceError(f"{message} [on {cluster.name}]") from error


def conflicting_values(
    application: Application, component: str, cluster: Cluster
) -> Iterator[PlanProblem]:
    """Two customisations that give one value of a chart differently on a cluster."""
    ledger: WriteLedger[CustomizationIntent] = WriteLedger()
    for intent, values in values_for(application, component, cluster):
        conflict = ledger.add(leaves(("values",), values, Field(UNKNOWN)), intent)
        if conflict is not None:
            yield PlanProblem(
                f"customisation {intent.name}: sets {text_of(conflict.path)}, which customisation "
                f"{conflict.writer.name} ({conflict.writer.position}) sets to another value "
                f"[on {cluster.name}]",
                intent.position,
            )


def build_of(
    application: Application,
    component: Component,
    cluster: Cluster,
    source: Source,
    namespace: str,
) -> Build | None:
    """The build of a component on a cluster; None if its source needs no tool.

    Raises:
        ValueReferenceError: a reference in its values has no value.
    """
    if not source.tool:
        return None
    if not source.per_cluster:
        return Build(source.tool, component.source)
    every = values_for(application, component.name, cluster)
    return Build(
        tool=source.tool,
        source=component.source,
        release=component.source.name or component.name,
        namespace=namespace,
        values=tuple(json.dumps(each, sort_keys=True) for _, each in every),
        kubernetes=cluster.kubernetes or "",
        api_versions=cluster.api_versions,
    )


def builds(
    application: Application,
    component: Component,
    clusters: Mapping[str, Cluster],
    source: Source,
    namespace: str,
) -> tuple[Build, ...]:
    """The distinct builds of a component on these clusters, in the order of their names.

    A cluster on which a reference has no value has none; rendering reports it.
    """
    found: dict[Build, None] = {}
    for name in sorted(clusters):
        try:
            build = build_of(application, component, clusters[name], source, namespace)
        except ValueReferenceError:
            continue
        if build is not None:
            found[build] = None
    return tuple(found)
