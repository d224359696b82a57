"""Extensions of other distributions: found, described and used as if they were files here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.engine.discovery import ExtensionError, discover
from bot.sandbox.demo.site import sample

MODULES = {
    "tidal": """
from dataclasses import dataclass
from planners.placement.scores import Points, Score, one_by_one

@dataclass(frozen=True, slots=True)
class Tidal:
    name: str = "tidal"
    summary: str = "clusters near the sea"
    subject: str = ""
    depends_on_choice: bool = False

    def values(self, request, subject):
        return one_by_one(self, request, subject)

    def score(self, request, cluster, subject):
        return Points(50.0, "the tide")

SCORE: Score = Tidal()
""",
    "dry": """
from dataclasses import dataclass
from planners.placement.filters import Filter, Verdict, one_by_one

@dataclass(frozen=True, slots=True)
class Dry:
    name: str = "dry"
    summary: str = "stays out of the water"
    order: int = 900
    required: bool = False

    def admits(self, request):
        return one_by_one(self, request)

    def admit(self, request, cluster):
        return Verdict(self.name, cluster.name != "eu-edge-1", "high tide", "a dry place")

FILTER: Filter = Dry()
""",
    "listed": """
from dataclasses import dataclass
from renderers.manifest_files import read_objects
from renderers.sources import Source

@dataclass(frozen=True, slots=True)
class Listed:
    name: str = "listed"
    summary: str = "A folder of manifests with a list of them."
    tool: str = ""
    parameters: tuple = ()
    per_cluster: bool = False

    def check(self, files):
        pass

    def objects(self, files):
        return read_objects(files)

SOURCE: Source = Listed()
""",
    "suffix": """
from dataclasses import dataclass
from renderers.patch import Patch, PatchError
from renderers.writes import Write

@dataclass(frozen=True, slots=True)
class Suffix:
    name: str = "suffix"
    summary: str = "Annotations to add."
    shape: str = "object"
    uses_schema: bool = False

    def check(self, body):
        if not isinstance(body, dict) or not body:
            raise PatchError("suffix must be an object")

    def apply(self, target, body, schema):
        metadata = {**target["metadata"], "annotations": dict(body)}
        return {**target, "metadata": metadata}

    def writes(self, target, body, schema):
        return [Write(("metadata", "annotations"), body)]

PATCH: Patch = Suffix()
""",
    "ferry": """
from dataclasses import dataclass, field
from plugins import Agent
from planners.model import AgentSettings

@dataclass(frozen=True, slots=True)
class FerrySettings(AgentSettings):
    "Settings of ferries."

    harbour: str = field(metadata={"description": "Name of the harbour."})

@dataclass(frozen=True, slots=True)
class Ferry:
    name: str = "ferry"
    settings: type[FerrySettings] = FerrySettings

    def refusals(self, target):
        return ()

    def references(self, target):
        return ({"kind": "Ferry", "harbour": target.settings.harbour, "to": target.cluster},)

    def accounts(self, target):
        return ()

    def tenant_references(self, target):
        return ()

    def application_references(self, target):
        return ()

    def cluster_references(self, target):
        return ()

    def verify(self, headers, body, key):
        return False

    def report(self, speaker, body):
        return ()

    def read(self, speaker, objects):
        return ()

PLUGIN: Agent = Ferry()
""",
    "anchor": """
from dataclasses import replace
from bot.chatops.commands import Answer, StandingCommand
from bot.chatops.parser import Argument, Verb
from planners.model import Role

class AnchorCommand:
    name = "anchor"
    role = Role.WRITE
    is_action = True
    verb = Verb("anchor", (Argument("cluster", summary="Name of the cluster."),), (),
                "Skip a cluster at low tide.", ("/switchyard anchor c1",))

    async def run(self, call):
        return Answer(facts={"target": call.text("cluster")})

    def apply(self, overrides, entry):
        return replace(overrides, skipped={**overrides.skipped, entry.target: "low tide"})

COMMAND: StandingCommand = AnchorCommand()
""",
}
GROUPS = {
    "scores": "tidal",
    "filters": "dry",
    "sources": "listed",
    "patch": "suffix",
    "plugins": "ferry",
    "commands": "anchor",
}
USED = """
import json
import sys
from datetime import UTC, datetime

from bot.chatops.executor import commands
from bot.chatops.parser import CommandReader
from bot.commandlog.entry import CommandLogEntry, Outcome
from bot.commandlog.standing import standing_overrides
from bot.engine import discovery
from docs.generate import pages

entry = CommandLogEntry("app!1#1", "0", "rita", "anchor", datetime.now(UTC), Outcome.DONE,
                        facts={"target": "c1"})
reader = CommandReader("bot", tuple(each.verb for each in commands().values()))
(parsed,) = reader.read("/switchyard anchor c1")
json.dump({
    "agents": sorted(discovery.agents()),
    "skipped": dict(standing_overrides([entry]).skipped),
    "parsed": parsed.verb,
    "pages": pages(),
}, sys.stdout)
"""

CUSTOMIZATION = """
    - name: near-the-sea
      components: [web]
      target: {kind: Deployment, name: web}
      suffix: {harbour: quay}
"""


@pytest.fixture
def distribution(tmp_path: Path) -> dict[str, str]:
    """An environment in which a distribution with an extension of each kind is installed."""
    site = tmp_path / "site"
    metadata = site / "seaside-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: seaside\nVersion: 1.0\n")
    points = [f"[switchyard.{group}]\n{name} = {name}\n" for group, name in GROUPS.items()]
    (metadata / "entry_points.txt").write_text("\n".join(points))
    for name, text in MODULES.items():
        (site / f"{name}.py").write_text(text)
    root = Path(__file__).parents[3]
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(root)))}


def run(environment: dict[str, str], *arguments: str | Path) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_each_kind_is_known_to_documents_reference_parser_and_log(
    distribution: dict[str, str],
) -> None:
    found = json.loads(run(distribution, "-c", USED))

    assert "ferry" in found["agents"]
    assert found["skipped"] == {"c1": "low tide"}
    assert found["parsed"] == "anchor"
    schema = json.loads(found["pages"]["schemas/application.json"])["$defs"]
    assert "listed" in schema["SourcePart"]["properties"]
    assert schema["CustomizationPart"]["properties"]["suffix"]["description"] == (
        "Annotations to add."
    )
    cluster = json.loads(found["pages"]["schemas/cluster.json"])["$defs"]
    assert cluster["FerrySettings"]["required"] == ["harbour"]
    assert "`tidal`" in schema["PlacementPart"]["properties"]["prefer"]["description"]
    assert (
        "| `dry` | A component stays out of the water. |"
        in (found["pages"]["reference/extensions.md"])
    )
    assert "Skip a cluster at low tide." in found["pages"]["reference/slash-commands.md"]


def test_a_plan_uses_them(distribution: dict[str, str], tmp_path: Path) -> None:
    for name in ("app", "fleet"):
        for path, content in sample(name).items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    document = tmp_path / "app/switchyard.yaml"
    text = document.read_text()
    text = text.replace("manifests: deploy/web", "listed: deploy/web")
    text = text.replace("  customizations:\n", f"  customizations:\n{CUSTOMIZATION}", 1)
    text = text.replace("        count: 4\n", "        count: 4\n      prefer: {tidal: 1}\n", 1)
    document.write_text(text)
    for path in (tmp_path / "fleet/clusters").iterdir():
        ferry = "agent: ferry\n  ferry: {harbour: quay-7}\n"
        other = r"agent: (flux|anthos)\n(  anthos:\n(    .*\n)+)?"
        path.write_text(re.sub(other, ferry, path.read_text()))
    folders = ("--app", tmp_path / "app", "--fleet", tmp_path / "fleet")

    why = run(distribution, "-m", "bot", "explain", *folders)
    assert "high tide" in why
    assert "tidal 50" in why
    run(distribution, "-m", "bot", "render", *folders, "--out", tmp_path / "out")
    rendered = [path.read_text() for path in (tmp_path / "out").rglob("*web*") if path.is_file()]
    assert any("harbour: quay\n" in text for text in rendered)
    assert "kind: Ferry\nharbour: quay-7\nto: us-edge-3\n" in rendered


def test_a_file_without_its_constant_is_an_error() -> None:
    with pytest.raises(ExtensionError, match="has no FILTER"):
        discover("planners.placement.scores", "FILTER")
