"""The set-up of a tenant on clusters with and without network facts."""

from pathlib import Path
from typing import Any

from bot.cli.folders import read_snapshot
from bot.engine.propose import Proposal, propose
from planners.model import Unit
from renderers import yaml
from tests.fakes.connectivity import fleet, shop
from tests.fakes.folders import cluster, write


def set_up(folder: Path, repo: dict[str, str]) -> Proposal:
    app, fleet_folder = write(folder / "app", shop()), write(folder / "fleet", repo)
    return propose(read_snapshot(app, fleet_folder, None, "tenant-shop"), thorough=True)


def contents(proposal: Proposal, where: str) -> dict[str, bytes]:
    files = proposal.files[Unit("namespace", where)]
    return {path: proposal.contents[blob] for path, blob in files.items()}


def found(proposal: Proposal, where: str) -> set[str]:
    assert not proposal.problems, proposal.problems
    items: list[Any] = [
        each.value
        for path, content in contents(proposal, where).items()
        if "/apps/" in path
        for each in yaml.load_documents(content)
    ]
    return {f"{each['kind']}/{each['metadata']['name']}" for each in items}


def test_a_cluster_without_network_facts_keeps_its_files(tmp_path: Path) -> None:
    bare = set_up(tmp_path / "bare", fleet())
    facts = cluster("eu-1", network="{mesh: istio, policies: clusternetworkpolicy}")
    meshed = set_up(tmp_path / "meshed", fleet(facts, cluster("eu-2")))

    assert contents(bare, "eu-2") == contents(meshed, "eu-2")
    assert found(meshed, "eu-1") - found(bare, "eu-1") == {
        "NetworkPolicy/switchyard-mesh",
        "ClusterNetworkPolicy/switchyard-shop",
    }
    assert contents(bare, "eu-1").items() <= contents(meshed, "eu-1").items()


def test_facts_that_ask_for_nothing_change_nothing(tmp_path: Path) -> None:
    bare = set_up(tmp_path / "bare", fleet())
    facts = "{podRanges: [10.0.0.0/16], clusterSet: eu, egress: cilium, gatewayApi: true}"
    stated = set_up(tmp_path / "stated", fleet(cluster("eu-1", network=facts), cluster("eu-2")))

    assert bare.digest == stated.digest
    assert bare.files == stated.files
