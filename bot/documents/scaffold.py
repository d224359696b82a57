"""First documents for a repository, from what is found in it; `switchyard init` writes them.

What files cannot tell is not guessed: dependencies, placement and limits are left to people, with a
line that says where they go.
"""

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.documents.models.common import API_VERSION
from bot.documents.schemas import schema
from planners.model import Json
from renderers import yaml
from renderers.manifest_files import ENDINGS, KUSTOMIZATIONS
from renderers.yaml import YamlError
from renderers.yaml.edits import flow

CHART = "Chart.yaml"
SCHEMAS = ".switchyard"
REFERENCES = ("resources", "bases", "components")
LONGEST_NAME = 63
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]*")


@dataclass(frozen=True, slots=True)
class FoundComponent:
    """A folder that becomes a component; `source` is manifests, kustomize or helm."""

    name: str
    source: str
    folder: str


@dataclass(frozen=True, slots=True)
class FoundComponents:
    """The components of a repository, and folders that became none, with the reason."""

    components: tuple[FoundComponent, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FleetChoice:
    """What a first fleet is about; repositories are written as `forge:group/name`."""

    application: str
    tenant: str
    app: str
    deploy: str
    clusters: tuple[str, ...]
    agent: str


def find_components(files: Mapping[str, bytes]) -> FoundComponents:
    """Charts, kustomizations that build on no other one, and other folders with manifests."""
    seen = [path for path in files if not any(part[0] == "." for part in path.split("/"))]
    visible = [path for path in seen if "/" in path]
    charts = _outermost(_folder(path) for path in visible if _file(path) == CHART)
    built = {_folder(path): path for path in visible if _file(path) in KUSTOMIZATIONS}
    built = {folder: path for folder, path in built.items() if not _is_within(folder, charts)}
    left_out = {
        folder: f"builds on {_listed(bases)}: describe what it changes as a customisation"
        for folder, path in built.items()
        if (bases := _bases(folder, files[path], built))
    }
    loose = [path for path in seen if path not in visible and _is_part(path, files[path])]
    if loose:
        left_out["."] = f"{_listed(loose)}: a component is a folder; move them into one"
    plain = _outermost(
        _folder(path)
        for path in visible
        if path.endswith(ENDINGS)
        and not _is_within(_folder(path), [*charts, *built])
        and _has_objects(files[path])
    )
    sources = {
        **dict.fromkeys(plain, "manifests"),
        **{folder: "kustomize" for folder in built if folder not in left_out},
        **dict.fromkeys(charts, "helm"),
    }
    return FoundComponents(tuple(_named(sources)), dict(sorted(left_out.items())))


def application_document(name: str, tenant: str, found: FoundComponents) -> str:
    """`switchyard.yaml`: every component on every cluster of its tenant."""
    components = "\n".join(
        f"    - {{name: {_text(each.name)}, source: {{{each.source}: {_text(each.folder)}}}}}"
        for each in found.components
    )
    names = ", ".join(_text(each.name) for each in found.components)
    return f"""{_modeline("application", "")}
apiVersion: {API_VERSION}
kind: Application
metadata: {{name: {_text(name)}}}
spec:
  tenant: {_text(tenant)}
  components:
{components}
  # A component that needs another one: dependsOn: [{{component: NAME}}]
  placement:
    - components: [{names}]
      allOf: [{{}}]  # every cluster of the tenant; choose by matchLabels, or anyOf the best few
  # First one cluster, then the others, a quarter at once:
  # rollout:
  #   stages:
  #     - {{name: canary, clusters: {{matchLabels: {{canary: "true"}}}}, soak: 10m}}
  #     - {{name: rest, maxAtOnce: 25%}}
"""


def fleet_documents(choice: FleetChoice) -> dict[str, str]:
    """Documents of a fleet repo by path: clusters, a tenant, a registration and a policy."""
    found = {
        f"clusters/{name}.yaml": _cluster(name, choice.agent, is_canary=name == choice.clusters[0])
        for name in choice.clusters
    }
    application, tenant = _text(choice.application), _text(choice.tenant)
    found[f"tenants/{choice.tenant}.yaml"] = f"""{_modeline("tenant", "../")}
apiVersion: {API_VERSION}
kind: Tenant
metadata: {{name: {tenant}}}
spec:
  namespace: {tenant}
  clusters: {{}}  # all; choose by matchLabels
"""
    found[f"applications/{choice.application}.yaml"] = f"""{_modeline("registration", "../")}
apiVersion: {API_VERSION}
kind: Registration
metadata: {{name: {application}}}
spec:
  application: {application}
  tenant: {tenant}
  app: {_text(choice.app)}
  deploy: {_text(choice.deploy)}
"""
    found["policies/default.yaml"] = f"""{_modeline("policy", "../")}
apiVersion: {API_VERSION}
kind: Policy
metadata: {{name: default}}
spec:
  approvals:
    - clusters: {{matchLabels: {{canary: "true"}}}}
      count: 1
"""
    return found


def _cluster(name: str, agent: str, *, is_canary: bool) -> str:
    return f"""{_modeline("cluster", "../")}
apiVersion: {API_VERSION}
kind: Cluster
metadata:
  name: {_text(name)}
  labels: {{canary: "{str(is_canary).lower()}"}}
spec:
  agent: {_text(agent)}
"""


def schema_files(*documents: str) -> dict[str, str]:
    """The JSON Schemas to which the first lines of the documents point, by path."""
    return {
        f"{SCHEMAS}/{name}.json": json.dumps(schema(name), indent=2) + "\n" for name in documents
    }


def as_name(text: str) -> str:
    """A name made of any text; empty if there is nothing of a name in it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME].rstrip("-")


def _modeline(name: str, up: str) -> str:
    return f"# yaml-language-server: $schema={up}{SCHEMAS}/{name}.json"


def _text(text: str) -> str:
    """A text as YAML, also within brackets: quoted where it would be read as something else."""
    return text if _PLAIN.fullmatch(text) and yaml.is_plain(text) else flow(text)


def _named(sources: Mapping[str, str]) -> Iterator[FoundComponent]:
    """Components named after the last parts of their folders, as many as tell them apart."""
    taken = set[str]()
    for folder, source in sorted(sources.items()):
        parts = folder.split("/")
        names = [as_name("-".join(parts[-count:])) for count in range(1, len(parts) + 1)]
        numbered = (f"{names[-1] or 'component'}-{number}" for number in range(2, len(sources) + 2))
        name = next(each for each in [*names, *numbered] if each and each not in taken)
        taken.add(name)
        yield FoundComponent(name, source, folder)


def _outermost(folders: Iterable[str]) -> list[str]:
    """The folders that are within no other one."""
    found: list[str] = []
    for folder in sorted(set(folders)):
        if not _is_within(folder, found):
            found.append(folder)
    return found


def _is_within(folder: str, others: Iterable[str]) -> bool:
    return any(folder == each or folder.startswith(f"{each}/") for each in others)


def _bases(folder: str, content: bytes, built: Mapping[str, str]) -> list[str]:
    """The kustomizations of the repository that one builds on."""
    referred = [
        posixpath.normpath(posixpath.join(folder, entry))
        for value in _mappings(content)
        for key in REFERENCES
        if isinstance(entries := value.get(key), list)
        for entry in entries
        if isinstance(entry, str)
    ]
    return sorted({each for each in referred if each in built and each != folder})


def _is_part(path: str, content: bytes) -> bool:
    """Whether a file makes its folder a component."""
    is_built = path == CHART or path in KUSTOMIZATIONS
    return is_built or (path.endswith(ENDINGS) and _has_objects(content))


def _has_objects(content: bytes) -> bool:
    foreign = (each for each in _mappings(content) if each.get("apiVersion") != API_VERSION)
    return any("kind" in each and "apiVersion" in each for each in foreign)


def _mappings(content: bytes) -> list[dict[str, Json]]:
    """The mappings of a file; none of one that is no YAML, such as a template."""
    try:
        return [each.value for each in yaml.load_documents(content) if isinstance(each.value, dict)]
    except YamlError:
        return []


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
