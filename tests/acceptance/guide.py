"""The objects of Flux that our guides prescribe, read from the guides themselves."""

import re
from pathlib import Path
from typing import Any

import yaml as plain_yaml

Item = dict[str, Any]
GUIDES = Path(__file__).parents[2] / "docs" / "guides"
EXAMPLE_SERVICE = "https://switchyard.example.com"
GROUP = ".toolkit.fluxcd.io/"


def bootstrap_objects(cluster: str, deploy_url: str, service_url: str) -> list[Item]:
    """The objects that the guides have a person apply to one cluster.

    Only addresses, the cluster's name, and the interval in which Flux pulls are replaced.
    """
    found: list[Item] = []
    example = ""
    for text in _blocks():
        named = re.search(rf"{EXAMPLE_SERVICE}/reports/flux/([a-z0-9-]+)", text)
        example = named[1] if named else example
        documents = plain_yaml.safe_load_all(text.replace(EXAMPLE_SERVICE, service_url))
        found += [item for item in documents if item and GROUP in str(item.get("apiVersion", ""))]
    text = plain_yaml.safe_dump(found).replace(example, cluster)
    objects: list[Item] = plain_yaml.safe_load(text)
    for item in objects:
        if item["kind"] == "GitRepository":
            item["spec"] |= {"url": deploy_url, "interval": "10s"}
    return objects


def _blocks() -> list[str]:
    """The YAML blocks of the guides that set up a Provider, and thus Flux."""
    guides = [guide.read_text() for guide in sorted(GUIDES.glob("*.md"))]
    chosen = [text for text in guides if "type: generic-hmac" in text]
    return [block for text in chosen for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", text)]
