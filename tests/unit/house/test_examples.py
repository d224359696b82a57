"""What the guides show is accepted by the program: commands, settings, and documents."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from bot.cli.parser import Parser, parser
from bot.documents.models import FLEET_DOCUMENTS, ApplicationDocument
from bot.documents.models.common import API_VERSION
from renderers import yaml

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if path.name != "CHANGELOG.md" and path.parent.name not in {"adr", "reference"}
)
BLOCK = re.compile(r"(?ms)^ *```(?P<language>[a-z]*)\n(?P<text>.*?)^ *```$")
COMMAND = re.compile(r"(?:^\$ |^|\$\(|[a-z] && |^SWITCHYARD_\S+ )(?:\.venv/bin/)?switchyard (.*)")
ENDS = re.compile(r"\s*(?:[|>;#)]|&&)")
SETTING = re.compile(r"SWITCHYARD_[A-Z0-9_]*[A-Z0-9]")
REQUIRED = "the following arguments are required"
DOCUMENTS: dict[str, type[BaseModel]] = {
    "Application": ApplicationDocument,
    "Cluster": FLEET_DOCUMENTS["clusters"],
    "Tenant": FLEET_DOCUMENTS["tenants"],
    "Registration": FLEET_DOCUMENTS["applications"],
    "Policy": FLEET_DOCUMENTS["policies"],
}
SPECS: dict[str, dict[str, Any]] = {
    "Application": {
        "tenant": "shop",
        "components": [{"name": "web", "source": {"manifests": "web"}}],
    },
    "Cluster": {"agent": "flux"},
    "Tenant": {"namespace": "shop"},
    "Policy": {},
}
OTHERS = {  # by the first key: files of other programs, and of `switchyard simulate`
    "groups",
    "permissions",
    "postgresql",
    "route",
    "scrape_configs",
    "settings",
    "start",
    "switchyard",
}
SHORTENED = ("digest: 5f0c...", "placement: [...]")


class _UsageError(Exception):
    """A command that the parser refuses."""


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_one(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Parser, message: str) -> None:
        raise _UsageError(message)

    monkeypatch.setattr(Parser, "error", refuse)
    for command, is_whole in _commands((ROOT / page).read_text()):
        if "--help" in command:
            continue
        refused = _refusal(command)
        shortened = not is_whole and REQUIRED in refused
        assert not refused or shortened, f"switchyard {command}: {refused}"


def test_every_setting_is_in_the_reference() -> None:
    known = set(SETTING.findall((ROOT / "docs/reference/settings.md").read_text()))

    for page in PAGES:
        assert set(SETTING.findall((ROOT / page).read_text())) <= known, page


@pytest.mark.parametrize("page", PAGES)
def test_every_document_fits_its_model(page: str) -> None:
    for block in BLOCK.finditer((ROOT / page).read_text()):
        if block["language"] != "yaml" or any(each in block["text"] for each in SHORTENED):
            continue
        for shown in yaml.load_documents(block["text"].encode()):
            refused = [_mistake(*each) for each in _readings(shown.value)]
            assert not refused or None in refused, (block["text"], refused)


def _commands(text: str) -> Iterator[tuple[str, bool]]:
    """The arguments of each `switchyard`, and whether the command stands alone, to be copied."""
    for block in BLOCK.finditer(text):
        for line in block["text"].replace("\\\n", " ").splitlines():
            if found := COMMAND.search(line):
                yield _command(found[1]), True
    for words in re.findall(r"`([^`\n]+)`", BLOCK.sub("", text)):
        if found := COMMAND.match(words):
            yield _command(found[1]), False


def _refusal(command: str) -> str:
    """What the parser says against it."""
    try:
        parser().parse_args(shlex.split(command))
    except _UsageError as error:
        return str(error)
    return ""


def _command(rest: str) -> str:
    return ENDS.split(rest, maxsplit=1)[0]


def _readings(shown: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of Switchyard that a block may be, or be a part of."""
    match shown:
        case {"kind": str(kind), **rest} if kind in DOCUMENTS:
            if rest.get("apiVersion", API_VERSION) == API_VERSION:
                yield kind, {"apiVersion": API_VERSION, **shown}
        case {"kind": _}:
            return
        case list():
            yield _part("Application", {"components": shown})
            yield _part("Application", {"rollout": {"gates": shown}})
        case dict() if next(iter(shown)) not in OTHERS:
            spec = shown["spec"] if set(shown) == {"spec"} else shown
            yield from (_part(kind, spec) for kind in SPECS)
            gate = {"name": "smoke", "phase": "before", **shown}
            yield _part("Application", {"rollout": {"gates": [gate]}})


def _part(kind: str, spec: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    head = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "shown"}}
    return kind, {**head, "spec": {**SPECS[kind], **spec}}


def _mistake(kind: str, document: dict[str, Any]) -> str | None:
    """The first mistake of a document, if there is one."""
    try:
        DOCUMENTS[kind].model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{kind}: {first['loc']}: {first['msg']}"
    return None
