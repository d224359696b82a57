"""What is about documents: `init`, `check`, `plan`, `render`, `explain`, `simulate`, `schema`."""

import argparse
from pathlib import Path

from bot.cli.arguments import Subcommands, add_command

DOCUMENTS = ("application", "cluster", "tenant", "registration", "policy")


def add(commands: Subcommands) -> None:
    """Add the subcommands."""
    _add_init(commands)
    _add_check(commands)
    _add_plan(commands)
    _add_render(commands)
    _add_explain(commands)
    _add_simulate(commands)
    _add_schema(commands)


def _add_init(commands: Subcommands) -> None:
    init = add_command(
        commands,
        "init",
        "bot.cli.init:init",
        "write the first documents of an app repo or a fleet repo",
        "application --name storefront --tenant shop",
        "fleet ../fleet --application storefront --tenant shop --app github:shop/storefront "
        "--deploy github:fleet/deploy --cluster eu-1 --cluster us-1",
    )
    init.add_argument(
        "what",
        choices=("application", "fleet"),
        help="application: switchyard.yaml, with a component for each chart, kustomization and "
        "folder of manifests; fleet: clusters, a tenant, a registration and a policy",
    )
    init.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="default: here"
    )
    init.add_argument("--name", help="application: its name (default: that of the folder)")
    init.add_argument("--tenant", help="the tenant (default: the name of the application)")
    init.add_argument("--application", metavar="NAME", help="fleet: the application to register")
    for option, text in (("--app", "its app repo"), ("--deploy", "its deploy repo")):
        init.add_argument(option, metavar="FORGE:GROUP/NAME", help=f"fleet: {text}")
    init.add_argument(
        "--cluster", action="append", metavar="NAME", help="fleet: a cluster; may be repeated"
    )
    init.add_argument("--agent", default="flux", help="fleet: what pulls (default: flux)")
    init.add_argument("--dry-run", action="store_true", help="print the documents, write nothing")


def _add_check(commands: Subcommands) -> None:
    check = add_command(
        commands,
        "check",
        "bot.cli.check:check",
        "find mistakes in the documents of an app repo, a fleet repo or both",
        "--app .",
        "--fleet ../fleet",
        "--app . --fleet ../fleet",
        "--app . --fleet ../fleet --format sarif > switchyard.sarif",
        "--app . --fleet ../fleet --format junit > switchyard.xml",
    )
    check.add_argument("--app", type=Path, metavar="DIR", help="folder of the app repo")
    check.add_argument("--fleet", type=Path, metavar="DIR", help="folder of the fleet repo")
    check.add_argument(
        "--format",
        choices=("text", "json", "sarif", "junit"),
        default="text",
        help="what to print mistakes and warnings as: for code scanning of a forge (SARIF 2.1.0), "
        "for test reports of CI servers (JUnit), or for programs (default: text)",
    )
    _add_charts(check)


def _add_plan(commands: Subcommands) -> None:
    plan = add_command(
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


def _add_render(commands: Subcommands) -> None:
    render = add_command(
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


def _add_explain(commands: Subcommands) -> None:
    explain = add_command(
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


def _add_simulate(commands: Subcommands) -> None:
    simulate = add_command(
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


def _add_schema(commands: Subcommands) -> None:
    schema = add_command(
        commands,
        "schema",
        "bot.cli.schema:schema",
        "print the JSON Schema of a document, for editors",
        "application > .switchyard/application.json",
        "cluster",
    )
    schema.add_argument(
        "document", choices=DOCUMENTS, help=f"one of: {', '.join(DOCUMENTS)}", metavar="DOCUMENT"
    )
