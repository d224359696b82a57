"""A fleet without agents, an application for it, and the bot's credentials for its clusters."""

import base64
from pathlib import Path

from renderers import yaml
from tests.fakes.world import SWITCHYARD, small_app, small_fleet

NAMES = ("one", "two")
ONE = NAMES[:1]
DIRECT = "{directClusters: {matchLabels: {tier: core}}}"
TENANT_DOCUMENT = b"""apiVersion: switchyard.dev/v1alpha1
kind: Tenant
metadata: {name: shop}
spec:
  namespace: shop
  deploy: local:fleet/deploy
  clusters: {matchLabels: {tier: core}}
  quota: {pods: "20"}
"""


def core_app(**images: str) -> dict[str, bytes | None]:
    """The small application, on core clusters."""
    files = small_app(**images)
    return files | {"switchyard.yaml": SWITCHYARD.replace(b"{tier: edge}", b"{tier: core}")}


def core_fleet(
    policy: str = DIRECT, tier: bytes = b"core", names: tuple[str, ...] = ONE
) -> dict[str, bytes | None]:
    """Clusters without an agent of their own."""
    return {
        path: text and text.replace(b"tier: edge", b"tier: " + tier).replace(b"flux", b"kubernetes")
        for path, text in small_fleet(names, policy).items()
    }


def write_kubeconfig(file: Path, address: str, ca_file: Path, token: str) -> None:
    """Credentials of the bot."""
    cluster = {
        "server": f"https://{address}",
        "certificate-authority-data": base64.b64encode(ca_file.read_bytes()).decode(),
    }
    file.touch(mode=0o600)
    file.write_bytes(
        yaml.dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "main",
                "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": {"token": token}}],
            }
        )
    )
