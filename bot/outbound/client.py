"""Requests to servers that a document names, within limits: never elsewhere, never redirected.

The name is resolved here, every address is checked, and the connection goes to the address that was
checked, so that a name cannot lead elsewhere in between. Proxies of the environment are not used,
redirects are answers like any other, and nothing is decompressed.

Sources: httpx documentation, "Extensions" (`sni_hostname`); IANA Special-Purpose Address
Registries, as `ipaddress` has them; RFC 6052 (IPv4 addresses in 64:ff9b::/96).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path

import httpx

from bot.outbound import NotSentError, OutboundError, Reply, Server

TIMEOUT = httpx.Timeout(10.0, connect=5.0)
SECONDS = 15.0
MOST_ADDRESSES = 4
MOST_BYTES = 1024 * 1024

SHORTEST_SECRET = 6
_NO_ADDRESS = "is no address of a server: write scheme, host and port, without a user"

_TRANSLATED = IPv6Network("64:ff9b::/96")

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, by the resolver of the system.

    Raises:
        OSError: it has none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]).partition("%")[0] for each in found]


@cache
def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    """The system's CAs, and those of a file."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


@dataclass(frozen=True, slots=True)
class OutboundClient:
    """The client; `transport` carries its requests in tests, else the network does."""

    ca_file: Path | None = None
    resolve: Resolve = resolve
    transport: httpx.AsyncBaseTransport | None = None

    async def send(
        self,
        server: Server,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """See Outbound."""
        url = _url(server, target)
        try:
            async with asyncio.timeout(SECONDS):
                return await self._from_any_address(server, url, method, headers or {}, body)
        except TimeoutError as error:
            raise OutboundError(f"{url.host} did not answer within {SECONDS:.0f} s") from error

    async def _from_any_address(
        self, server: Server, url: httpx.URL, method: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        reason: Exception | None = None
        for address in await self._addresses(server, url):
            try:
                return await self._ask(url, address, method, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                reason = error
            except (httpx.LocalProtocolError, UnicodeError):  # their text quotes the header
                raise NotSentError(f"{url.host} is not asked: HTTP allows no such header") from None
            except httpx.HTTPError as error:
                raise OutboundError(f"{url.host}: {_text(error, url, headers)}") from None
        raise NotSentError(f"{url.host} cannot be reached: {_text(reason, url, headers)}") from None

    async def _addresses(self, server: Server, url: httpx.URL) -> list[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            addresses = await self.resolve(url.host, port)
        except (OSError, UnicodeError) as error:
            raise NotSentError(f"{url.host} has no address: {error}") from error
        for each in addresses:
            if not is_permitted(each, private=server.private_network):
                raise NotSentError(
                    f"{url.host} has the address {each}, which is not public: "
                    f"`privateNetwork: true` in the policy permits private networks"
                )
        return addresses[:MOST_ADDRESSES]

    async def _ask(
        self, url: httpx.URL, address: str, method: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        fields = {"host": url.netloc.decode(), "accept-encoding": "identity", **headers}
        async with (
            httpx.AsyncClient(
                verify=_trusted(self.ca_file),
                trust_env=False,
                timeout=TIMEOUT,
                transport=self.transport,
            ) as client,
            client.stream(
                method,
                url.copy_with(host=address),
                headers=fields,
                content=body,
                extensions={"sni_hostname": url.raw_host.decode()},
            ) as response,
        ):
            found = bytearray()
            async for chunk in response.aiter_raw():
                found += chunk
                if len(found) > MOST_BYTES:
                    raise OutboundError(f"{url.host} answered with more than {MOST_BYTES} bytes")
            told = response.headers.get("retry-after", "")
            return Reply(response.status_code, bytes(found), told)


def is_permitted(address: str, *, private: bool) -> bool:
    """Whether to connect to an address; with `private` also to those of private networks."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped
        if ip in _TRANSLATED:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.sixtofour or ip.teredo:
            return False
        ip = inner or ip
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return False
    return ip.is_global or (private and (ip.is_loopback or not ip.is_reserved))


def _url(server: Server, target: str) -> httpx.URL:
    try:
        base, found = httpx.URL(server.address), httpx.URL(f"{server.address}{target}")
    except httpx.InvalidURL:  # its text quotes a part
        raise OutboundError(f"this {_NO_ADDRESS}") from None
    same = (found.scheme, found.netloc) == (base.scheme, base.netloc)
    if base.scheme not in {"https", "http"} or base.userinfo or not base.host or not same:
        raise OutboundError(f"{base.host or 'this'} {_NO_ADDRESS}")
    return found


def _text(error: Exception | None, url: httpx.URL, headers: Mapping[str, str]) -> str:
    """What an error says, without what the request may have of secrets: path, query and headers."""
    text = str(error) or type(error).__name__
    words = {word for value in headers.values() for word in (value, *value.split())}
    parts = {url.raw_path.decode(), url.path, *url.path.split("/"), *url.params.values()}
    for secret in sorted(words | parts, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text
