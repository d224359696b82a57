"""The objects of Flux that our guides prescribe, read from the guides themselves.

What a guide says in prose only is filled in by `PROSE`; a guide that shows an object replaces it.
"""

import re
from pathlib import Path
from typing import Any

import yaml as plain_yaml

Item = dict[str, Any]
GUIDES = Path(__file__).parents[2] / "docs" / "guides"
EXAMPLE_SERVICE = "https://switchyard.example.com"
GROUP = ".toolkit.fluxcd.io/"
PROSE = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: switchyard, namespace: flux-system}
spec:
  interval: 1m
  url: https://git.example.com/fleet/deploy.git
  ref: {branch: main}
  secretRef: {name: switchyard-deploy-repo}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: switchyard, namespace: flux-system}
spec:
  interval: 10m
  retryInterval: 1m
  serviceAccountName: kustomize-controller
  path: ./clusters/eu-edge-1/sync
  prune: true
  sourceRef: {kind: GitRepository, name: switchyard}
"""
"""Section 3 of `getting-started.md`: Flux on `clusters/<name>/sync` by a GitRepository."""


def bootstrap_objects(cluster: str, deploy_url: str, service_url: str) -> list[Item]:
    """The objects that the guides have a person apply to one cluster."""
    found = {_key(item): item for item in plain_yaml.safe_load_all(PROSE)}
    for text in _blocks():
        example = re.search(rf"{EXAMPLE_SERVICE}/reports/flux/([a-z0-9-]+)", text)
        for item in plain_yaml.safe_load_all(text.replace(EXAMPLE_SERVICE, service_url)):
            if item and GROUP in str(item.get("apiVersion", "")):
                found[_key(item)] = item
        if example:
            named = example[1]
    objects: list[Item] = plain_yaml.safe_load(
        plain_yaml.safe_dump(list(found.values())).replace(named, cluster)
    )
    for item in objects:
        if item["kind"] == "GitRepository":
            item["spec"] |= {"url": deploy_url, "interval": "10s"}
    return objects


def _blocks() -> list[str]:
    """The YAML blocks of the guides that set up a Provider, and thus Flux."""
    guides = [guide.read_text() for guide in sorted(GUIDES.glob("*.md"))]
    chosen = [text for text in guides if "type: generic-hmac" in text]
    return [block for text in chosen for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", text)]


def _key(item: Item) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]
