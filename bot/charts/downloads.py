"""GET over HTTPS within limits, to named hosts with permitted addresses. The importer of httpx.

The address is resolved here, checked, and connected to, so that a name cannot lead elsewhere
between the check and the connection. Bodies are taken as they are sent: nothing is decompressed.

Source: httpx documentation, "Extensions" (`sni_hostname`).
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from bot.charts.errors import ChartError, ChartUnavailableError
from bot.outbound.client import is_permitted

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
REDIRECTS = 3
MOST_ADDRESSES = 4

_MOVED = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its body, which is empty unless the status is 200."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloads from `home` (a host, with its port if it has one), and the hosts it may refer to.

    `elsewhere` are patterns of these hosts, `private_network` permits private addresses.
    """

    home: str
    context: ssl.SSLContext
    elsewhere: tuple[str, ...] = ()
    private_network: bool = False

    @property
    def _netloc(self) -> bytes:
        return httpx.URL(f"https://{self.home}").netloc

    async def get(
        self, url: str, most: int, headers: Mapping[str, str] | None = None, *, moves: bool = False
    ) -> Answer:
        """The answer to a request; `headers` go to `home` only.

        With `moves` the answer may come from the hosts of `elsewhere`.

        Raises:
            ChartError: another host would be asked, or the answer has more than `most` bytes.
            ChartUnavailableError: no host answers, or one says to try again later.
        """
        for _ in range(REDIRECTS + 1):
            target = self._checked(url, moves=moves)
            sent = headers if target.netloc == self._netloc else None
            answer = await self._from_any_address(target, most, sent or {})
            if answer.status not in _MOVED:
                return _settled(answer)
            url = joined(str(target), answer.headers.get("location", ""))
        raise ChartError(f"{self.home} redirects more than {REDIRECTS} times")

    def _checked(self, url: str, *, moves: bool) -> httpx.URL:
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ChartError(f"{self.home} refers to an address that is none: {error}") from None
        if target.scheme != "https" or target.userinfo or not target.host:
            raise ChartError(
                f"{self.home} refers to {target.scheme}://{target.host}: only https is permitted"
            )
        known = moves and any(_matches(target.host, pattern) for pattern in self.elsewhere)
        if target.netloc != self._netloc and not known:
            raise ChartError(
                f"{self.home} refers to the host {target.host!r}, from which nothing may be "
                f"fetched: if it belongs to {self.home}, add it to `downloadHosts` in the policy"
            )
        return target

    async def _from_any_address(
        self, url: httpx.URL, most: int, headers: Mapping[str, str]
    ) -> Answer:
        """The answer of the first address to which a connection is possible."""
        reason: Exception | None = None
        for address in await self._addresses(url):
            try:
                return await self._ask(url, address, most, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                reason = error
                if _is_untrusted(error):
                    raise ChartError(
                        f"the certificate of {url.host} is not trusted: {error}; for a CA of your "
                        f"own, set SWITCHYARD_CHART_CA_FILE"
                    ) from error
            except httpx.HTTPError as error:
                raise ChartUnavailableError(f"{url.host}: {_text(error)}") from error
        raise ChartUnavailableError(f"{url.host} cannot be reached: {_text(reason)}") from reason

    async def _addresses(self, url: httpx.URL) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ChartUnavailableError(f"{url.host} has no address: {error}") from error
        addresses = [str(each[4][0]).partition("%")[0] for each in found]
        permitted = [each for each in addresses if is_permitted(each, private=self.private_network)]
        if not permitted:
            raise ChartError(
                f"{url.host} has the address {addresses[0] if addresses else ''}, which is not "
                f"public: `privateNetwork: true` in the policy permits private networks"
            )
        return permitted[:MOST_ADDRESSES]

    async def _ask(
        self, url: httpx.URL, address: str, most: int, headers: Mapping[str, str]
    ) -> Answer:
        host = url.raw_host.decode()
        fields = {"host": url.netloc.decode(), "accept-encoding": "identity", **headers}
        async with (
            httpx.AsyncClient(verify=self.context, trust_env=False, timeout=TIMEOUT) as client,
            client.stream(
                "GET",
                url.copy_with(host=address),
                headers=fields,
                extensions={"sni_hostname": host},
            ) as response,
        ):
            answer = Answer(str(url), response.status_code, response.headers)
            if response.status_code != httpx.codes.OK:
                return answer
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > most:
                    raise ChartError(f"{url} has more than {most} bytes")
            return Answer(answer.url, answer.status, answer.headers, bytes(body))


def joined(base: str, reference: str) -> str:
    """An address that a host gives, maybe relative to another one.

    Raises:
        ChartError: it is none.
    """
    try:
        return urljoin(base, reference)
    except ValueError as error:
        raise ChartError(f"{base} refers to an address that is none: {error}") from error


def host_of(url: str) -> str:
    """The host of an address that a host gives, with its port if it has one.

    Raises:
        ChartError: it is none.
    """
    try:
        return urlsplit(url).netloc
    except ValueError as error:
        raise ChartError(f"{url!r} is no address: {error}") from error


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return host == pattern


def _settled(answer: Answer) -> Answer:
    if answer.status in _LATER:
        raise ChartUnavailableError(f"{answer.url} answers with status {answer.status}")
    return answer


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _text(error: Exception | None) -> str:
    return str(error) or type(error).__name__
