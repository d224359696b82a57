"""`init`: writes the first documents of an app repo or a fleet repo, and overwrites nothing."""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.cli.errors import InputError
from bot.cli.folders import read_folder
from bot.documents import APPLICATION_FILE, scaffold
from bot.documents.problems import suggest
from bot.documents.types import RepoName
from bot.engine import discovery
from bot.terminal import Line, Style, write, write_error, write_lines
from bot.wording.markdown import plural

NEEDED = ("application", "app", "deploy", "cluster")
FLEET_SCHEMAS = ("cluster", "tenant", "registration", "policy")


def init(options: argparse.Namespace) -> int:
    """Write an application, or a fleet."""
    if options.what == "application":
        return _application(options)
    return _fleet(options)


def _application(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    name = _name("--name", options.name or scaffold.as_name(folder.resolve().name))
    found = scaffold.find_components(read_folder(folder))
    for path, reason in found.left_out.items():
        write_error(f"{path}: left out: {reason}\n", Style.YELLOW)
    if not found.components:
        raise InputError(
            f"{folder}: no manifests, kustomization or chart found; every component is a folder "
            "of its own, e.g. deploy/web/deployment.yaml"
        )
    tenant = _name("--tenant", options.tenant or name)
    document = scaffold.application_document(name, tenant, found)
    listed = [Line(f"  {each.name}: {each.source} {each.folder}") for each in found.components]
    summary = [Line(f"{plural(len(found.components), 'component')} found:"), *listed]
    files = {APPLICATION_FILE: document, **scaffold.schema_files("application")}
    return _put(options, files, summary, f"switchyard check --app {_quoted(folder)}")


def _fleet(options: argparse.Namespace) -> int:
    missing = [f"--{each}" for each in NEEDED if not getattr(options, each)]
    if missing:
        raise InputError(f"init fleet needs {', '.join(missing)}; see `switchyard init --help`")
    application = _name("--application", options.application)
    for option in ("app", "deploy"):
        _require_repo(option, getattr(options, option))
    if options.agent not in (agents := discovery.agents()):
        raise InputError(
            f"--agent: unknown agent {options.agent!r} ({suggest(options.agent, agents)})"
        )
    choice = scaffold.FleetChoice(
        application,
        _name("--tenant", options.tenant or application),
        options.app,
        options.deploy,
        tuple(dict.fromkeys(_name("--cluster", each) for each in options.cluster)),
        options.agent,
    )
    files = {**scaffold.fleet_documents(choice), **scaffold.schema_files(*FLEET_SCHEMAS)}
    return _put(options, files, [], f"switchyard check --fleet {_quoted(options.folder)}")


def _put(
    options: argparse.Namespace, files: Mapping[str, str], summary: list[Line], then: str
) -> int:
    """Write what is not there yet, and say so, or print it."""
    if options.dry_run:
        shown = {path: text for path, text in files.items() if path.endswith(".yaml")}
        write("".join(f"# {path}\n{text}\n" for path, text in shown.items()))
        return 0
    for path, text in sorted(files.items()):
        target = options.folder / path
        if target.exists():
            summary.append(Line(f"kept  {target}: it is there already", Style.YELLOW))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        summary.append(Line(f"wrote {target}", Style.GREEN))
    write_lines([*summary, Line(f"next: {then}")])
    return 0


def _name(option: str, text: str) -> str:
    if not text or scaffold.as_name(text) != text:
        raise InputError(
            f"{option}: {text!r} is no name; expected lower-case letters, digits and hyphens, such "
            f"as {scaffold.as_name(text) or 'storefront'!r}"
        )
    return text


def _require_repo(option: str, text: str) -> None:
    try:
        TypeAdapter(RepoName).validate_python(text)
    except ValidationError as error:
        raise InputError(f"--{option}: {error.errors()[0]['msg']}") from None


def _quoted(folder: Path) -> str:
    return shlex.quote(str(folder))
