"""`connect`: the objects that connect a cluster's agent to the deploy repo and to the service."""

import argparse
import re

from bot.cli.errors import InputError
from bot.cli.folders import read_fleet_folder
from bot.cli.reporter_objects import SERVICES, Object, Reporter, reporter_objects
from bot.cli.settings import read_bucket_place
from bot.engine import discovery
from bot.terminal import write
from planners.model import Cluster, Fleet, Repo
from plugins import Agent, Watched
from renderers import yaml
from renderers.agents import ClusterTarget

WEB_SCHEMES = ("https", "http")
GIT_SCHEMES = (*WEB_SCHEMES, "ssh")
_SCP = re.compile(r"^([\w.-]+@[\w.-]+):/?(.+)$")  # how forges show it; Flux takes URLs only


def connect(options: argparse.Namespace) -> int:
    """Print what an administrator applies once to a cluster."""
    deploy_url = _url("--deploy-url", _SCP.sub(r"ssh://\1/\2", options.deploy_url), GIT_SCHEMES)
    service_url = _url("--service-url", options.service_url, WEB_SCHEMES).rstrip("/")
    fleet = read_fleet_folder(options.fleet)
    cluster = next((each for each in fleet.clusters if each.name == options.cluster), None)
    if cluster is None:
        raise InputError(f"{options.fleet}: no cluster {options.cluster}; declare it in clusters/")
    agent = discovery.agents()[cluster.agent]
    target = ClusterTarget(
        cluster=cluster.name,
        settings=cluster.agent_settings or agent.settings(),
        deploy=_deploy_repo(fleet, deploy_url),
        url=deploy_url,
        branch=options.branch,
        sync_folder=f"clusters/{cluster.name}/sync",
        report_url=f"{service_url}/reports/{cluster.agent}/{cluster.speaker}",
    )
    objects: tuple[Object, ...] = tuple(agent.cluster_references(target))
    if options.reporter:
        objects += _reporter(options, cluster, agent, service_url)
    if not objects:
        raise InputError(f"agent {cluster.agent} needs no objects in the cluster: see its guide")
    write(b"---\n".join(yaml.dump(item) for item in objects).decode())
    return 0


def _url(option: str, text: str, schemes: tuple[str, ...]) -> str:
    """The URL that an option gives.

    Raises:
        InputError: it is none, or agents know no such scheme.
    """
    scheme, separator, rest = text.partition("://")
    if scheme not in schemes or not separator or not rest.partition("/")[0]:
        known = ", ".join(f"{each}://" for each in schemes)
        raise InputError(f"{option} {text} is no URL; it begins with one of: {known}")
    return text


def _reporter(
    options: argparse.Namespace, cluster: Cluster, agent: Agent, service_url: str
) -> tuple[Object, ...]:
    """The CronJob that sends what the agent says, and what it needs."""
    watched: object = agent
    if not isinstance(watched, Watched):
        raise InputError(f"agent {agent.name} has no objects that say how it fares: see its guide")
    kinds = watched.watched(cluster.agent_settings or agent.settings())
    arguments = ["--agent", agent.name]
    for each in kinds:
        group, _, version = each.api_version.partition("/")
        arguments += ["--watch", f"{each.kind}.{version}.{group}/{each.namespace}"]
    if options.addresses:
        arguments.append("--addresses")
        kinds = (*kinds, SERVICES)
    variables: dict[str, str] = {}
    if options.reporter == "push":
        arguments += ["--push", service_url]
    else:
        place = read_bucket_place()
        arguments.append("--bucket")
        variables = {
            "SWITCHYARD_STATUS_BUCKET": place.status_bucket,
            "SWITCHYARD_STATUS_BUCKET_URL": str(place.status_bucket_url),
            "SWITCHYARD_STATUS_BUCKET_REGION": place.status_bucket_region,
            "SWITCHYARD_STATUS_BUCKET_PATH_STYLE": str(place.status_bucket_path_style).lower(),
        }
    return reporter_objects(
        Reporter(cluster.name, kinds, tuple(arguments), variables, options.reporter_image)
    )


def _deploy_repo(fleet: Fleet, url: str) -> Repo:
    """The deploy repo of the fleet that has this URL."""
    repos = {each.deploy for each in fleet.registrations}
    repos |= {each.deploy for each in fleet.tenants if each.deploy is not None}
    path = url.removesuffix("/").removesuffix(".git")
    found = [each for each in repos if path.endswith(f"/{each.path}")]
    if found:
        return max(found, key=lambda each: (len(each.path), str(each)))
    names = ", ".join(sorted(map(str, repos))) or "none"
    raise InputError(f"--deploy-url {url} is no deploy repo of the fleet, which has: {names}")
