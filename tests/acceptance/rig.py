"""Everything that runs: clusters with Flux, the forge, the service, and the recorder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sandbox.demo.site import DEPLOY
from tests.acceptance.cluster import Cluster
from tests.acceptance.flux import Flux
from tests.acceptance.guide import bootstrap_objects
from tests.acceptance.processes import Processes
from tests.acceptance.programs import Programs
from tests.acceptance.recorder import Recorder
from tests.acceptance.site import Service, start_service

CLUSTERS = {"eu-core-1": False, "ap-edge-1": True}
"""The clusters, and whether their Flux runs with the multi-tenancy lockdown. One is the canary."""
CANARY, OTHER = CLUSTERS


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
    flux: Mapping[str, Flux]
    direct: Cluster
    states: list[dict[str, Any]] = field(default_factory=list)

    def cluster(self, name: str) -> Cluster:
        """A cluster by name."""
        return self.flux[name].cluster

    def deployment(self, cluster: str, name: str, namespace: str = "shop") -> dict[str, Any]:
        """A Deployment as the API server has it; empty if it does not exist."""
        found = self.cluster(cluster).items("deployments", f"--namespace={namespace}")
        return next((each for each in found if each["metadata"]["name"] == name), {})


@contextmanager
def running_rig(folder: Path, programs: Programs) -> Iterator[Rig]:
    """Start all programs, and connect the clusters as the guides say."""
    processes, recorder = Processes(folder / "logs"), Recorder()
    try:
        service = start_service(processes, folder, list(CLUSTERS))
        recorder.service_url = service.url
        flux = {}
        for name, locked in CLUSTERS.items():
            flux[name] = _start(name, locked, programs, processes, folder)
        direct = Cluster("direct", programs, processes, folder / "direct")
        direct.start()
        rig = Rig(folder, programs, processes, service, recorder, flux, direct)
        for name, each in flux.items():
            objects = bootstrap_objects(name, f"{service.site.url}/{DEPLOY}.git", recorder.url)
            otto = service.person("otto")
            each.connect(objects, service.report_key(name), otto.login, otto.token)
        yield rig
    finally:
        processes.stop()
        recorder.stop()
        if "service" in locals():
            service.site.server.stop()


def _start(name: str, locked: bool, programs: Programs, processes: Processes, folder: Path) -> Flux:
    cluster = Cluster(name, programs, processes, folder / name)
    cluster.start()
    flux = Flux(cluster, locked)
    flux.start()
    return flux
