"""Validates agents' objects as an API server with their CustomResourceDefinitions would.

`tests/data/crds` holds the real definitions, see NOTICE there. Unknown fields, types, patterns and
CEL rules are checked; a kind without a definition there is a violation.
"""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bot.engine.kubernetes_schemas import KubernetesSchemas
from planners.model import Json
from renderers.kubernetes.schemas import CustomKinds, custom_kinds, custom_schema

FOLDER = Path(__file__).parents[1] / "data" / "crds"


@cache
def agent_kinds() -> CustomKinds:
    """The schemas of all definitions."""
    return custom_kinds(
        json.loads(gzip.decompress(path.read_bytes())) for path in sorted(FOLDER.glob("*.json.gz"))
    )


def violations(item: Mapping[str, Json]) -> list[str]:
    """Why an API server would reject the object; each with the path to the field."""
    custom = agent_kinds()
    api, kind = str(item.get("apiVersion")), str(item.get("kind"))
    if "." in api.partition("/")[0] and custom_schema(custom, item) is None:
        return [f"{api} {kind} has no definition in {FOLDER.name}"]
    found = KubernetesSchemas().violations(item, None, custom)
    return [f"{'.'.join(map(str, each.path))}: {each.message}" for each in found]
