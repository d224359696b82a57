"""The objects that our guides have an administrator apply to a cluster, read from the guides."""

import re
from pathlib import Path
from typing import Any

import yaml as plain_yaml

Item = dict[str, Any]
GUIDES = Path(__file__).parents[2] / "docs" / "guides"
SERVICE, FORGE = "https://switchyard.example.com", "https://git.example.com"
OWN_DOCUMENTS = "switchyard.dev/"
PULL_INTERVAL = "10s"


def bootstrap_objects(agent: str, cluster: str, forge_url: str, service_url: str) -> list[Item]:
    """The objects of the guide that tells where this agent reports.

    Only addresses, the cluster's name, and the interval in which Flux pulls are replaced.
    """
    address = re.compile(rf"{SERVICE}/reports/{agent}/([a-z0-9-]+)$", re.MULTILINE)
    guides = [guide.read_text() for guide in sorted(GUIDES.glob("*.md"))]
    text = next(each for each in guides if address.search(each))
    found = address.search(text)
    assert found is not None
    objects: list[Item] = []
    for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", text):
        own = block.replace(found[1], cluster).replace(SERVICE, service_url)
        documents = plain_yaml.safe_load_all(own.replace(FORGE, forge_url))
        objects += [item for item in documents if item and _is_for_the_cluster(item)]
    for item in objects:
        if item["kind"] == "GitRepository":
            item["spec"]["interval"] = PULL_INTERVAL
    return objects


def _is_for_the_cluster(item: Item) -> bool:
    version = str(item.get("apiVersion", ""))
    return bool(version) and not version.startswith(OWN_DOCUMENTS)
