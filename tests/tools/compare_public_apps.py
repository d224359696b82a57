"""Compares what is rendered of public applications with kubectl and helm, object by object.

`tests/data/public_apps.yaml` names each application by repository and commit. Nothing of it is
copied: what is kept is the number of its objects and the SHA-256 of what kubectl or helm make of
it. Each application is planned as `switchyard check` does it, by the public command's own code;
the platform team signs the objects that the plan says it can sign. The plan must then have no
problem, and its objects must be the same as those of the program, as Go reads both, except for the
tenant's namespace where an object states none.

    python -m tests.tools.compare_public_apps --repositories DIR [--write] [APPLICATION ...]

`DIR/<owner>/<name>` are clones that contain the commits. `--write` records the results; `make docs`
then writes the reference page.
"""

import argparse
import hashlib
import json
import os
import posixpath
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.cli.folders import read_snapshot
from bot.engine.propose import Proposal, propose
from renderers import yaml
from renderers.kubernetes.kinds import Scope, kind_of
from tests.fakes.folders import application, cluster, policy, registration, tenant, write

Item = dict[str, Any]
Identity = tuple[str, str, str, str]
RECORDED = Path(__file__).parents[1] / "data" / "public_apps.yaml"
PROGRAMS = Path(sys.prefix) / "bin"
KUBERNETES = "1.33"

CLUSTER = "edge-1"
MOST_SHOWN = 20
_SIGNABLE = re.compile(r"^\w[\w-]*: ([A-Za-z]+)/(\S+) .*signedObjects, digest ([0-9a-f]{64})\)$")


@dataclass(frozen=True, slots=True, eq=False)
class PublicApp:
    """An application of the record.

    `folder` is where its `switchyard.yaml` would be; `only` are the files that are taken of it, if
    not all; `files` are further ones, by path. `tenant` and `policy` are fields of these documents.
    """

    application: str
    repository: str
    commit: str
    date: str
    source: Mapping[str, Any]
    folder: str = ""
    only: tuple[str, ...] = ()
    namespace: str = ""
    tenant: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    objects: int = 0
    signed: int = 0
    digest: str = ""

    @property
    def home(self) -> str:
        """The tenant's namespace."""
        return self.namespace or self.application

    @property
    def origin(self) -> str:
        """The kind of its source, and the folder in the repository that it comes from."""
        ((kind, given),) = self.source.items()
        folder = given["chart"] if kind == "helm" else given
        overlay = self.files.get(f"{folder}/kustomization.yaml")
        path = f"{folder}/{overlay['resources'][0]}" if overlay else folder
        return f"{kind} `{posixpath.normpath(posixpath.join(self.folder, path))}`"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found; `problems` are those of the plan, and differences."""

    objects: int
    signed: int
    digest: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def record() -> dict[str, Any]:
    """The versions of the programs, and a row for each application."""
    (document,) = yaml.load_documents(RECORDED.read_bytes())
    assert isinstance(document.value, dict)
    return document.value


def recorded() -> tuple[PublicApp, ...]:
    """The applications of the record."""
    rows = record()["applications"]
    return tuple(PublicApp(**{**row, "only": tuple(row.get("only", ()))}) for row in rows)


def compare(app: PublicApp, repository: Path, folder: Path) -> Comparison:
    """Render an application here and with the real program, and compare the objects."""
    root = extract(app, repository, folder / "app")
    write(root, application(_spec(app), app.application, "platform"))
    write(root, {path: json.dumps(value) for path, value in app.files.items()})
    signed: list[tuple[str, str, str]] = []
    proposal = _proposal(app, root, folder / "fleet", signed)
    messages = (each.message for each in proposal.problems)
    signed += [each[0] for each in map(_SIGNABLE.findall, messages) if each]
    if signed:
        proposal = _proposal(app, root, folder / "fleet", signed)
    theirs = program_objects(app, root)
    problems = [str(each) for each in proposal.problems]
    if not problems:
        problems += differences(app.home, theirs, our_objects(proposal))
    found = tuple(problems)
    return Comparison(
        len(theirs), len(signed), digest_of(theirs), found, tuple(map(str, proposal.warnings))
    )


def extract(app: PublicApp, repository: Path, into: Path) -> Path:
    """The files of an application at its commit, in a folder."""
    command = ("git", "-C", str(repository), "archive", "--format=tar", app.commit)
    archive = subprocess.run([*command, app.folder or "."], capture_output=True, check=False)
    if archive.returncode:
        sys.exit(
            f"{repository}: commit {app.commit} of https://github.com/{app.repository} is needed "
            f"there: {archive.stderr.decode().strip()}"
        )
    into.mkdir(parents=True, exist_ok=True)
    subprocess.run(("tar", "-x", "-C", str(into)), input=archive.stdout, check=True)
    root = into / app.folder
    for path in sorted(root.rglob("*")) if app.only else ():
        if path.is_file() and path.relative_to(root).as_posix() not in app.only:
            path.unlink()
    return root


def _spec(app: PublicApp) -> str:
    return (
        f"components: [{{name: app, source: {json.dumps(app.source)}}}]\n"
        "placement: [{components: [app], allOf: [{}]}]"
    )


def _proposal(
    app: PublicApp, root: Path, fleet: Path, signed: list[tuple[str, str, str]]
) -> Proposal:
    """The plan of the application, with signatures of objects: kind, name and digest of each."""
    entries = [
        {
            "application": app.application,
            "kind": kind,
            "name": name,
            "digest": digest,
            "reason": "part of the add-on",
        }
        for kind, name, digest in signed
    ]
    spec = json.dumps({"namespace": app.home, **app.tenant})[1:-1]
    files = {
        **cluster(CLUSTER, kubernetes=f'"{KUBERNETES}"'),
        **tenant("platform", spec),
        **registration(app.application, "platform"),
        **policy(json.dumps({"signedObjects": entries, **app.policy})[1:-1]),
    }
    return propose(read_snapshot(root, write(fleet, files), None, None), thorough=True)


def program_objects(app: PublicApp, root: Path) -> list[Item]:
    """The objects that kubectl or helm make of an application's source."""
    (kind, given), *_ = app.source.items()
    if kind == "helm":
        files = given.get("values", [])
        values = [part for file in files for part in ("--values", str(root / file))]
        release = given.get("releaseName", "app")
        command = ("template", release, str(root / given["chart"]), "--namespace", app.home)
        flags = ("--include-crds", "--skip-tests", "--kube-version", KUBERNETES)
        served = ("--api-versions", "apiregistration.k8s.io/v1")  # as every cluster says
        return as_go_reads(_run("helm", *command, *flags, *served, *values))
    if kind == "kustomize":
        return as_go_reads(_run("kubectl", "kustomize", str(root / given)))
    files = sorted(
        path for path in (root / given).rglob("*") if path.suffix in {".yaml", ".yml", ".json"}
    )
    texts = [path.read_bytes() for path in files if path != root / "switchyard.yaml"]
    return as_go_reads(b"\n---\n".join(texts))


def our_objects(proposal: Proposal) -> list[Item]:
    """The objects in the deploy tree, each a file, without the agent's own."""
    files = sorted(proposal.trees[CLUSTER].items())
    return as_go_reads(b"---\n".join(text for path, text in files if "/apps/" in path))


def as_go_reads(text: bytes) -> list[Item]:
    """YAML documents as kubectl's parser reads them; not ours, whose mistakes would cancel out."""
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(text)
        file.flush()
        command = ("patch", "--local", "--type=json", "-p", "[]", "-o", "json", "-f", file.name)
        printed = _run("kubectl", *command).decode()
    decoder, found, position = json.JSONDecoder(), list[Item](), 0
    while position < len(printed):
        item, position = decoder.raw_decode(printed, position)
        position += len(printed[position:]) - len(printed[position:].lstrip())
        found.append(item)
    return found


def _run(program: str, *arguments: str) -> bytes:
    made = subprocess.run([str(PROGRAMS / program), *arguments], capture_output=True, check=False)
    if made.returncode:
        sys.exit(f"{program} {' '.join(arguments)}: {made.stderr.decode().strip()}")
    return made.stdout


def differences(namespace: str, theirs: list[Item], ours: list[Item]) -> Iterator[str]:
    """Objects that only one of the two has, and fields that differ."""
    expected = {identity(item): item for item in (_placed(each, namespace) for each in theirs)}
    found = {identity(item): item for item in ours}
    if len(expected) != len(theirs):
        yield f"the program has {len(theirs) - len(expected)} objects twice"
    for key in sorted(expected.keys() - found.keys()):
        yield f"{key} is missing"
    for key in sorted(found.keys() - expected.keys()):
        yield f"{key} is not in the program's output"
    for key in sorted(expected.keys() & found.keys()):
        for path in _differing("", expected[key], found[key]):
            yield f"{key} differs at {path}"


def _placed(item: Item, namespace: str) -> Item:
    """An object in the tenant's namespace, if it states none and belongs into one."""
    metadata = item["metadata"]
    if kind_of(item).scope is Scope.CLUSTER or metadata.get("namespace"):
        return item
    return {**item, "metadata": {**metadata, "namespace": namespace}}


def identity(item: Item) -> Identity:
    """Group, kind, namespace and name."""
    metadata = item["metadata"]
    group = item["apiVersion"].rpartition("/")[0]
    return group, item["kind"], metadata.get("namespace", ""), metadata["name"]


def _differing(path: str, theirs: object, ours: object) -> Iterator[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys()):
            if key not in theirs or key not in ours:
                yield f"{path}.{key} (only {'here' if key in ours else 'there'})"
            else:
                yield from _differing(f"{path}.{key}", theirs[key], ours[key])
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (left, right) in enumerate(zip(theirs, ours, strict=True)):
            yield from _differing(f"{path}[{index}]", left, right)
    elif type(theirs) is not type(ours) or theirs != ours:
        yield path


def digest_of(items: list[Item]) -> str:
    """The SHA-256 of objects as canonical JSON, whatever their order."""
    texts = sorted(json.dumps(item, sort_keys=True, separators=(",", ":")) for item in items)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def main() -> int:
    """Compare the applications named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="record the results")
    parser.add_argument("applications", nargs="*")
    options = parser.parse_args()
    os.environ["PATH"] = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    found = {}
    for app in recorded():
        if not options.applications or app.application in options.applications:
            with tempfile.TemporaryDirectory() as folder:
                made = compare(app, options.repositories / app.repository, Path(folder))
            found[app] = made if options.write else _with_record(app, made)
            _report(app, found[app])
    if options.write:
        _record({app.application: made for app, made in found.items()})
    return 1 if any(made.problems for made in found.values()) else 0


def _with_record(app: PublicApp, made: Comparison) -> Comparison:
    """A comparison that says as well how it differs from what is recorded."""
    if (made.objects, made.signed, made.digest) == (app.objects, app.signed, app.digest):
        return made
    told = f"recorded are {app.objects} objects, {app.signed} signed, digest {app.digest}"
    return replace(made, problems=(*made.problems, f"{told}; now it is {made.digest}"))


def _report(app: PublicApp, made: Comparison) -> None:
    counts = f"{made.objects} objects, {made.signed} signed, {len(made.problems)} problems"
    print(f"{app.application}: {counts}")
    for each in made.problems[:MOST_SHOWN]:
        print(f"  {each}")


def _record(found: Mapping[str, Comparison]) -> None:
    """Write the results, and the versions of the programs."""
    kept = record()
    for row in kept["applications"]:
        made = found.get(row["application"])
        if made is not None:
            row |= {"objects": made.objects, "signed": made.signed, "digest": made.digest}
    client = json.loads(_run("kubectl", "version", "--client", "--output=json"))
    kept["programs"] = {
        "kubectl": client["clientVersion"]["gitVersion"],
        "kustomize": client["kustomizeVersion"],
        "helm": _run("helm", "version", "--template={{ .Version }}").decode(),
    }
    RECORDED.write_bytes(yaml.dump(kept))


if __name__ == "__main__":
    sys.exit(main())
