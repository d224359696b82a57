"""What chart hosts send: manifests of registries, indexes of repositories, and addresses."""

import json
import ssl
from collections.abc import Iterator

from bot.charts.downloads import Downloader, host_of, joined
from bot.charts.errors import ChartError
from bot.charts.registry import CONFIG, CONTENT, MANIFEST, chart_layer
from bot.charts.repository import archive_url
from tests.fuzz import Target, text

DIGEST = f"sha256:{'0' * 64}"
MOST = 1_000_000
DOWNLOADER = Downloader("a.example", ssl.create_default_context(), ("*.b.example",))


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
    _check_address(text(data))


def _check_address(found: str) -> None:
    """ChartError, or an address of the host itself or of a named one."""
    try:
        host_of(found)
        target = DOWNLOADER._checked(joined("https://a.example/stable/", found), moves=True)
    except ChartError:
        return
    assert target.scheme == "https"
    assert target.host == "a.example" or target.host.endswith(".b.example")


def seeds() -> Iterator[bytes]:
    """A manifest, an index of images, and an index of charts."""
    layer = {"mediaType": CONTENT, "digest": DIGEST, "size": 10}
    config = {"mediaType": CONFIG, "digest": DIGEST, "size": 2}
    yield json.dumps({"mediaType": MANIFEST, "config": config, "layers": [layer]}).encode()
    yield json.dumps({"manifests": [config]}).encode()
    yield b"https://a.example/web-1.2.3.tgz"
    yield b"//x.b.example:8443/web.tgz?a=b"
    yield b"entries:\n  web:\n  - {name: web, version: 1.2.3, urls: [web-1.2.3.tgz]}\n"
    yield f"entries: {{web: [{{version: 1.2.3, digest: {DIGEST}, urls: ['oci://a/b']}}]}}".encode()


WORDS = (
    b'"layers"',
    b'"config"',
    b'"size"',
    b"urls",
    b"digest",
    b"oci://",
    b"1.2.3",
    b"1e999",
    b"@",
    b"[::1]",
    b"https://",
    b"\\",
    b".b.example",
)
TARGET = Target(check, seeds, WORDS, share=0.5)
