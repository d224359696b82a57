"""Jobs of gates that would not hold what they should are refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.engine import discovery
from bot.engine.propose import Proposal, propose
from planners.gate_jobs import with_gate_jobs
from planners.model.gate_rules import GatePhase, GateRule
from planners.model.snapshot import Snapshot
from tests.fakes.builders import application, clusters, component, snapshot
from tests.stories.test_gates import JOB

RULE = GateRule(
    "migrate",
    "job",
    GatePhase.BEFORE,
    discovery.gates()["job"].settings(manifests="jobs/migrate"),  # type: ignore[call-arg]
)


def start(job: bytes = JOB, *, early: bool = False) -> Snapshot:
    app = with_gate_jobs(replace(application(component("web")), gates=(RULE,)))
    fleet = clusters(2)
    if early:
        settings = discovery.agents()["anthos"].settings(repo_url="https://x.test")  # type: ignore[call-arg]
        fleet = tuple(replace(c, agent="anthos", agent_settings=settings) for c in fleet)
    found = snapshot(app, fleet)
    return replace(found, sources={**found.sources, "migrate": {"job.yaml": job}})


def job_name(proposal: Proposal, cluster: str) -> bytes:
    path = f"clusters/{cluster}/apps/shop/storefront/migrate/job-migrate.yaml"
    line = next(each for each in proposal.trees[cluster][path].splitlines() if b"name: mi" in each)
    return line.partition(b"name: ")[2]


def test_clusters_with_the_same_content_share_a_name_and_other_content_has_another() -> None:
    first = propose(start())
    other = propose(start(JOB.replace(b"1.0.0", b"2.0.0")))

    assert first.problems == ()
    assert job_name(first, "c1") != job_name(other, "c1")
    assert job_name(first, "c1") == job_name(propose(start()), "c1")


REFUSED: dict[str, tuple[Callable[[], Snapshot], str]] = {
    "no Job": (
        lambda: start(b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        "gate migrate: its folder has no Job",
    ),
    "deleted by itself": (
        lambda: start(JOB.replace(b"  backoffLimit: 2", b"  ttlSecondsAfterFinished: 60")),
        "Job/migrate has ttlSecondsAfterFinished",
    ),
    "ready too early": (lambda: start(early=True), "reports a Job as ready when it has"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str) -> None:
    made, told = REFUSED[name]

    assert told in " ".join(str(each) for each in propose(made()).problems)
