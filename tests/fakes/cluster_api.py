"""A fake API server of one cluster over HTTP: discovery, reads, apply, lists in pages and watches.

Sources: Kubernetes documentation, "Kubernetes API Concepts" (chunked lists, watch, bookmarks, 410
Gone, metadata-only answers) and "User impersonation". The rules of objects are in
`tests.fakes.cluster_objects`. It runs in the event loop of the test and on loopback.
"""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.clusters import Connection, Credentials
from tests.fakes.certificates import Authority
from tests.fakes.cluster_objects import Access, ApiRefusalError, Item, Kind, Objects

BOT = "system:serviceaccount:switchyard-system:switchyard"
TOKEN = "the-bot's-token"
READ = {"GET": "get"}
WRITE = {"PATCH": "patch", "PUT": "update", "POST": "create", "DELETE": "delete"}


@dataclass(slots=True)
class FakeCluster:
    """A cluster: its objects, and faults to inject.

    The answer to the write that `lost_answer` counts (0: the next one) is lost after it was done.
    """

    objects: Objects = field(default_factory=Objects)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[web.Response] = field(default_factory=list)
    lost_answer: int | None = None
    page: int = 500
    watches: Counter[str] = field(default_factory=Counter)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _ends: int = 0
    _running: list[web.Request] = field(default_factory=list)

    @asynccontextmanager
    async def serve(self, name: str = "c1") -> AsyncIterator[Connection]:
        """Run it, and connect to it as the bot."""
        async with self.listen() as address:
            connection = Connection(name, Credentials(f"http://{address}", token=TOKEN))
            try:
                yield connection
            finally:
                await connection.close()

    @asynccontextmanager
    async def listen(self, authority: Authority | None = None) -> AsyncIterator[str]:
        """Run it, over TLS if there is an authority, and return its host and port."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        context = None
        if authority is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(authority.certificate)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        try:
            yield f"127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await self.end_watches()
            await runner.cleanup()

    @property
    def bot(self) -> Access:
        """What the bot's own account may do."""
        own = Access(frozenset({"switchyard-system"}), reads_everything=True)
        return self.objects.access.setdefault(BOT, own)

    def tenant(self, name: str, *namespaces: str) -> str:
        """An account that the bot may act as, with rights in some namespaces; its user name."""
        user = f"system:serviceaccount:switchyard-system:switchyard-{name}"
        self.objects.access[user] = Access(frozenset(namespaces))
        self.bot.impersonates |= {user}
        for each in ("switchyard-system", *namespaces):
            self.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}})
        return user

    def add(self, item: Item, manager: str = "kubectl-client-side-apply") -> None:
        """Somebody else creates an object, if it is not there."""
        kind = next(each for each in self.objects.kinds if each.name == item["kind"])
        address = self.objects._address(kind, item)
        if address not in self.objects.items:
            self.objects.create(kind, item, manager)

    async def changed(self) -> None:
        """Tell the watches that objects changed."""
        async with self._changed:
            self._changed.notify_all()

    async def end_watches(self) -> None:
        """End every running watch, as the server does after `timeoutSeconds`."""
        self._ends += 1
        await self.changed()

    async def break_watches(self) -> None:
        """Cut the connection of every running watch."""
        for each in self._running:
            assert each.transport is not None
            each.transport.abort()
        await self.end_watches()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        user = ""
        try:
            user = self._user(request)
            self.requests.append((request.method, request.path, user))
            if self.faults:
                return self.faults.pop(0)
            answer = await self._answer(request, user)
        except ApiRefusalError as refusal:
            return web.json_response(refusal.status, status=refusal.code)
        finally:
            await self.changed()
        if request.method in WRITE and self.lost_answer is not None:
            self.lost_answer -= 1
            if self.lost_answer < 0:
                self.lost_answer = None
                assert request.transport is not None
                request.transport.abort()
        return answer

    def _user(self, request: web.Request) -> str:
        """Who acts: the bearer of the token, or the user whom it may impersonate."""
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise ApiRefusalError(401, "Unauthorized", "Unauthorized")
        user = request.headers.get("Impersonate-User", "")
        if user and user not in self.bot.impersonates:
            raise ApiRefusalError(403, "Forbidden", f'User "{BOT}" cannot impersonate "{user}"')
        return user or BOT

    async def _answer(self, request: web.Request, user: str) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts == ["apis"]:
            return web.json_response({"groups": self._groups()})
        version = "/".join(parts[1:3]) if parts[0] == "apis" else parts[1]
        rest = parts[3:] if parts[0] == "apis" else parts[2:]
        if not rest:
            return web.json_response({"resources": self._resources(version)})
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        plural, *names = rest[2:] if namespace else rest
        kind = self.objects.kind(version, plural)
        verb = {**READ, **WRITE}[request.method]
        if not names and verb == "get":
            self.objects.check(user, "list", kind, namespace)
            return await self._collection(request, kind, namespace)
        self.objects.check(user, verb, kind, namespace)
        found = await self._one(request, kind, (namespace, names[0] if names else ""), user)
        return web.json_response(
            self._shown(request, found), status=201 if verb == "create" else 200
        )

    async def _one(self, request: web.Request, kind: Kind, at: tuple[str, str], user: str) -> Item:
        body = json.loads(await request.read() or b"{}")
        manager, query = request.query.get("fieldManager", ""), request.query
        match request.method:
            case "GET":
                return self.objects.read(kind, *at)
            case "POST":
                return self.objects.create(kind, body, manager)
            case "PUT":
                return self.objects.replace(kind, body, manager)
            case "DELETE":
                self.objects.delete(kind, *at, body.get("preconditions", {}))
                return {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        assert request.content_type == "application/apply-patch+yaml"
        assert query["fieldValidation"] == "Strict"
        return self.objects.apply(kind, body, user, manager, force=query["force"] == "true")

    async def _collection(
        self, request: web.Request, kind: Kind, namespace: str
    ) -> web.StreamResponse:
        if request.query.get("watch") == "true":
            return await self._watch(request, kind, namespace)
        found = [
            item
            for item in self.objects.items.values()
            if self._selected(item, kind, namespace, request.query.get("labelSelector", ""))
        ]
        start = int(request.query.get("continue", "0"))
        if request.query.get("continue") and self.objects.oldest > start:
            raise ApiRefusalError(410, "Expired", "the continue parameter is too old")
        end = start + min(self.page, int(request.query.get("limit", self.page)))
        metadata: Item = {"resourceVersion": str(self.objects.version)}
        if end < len(found):
            metadata["continue"] = str(end)
        shown = [self._shown(request, each) for each in found[start:end]]
        for each in shown:
            del each["apiVersion"], each["kind"]
        return web.json_response({"kind": "List", "metadata": metadata, "items": shown})

    async def _watch(self, request: web.Request, kind: Kind, namespace: str) -> web.StreamResponse:
        """Events after a version; ended by `end_watches`, never by time."""
        seen, ends = int(request.query["resourceVersion"]), self._ends
        answer = web.StreamResponse()
        answer.content_type = "application/json"
        await answer.prepare(request)
        self.watches[kind.plural] += 1
        self._running.append(request)
        selector = request.query.get("labelSelector", "")
        while self._ends == ends:
            if seen < self.objects.oldest:
                gone = ApiRefusalError(410, "Expired", f"too old resource version: {seen}")
                await _send(answer, "ERROR", gone.status)
                break
            for version, event, item in [each for each in self.objects.events if each[0] > seen]:
                seen = version
                if self._selected(item, kind, namespace, selector):
                    await _send(answer, event, item)
            bookmark = {"kind": kind.name, "metadata": {"resourceVersion": str(seen)}}
            await _send(answer, "BOOKMARK", bookmark)
            async with self._changed:
                await self._changed.wait_for(lambda s=seen: self._is_due(s, ends))
        self._running.remove(request)
        if request.transport is not None:
            await answer.write_eof()
        return answer

    def _is_due(self, seen: int, ends: int) -> bool:
        return self.objects.version > seen or seen < self.objects.oldest or self._ends != ends

    def _selected(self, item: Item, kind: Kind, namespace: str, selector: str) -> bool:
        metadata = item["metadata"]
        if (item["kind"], item["apiVersion"]) != (kind.name, kind.api_version):
            return False
        if namespace and metadata.get("namespace") != namespace:
            return False
        key, equals, value = selector.partition("=")
        labels = metadata.get("labels", {})
        return not selector or (labels.get(key) == value if equals else key in labels)

    def _shown(self, request: web.Request, item: Item) -> Item:
        """The object, or only its metadata if that is asked for."""
        if item.get("kind") == "Status":
            return item
        metadata = {**item["metadata"], "managedFields": self.objects.managers(item)}
        if "PartialObjectMetadata" in request.headers.get("Accept", ""):
            version = "meta.k8s.io/v1"
            return {"apiVersion": version, "kind": "PartialObjectMetadata", "metadata": metadata}
        return {**item, "metadata": metadata}

    def _groups(self) -> list[Item]:
        found = {each.api_version for each in self.objects.kinds if each.group}
        return [{"preferredVersion": {"groupVersion": each}} for each in sorted(found)]

    def _resources(self, version: str) -> list[Item]:
        found = [
            {
                "kind": each.name,
                "name": each.plural,
                "namespaced": each.is_namespaced,
                "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            }
            for each in self.objects.kinds
            if each.api_version == version
        ]
        if not found:
            raise ApiRefusalError(
                404, "NotFound", "the server could not find the requested resource"
            )
        return [*found, {"kind": "Scale", "name": f"{found[0]['name']}/scale", "namespaced": True}]


async def _send(answer: web.StreamResponse, kind: str, item: Any) -> None:
    await answer.write(json.dumps({"type": kind, "object": item}).encode() + b"\n")
