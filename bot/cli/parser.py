"""The subcommands with their options and help; imports little, so that help is instant."""

import argparse
from pathlib import Path

from bot.terminal import write

EPILOG = """examples:
  switchyard demo                              try everything on this machine, in a browser
  switchyard check --app . --fleet ../fleet    list mistakes with file, line and column
  switchyard plan --app . --fleet ../fleet     show what would be merged, wave by wave

exit codes: 0 success, 1 wrong input, 2 wrong usage, 3 the plan differs from --expect

`switchyard COMMAND --help` describes one command, with examples.
"""

_Subcommands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


class _Version(argparse.Action):
    """Prints the version. Package metadata takes longer to import than everything else here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - see the class

        write(f"switchyard {version('switchyard')}\n")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The command line; after parsing, `run` is the subcommand's function as `module:function`."""
    top = argparse.ArgumentParser(
        prog="switchyard",
        description="Rolls applications out over a fleet of Kubernetes clusters by merge request.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_sandbox(commands)
    _add_service(commands)
    _add_check(commands)
    _add_plan(commands)
    _add_render(commands)
    _add_explain(commands)
    _add_simulate(commands)
    _add_connect(commands)
    _add_report(commands)
    return top


def _add(
    commands: "_Subcommands[argparse.ArgumentParser]",
    name: str,
    run: str,
    summary: str,
    *examples: str,
) -> argparse.ArgumentParser:
    """Add a subcommand; `run` is its function as `module:function`."""
    lines = [f"  switchyard {name} {each}".rstrip() for each in examples]
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog="\n".join(["examples:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _add_sandbox(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    demo = _add(
        commands,
        "demo",
        "bot.cli.sandbox:demo",
        "try everything on this machine: forge, service, simulated clusters, sample application",
        "",
        "--auto",
        "--auto --burst",
        "--data /tmp/shop --port 9000",
    )
    demo.add_argument("--auto", action="store_true", help="play the people too, then exit")
    demo.add_argument(
        "--burst",
        action="store_true",
        help="with --auto: then let load rise and fall, and a rule take one cluster more",
    )
    demo.add_argument(
        "--data", type=Path, metavar="DIR", help="folder for all data (default: a new one)"
    )
    demo.add_argument(
        "--port", type=int, default=7080, help="port of the service (default: 7080; forge: +1)"
    )
    forge = _add(
        commands,
        "forge",
        "bot.cli.sandbox:forge",
        "run a local forge with Git repositories, merge requests and webhooks",
        "--data /srv/forge",
        "--data /srv/forge --site site.yaml --port 9001",
    )
    forge.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder for the repositories"
    )
    forge.add_argument(
        "--site", type=Path, metavar="FILE", help="YAML file of users, repositories and webhooks"
    )
    forge.add_argument("--port", type=int, default=7081, help="port to listen on (default: 7081)")


def _add_connect(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    connect = _add(
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


def _add_report(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    report = _add(
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
    report.add_argument(
        "--secrets-dir",
        type=Path,
        metavar="DIR",
        help="folder with one file for each secret setting",
    )


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


def _add_report_key(commands: "_Subcommands[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    key = _add(
        commands,
        "report-key",
        "bot.cli.keys:report_key",
        "print the key with which a cluster sends its reports",
        "edge-17",
        "edge-17 --secrets-dir /run/secrets/switchyard",
        "edge-17 --generation 2",
        "edge-17 --facts",
        "edge-17 --status",
    )
    key.add_argument("cluster", help="name of the cluster")
    purpose = key.add_mutually_exclusive_group()
    purpose.add_argument(
        "--agent",
        default="flux",
        metavar="NAME",
        help="the agent that reports (default: %(default)s)",
    )
    purpose.add_argument(
        "--facts", action="store_true", help="print the key that signs the cluster's facts"
    )
    purpose.add_argument(
        "--status",
        action="store_true",
        help="print the key that signs the cluster's status documents",
    )
    key.add_argument(
        "--generation",
        type=int,
        choices=range(1, 1000),
        default=1,
        metavar="N",
        help="`reportKeyGeneration` of the cluster in the fleet repo (default: 1)",
    )
    return key


def _add_service(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    serve = _add(
        commands,
        "serve",
        "bot.cli.service:serve",
        "run the service; settings are SWITCHYARD_* variables",
        "",
        "--secrets-dir /run/secrets/switchyard",
    )
    health = _add(
        commands,
        "health",
        "bot.cli.health:health",
        "ask the service on this machine whether it is healthy",
        "",
        "--url http://127.0.0.1:8080",
    )
    health.add_argument(
        "--url",
        default="http://127.0.0.1:7080",
        help="default: %(default)s",
    )
    key = _add_report_key(commands)
    link = _add(
        commands,
        "setup-link",
        "bot.cli.keys:setup_link",
        "print the link to the page that sets up a GitHub App",
        "--secrets-dir /run/secrets/switchyard",
    )
    for command in (serve, key, link):
        command.add_argument(
            "--secrets-dir",
            type=Path,
            metavar="DIR",
            help="folder with one file for each secret setting",
        )


def _add_check(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    check = _add(
        commands,
        "check",
        "bot.cli.check:check",
        "find mistakes in the documents of an app repo, a fleet repo or both",
        "--app .",
        "--fleet ../fleet",
        "--app . --fleet ../fleet",
    )
    check.add_argument("--app", type=Path, metavar="DIR", help="folder of the app repo")
    check.add_argument("--fleet", type=Path, metavar="DIR", help="folder of the fleet repo")
    _add_charts(check)


def _add_plan(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    plan = _add(
        commands,
        "plan",
        "bot.cli.plan:plan",
        "show what would be merged, wave by wave, and the plan digest",
        "--app . --fleet ../fleet",
        "--app . --fleet ../fleet --deploy ../deploy --format markdown",
        "--app . --fleet ../fleet --expect 3f9a0c1d22ab",
        "--fleet ../fleet --application tenant-retail",
    )
    _add_inputs(plan)
    plan.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default: text"
    )
    plan.add_argument("--expect", metavar="DIGEST", help="exit with 3 unless the digest begins so")


def _add_render(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    render = _add(
        commands,
        "render",
        "bot.cli.render:render",
        "write the deploy tree as it would be once everything is merged",
        "--app . --fleet ../fleet --out /tmp/deploy",
    )
    _add_inputs(render)
    render.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a folder that is new or empty"
    )


def _add_explain(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    explain = _add(
        commands,
        "explain",
        "bot.cli.explain:explain",
        "explain why components run on some clusters and not on others",
        "--app . --fleet ../fleet",
        "--app . --fleet ../fleet cart",
        "--app . --fleet ../fleet cart eu-1",
    )
    _add_inputs(explain)
    explain.add_argument("component", nargs="?", help="only this component")
    explain.add_argument("cluster", nargs="?", help="only this cluster")
    explain.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def _add_simulate(commands: "_Subcommands[argparse.ArgumentParser]") -> None:
    simulate = _add(
        commands,
        "simulate",
        "bot.cli.simulate:simulate",
        "show what rules would do with recorded signals, without changing anything",
        "--app . --fleet ../fleet --signals monday.yaml",
        "--app . --fleet ../fleet --signals monday.yaml --svg monday.svg",
    )
    _add_inputs(simulate)
    simulate.add_argument(
        "--signals",
        type=Path,
        required=True,
        metavar="FILE",
        help="YAML file with `start`, `step` and `signals`: a list of values for each of "
        "`load/web`, `demand/web@edge-1` and so on",
    )
    simulate.add_argument("--svg", type=Path, metavar="FILE", help="also draw a picture")


def _add_charts(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--charts",
        type=Path,
        metavar="DIR",
        help="fetch charts from registries and repositories, and keep them in this folder "
        "(default: fetch nothing)",
    )


def _add_inputs(command: argparse.ArgumentParser) -> None:
    """The folders that a plan is made from."""
    command.add_argument(
        "--app", type=Path, metavar="DIR", help="folder of the app repo (a tenant has none)"
    )
    command.add_argument(
        "--fleet", type=Path, required=True, metavar="DIR", help="folder of the fleet repo"
    )
    command.add_argument(
        "--deploy", type=Path, metavar="DIR", help="folder of the deploy repo (default: empty)"
    )
    command.add_argument(
        "--application", metavar="NAME", help="which application, if the fleet registers several"
    )
    _add_charts(command)
    command.add_argument(
        "--facts", type=Path, metavar="FILE", help="YAML file of what clusters report"
    )
