"""The Kubernetes API of one cluster: discovery, reads, server-side apply and deletes.

Sources: Kubernetes documentation, "Kubernetes API Concepts" (paths, chunked lists, resource
versions), "Server-Side Apply" and "Field validation".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bot.clusters.connection import APPLY, JSON, Connection
from bot.clusters.errors import ObjectNotFoundError, UnknownKindError
from planners.model import Json
from renderers.inventory import Entry

FIELD_MANAGER = "switchyard"
PAGE = 500
MAX_ITEMS = 50_000
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API server serves it."""

    api_version: str
    kind: str
    plural: str
    is_namespaced: bool
    verbs: frozenset[str] = field(default_factory=frozenset)

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of one object, or of a collection; of all namespaces without one."""
        group = self.api_version
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        if self.is_namespaced and namespace:
            root += f"/namespaces/{quote(namespace, safe='')}"
        return f"{root}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")

    def named(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """An object with its kind, which items of lists and metadata alone do not state."""
        return {**item, "apiVersion": self.api_version, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Listed:
    """The objects of a list, and the resource version from which to watch on."""

    items: tuple[dict[str, Any], ...]
    version: str


@dataclass(slots=True)
class ClusterApi:
    """One cluster, through its connection; remembers what the cluster serves."""

    connection: Connection
    _served: dict[str, dict[str, Resource]] = field(default_factory=dict)

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return self.connection.cluster

    async def resource(self, api_version: str, kind: str) -> Resource:
        """How the cluster serves a kind; asks again where it did not a moment ago.

        Raises:
            UnknownKindError: it does not.
        """
        found = self._served.get(api_version, {}).get(kind)
        if found is None:
            self._served[api_version] = await self._discover(api_version)
            found = self._served[api_version].get(kind)
        if found is None:
            raise UnknownKindError(f"{self.cluster} serves no {kind} in {api_version}")
        return found

    async def resources(self) -> tuple[Resource, ...]:
        """Every kind of every group in its preferred version."""
        groups = (await self.connection.request("GET", "/apis")).get("groups")
        versions = ["v1"] + [
            str(each["preferredVersion"]["groupVersion"])
            for each in (groups if isinstance(groups, list) else ())
        ]
        found: list[Resource] = []
        for each in versions:
            self._served[each] = await self._discover(each)
            found += self._served[each].values()
        return tuple(found)

    async def get(self, entry: Entry, *, whole: bool = False) -> dict[str, Any] | None:
        """An object, by default only its metadata; None if it or its kind is not there."""
        try:
            resource = await self.resource(entry.api_version, entry.kind)
            path = resource.path(entry.namespace, entry.name)
            accept = JSON if whole else METADATA
            found = await self.connection.request("GET", path, accept=accept)
        except (ObjectNotFoundError, UnknownKindError):
            return None
        return resource.named(found)

    async def apply(
        self, item: Mapping[str, Json], account: str, *, force: bool = False
    ) -> dict[str, Any]:
        """Apply an object as `account`, and return its metadata.

        Raises:
            OwnershipError: without `force`, where other managers own fields that it states.
            ClusterError: it was refused for another reason.
        """
        resource = await self.resource(str(item["apiVersion"]), str(item["kind"]))
        metadata: Any = item["metadata"]
        query = {
            "fieldManager": FIELD_MANAGER,
            "force": str(force).lower(),
            "fieldValidation": "Strict",
        }
        path = resource.path(str(metadata.get("namespace", "")), str(metadata["name"]))
        found = await self.connection.request(
            "PATCH",
            path,
            query=query,
            body=item,
            content_type=APPLY,
            accept=METADATA,
            account=account,
        )
        return resource.named(found)

    async def write(
        self, item: Mapping[str, Json], existing: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Create an object, or replace exactly the one that was read.

        Raises:
            WriteConflictError: somebody else created or wrote it in between.
        """
        resource = await self.resource(str(item["apiVersion"]), str(item["kind"]))
        metadata: Any = item["metadata"]
        query = {"fieldManager": FIELD_MANAGER}
        if existing is None:
            path = resource.path(metadata["namespace"])
            return await self.connection.request("POST", path, query=query, body=dict(item))
        version = existing["metadata"]["resourceVersion"]
        body = {**item, "metadata": {**metadata, "resourceVersion": version}}
        path = resource.path(metadata["namespace"], metadata["name"])
        return await self.connection.request("PUT", path, query=query, body=body)

    async def delete(self, item: Mapping[str, Any], account: str = "") -> None:
        """Delete exactly the object that was read; what it owns goes in the background.

        Raises:
            WriteConflictError: it is another object by now.
        """
        resource = await self.resource(item["apiVersion"], item["kind"])
        metadata = item["metadata"]
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "propagationPolicy": "Background",
        }
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        try:
            await self.connection.request("DELETE", path, body=body, account=account)
        except ObjectNotFoundError:
            return

    async def list(
        self, resource: Resource, selector: str, *, namespace: str = "", whole: bool = True
    ) -> Listed:
        """Every object with those labels, in pages; without `whole` only their metadata.

        Raises:
            ExpiredError: a page was asked for too late; list again.
        """
        items: list[dict[str, Any]] = []
        query = {"labelSelector": selector, "limit": str(PAGE)}
        while True:
            answer = await self.connection.request(
                "GET",
                resource.path(namespace),
                query=query,
                accept=JSON if whole else METADATA_LIST,
            )
            metadata = answer.get("metadata") or {}
            items += [resource.named(each) for each in answer.get("items") or ()]
            following = metadata.get("continue")
            if not following or len(items) >= MAX_ITEMS:
                return Listed(tuple(items), str(metadata.get("resourceVersion", "")))
            query["continue"] = str(following)

    async def _discover(self, api_version: str) -> dict[str, Resource]:
        root = "/apis" if "/" in api_version else "/api"
        path = f"{root}/{quote(api_version)}"
        try:
            answer = await self.connection.request("GET", path)
        except ObjectNotFoundError:
            return {}
        return {
            str(each["kind"]): Resource(
                api_version,
                str(each["kind"]),
                str(each["name"]),
                bool(each["namespaced"]),
                frozenset(each.get("verbs") or ()),
            )
            for each in answer.get("resources") or ()
            if "/" not in str(each.get("name", "/"))
        }
