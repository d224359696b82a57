"""Derives tests/data/crds from the CustomResourceDefinitions that the agents' projects publish.

`python tests/tools/derive_crds.py FOLDER...` takes folders with the sources of argo-cd 3.6.1,
kpt-config-sync 1.22.0, kustomize-controller 1.9.6, source-controller 1.9.6 and
notification-controller 1.9.3 (all Apache License 2.0, see NOTICE there); all but kpt-config-sync are
Go modules, which `go mod download` fetches. Descriptions, which are most of the text, are removed.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).parents[1] / "data" / "crds"
FILES = (
    "manifests/crds/application-crd.yaml",
    "manifests/crds/appproject-crd.yaml",
    "manifests/reposync-crd.yaml",
    "manifests/resourcegroup-crd.yaml",
    "manifests/rootsync-crd.yaml",
    "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    "config/crd/bases/notification.toolkit.fluxcd.io_alerts.yaml",
    "config/crd/bases/notification.toolkit.fluxcd.io_providers.yaml",
    "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",
)


def main() -> None:
    """Write one file for each definition, named after it."""
    TARGET.mkdir(exist_ok=True)
    for crd in definitions([Path(each) for each in sys.argv[1:]]):
        content = json.dumps(shortened(crd), sort_keys=True, separators=(",", ":")).encode()
        path = TARGET / f"{crd['metadata']['name']}.json.gz"
        path.write_bytes(gzip.compress(content, mtime=0))
        sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes\n")


def definitions(folders: list[Path]) -> Iterator[dict[str, Any]]:
    """The definitions of all files, each of which must be in one of the folders."""
    for name in FILES:
        found = [folder / name for folder in folders if (folder / name).is_file()]
        if len(found) != 1:
            sys.exit(f"{name} is in {len(found)} of the folders; it must be in one")
        yield yaml.safe_load(found[0].read_text())


def shortened(crd: dict[str, Any]) -> dict[str, Any]:
    """The group, names, and the schema of each version."""
    spec = crd["spec"]
    versions = [
        {
            "name": each["name"],
            "served": each["served"],
            "schema": {"openAPIV3Schema": undescribed(each["schema"]["openAPIV3Schema"])},
        }
        for each in spec["versions"]
    ]
    names = {"kind": spec["names"]["kind"], "plural": spec["names"]["plural"]}
    return {
        "apiVersion": crd["apiVersion"],
        "kind": crd["kind"],
        "metadata": {"name": crd["metadata"]["name"]},
        "spec": {
            "group": spec["group"],
            "names": names,
            "scope": spec["scope"],
            "versions": versions,
        },
    }


def undescribed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without descriptions; a property may have that name."""
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: undescribed(each) for name, each in value.items()}
        elif isinstance(value, dict):
            found[key] = undescribed(value)
        elif isinstance(value, list):
            found[key] = [undescribed(each) if isinstance(each, dict) else each for each in value]
        elif key != "description":
            found[key] = value
    return found


if __name__ == "__main__":
    main()
