"""A Job in each cluster, delivered like everything else: it works while the cluster is away."""

from dataclasses import dataclass, field

from bot.gates import GateKind
from planners.model.gate_rules import GateSettings


@dataclass(frozen=True, slots=True)
class JobSettings(GateSettings):
    """A Job in each cluster."""

    manifests: str = field(
        metadata={
            "description": "Folder with the manifests of the Job, and of what it needs.",
            "pattern": r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$",
        }
    )

    @property
    def folder(self) -> str:
        """The folder of its manifests."""
        return self.manifests


@dataclass(frozen=True, slots=True)
class Job:
    """Its manifests are a wave of their own, see `planners.gate_jobs`."""

    name: str = "job"
    summary: str = "a Job in the cluster has completed"
    settings: type[GateSettings] = JobSettings


GATE: GateKind = Job()
