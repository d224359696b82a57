"""Git's smart HTTP protocol through the real `git http-backend`, streaming in both directions."""

import asyncio
import os
import shutil
import signal
import zlib
from asyncio.subprocess import PIPE, Process
from base64 import b64decode
from binascii import Error as Base64Error
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.protection import Push, PushFormatError, read_push, refuse
from bot.sandbox.forge.pushes import pushed, refused_refs
from bot.sandbox.forge.records import User
from bot.sandbox.forge.state import ForgeState

ROLES = {"git-upload-pack": "read", "git-receive-pack": "write"}
CHUNK = 64 * 1024
OK = 200
CACHED_ADVERTISEMENTS = 64
MAX_COMMANDS = 4 * 1024 * 1024
GIT = shutil.which("git") or "git"
_GZIP = 31


@dataclass(frozen=True, slots=True)
class _AdvertisementKey:
    """What a ref advertisement depends on; `refs` is a digest of all refs."""

    path: str
    protocol: str
    refs: str


@dataclass(frozen=True, slots=True)
class _Advertisement:
    """A cached response with the refs of a repository."""

    body: bytes
    headers: dict[str, str]


Advertisements: TypeAlias = OrderedDict[_AdvertisementKey, _Advertisement]


class BodyError(Exception):
    """The body of the request is invalid."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a Git client; `endpoint` is the part after the repository's URL."""

    forge: ForgeState
    user: User
    path: str
    endpoint: str
    request: Request


class _Stream(StreamingResponse):
    """Streams without listening for a disconnect, which would consume the request's body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await self.stream_response(send)


def router(forge: ForgeState) -> APIRouter:
    """The routes for Git clients."""
    routes = APIRouter(include_in_schema=False)
    advertisements: Advertisements = OrderedDict()

    @routes.get("/{group}/{name}.git/info/refs")
    async def refs(group: str, name: str, request: Request, service: str = "") -> Response:
        user = _admit(forge, f"{group}/{name}", service, request)
        if isinstance(user, Response):
            return user
        call = Call(forge, user, f"{group}/{name}", "info/refs", request)
        if service == "git-upload-pack":
            return await _advertise(call, advertisements)
        return await _read(call)

    @routes.post("/{group}/{name}.git/{service}")
    async def exchange(group: str, name: str, service: str, request: Request) -> Response:
        user = _admit(forge, f"{group}/{name}", service, request)
        if isinstance(user, Response):
            return user
        call = Call(forge, user, f"{group}/{name}", service, request)
        try:
            return await (_write(call) if service == "git-receive-pack" else _read(call))
        except (PushFormatError, BodyError) as error:
            return PlainTextResponse(f"{error}\n", 400)
        except ClientDisconnect:
            return Response(status_code=400)

    return routes


def _admit(forge: ForgeState, path: str, service: str, request: Request) -> Response | User:
    """The authenticated user with sufficient role, or the error response."""
    if service not in ROLES:
        return PlainTextResponse("only Git's smart HTTP protocol is supported\n", 403)
    user = _basic_user(forge, request)
    if user is None:
        headers = {"WWW-Authenticate": 'Basic realm="Local forge", charset="UTF-8"'}
        return PlainTextResponse("sign in with your login and token\n", 401, headers)
    try:
        forge.require(user, path, ROLES[service])
    except RequestError as error:
        return PlainTextResponse(f"{error}\n", error.code)
    return user


def _basic_user(forge: ForgeState, request: Request) -> User | None:
    """The user of HTTP basic authentication (RFC 7617)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, _, token = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, ValueError):
        return None
    return forge.authenticate(login, token)


async def _read(call: Call) -> StreamingResponse:
    """Serve a fetch: Git's output is streamed."""
    process, feeding = await _start(call, b"", _body(call.request))
    try:
        status, headers = await _cgi_headers(process)
    except BaseException:
        await _end(process)
        raise

    async def answer() -> AsyncIterator[bytes]:
        assert process.stdout is not None
        watching = asyncio.create_task(_end_with_client(process, feeding, call.request))
        try:
            while chunk := await process.stdout.read(CHUNK):
                yield chunk
        finally:
            watching.cancel()
            await _end(process)

    return _Stream(answer(), status, headers)


async def _advertise(call: Call, advertisements: Advertisements) -> Response:
    """The refs of a repository, cached while they are unchanged: most fetches find nothing new."""

    async def current_key() -> _AdvertisementKey:
        refs = await asyncio.to_thread(call.forge.git.state, call.path)
        return _AdvertisementKey(call.path, call.request.headers.get("git-protocol", ""), refs)

    key = await current_key()
    if key not in advertisements:
        answer = await _read(call)
        body = bytearray()
        async for chunk in answer.body_iterator:
            assert isinstance(chunk, bytes)
            body += chunk
        whole = Response(bytes(body), answer.status_code, dict(answer.headers))
        if answer.status_code != OK or await current_key() != key:
            return whole
        advertisements[key] = _Advertisement(bytes(body), dict(answer.headers))
        while len(advertisements) > CACHED_ADVERTISEMENTS:
            advertisements.popitem(last=False)
    cached = advertisements[key]
    return Response(cached.body, OK, cached.headers)


async def _write(call: Call) -> Response:
    """Serve a push: check it before Git, and respond after merge requests are updated."""
    stream = _body(call.request)
    head = bytearray()
    push: Push | None = None
    async for chunk in stream:
        head += chunk
        push = read_push(bytes(head))
        if push is not None or len(head) > MAX_COMMANDS:
            break
    if push is None:
        raise PushFormatError("the push is incomplete, or updates too many refs at once")
    refused = await asyncio.to_thread(refused_refs, call.forge, call.user, call.path, push.updates)
    if refused:
        async for _ in stream:
            pass
        media = "application/x-git-receive-pack-result"
        return Response(refuse(push, refused), media_type=media)
    process, feeding = await _start(call, bytes(head), stream)
    try:
        status, headers = await _cgi_headers(process)
        assert process.stdout is not None
        answer = await process.stdout.read()
        await process.wait()
        await feeding
    finally:
        await _end(process)
        await asyncio.to_thread(pushed, call.forge, call.user, call.path, push.updates)
    return Response(answer, status, headers)


async def _start(
    call: Call, head: bytes, stream: AsyncIterator[bytes]
) -> tuple[Process, "asyncio.Task[None]"]:
    environment = _environment(call)
    process = await asyncio.create_subprocess_exec(
        GIT, "http-backend", stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True
    )
    return process, asyncio.create_task(_feed(process, head, stream))


async def _feed(process: Process, head: bytes, stream: AsyncIterator[bytes]) -> None:
    """Pass the request's body to Git; an incomplete body kills Git before it can use it."""
    assert process.stdin is not None
    try:
        process.stdin.write(head)
        async for chunk in stream:
            process.stdin.write(chunk)
            await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return
    except (BodyError, ClientDisconnect):
        _kill(process)
        raise
    finally:
        process.stdin.close()


async def _end_with_client(
    process: Process, feeding: "asyncio.Task[None]", request: Request
) -> None:
    """Kill Git on disconnect; after the body is read, no other message can arrive."""
    with suppress(BodyError, ClientDisconnect):
        await feeding
        await request.receive()
    _kill(process)


def _kill(process: Process) -> None:
    """Kill Git and its child processes."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _end(process: Process) -> None:
    """Kill Git if it still runs, and wait until it and its output have ended."""
    assert process.stdout is not None
    _kill(process)
    await process.stdout.read()
    await process.wait()


async def _body(request: Request) -> AsyncIterator[bytes]:
    """The body in chunks of limited size; Git compresses large bodies with gzip."""
    if request.headers.get("content-encoding") not in {"gzip", "x-gzip"}:
        async for chunk in request.stream():
            if chunk:
                yield chunk
        return
    decompressor = zlib.decompressobj(wbits=_GZIP)
    try:
        async for chunk in request.stream():
            rest = chunk
            while rest and not decompressor.eof:
                yield decompressor.decompress(rest, CHUNK)
                rest = decompressor.unconsumed_tail
        yield decompressor.flush()
    except zlib.error as error:
        raise BodyError(f"the body is not gzip: {error}") from error
    if not decompressor.eof:
        raise BodyError("the compressed body is incomplete")


def _environment(call: Call) -> Mapping[str, str]:
    headers = call.request.headers
    return {
        "PATH": f"{Path(GIT).parent}:{os.defpath}",
        "GIT_PROJECT_ROOT": str(call.forge.git.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "REMOTE_USER": call.user.login,
        "REQUEST_METHOD": call.request.method,
        "PATH_INFO": f"/{call.path}.git/{call.endpoint}",
        "QUERY_STRING": call.request.url.query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
    }


async def _cgi_headers(process: Process) -> tuple[int, dict[str, str]]:
    """Status and headers of a CGI response (RFC 3875, 6); 500 if Git exits without any."""
    assert process.stdout is not None
    status = 200
    headers: dict[str, str] = {}
    while line := (await process.stdout.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    return (status, headers) if headers else (500, {"Content-Type": "text/plain"})
