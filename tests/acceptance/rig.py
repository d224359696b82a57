"""Everything that runs: clusters with their agents, the forge, the service, and the recorder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.argocd import Argo
from tests.acceptance.cluster import Cluster
from tests.acceptance.flux import Flux
from tests.acceptance.guide import bootstrap_objects
from tests.acceptance.processes import Processes
from tests.acceptance.programs import Programs
from tests.acceptance.recorder import Recorder
from tests.acceptance.site import Service, start_service

FLUX, ARGO = "flux", "argocd"
CLUSTERS = {"eu-core-1": FLUX, "ap-edge-1": FLUX, "us-core-1": ARGO}
"""The clusters and their agents; the first one is the canary."""
CANARY, LOCKED, WITH_ARGO = CLUSTERS
"""Flux runs on one of them with the multi-tenancy lockdown."""
WITH_FLUX = (CANARY, LOCKED)


@dataclass(frozen=True, slots=True)
class Rig:
    """The running rig; `direct` is a cluster without an agent.

    `states` are those of an Application of Argo CD.
    """

    folder: Path
    programs: Programs
    processes: Processes
    service: Service
    recorder: Recorder
    agents: Mapping[str, Flux | Argo]
    direct: Cluster
    states: list[dict[str, Any]] = field(default_factory=list)

    def cluster(self, name: str) -> Cluster:
        """A cluster by name."""
        return self.agents[name].cluster

    @property
    def argo(self) -> Argo:
        """Argo CD."""
        found = self.agents[WITH_ARGO]
        assert isinstance(found, Argo)
        return found

    def deployment(self, cluster: str, name: str, namespace: str = "shop") -> dict[str, Any]:
        """A Deployment as the API server has it; empty if it does not exist."""
        found = self.cluster(cluster).items("deployments", f"--namespace={namespace}")
        return next((each for each in found if each["metadata"]["name"] == name), {})


@contextmanager
def running_rig(folder: Path, programs: Programs) -> Iterator[Rig]:
    """Start all programs, and connect the clusters as the guides say."""
    processes, recorder = Processes(folder / "logs"), Recorder()
    try:
        service = start_service(processes, folder, CLUSTERS)
        recorder.service_url = service.url
        agents: dict[str, Flux | Argo] = {}
        for name, agent in CLUSTERS.items():
            cluster = Cluster(name, programs, processes, folder / name)
            cluster.start()
            agents[name] = Flux(cluster, name == LOCKED) if agent == FLUX else Argo(cluster)
            agents[name].start()
        otto = service.person("otto")
        for name, agent in CLUSTERS.items():
            objects = bootstrap_objects(agent, name, service.site.url, recorder.url)
            key = service.report_key(name, agent)
            agents[name].connect(objects, key, otto.login, otto.token)
        direct = Cluster("direct", programs, processes, folder / "direct")
        direct.start()
        yield Rig(folder, programs, processes, service, recorder, agents, direct)
    finally:
        processes.stop()
        recorder.stop()
        if "service" in locals():
            service.site.server.stop()
