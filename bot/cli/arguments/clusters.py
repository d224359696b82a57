"""What connects clusters: `connect` and `report`."""

import argparse
from pathlib import Path

from bot.cli.arguments import Subcommands, add_command, add_secrets_folder


def add(commands: Subcommands) -> None:
    """Add the subcommands."""
    _add_connect(commands)
    _add_report(commands)


def _add_connect(commands: Subcommands) -> None:
    connect = add_command(
        commands,
        "connect",
        "bot.cli.connect:connect",
        "print the objects that connect a cluster's agent to the deploy repo and the service",
        "edge-17 --fleet ../fleet --deploy-url https://git.example.com/fleet/deploy.git "
        "--service-url https://switchyard.example.com",
    )
    connect.add_argument("cluster", help="name of the cluster")
    connect.add_argument(
        "--fleet", type=Path, required=True, metavar="DIR", help="folder of the fleet repo"
    )
    connect.add_argument(
        "--deploy-url", required=True, metavar="URL", help="URL from which the cluster fetches"
    )
    connect.add_argument(
        "--branch", default="main", help="branch of the deploy repo (default: %(default)s)"
    )
    connect.add_argument(
        "--service-url", required=True, metavar="URL", help="public URL of the service"
    )
    connect.add_argument(
        "--reporter",
        choices=("push", "bucket"),
        help="print a CronJob too, which sends the cluster's status documents that way",
    )
    connect.add_argument(
        "--addresses",
        action="store_true",
        help="let that CronJob report the addresses of Services of type LoadBalancer",
    )
    connect.add_argument(
        "--reporter-image",
        default="registry.example.com/switchyard:0.1.0",
        metavar="IMAGE",
        help="image of that CronJob (default: %(default)s)",
    )


def _add_report(commands: Subcommands) -> None:
    report = add_command(
        commands,
        "report",
        "bot.cli.report:report",
        "read in a cluster what its agent says, and send it as a status document",
        "edge-17",
        "edge-17 --push https://switchyard.example.com --secrets-dir /run/secrets/switchyard",
        "edge-17 --addresses --push https://switchyard.example.com",
        "edge-17 --agent argocd --watch Application.v1alpha1.argoproj.io/argocd --bucket",
        "edge-17 --kubeconfig edge-17.kubeconfig --out status-repo",
    )
    report.add_argument("cluster", help="name of the cluster, as in the fleet repo")
    report.add_argument(
        "--agent", default="flux", metavar="NAME", help="the agent there (default: %(default)s)"
    )
    report.add_argument(
        "--watch",
        action="append",
        default=[],
        metavar="KIND",
        help="objects to read, as Kind.version.group/namespace; several times for several kinds "
        "(default: those of an agent with usual settings)",
    )
    report.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="credentials of the cluster (default: the pod's service account)",
    )
    _add_ways(report)
    add_secrets_folder(report)


def _add_ways(report: argparse.ArgumentParser) -> None:
    report.add_argument(
        "--addresses",
        action="store_true",
        help="report the addresses of Services of type LoadBalancer too",
    )
    way = report.add_mutually_exclusive_group()
    way.add_argument("--push", metavar="URL", help="post it to the service with this URL")
    way.add_argument(
        "--bucket", action="store_true", help="write it to the bucket SWITCHYARD_STATUS_BUCKET"
    )
    way.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write it to a folder, such as one to commit (default: print it, without a signature)",
    )
