"""An autoscaler inside a cluster keeps the replicas of its workload, whichever agent applies."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace

import pytest

from bot.documents.merged_replicas import with_merged_replicas
from bot.engine import discovery
from bot.engine.propose import Proposal
from planners.model import Cluster, Revision
from renderers import yaml
from renderers.kubernetes.fields import mapping
from tests.fakes.builders import (
    APP,
    World,
    application,
    component,
    deployment,
    snapshot,
    warnings_of,
)

HPA = (
    b"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n"
    b"spec:\n  minReplicas: 2\n  maxReplicas: 9\n"
    b"  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n"
)
FILE = "/web/deployment-web.yaml"
PLAIN = {"main.yaml": deployment("web")}
SCALED = {**PLAIN, "scaler.yaml": HPA}
LEFT_OUT = {"main.yaml": deployment("web").replace(b"  replicas: 2\n", b""), "scaler.yaml": HPA}


class Gathered(World):
    """A world in which merged objects are read before each pass, as the service reads them."""

    def __init__(self, agent: str, sources: Mapping[str, bytes]) -> None:
        settings = discovery.agents()[agent].settings
        needed = [each.name for each in fields(settings) if each.default is MISSING]
        made = settings(**dict.fromkeys(needed, "example"))
        cluster = Cluster("c1", agent, agent_settings=made)
        super().__init__(snapshot(application(component("web")), (cluster,)))
        self.blobs: dict[str, bytes] = {}
        self.change(sources, "a")

    def change(self, sources: Mapping[str, bytes], revision: str) -> None:
        """Another revision of the app repo."""
        self.snapshot = replace(
            self.snapshot, sources={"web": sources}, revision=Revision(APP, revision * 40)
        )

    def pass_once(self) -> Proposal:
        """A pass over what is merged now."""
        self.snapshot = with_merged_replicas(self.snapshot, self.blobs.__getitem__)
        proposal = super().pass_once()
        self.blobs |= proposal.contents
        return proposal

    def replicas(self) -> object:
        """Those in the deploy repo."""
        (files,) = self.snapshot.base.entries.values()
        (blob,) = (blob for path, blob in files.items() if path.endswith(FILE))
        (document,) = yaml.load_documents(self.blobs[blob])
        return mapping(mapping(document.value)["spec"]).get("replicas")


agents = pytest.mark.parametrize("agent", sorted(discovery.agents()))


@agents
def test_a_new_workload_is_written_without_the_field(agent: str) -> None:
    world = Gathered(agent, SCALED)
    told = warnings_of(world.settle())

    assert world.replicas() is None
    assert told == (
        "web: Deployment/web is written without replicas: HorizontalPodAutoscaler/web sets them",
    )
    world.change({**SCALED, "main.yaml": deployment("web", "app:1.1.0")}, "b")
    world.settle()
    assert world.replicas() is None


@agents
def test_the_field_of_a_running_workload_is_given_up_by_its_owner_alone(agent: str) -> None:
    world = Gathered(agent, PLAIN)
    world.settle()
    assert world.replicas() == 2

    world.change(SCALED, "b")
    (told,) = warnings_of(world.settle())
    assert world.replicas() == 2
    assert "Deployment/web keeps `replicas: 2`" in told
    assert "hand the field over on the clusters" in told

    world.change(LEFT_OUT, "c")
    (told,) = warnings_of(world.pass_once())
    assert "Deployment/web gives up `replicas: 2`" in told
    assert warnings_of(world.settle()) == ()
    assert world.replicas() is None

    world.change(SCALED, "d")
    world.settle()
    assert world.replicas() is None


@agents
def test_the_field_is_written_again_when_the_autoscaler_has_gone(agent: str) -> None:
    world = Gathered(agent, SCALED)
    world.settle()

    world.change(PLAIN, "b")
    assert warnings_of(world.settle()) == ()
    assert world.replicas() == 2


def test_argo_cd_leaves_fields_that_a_manifest_does_not_state() -> None:
    """Only server-side apply does, of its ways to apply; the other agents have no other way."""
    world = Gathered("argocd", SCALED)
    world.settle()
    rendered = b"\n".join(world.blobs.values())

    assert b"ServerSideApply=true" in rendered
