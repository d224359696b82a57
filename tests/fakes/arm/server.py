"""Azure Resource Manager over TLS on 127.0.0.1: the fluxConfigurations of clusters.

Behaviours, with their sources ("specification" is `fluxConfigurations/stable/2025-04-01` of the
public repository Azure/azure-rest-api-specs; "guidelines" its ARM resource provider contract):

- a bearer token on every request, else 401 with `WWW-Authenticate`; `api-version` is required
  (guidelines, "Common API details"); segments of a path are compared without regard to case;
- PUT answers 201 if it created and 200 if it updated, DELETE 202, or 204 for what is not there; 201
  and 202 have `Azure-AsyncOperation` and `Retry-After` (specification, responses);
- `provisioningState` is Creating, Updating or Deleting until the operation ends (specification,
  `ProvisioningState`); it ends after some reads here, so that no time passes;
- `GET .../operations/{id}` answers `OperationStatusResult`, for which it needs rights on the
  resource group (Azure documentation, "Track asynchronous Azure operations");
- PUT replaces all kustomizations; `scope` and `namespace` can only be created (specification,
  `x-ms-mutability`); protected settings are never returned (`x-ms-secret`);
- a write during an operation answers 409, an unknown cluster 404 `ParentResourceNotFound`
  (guidelines, "Error response content");
- tokens come from Microsoft Entra ID by the client credentials flow (Microsoft identity platform
  documentation, "OAuth 2.0 client credentials flow"), here under the same address;
- 429 with `Retry-After` in seconds ("Understand how Azure Resource Manager throttles requests").

Every request and answer is checked against the SDK's models (`tests.fakes.arm.shapes`).
"""

import json
import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema

from tests.fakes.arm.flux import ClusterFlux
from tests.fakes.arm.shapes import check
from tests.fakes.certificates import Authority
from tests.fakes.tls_server import TlsServer

API_VERSION, TOKEN = "2025-04-01", "token-of-azure"
ENTRA_TENANT, CLIENT, SECRET = "tenant-of-azure", "the-bot", "secret-of-azure"
TYPE = "Microsoft.KubernetesConfiguration/fluxConfigurations"
PATH = re.compile(
    r"(?P<cluster>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+/[^/]+/[^/]+)"
    r"/providers/Microsoft\.KubernetesConfiguration/fluxConfigurations"
    r"(/(?P<name>[^/]+))?(/operations/(?P<operation>[^/]+))?",
    re.IGNORECASE,
)
DEFAULTS = {
    "scope": "cluster",
    "namespace": "default",
    "sourceKind": "GitRepository",
    "suspend": False,
}
LOST = 0
Answer = tuple[int, Any, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """The answer to the next request with this method; with LOST, none after it was done.

    `where` is a part of its path.
    """

    method: str
    status: int
    code: str = "InternalServerError"
    headers: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(slots=True)
class Resource:
    """A fluxConfiguration; `reads` left until its operation ends."""

    name: str
    properties: dict[str, Any]
    reads: int
    fails: str = ""


@dataclass(slots=True)
class Cluster:
    """A cluster that is connected to Azure."""

    flux: ClusterFlux
    resources: dict[str, Resource] = field(default_factory=dict)


class Arm:
    """Azure Resource Manager; `operation_reads` is how many reads an operation takes."""

    def __init__(self, authority: Authority) -> None:
        self.clusters: dict[str, Cluster] = {}
        self.faults: deque[Fault] = deque()
        self.requests: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.operation_reads, self.fails = 1, ""
        self.lock = threading.Lock()
        arm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                answer = arm.answer(self.command, self.path, self.headers, self.rfile.read(length))
                if answer is None:
                    self.close_connection = True
                    return
                status, body, headers = answer
                content = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                sent = {**headers, "content-type": "application/json"}
                for name, value in {**sent, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_PUT = do_DELETE = do_POST = do_GET  # noqa: N815 - names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self.server = TlsServer(Handler, authority)
        self.url = f"https://{self.server.place}"

    def stop(self) -> None:
        """Stop, and fail where a request or an answer did not have its shape."""
        self.server.stop()
        assert not self.wrong, self.wrong

    def connect(self, cluster: str, flux: ClusterFlux) -> Cluster:
        """Let Azure know a cluster."""
        return self.clusters.setdefault(cluster.lower(), Cluster(flux))

    def step(self, now: datetime) -> None:
        """Every cluster reconciles, and tells Azure."""
        with self.lock:
            for cluster in self.clusters.values():
                there = {each.name: each.properties for each in cluster.resources.values()}
                for name, told in cluster.flux.step(now, there).items():
                    cluster.resources[name.lower()].properties |= told

    def answer(self, method: str, target: str, headers: Message, body: bytes) -> Answer | None:
        """The answer to a request; None if the connection breaks instead."""
        with self.lock:
            if urlsplit(target).path.startswith(f"/{ENTRA_TENANT}/"):
                return self._entra(method, parse_qs(body.decode()))
            self.requests.append((method, urlsplit(target).path))
            due = (each for each in self.faults if each.method == method and each.where in target)
            fault = next(due, None)
            if fault is not None:
                self.faults.remove(fault)
                if fault.status != LOST:
                    return _error(fault.status, fault.code, fault.headers)
            answer = self._answer(method, target, headers, body)
            return answer if fault is None else None

    def _entra(self, method: str, form: Mapping[str, list[str]]) -> Answer:
        root = f"{self.url}/{ENTRA_TENANT}"
        if method == "GET":
            names = ("authorization", "token")
            endpoints = {f"{each}_endpoint": f"{root}/oauth2/v2.0/{each}" for each in names}
            return 200, {**endpoints, "issuer": f"{root}/v2.0"}, {}
        expected = {
            "client_id": [CLIENT],
            "client_secret": [SECRET],
            "grant_type": ["client_credentials"],
            "scope": [f"{self.url}/.default"],
        }
        if {key: form.get(key) for key in expected} != expected:
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215"}, {}
        return 200, {"token_type": "Bearer", "expires_in": 86_400, "access_token": TOKEN}, {}

    def _answer(self, method: str, target: str, headers: Message, body: bytes) -> Answer:
        url = urlsplit(target)
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "AuthenticationFailed", {"WWW-Authenticate": 'Bearer realm="arm"'})
        if parse_qs(url.query).get("api-version") != [API_VERSION]:
            return _error(400, "MissingApiVersionParameter")
        match = PATH.fullmatch(url.path)
        cluster = self.clusters.get(match["cluster"].lower()) if match else None
        if match is None or cluster is None:
            return _error(404, "ParentResourceNotFound")
        if match["operation"]:
            return _error(403, "AuthorizationFailed")
        resource = cluster.resources.get((match["name"] or "").lower())
        if method == "GET" and match["name"] is None:
            value = [self._read(cluster, match["cluster"], each) for each in _all(cluster)]
            return 200, {"value": [each for each in value if each]}, {}
        if method == "GET":
            found = resource and self._read(cluster, match["cluster"], resource)
            return (200, found, {}) if found else _error(404, "ResourceNotFound")
        if resource is not None and resource.reads:
            return _error(409, "Conflict")
        operation = {
            "Azure-AsyncOperation": f"{self.url}{url.path}/operations/1?api-version={API_VERSION}",
            "Retry-After": "10",
        }
        if method == "DELETE":
            return self._delete(resource, operation)
        return self._put(cluster, match, body, operation)

    def _delete(self, resource: Resource | None, operation: Mapping[str, str]) -> Answer:
        if resource is None:
            return 204, None, {}
        resource.properties["provisioningState"] = "Deleting"
        resource.reads = self.operation_reads
        return 202, None, operation

    def _put(
        self, cluster: Cluster, match: re.Match[str], body: bytes, operation: Mapping[str, str]
    ) -> Answer:
        sent = json.loads(body)
        try:
            check("FluxConfiguration", sent, is_request=True)
        except jsonschema.ValidationError as error:
            self.wrong.append(f"request: {error.message}")
            return _error(400, "InvalidRequestContent")
        wanted = {**DEFAULTS, **sent["properties"]}
        name = match["name"]
        old = cluster.resources.get(name.lower())
        if old is not None and any(
            old.properties[part] != wanted[part] for part in ("scope", "namespace")
        ):
            return _error(400, "BadRequest")
        state = "Creating" if old is None else "Updating"
        before: dict[str, Any] = old.properties if old else {}
        kept: dict[str, Any] = {
            key: before[key] for key in ("statuses", "statusUpdatedAt") if key in before
        }
        new = Resource(
            name,
            {**wanted, **kept, "provisioningState": state, "complianceState": "Pending"},
            self.operation_reads,
            self.fails,
        )
        cluster.resources[name.lower()] = new
        found = self._shown(match["cluster"], new)
        return (201, found, operation) if old is None else (200, found, {})

    def _read(self, cluster: Cluster, where: str, resource: Resource) -> dict[str, Any] | None:
        """A resource as it is now; its operation comes nearer to its end."""
        found = self._shown(where, resource)
        if resource.reads:
            resource.reads -= 1
            if not resource.reads and resource.properties["provisioningState"] == "Deleting":
                del cluster.resources[resource.name.lower()]
                return found
            if not resource.reads:
                state = "Failed" if resource.fails else "Succeeded"
                resource.properties["provisioningState"] = state
                resource.properties["errorMessage"] = resource.fails
        return found

    def _shown(self, where: str, resource: Resource) -> dict[str, Any]:
        shown = json.loads(json.dumps(resource.properties))
        shown.pop("configurationProtectedSettings", None)
        for key, each in (shown.get("kustomizations") or {}).items():
            each |= {"name": key, "retryIntervalInSeconds": each.get("retryIntervalInSeconds")}
        for tag in ("tag", "semver", "commit"):
            shown["gitRepository"]["repositoryRef"][tag] = None
        found = {
            "id": f"{where}/providers/{TYPE}/{resource.name}",
            "name": resource.name,
            "type": TYPE,
            "properties": shown,
        }
        try:
            check("FluxConfiguration", found)
        except jsonschema.ValidationError as error:
            self.wrong.append(f"answer: {error.message}")
        return found


def _all(cluster: Cluster) -> list[Resource]:
    return list(cluster.resources.values())


def _error(status: int, code: str, headers: Mapping[str, str] | None = None) -> Answer:
    found = {"error": {"code": code, "message": f"The request failed with {code}.", "details": []}}
    check("ErrorResponse", found)
    return status, found, headers or {}
