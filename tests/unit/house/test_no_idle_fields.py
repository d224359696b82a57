"""Law 13: what people can write has an effect or is refused; nothing is read and forgotten."""

import ast
import dataclasses
import inspect
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.documents.models import application, connectivity, fleet, placement, tenant
from bot.documents.models.agents import field_name, setting_parts
from bot.documents.models.kinds import PREFIX
from planners import model
from planners.model import connectivity as intents
from planners.model import network, trust

ROOT = Path(__file__).parents[3]
AGENT_PARTS = {("ClusterSpec", field_name(agent)) for agent in setting_parts()}
CORE = ("planners", "renderers", "plugins", "bot")


@cache
def attributes(*, intake: bool) -> set[str]:
    """Every attribute that some code reads: in intake, or everywhere else."""
    found: set[str] = set()
    for folder in CORE:
        for file in (ROOT / folder).rglob("*.py"):
            path = file.relative_to(ROOT).as_posix()
            if path.startswith("bot/documents/") is not intake:
                continue
            tree = ast.parse(file.read_text())
            found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found


def test_every_field_of_the_model_is_used_by_the_core() -> None:
    used = attributes(intake=False)
    modules = (model, intents, network, trust)
    nouns = [e for each in modules for _, e in inspect.getmembers(each, dataclasses.is_dataclass)]
    idle = {
        f"{noun.__name__}.{field.name}"
        for noun in nouns
        for field in dataclasses.fields(noun)
        if field.name not in used and not field.name.startswith("_")
    }

    assert idle == set()


@pytest.mark.parametrize(
    "module", [application, connectivity, fleet, placement, tenant], ids=lambda m: m.__name__
)
def test_every_field_of_a_document_is_read(module: object) -> None:
    used = attributes(intake=True)
    parts = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, BaseModel)
    ]
    idle = {
        f"{part.__name__}.{name}"
        for part in parts
        for name in part.model_fields
        if name not in used and name not in {"api_version", "kind"}
        if not name.startswith(PREFIX)  # read by KindPart.chosen, whatever kinds there are
        if (part.__name__, name) not in AGENT_PARTS  # read by given_settings, likewise
    }

    assert idle == set()
