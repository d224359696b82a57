"""Git's smart HTTP by the real `git http-backend` (git-http-backend(1)), streaming both ways."""

import asyncio
import os
import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import AsyncIterator, Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from bot.localforge.accounts import RefusedError
from bot.localforge.forge import Forge
from bot.localforge.protection import Push, PushFormatError, read_push, refuse
from bot.localforge.records import User

SERVICES = {"git-upload-pack": "read", "git-receive-pack": "write"}
CHUNK = 64 * 1024
MAX_COMMANDS = 4 * 1024 * 1024


def router(forge: Forge) -> APIRouter:
    """The routes that Git speaks to."""
    routes = APIRouter()

    @routes.get("/{group}/{name}.git/info/refs")
    async def refs(group: str, name: str, request: Request) -> Response:
        service = request.query_params.get("service", "")
        return await _serve(forge, f"{group}/{name}", service, request, b"")

    @routes.post("/{group}/{name}.git/{service}")
    async def exchange(group: str, name: str, service: str, request: Request) -> Response:
        path = f"{group}/{name}"
        if service != "git-receive-pack":
            return await _serve(forge, path, service, request, b"")
        return await _receive(forge, path, request)

    return routes


def basic_user(forge: Forge, request: Request) -> User | None:
    """The user that HTTP basic authentication names (RFC 7617)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, _, token = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return None
    return forge.authenticate(login, token)


def _refuse(forge: Forge, path: str, service: str, request: Request) -> Response | User:
    """The user, or the answer that keeps somebody out."""
    if service not in SERVICES:
        return PlainTextResponse("dumb HTTP is not spoken here\n", 403)
    user = basic_user(forge, request)
    if user is None:
        headers = {"WWW-Authenticate": 'Basic realm="Switchyard local forge"'}
        return PlainTextResponse("sign in with your login and token\n", 401, headers)
    try:
        forge.require(user, path, SERVICES[service])
    except RefusedError as error:
        return PlainTextResponse(f"{error}\n", error.code)
    return user


async def _receive(forge: Forge, path: str, request: Request) -> Response:
    """A push: its commands are read and judged before Git sees them."""
    user = _refuse(forge, path, "git-receive-pack", request)
    if isinstance(user, Response):
        return user
    stream = _decoded(request)
    head = b""
    push: Push | None = None
    try:
        async for chunk in stream:
            head += chunk
            push = read_push(head)
            if push is not None or len(head) > MAX_COMMANDS:
                break
    except PushFormatError as error:
        return PlainTextResponse(f"{error}\n", 400)
    if push is None:
        return PlainTextResponse("the push breaks off\n", 400)
    refused = await asyncio.to_thread(forge.refused_refs, user, path, push.commands)
    if refused:
        async for _ in stream:
            pass
        media = "application/x-git-receive-pack-result"
        return Response(refuse(push, refused), media_type=media)
    answer = await _backend(forge, path, request, head, stream)
    branches = [command.branch for command in push.commands if command.branch]
    await asyncio.to_thread(forge.pushed, user, path, branches)
    return answer


async def _serve(forge: Forge, path: str, service: str, request: Request, head: bytes) -> Response:
    user = _refuse(forge, path, service, request)
    if isinstance(user, Response):
        return user
    return await _backend(forge, path, request, head, _decoded(request))


async def _decoded(request: Request) -> AsyncIterator[bytes]:
    """The body; Git compresses large ones."""
    inflate = None
    if request.headers.get("content-encoding") == "gzip":
        inflate = zlib.decompressobj(wbits=31)
    async for chunk in request.stream():
        data = inflate.decompress(chunk) if inflate else chunk
        if data:
            yield data


async def _backend(
    forge: Forge, path: str, request: Request, head: bytes, stream: AsyncIterator[bytes]
) -> Response:
    """Run `git http-backend`; a push is answered when it is done, so that hooks come after it."""
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=_environment(forge, path, request),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    feeding = asyncio.create_task(_feed(process.stdin, head, stream))
    status, headers = await _cgi_headers(process.stdout)
    if request.url.path.endswith("git-receive-pack"):
        body = await process.stdout.read()
        await feeding
        await process.wait()
        return Response(body, status, headers)

    async def answer() -> AsyncIterator[bytes]:
        assert process.stdout is not None
        while chunk := await process.stdout.read(CHUNK):
            yield chunk
        await feeding
        await process.wait()

    return StreamingResponse(answer(), status, headers)


async def _feed(stdin: asyncio.StreamWriter, head: bytes, stream: AsyncIterator[bytes]) -> None:
    try:
        stdin.write(head)
        async for chunk in stream:
            stdin.write(chunk)
            await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        stdin.close()


def _environment(forge: Forge, path: str, request: Request) -> Mapping[str, str]:
    name = request.url.path.partition(".git/")[2]
    return {
        "PATH": os.defpath,
        "GIT_PROJECT_ROOT": str(forge.git.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(forge.git.root),
        "REMOTE_USER": "forge",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": f"/{path}.git/{name}",
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
    }


async def _cgi_headers(stdout: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers of a CGI answer (RFC 3875, 6)."""
    status = 200
    headers: dict[str, str] = {}
    while True:
        line = (await stdout.readline()).decode("latin-1").strip()
        if not line:
            return status, headers
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
