"""Compares validation with a real API server over many good and broken objects (dryRun=All).

Each object of `validation_accepted.yaml`, each row of `validation_refused.yaml`, and every change
that `mutations` makes of an accepted object is checked here and applied by server-side apply, as
Flux does, without being stored. Printed are objects that only one of the two refuses, except for
the differences in `KNOWN`. The server may be a cluster of the acceptance rig, or a kube-apiserver
with etcd on this machine:

    python -m tests.tools.compare_dry_run --server https://127.0.0.1:6443 --token-file FILE --minor 37

`python -m tests.acceptance api-server` runs such a server. Privileged pods should be allowed, and
admission plugins that look for other objects (ServiceAccount, RuntimeClass, Priority) be off. The server is
never written to.
"""

import argparse
import json
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot.engine.kubernetes_schemas import KubernetesSchemas
from renderers.kubernetes.fields import fields, path_text
from renderers.validation.registry import rule_violations
from tests.fakes.validation_table import accepted, changed, refused

Item = dict[str, Any]
_KEEP = ("apiVersion", "kind", "metadata", "metadata.name", "metadata.namespace")
_TEXTS = ("", "Not Valid!", "UPPER", "a.b", "..", "7", "a/b", "a" * 300, "10.0.0.1", "50%", 5)
_NUMBERS = (-1, 0, 1, 65536, 10**10, "x", "1", "101%")
_OK = frozenset({200, 201})
_NOT_FOUND = 404
KNOWN: tuple[tuple[str, str, str], ...] = (
    ("Service", r"nodePort = ", "the server allocates node ports only without dryRun"),
    (
        "LimitRange",
        r"^spec( =|.limits deleted)",
        "server-side apply drops an empty list that is required",
    ),
    ("CustomResourceDefinition", r"served deleted", "served is required; apply takes it for false"),
    (
        "CSIDriver",
        r"^spec( = {}| deleted)|audience deleted|tokenRequests\[0\] = {}",
        "server-side apply drops the empty values that the schema requires",
    ),
    ("CSIDriver", r"volumeLifecycleModes = ", "that items of a set are unique is not checked"),
    ("RuntimeClass", r"tolerations = ", "that tolerations are unique is not checked"),
    ("*", r"caBundle = ", "that a certificate bundle is base64 is not checked"),
    ("*", r"matchConditions\[\d\]\.expression = ", "expressions of webhooks are not compiled"),
    ("Lease", r"strategy|preferredHolder", "without its feature gate the server drops both fields"),
)
"""Kind, pattern of the path, and reason of each accepted difference."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One object to try, and what was done to it."""

    name: str
    path: str
    change: str
    item: Item


def trials(minor: int) -> Iterator[Trial]:
    """The table, and every mutation of its accepted objects."""
    for name, item in accepted().items():
        yield Trial(name, "", "as it is", item)
    for row in refused():
        if row.get("minor", minor) == minor:
            yield Trial(row["in"], "", str(row), changed(row))
    for name, item in accepted().items():
        yield from mutations(name, item)


def mutations(name: str, item: Item) -> Iterator[Trial]:
    """One change each: a field deleted, or replaced by typical wrong values."""
    for entry in fields(item):
        path = path_text(entry.path)
        if path in _KEEP:
            continue
        yield Trial(name, path, "deleted", _replaced(item, entry.path, None))
        for value in _values(entry.value):
            if value != entry.value:
                yield Trial(name, path, f"= {value!r:.40}", _replaced(item, entry.path, value))


def _values(value: Any) -> tuple[Any, ...]:
    match value:
        case bool():
            return (not value, "x")
        case int():
            return _NUMBERS
        case str():
            return _TEXTS
        case [first, *_]:
            return ([], [*value, first], {})
        case _:
            return ({}, [], "x")


def _replaced(item: Item, path: tuple[str | int, ...], value: Any) -> Item:
    """A copy with another value at a path; None deletes."""
    result: Any = deepcopy(item)
    parent = result
    for part in path[:-1]:
        parent = parent[part]
    if value is None:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    found: Item = result
    return found


@dataclass(slots=True)
class Server:
    """A real API server."""

    url: str
    token: str
    resources: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)

    def serves(self, item: Item) -> bool:
        """Whether the server has the kind; custom kinds have to be installed there."""
        api = str(item["apiVersion"])
        if api not in self.resources:
            status, listed = self._call("GET", _prefix(api))
            if status not in {*_OK, _NOT_FOUND}:
                raise SystemExit(f"{self.url}{_prefix(api)}: {status} {listed.get('message', '')}")
            self.resources[api] = {
                each["kind"]: (each["name"], each["namespaced"])
                for each in listed.get("resources", [])
                if "/" not in each["name"]
            }
        return item["kind"] in self.resources[api]

    def refusal(self, item: Item) -> str | None:
        """Why the server refuses to apply an object; None if it does not."""
        plural, namespaced = self.resources[item["apiVersion"]][item["kind"]]
        namespace = item["metadata"].get("namespace") or "default"
        scope = f"/namespaces/{quote(str(namespace), safe='')}" if namespaced else ""
        name = quote(str(item["metadata"]["name"]), safe="")
        query = "dryRun=All&fieldManager=compare&force=true&fieldValidation=Strict"
        path = f"{_prefix(item['apiVersion'])}{scope}/{plural}/{name}?{query}"
        status, answer = self._call("PATCH", path, item)
        return None if status in _OK else f"{status} {answer.get('message', '')}"

    def _call(self, method: str, path: str, body: Item | None = None) -> tuple[int, Item]:
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/apply-patch+yaml"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=_context()) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"message": text}


def _prefix(api: str) -> str:
    return f"/apis/{api}" if "/" in api else f"/api/{api}"


def _context() -> ssl.SSLContext:
    """Certificates of a test server are its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ours(item: Item, minor: int) -> str | None:
    """Why this repository refuses an object; None if it does not."""
    found = [
        *KubernetesSchemas().violations(item, f"1.{minor}", {}),
        *rule_violations(item, minor),
    ]
    return "; ".join(f"{path_text(each.path)} {each.message}" for each in found) or None


def _known(trial: Trial) -> bool:
    kind = trial.name.partition("/")[0]
    return any(
        known in {kind, "*"} and re.search(pattern, f"{trial.path} {trial.change}")
        for known, pattern, _ in KNOWN
    )


def main() -> int:
    """Print each difference; 1 if there is one that is not known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--token-file", required=True, type=Path)
    parser.add_argument("--minor", required=True, type=int)
    options = parser.parse_args()
    server = Server(options.server, options.token_file.read_text().strip())
    tried = differing = refused_by_both = 0
    for trial in trials(options.minor):
        if not server.serves(trial.item):
            continue
        here, there = ours(trial.item, options.minor), server.refusal(trial.item)
        tried += 1
        refused_by_both += bool(here and there)
        if bool(here) != bool(there) and not _known(trial):
            differing += 1
            verdict = f"only here: {here}" if here else f"only there: {there}"
            print(f"{trial.name} {trial.path} {trial.change}: {verdict:.300}")
    print(f"{tried} objects, {refused_by_both} refused by both, {differing} differences")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
