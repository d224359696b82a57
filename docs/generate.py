"""Writes the reference pages and JSON Schemas from the code: `make docs`."""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bot.__main__ import parser
from bot.chatops.commands import Intent
from bot.chatops.executor import commands as commands_found
from bot.chatops.parser import usage
from bot.documents.models import FLEET_DOCUMENTS, ApplicationDocument
from bot.settings import Settings
from tests.conformance import test_forge
from tests.conformance.grounds import GROUNDS

HERE = Path(__file__).parent
DOCUMENTS: dict[str, type[BaseModel]] = {
    "application": ApplicationDocument,
    "cluster": FLEET_DOCUMENTS["clusters"],
    "tenant": FLEET_DOCUMENTS["tenants"],
    "registration": FLEET_DOCUMENTS["applications"],
    "policy": FLEET_DOCUMENTS["policies"],
}
NOTE = "<!-- Written by `make docs`; do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated file: path below `docs/` -> text."""
    found = {
        f"schemas/{name}.json": json.dumps(schema(model), indent=2) + "\n"
        for name, model in DOCUMENTS.items()
    }
    found["reference/documents.md"] = documents()
    found["reference/settings.md"] = settings()
    found["reference/commands.md"] = commands()
    found["reference/forges.md"] = forges()
    found["reference/slash-commands.md"] = slash_commands()
    return found


def slash_commands() -> str:
    """Every slash command, as `/switchyard help` tells it."""
    parts = [
        NOTE
        + "# Slash commands\n\nA line of a comment on the app merge request, or on a wave's own. "
        "`@<the bot> <verb>` does as well. `/switchyard help <verb>` says this there.\n"
    ]
    for name, command in commands_found().items():
        where = "the deploy repo" if command.is_action else "the repo of the comment"
        where = f"the {command.changes} repo" if isinstance(command, Intent) else where
        need = f"Needs the role {command.role.name.lower()} in {where}."
        parts.append(f"## {name}\n\n{need}\n\n```\n{usage(command.verb)}\n```\n")
    return "\n".join(parts)


def forges() -> str:
    """What the conformance suite holds every forge to."""
    tests = [
        name
        for name, test in vars(test_forge).items()
        if name.startswith("test_") and "ground" in inspect.signature(test).parameters
    ]
    lines = [
        NOTE + "# Forges\n\nEvery forge passes one suite, `tests/conformance`, over its real HTTP "
        "side; GitHub's and GitLab's answers there are held to the descriptions that they publish. "
        "A dash: the forge has no such thing, and what needs it is refused or left out.\n",
        f"| | {' | '.join(GROUNDS)} |",
        "|---|" + "---|" * len(GROUNDS),
    ]
    for name in tests:
        has = [getattr(each, test_forge.ONLY.get(name, ""), True) for each in GROUNDS.values()]
        words = name.removeprefix("test_").replace("_", " ")
        lines.append(f"| {words} | {' | '.join('yes' if each else '-' for each in has)} |")
    return "\n".join(lines) + "\n"


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document."""
    made = model.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def documents() -> str:
    """Every field of every document."""
    parts = [
        NOTE + "# Documents\n\nJSON Schemas for editors are in `docs/schemas/`. Durations read "
        "`30s`, `15m`, `1h30m`; unknown keys are errors.\n"
    ]
    seen: set[str] = set()
    for model in DOCUMENTS.values():
        made = schema(model)
        parts.append(f"## {made['properties']['kind']['const']}\n\n{made['description']}\n")
        parts.append(table(made))
        for name, part in made.get("$defs", {}).items():
            if name not in seen and part.get("type") == "object":
                seen.add(name)
                parts.append(f"### {name}\n\n{part['description']}\n\n{table(part)}")
    return "\n".join(parts)


def table(part: dict[str, Any]) -> str:
    """The fields of one object."""
    lines = ["| field | type | meaning |", "|---|---|---|"]
    required = part.get("required", [])
    for name, field in part["properties"].items():
        need = "" if name in required else " (optional)"
        lines.append(f"| `{name}`{need} | {kind(field)} | {field['description']} |")
    return "\n".join(lines) + "\n"


def kind(field: dict[str, Any]) -> str:
    """A field's type in a few words."""
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "anyOf" in field:
        kinds = [kind(each) for each in field["anyOf"] if each.get("type") != "null"]
        return " or ".join(kinds)
    if "enum" in field:
        return " or ".join(f"`{each}`" for each in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {kind(field['items'])}"
    if field.get("type") == "object":
        return "mapping"
    return str(field.get("type", "any value"))


def settings() -> str:
    """Every setting of the service."""
    lines = [
        NOTE + "# Settings\n",
        "Variables of `switchyard serve`; secrets may also be files of `--secrets-dir`.\n",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{field.default}`"
        if not field.is_required() and field.default in (None, "", [], {}):
            default = "none"
        lines.append(f"| `SWITCHYARD_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def commands() -> str:
    """The help of every command."""
    return NOTE + "# Command line\n\n" + "\n".join(_helps())


def _helps() -> Iterator[str]:
    top = parser()
    yield f"```\n{top.format_help()}```\n"
    for action in top._actions:  # noqa: SLF001 - argparse shows its commands in no other way
        for name, command in (action.choices or {}).items() if hasattr(action, "choices") else ():
            yield f"## {name}\n\n```\n{command.format_help()}```\n"


def main() -> None:
    """Write every page."""
    for path, text in pages().items():
        (HERE / path).parent.mkdir(parents=True, exist_ok=True)
        (HERE / path).write_text(text)


if __name__ == "__main__":
    main()
