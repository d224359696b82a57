"""`switchyard report`: what it prints, and what it says when a document does not arrive."""

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.clusters import ClusterError, in_cluster_credentials
from bot.documents.cluster_status import read_cluster_status
from bot.settings import PodSettings
from tests.fakes.certificates import Authority, make_authority
from tests.fakes.direct_fleet import write_kubeconfig
from tests.fakes.tls_server import TlsServer

KEY = "0123456789abcdef"
KINDS = {"kind": "Kustomization", "name": "kustomizations", "namespaced": True, "verbs": []}
HEAD = "c4d74e86ddffd5cec8ca4d05d93935de84a7a6ac"
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T12:00:00Z"}
UNIT = {
    "metadata": {"name": "shop.web", "namespace": "flux-system", "generation": 1},
    "status": {
        "observedGeneration": 1,
        "conditions": [{**READY, "message": "Applied"}],
        "lastAppliedRevision": f"main@sha1:{HEAD}",
    },
}
SERVICES = {"kind": "Service", "name": "services", "namespaced": True, "verbs": []}


def balancer(name: str, *points: dict[str, str], kind: str = "LoadBalancer") -> dict[str, Any]:
    """A Service with these points of entry (Kubernetes API, `LoadBalancerIngress`)."""
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"type": kind},
        "status": {"loadBalancer": {"ingress": list(points)}},
    }


BALANCERS = [
    balancer("payment", {"ip": "192.0.2.11", "ipMode": "VIP"}, {"ip": "2001:db8::1"}),
    balancer("mail", {"hostname": "A1B2.elb.example.com"}),
    balancer("odd", {"ip": "127.0.0.1"}, {"ip": "192.0.2.12"}, {"hostname": "*.example.com"}),
    balancer("waits"),
    balancer("left", {"ip": "192.0.2.13"}, kind="ClusterIP"),
    {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"clusterIP": "10.96.0.1"}},
]


class Handler(BaseHTTPRequestHandler):
    """An API server with one Kustomization, and a service that answers as it is told."""

    answer: tuple[int, str] = (202, "")
    received: list[tuple[str, str, bytes]] = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self) -> None:
        found: dict[str, Any] = {"resources": [KINDS] if "kustomize" in self.path else []}
        if self.path == "/api/v1":
            found = {"resources": [SERVICES]}
        if self.path.startswith("/api/v1/services?"):
            found = {"items": BALANCERS, "metadata": {}}
        if self.path.startswith("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/"):
            found = {"items": [UNIT], "metadata": {}}
        self._send(200, json.dumps(found))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append((self.path, self.headers["x-signature"], body))
        self._send(*self.answer)

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        if status == 307:
            self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("report") / "tls")


@pytest.fixture
def place(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TlsServer]:
    """A server that is both, and the variables of the reporter."""
    monkeypatch.setattr(Handler, "received", [])
    server = TlsServer(Handler, authority)
    write_kubeconfig(tmp_path / "one.kubeconfig", server.place, authority.ca_file, "token")
    monkeypatch.setenv("SWITCHYARD_STATUS_KEY", KEY)
    monkeypatch.setenv("SWITCHYARD_SERVICE_CA_FILE", str(authority.ca_file))
    monkeypatch.chdir(tmp_path)
    yield server
    server.stop()


def report(*arguments: str) -> int:
    return main(["report", "one", "--kubeconfig", "one.kubeconfig", *arguments])


@pytest.mark.usefixtures("place")
def test_it_prints_the_document_where_no_way_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCHYARD_STATUS_KEY")

    assert report() == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["cluster"], printed["units"]) == (
        "one",
        [
            {
                "application": "shop",
                "component": "web",
                "revision": HEAD,
                "readiness": "READY",
                "message": "Applied",
            }
        ],
    )
    assert report("--out", ".") == 1
    assert (
        "SWITCHYARD_STATUS_KEY: required; `switchyard report-key CLUSTER" in capsys.readouterr().err
    )


@pytest.mark.usefixtures("place")
def test_it_reports_the_addresses_of_load_balancers_where_it_is_told_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert report() == 0
    assert "facts" not in json.loads(capsys.readouterr().out)

    assert report("--addresses") == 0
    body = capsys.readouterr().out.encode()
    assert json.loads(body)["facts"]["addresses"] == {
        "shop": {
            "mail": ["a1b2.elb.example.com"],
            "odd": ["192.0.2.12"],
            "payment": ["192.0.2.11", "2001:db8::1"],
        }
    }
    assert read_cluster_status(body).facts is not None


@pytest.mark.usefixtures("place")
def test_it_writes_the_files_of_a_branch(tmp_path: Path) -> None:
    assert report("--out", ".") == 0

    body = (tmp_path / "status.json").read_bytes()
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    assert (tmp_path / "status.json.sig").read_text() == f"sha256={signature}\n"


def test_it_posts_to_the_service(place: TlsServer) -> None:
    assert report("--push", f"https://{place.place}/") == 0

    ((path, signature, body),) = Handler.received
    assert path == "/status/one"
    assert signature == "sha256=" + hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, "{}"), "status 401: use the key that `switchyard report-key CLUSTER --status`"),
        ((422, '{"detail": "no"}'), 'status 422: {"detail": "no"}'),
        ((503, "x\n" * 9000), "status 503: x x x"),
        ((307, "elsewhere"), "status 307: elsewhere"),
    ],
)
def test_a_document_that_is_refused(
    place: TlsServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: tuple[int, str],
    told: str,
) -> None:
    monkeypatch.setattr(Handler, "answer", answer)

    assert report("--push", f"https://{place.place}") == 1
    error = capsys.readouterr().err
    assert told in error
    assert len(error) < 5000
    assert len(Handler.received) == 1, "a redirect is not followed"


def test_what_is_wrong_is_said(
    place: TlsServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"https://127.0.0.1:{taken.getsockname()[1]}"
        for arguments, told in (
            (("--agent", "none"), "unknown agent none; available: "),
            (("--agent", "kubernetes"), "agent kubernetes has no objects that say how it fares"),
            (("--agent", "argocd"), "name what to read with --watch"),
            (("--watch", "A.v1.b.example.com/c"), "one serves no A in b.example.com/v1"),
            (("--watch", "Application"), "not of the form Kind.version.group/namespace"),
            (("--bucket",), "SWITCHYARD_STATUS_BUCKET: required with --bucket"),
            (("--out", "missing"), "missing cannot be written to"),
            (("--push", closed), f"{closed}: "),
            (("--push", "http://[::"), "http://[::: "),
        ):
            assert report(*arguments) == 1
            assert told in capsys.readouterr().err
    monkeypatch.delenv("SWITCHYARD_SERVICE_CA_FILE")
    assert report("--push", f"https://{place.place}") == 1
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().err
    monkeypatch.setenv("SWITCHYARD_STATUS_KEY", "short")
    assert report() == 1
    assert "SWITCHYARD_STATUS_KEY: must have at least 16" in capsys.readouterr().err


def test_a_pod_uses_its_own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "token").write_text("t0ken\n")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")

    found = in_cluster_credentials(PodSettings(), tmp_path)
    assert (found.server, found.ca, found.token) == ("https://[fd00::1]:6443", "CA", "t0ken")
    with pytest.raises(ClusterError, match="cannot be read"):
        in_cluster_credentials(PodSettings(), tmp_path / "none")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    with pytest.raises(ClusterError, match="no pod of a cluster"):
        in_cluster_credentials(PodSettings(), tmp_path)
