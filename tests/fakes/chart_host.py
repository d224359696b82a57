"""An OCI registry and a chart repository over HTTPS, on 127.0.0.1.

Behaviours, from the OCI Distribution Specification 1.1:

- `GET|HEAD /v2/<name>/manifests/<tag or digest>` and `/v2/<name>/blobs/<digest>`; 404 with a JSON
  body of `errors` for what is not there ("Pulling manifests", "Pulling blobs", "Error codes");
- the answer to a manifest has its media type, and `Docker-Content-Digest`;
- blobs may be answered by a redirect (307) to another host, as ghcr.io and Docker Hub do.

From the token authentication specification of CNCF Distribution: without a token, 401 with
`WWW-Authenticate: Bearer realm="...",service="..."` and maybe `scope`; the realm takes `scope` and
`service` as a query, and Basic credentials; a token may be called `token` or `access_token`.

From Helm's documentation ("The Chart Repository Guide"): `GET <repository>/index.yaml` with
`entries`, each version with `urls` (maybe relative) and the SHA-256 `digest` of its archive.
"""

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.fakes.certificates import Authority
from tests.fakes.tls_server import TlsServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
TOKEN = "a.token-of_the/registry=="
CHART = {
    "web/Chart.yaml": b"apiVersion: v2\nname: web\nversion: 1.2.3\n",
    "web/values.yaml": b"size: small\n",
    "web/templates/map.yaml": (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
        b"data: {size: {{ .Values.size | quote }}}\n"
    ),
}


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def packed(files: Mapping[str, bytes]) -> bytes:
    """A chart's archive, the same bytes each time."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)


ARCHIVE = packed(CHART)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for, and with which authorization."""

    path: str
    authorization: str


@dataclass(slots=True)
class Reply:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class ChartHost:
    """Serves what is put into it; `faults` answer a path instead, and `requests` remembers all.

    With `password` (`user:password`) it wants a token for its registry, and Basic credentials for
    its repository. `realm` is where its tokens come from; empty: from itself.
    """

    def __init__(self, authority: Authority, password: str = "") -> None:
        self.password, self.realm = password, ""
        self.pages: dict[str, Reply] = {}
        self.faults: dict[str, Callable[[], Reply]] = {}
        self.requests: list[Request] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                reply = host.answer(Request(self.path, self.headers.get("authorization", "")))
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(reply.body)

            do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self.server = TlsServer(Handler, authority)
        self.place = self.server.place

    def stop(self) -> None:
        self.server.stop()

    def put_blob(self, content: bytes, name: str = "charts/web") -> str:
        digest = sha256(content)
        self.pages[f"/v2/{name}/blobs/{digest}"] = Reply(body=content)
        return digest

    def put_manifest(self, content: bytes, *tags: str, name: str = "charts/web") -> str:
        digest, found = sha256(content), json.loads(content)
        media = found.get("mediaType", MANIFEST) if isinstance(found, dict) else MANIFEST
        headers = {"content-type": media, "docker-content-digest": digest}
        for each in (digest, *tags):
            self.pages[f"/v2/{name}/manifests/{each}"] = Reply(body=content, headers=headers)
        return digest

    def push(self, archive: bytes = ARCHIVE, tag: str = "1.2.3", **changes: object) -> str:
        """Push a chart as `helm push` does; the digest of its manifest."""
        config = json.dumps({"name": "web", "version": tag, "apiVersion": "v2"}).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, config),
            "layers": [descriptor(CONTENT, archive)],
            **changes,
        }
        self.put_blob(config)
        self.put_blob(archive)
        return self.put_manifest(json.dumps(manifest).encode(), tag)

    def publish(
        self, archive: bytes = ARCHIVE, url: str = "web-1.2.3.tgz", digest: str | None = None
    ) -> str:
        """Publish a chart in the repository `/stable`; the digest of its archive."""
        stated = sha256(archive).partition(":")[2] if digest is None else digest
        entry = {"apiVersion": "v2", "name": "web", "version": "1.2.3", "urls": [url]}
        index = {"apiVersion": "v1", "entries": {"web": [{**entry, "digest": stated}]}}
        self.pages["/stable/index.yaml"] = Reply(body=json.dumps(index).encode())
        self.pages["/stable/web-1.2.3.tgz"] = Reply(body=archive)
        return sha256(archive)

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        path = urlsplit(request.path).path
        if path in self.faults:
            return self.faults[path]()
        if path == "/token":
            return self._token(request)
        if self.password and path.startswith("/v2/") and request.authorization != f"Bearer {TOKEN}":
            realm = self.realm or f"https://{self.place}/token"
            challenge = f'Bearer realm="{realm}",service="charts"'
            return _error(401, "UNAUTHORIZED", {"www-authenticate": challenge})
        basic = base64.b64encode(self.password.encode()).decode()
        guarded = self.password and path.startswith("/stable/")
        if guarded and request.authorization != f"Basic {basic}":
            return _error(401, "UNAUTHORIZED", {"www-authenticate": "Basic"})
        if path == "/v2/":
            return Reply(body=b"{}")
        return self.pages.get(path) or _error(404, "NOT_FOUND", {})

    def _token(self, request: Request) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        basic = base64.b64encode(self.password.encode()).decode()
        if request.authorization != f"Basic {basic}" or query["service"] != ["charts"]:
            return _error(401, "UNAUTHORIZED", {})
        if query["scope"] != ["repository:charts/web:pull"]:
            return _error(403, "DENIED", {})
        return Reply(body=json.dumps({"access_token": TOKEN}).encode())


def descriptor(media: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media, "digest": sha256(content), "size": len(content)}


def _error(status: int, code: str, headers: Mapping[str, str]) -> Reply:
    body = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
    return Reply(status, body, headers)
