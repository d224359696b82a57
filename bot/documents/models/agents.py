"""The settings of agents in a Cluster document, as each plugin declares them."""

import dataclasses
import typing
from datetime import timedelta
from functools import cache
from typing import Annotated, Any

from pydantic import Field, create_model
from pydantic.alias_generators import to_camel

from bot.documents.types import Duration, Part
from bot.engine import discovery
from planners.model import AgentSettings
from planners.model.gate_rules import GateSettings

_TYPES: dict[object, object] = {timedelta: Duration}
"""How a document writes a value of that type; other types are the same there."""


@cache
def setting_parts() -> dict[str, type[Part]]:
    """The part of each agent that has settings, by the name of the agent."""
    found = {name: agent.settings for name, agent in discovery.agents().items()}
    return {name: part_of(each) for name, each in found.items() if dataclasses.fields(each)}


def part_of(settings: type[AgentSettings | GateSettings]) -> type[Part]:
    """The model of a part, made of the fields of the dataclass.

    Raises:
        KeyError: a field has no description.
    """
    hints = typing.get_type_hints(settings)
    fields: dict[str, Any] = {}
    for each in dataclasses.fields(settings):
        kind = _TYPES.get(hints[each.name], hints[each.name])
        if "pattern" in each.metadata:
            kind = Annotated[kind, Field(pattern=each.metadata["pattern"])]
        if "minimum" in each.metadata:
            kind = Annotated[kind, Field(ge=each.metadata["minimum"])]
        default = ... if each.default is dataclasses.MISSING else each.default
        fields[each.name] = (kind, Field(default=default, description=each.metadata["description"]))
    doc = (settings.__doc__ or "").strip().partition("\n")[0]
    return create_model(settings.__name__, __base__=Part, __doc__=doc, **fields)


def field_name(agent: str) -> str:
    """The name of the field of an agent's settings."""
    return agent.replace("-", "_")


def with_settings(model: type[Part], name: str) -> type[Part]:
    """The given model under that name, with an optional part for each agent that has settings."""
    fields: dict[str, Any] = {
        field_name(name): (
            part | None,
            Field(default=None, description=f"Settings of the agent `{name}`."),
        )
        for name, part in setting_parts().items()
    }
    return create_model(name, __base__=model, __doc__=model.__doc__, **fields)


def given_settings(spec: Part) -> dict[str, Part]:
    """The settings that a specification has, by the name of the agent."""
    found = {name: getattr(spec, field_name(name), None) for name in setting_parts()}
    return {name: part for name, part in found.items() if part is not None}


def required_settings(settings: type[AgentSettings]) -> list[str]:
    """The settings without a default, as they are written in the document."""
    missing = dataclasses.MISSING
    fields = dataclasses.fields(settings)
    return [to_camel(each.name) for each in fields if each.default is missing]
