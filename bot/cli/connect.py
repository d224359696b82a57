"""`connect`: the objects that connect a cluster's agent to the deploy repo and to the service."""

import argparse

from bot.cli.errors import InputError
from bot.cli.folders import read_fleet_folder
from bot.engine import discovery
from bot.terminal import write
from renderers import yaml
from renderers.agents import ClusterTarget


def connect(options: argparse.Namespace) -> int:
    """Print what an administrator applies once to a cluster."""
    fleet = read_fleet_folder(options.fleet)
    cluster = next((each for each in fleet.clusters if each.name == options.cluster), None)
    if cluster is None:
        raise InputError(f"{options.fleet}: no cluster {options.cluster}; declare it in clusters/")
    agent = discovery.agents()[cluster.agent]
    target = ClusterTarget(
        cluster=cluster.name,
        settings=cluster.agent_settings or agent.settings(),
        url=options.deploy_url,
        branch=options.branch,
        sync_folder=f"clusters/{cluster.name}/sync",
        report_url=f"{options.service_url.rstrip('/')}/reports/{cluster.agent}/{cluster.speaker}",
    )
    objects = agent.cluster_references(target)
    if not objects:
        raise InputError(f"agent {cluster.agent} needs no objects in the cluster: see its guide")
    write(b"---\n".join(yaml.dump(item) for item in objects).decode())
    return 0
