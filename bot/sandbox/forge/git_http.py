"""Git's smart HTTP by the real `git http-backend` (git-http-backend(1)), streaming both ways."""

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

from bot.sandbox.forge.accounts import RefusedError
from bot.sandbox.forge.forge import Forge
from bot.sandbox.forge.protection import Push, PushFormatError, read_push, refuse
from bot.sandbox.forge.pushes import pushed, refused_refs
from bot.sandbox.forge.records import User

ROLES = {"git-upload-pack": "read", "git-receive-pack": "write"}
CHUNK = 64 * 1024
OK = 200
MOST_TOLD = 64
MAX_COMMANDS = 4 * 1024 * 1024
GIT = shutil.which("git") or "git"
_GZIP = 31


Told: TypeAlias = OrderedDict[tuple[str, str, str], tuple[bytes, dict[str, str]]]


class BodyError(Exception):
    """The request's body cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of Git: `endpoint` is what follows the repository's address."""

    forge: Forge
    user: User
    path: str
    endpoint: str
    request: Request


class _Stream(StreamingResponse):
    """Streams without listening for a disconnect: that would take parts of the request's body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await self.stream_response(send)


def router(forge: Forge) -> APIRouter:
    """The routes that Git speaks to."""
    routes = APIRouter(include_in_schema=False)
    told: Told = OrderedDict()

    @routes.get("/{group}/{name}.git/info/refs")
    async def refs(group: str, name: str, request: Request, service: str = "") -> Response:
        user = _admit(forge, f"{group}/{name}", service, request)
        if isinstance(user, Response):
            return user
        call = Call(forge, user, f"{group}/{name}", "info/refs", request)
        return await (_told(call, told) if service == "git-upload-pack" else _read(call))

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


def _admit(forge: Forge, path: str, service: str, request: Request) -> Response | User:
    """The user, or the answer that keeps somebody out."""
    if service not in ROLES:
        return PlainTextResponse("this forge speaks Git's smart HTTP protocol only\n", 403)
    user = _basic_user(forge, request)
    if user is None:
        headers = {"WWW-Authenticate": 'Basic realm="Local forge", charset="UTF-8"'}
        return PlainTextResponse("sign in with your login and token\n", 401, headers)
    try:
        forge.require(user, path, ROLES[service])
    except RefusedError as error:
        return PlainTextResponse(f"{error}\n", error.code)
    return user


def _basic_user(forge: Forge, request: Request) -> User | None:
    """The user that HTTP basic authentication names (RFC 7617)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, _, token = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, ValueError):
        return None
    return forge.authenticate(login, token)


async def _read(call: Call) -> StreamingResponse:
    """A fetch: Git's answer is passed on while it is made."""
    process, feeding = await _start(call, b"", _body(call.request))
    status, headers = await _cgi_headers(process)

    async def answer() -> AsyncIterator[bytes]:
        assert process.stdout is not None
        watching = asyncio.create_task(_end_with_client(process, feeding, call.request))
        try:
            while chunk := await process.stdout.read(CHUNK):
                yield chunk
        finally:
            watching.cancel()
            _kill(process)
            await process.stdout.read()
            await process.wait()

    return _Stream(answer(), status, headers)


async def _told(call: Call, told: Told) -> Response:
    """What there is to fetch; for the same refs as Git told it before, since most ask in vain."""

    async def state() -> tuple[str, str, str]:
        refs = await asyncio.to_thread(call.forge.git.state, call.path)
        return call.path, call.request.headers.get("git-protocol", ""), refs

    key = await state()
    if key not in told:
        answer = await _read(call)
        body = bytearray()
        async for chunk in answer.body_iterator:
            assert isinstance(chunk, bytes)
            body += chunk
        whole = Response(bytes(body), answer.status_code, dict(answer.headers))
        if answer.status_code != OK or await state() != key:
            return whole
        told[key] = bytes(body), dict(answer.headers)
        while len(told) > MOST_TOLD:
            told.popitem(last=False)
    known, headers = told[key]
    return Response(known, OK, headers)


async def _write(call: Call) -> Response:
    """A push: judged before Git sees it, and answered when its consequences are on record."""
    stream = _body(call.request)
    head = bytearray()
    push: Push | None = None
    async for chunk in stream:
        head += chunk
        push = read_push(bytes(head))
        if push is not None or len(head) > MAX_COMMANDS:
            break
    if push is None:
        raise PushFormatError("the push breaks off, or changes too many refs at once")
    refused = await asyncio.to_thread(refused_refs, call.forge, call.user, call.path, push.commands)
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
        _kill(process)
        await asyncio.to_thread(pushed, call.forge, call.user, call.path, push.commands)
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
    """Give Git the request's body; a body that breaks off ends Git before it can believe it."""
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
    """End Git when the client is gone: the body is read by then, only a disconnect can come."""
    with suppress(BodyError, ClientDisconnect):
        await feeding
        await request.receive()
    _kill(process)


def _kill(process: Process) -> None:
    """End Git with all that it started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _body(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of bounded size; Git compresses large ones with gzip."""
    if request.headers.get("content-encoding") not in {"gzip", "x-gzip"}:
        async for chunk in request.stream():
            if chunk:
                yield chunk
        return
    machine = zlib.decompressobj(wbits=_GZIP)
    try:
        async for chunk in request.stream():
            rest = chunk
            while rest and not machine.eof:
                yield machine.decompress(rest, CHUNK)
                rest = machine.unconsumed_tail
        yield machine.flush()
    except zlib.error as error:
        raise BodyError(f"the body is not gzip: {error}") from error
    if not machine.eof:
        raise BodyError("the compressed body breaks off")


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
    """Status and headers of a CGI answer (RFC 3875, 6); 500 when Git ended without any."""
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
