"""Manifests of applications: read, checked for their tenant, compared and shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from planners.model import Tenant
from renderers import yaml
from renderers.diff.unified import compare
from renderers.manifest_files import SourceError, read_objects
from renderers.policy.tenancy import in_namespace, violations
from tests.fuzz import SECRET, Target

UNIT = Path(__file__).parents[2] / "unit/renderers"
TENANT = Tenant("retail", "shop", hosts=("*.shop.example.com",), allowed_kinds=("X.example.com",))
SAMPLE = Path(__file__).parents[3] / "bot/sandbox/demo/sample/app/deploy"


def check(data: bytes) -> None:
    """SourceError with a place, or objects about which every rule of a tenant has an answer."""
    old = data.replace(SECRET.encode(), b"another-value")
    compared = compare("a.yaml", old, data)
    assert compared.unified.endswith("\n")
    try:
        objects = read_objects({"a.yaml": data})
    except SourceError as error:
        assert error.line >= 1
        return
    for item in objects:
        label = f"{item['kind']}/"
        assert all(each.startswith(label) for each in violations(item, TENANT))
        placed = in_namespace(item, TENANT)
        assert placed["kind"] == item["kind"]


def seeds() -> Iterator[bytes]:
    """The table of escapes, the sample's objects, and Secrets."""
    for file in ("tenant_escapes.yaml", "tenant_objects.yaml"):
        (document,) = yaml.load_documents((UNIT / file).read_bytes())
        families: Any = document.value
        for row in [row for rows in families.values() for row in rows][::5]:
            version, _, kind = row["is"].partition(" ")
            item = {key: value for key, value in row.items() if key not in {"is", "refused"}}
            metadata = {"name": "x", **item.pop("metadata", {})}
            yield json.dumps(
                {"apiVersion": version, "kind": kind, "metadata": metadata, **item}
            ).encode()
    for file in sorted(SAMPLE.rglob("*.yaml"))[::3]:
        yield file.read_bytes()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
    yield json.dumps({**secret, "stringData": {"a": SECRET}}).encode()
    yield json.dumps({"apiVersion": "v1", "kind": "List", "items": [secret]}).encode()


WORDS = (
    *(b"apiVersion", b"kind", b"metadata", b"spec", b"containers", b"securityContext", b"rules"),
    *(b"namespace", b"List", b"Secret", b"Role", b"RoleBinding", b"Ingress", b"Service", b"Pod"),
    *(b"hostPath", b"subjects", b"roleRef", b"annotations", b"template", b"hosts", b"generateName"),
)
TARGET = Target(check, seeds, WORDS, share=0.7)
