"""What chart hosts send: manifests of registries, and indexes of repositories."""

import json
from collections.abc import Iterator

from bot.charts.errors import ChartError
from bot.charts.registry import CONFIG, CONTENT, MANIFEST, chart_layer
from bot.charts.repository import archive_url
from tests.fuzz import Target

DIGEST = f"sha256:{'0' * 64}"
MOST = 1_000_000


def check(data: bytes) -> None:
    """ChartError, or a digest and a size within the limit; ChartError, or an address."""
    try:
        layer = chart_layer(data, MOST)
    except ChartError:
        pass
    else:
        assert layer.digest.startswith("sha256:")
        assert 0 < layer.size <= MOST
    try:
        url = archive_url(data, "web", "1.2.3", DIGEST)
    except ChartError as error:
        assert len(str(error)) < len(data) * 6 + 500
    else:
        assert not url.startswith("oci://")


def seeds() -> Iterator[bytes]:
    """A manifest, an index of images, and an index of charts."""
    layer = {"mediaType": CONTENT, "digest": DIGEST, "size": 10}
    config = {"mediaType": CONFIG, "digest": DIGEST, "size": 2}
    yield json.dumps({"mediaType": MANIFEST, "config": config, "layers": [layer]}).encode()
    yield json.dumps({"manifests": [config]}).encode()
    yield b"entries:\n  web:\n  - {name: web, version: 1.2.3, urls: [web-1.2.3.tgz]}\n"
    yield f"entries: {{web: [{{version: 1.2.3, digest: {DIGEST}, urls: ['oci://a/b']}}]}}".encode()


WORDS = (b'"layers"', b'"config"', b'"size"', b"urls", b"digest", b"oci://", b"1.2.3", b"1e999")
TARGET = Target(check, seeds, WORDS, share=0.5)
