"""One bucket over HTTP: lists, reads and writes objects within limits.

The server is the one that the settings name: no redirect is followed, no proxy of the environment
is used, and nothing is retried here. Answers are bounded in size and time.

Sources: Amazon S3 API Reference, ListObjectsV2, GetObject, PutObject and "Error responses".
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree as ET

import httpx

from bot.buckets.errors import BucketError, BucketUnavailableError, ObjectMissingError
from bot.buckets.signature import Keys, Request, sign
from bot.clock import Clock
from bot.settings import BucketSettings

PAGE = 1000
MAX_LIST_BYTES = 4 * 1024 * 1024
MAX_ERROR_BYTES = 16 * 1024
REQUEST_SECONDS = 30.0
TIMEOUT = httpx.Timeout(15.0, connect=5.0)
METADATA = "x-amz-meta-"
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = range(300, 400)
_CODE = re.compile(r"[A-Za-z0-9.]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_NEXT_STEPS = {
    "AccessDenied": "let the key list the bucket and read its objects (a reporter: write one)",
    "InvalidAccessKeyId": "check SWITCHYARD_STATUS_BUCKET_KEY_ID",
    "SignatureDoesNotMatch": "check SWITCHYARD_STATUS_BUCKET_SECRET and .._REGION",
    "AuthorizationHeaderMalformed": "check SWITCHYARD_STATUS_BUCKET_REGION",
    "RequestTimeTooSkewed": "check the clock of this machine",
    "NoSuchBucket": "check SWITCHYARD_STATUS_BUCKET",
}


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """An object in a list; `version` changes whenever the object is written.

    The ETag alone does not: it is of the content, while metadata is written anew too.
    """

    key: str
    size: int
    version: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of objects in the order of their keys, and whether more follow."""

    entries: tuple[ObjectEntry, ...]
    is_last: bool


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's content and its metadata, whose names are in lower case."""

    body: bytes
    metadata: Mapping[str, str]


class Bucket:
    """The bucket that the settings name."""

    def __init__(self, settings: BucketSettings, clock: Clock) -> None:
        assert settings.status_bucket_url is not None
        assert settings.status_bucket_secret is not None
        self.name = settings.status_bucket
        secret = settings.status_bucket_secret.get_secret_value()
        self._keys = Keys(settings.status_bucket_key_id, secret, settings.status_bucket_region)
        self._clock = clock
        url = httpx.URL(str(settings.status_bucket_url))
        path_style = settings.status_bucket_path_style
        host = url.netloc.decode() if path_style else f"{self.name}.{url.netloc.decode()}"
        self._origin, self._host = f"{url.scheme}://{host}", host
        self._root = f"/{self.name}" if path_style else ""
        context = ssl.create_default_context()
        if settings.status_bucket_ca_file is not None:
            context.load_verify_locations(settings.status_bucket_ca_file)
        self._client = httpx.AsyncClient(verify=context, trust_env=False, timeout=TIMEOUT)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def list(self, prefix: str, after: str) -> Listed:
        """A page of objects whose keys begin with a prefix and come after `after`.

        Raises:
            BucketError: the server refuses, or answers something else.
        """
        query = {
            "list-type": "2",
            "prefix": prefix,
            "max-keys": str(PAGE),
            # Keys may hold characters that XML cannot.
            "encoding-type": "url",
            **({"start-after": after} if after else {}),
        }
        sent = Request("GET", self._host, self._root or "/", query)
        answer = await self._send(sent, f"listing {self.name}", MAX_LIST_BYTES)
        return _listed(answer.body)

    async def read(self, key: str, most: int) -> StoredObject:
        """An object of at most so many bytes.

        Raises:
            ObjectMissingError: it is gone.
            BucketError: the server refuses, or the object is larger.
        """
        sent = Request("GET", self._host, self._path(key))
        answer = await self._send(sent, f"reading {key}", most)
        names = [name for name in answer.headers if name.startswith(METADATA)]
        metadata = {each.removeprefix(METADATA): answer.headers[each] for each in names}
        return StoredObject(answer.body, metadata)

    async def write(self, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        """Write an object in place of what was there, its content and metadata at once.

        Raises:
            BucketError: the server refuses.
        """
        headers = {f"{METADATA}{name}": value for name, value in metadata.items()}
        headers["content-type"] = "application/json"
        sent = Request("PUT", self._host, self._path(key), headers=headers, body=body)
        await self._send(sent, f"writing {key}", MAX_ERROR_BYTES)

    def _path(self, key: str) -> str:
        return f"{self._root}/{quote(key, safe='/-_.~')}"

    async def _send(self, request: Request, what: str, most: int) -> "_Answer":
        query = f"?{request.encoded_query}" if request.query else ""
        url = f"{self._origin}{request.path}{query}"
        headers = sign(request, self._keys, self._clock()) | {"accept-encoding": "identity"}
        try:
            async with (
                asyncio.timeout(REQUEST_SECONDS),
                self._client.stream(
                    request.method, url, headers=headers, content=request.body
                ) as response,
            ):
                succeeded = response.status_code == httpx.codes.OK
                body = await _read(response, most if succeeded else MAX_ERROR_BYTES, what)
        except TimeoutError as error:
            raise BucketUnavailableError(f"{what}: no answer in time") from error
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise BucketUnavailableError(f"{what}: {self._reason(error)}") from error
        if not succeeded:
            raise _refusal(what, response, body)
        return _Answer(body, response.headers)

    def _reason(self, error: Exception) -> str:
        text = str(error) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return f"{text}; for a certificate of your own CA, set SWITCHYARD_STATUS_BUCKET_CA_FILE"
        return f"{self._origin}: {text}"


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes
    headers: Mapping[str, str]


async def _read(response: httpx.Response, most: int, what: str) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            raise BucketError(f"{what}: the answer has more than {most} bytes")
    return bytes(body)


def _refusal(what: str, response: httpx.Response, body: bytes) -> BucketError:
    """The error for an answer, from the code in its body."""
    status = response.status_code
    if status in _REDIRECTS:
        return BucketError(
            f"{what}: the server redirects, which is not followed: "
            f"check SWITCHYARD_STATUS_BUCKET_URL and .._REGION"
        )
    code = _text(_parsed(body), "Code") if body else ""
    code = code if _CODE.fullmatch(code) else ""
    step = _NEXT_STEPS.get(code, "")
    message = f"{what}: {status} {code}".rstrip() + (f"; {step}" if step else "")
    if status in _LATER:
        return BucketUnavailableError(message, _retry_after(response))
    if code == "NoSuchKey":
        return ObjectMissingError(message)
    return BucketError(message)


def _retry_after(response: httpx.Response) -> timedelta | None:
    stated = response.headers.get("retry-after", "")
    return timedelta(seconds=min(int(stated), 3600)) if _NUMBER.fullmatch(stated) else None


def _listed(body: bytes) -> Listed:
    root = _parsed(body)
    if root is None or not root.tag.endswith("ListBucketResult"):
        raise BucketError("the server answers something else than a list: check the URL")
    is_encoded = _text(root, "EncodingType") == "url"
    entries = []
    for each in root.findall("{*}Contents"):
        key, size = _text(each, "Key"), _text(each, "Size")
        entries.append(
            ObjectEntry(
                unquote_plus(key) if is_encoded else key,
                int(size) if _NUMBER.fullmatch(size) else 0,
                f"{_text(each, 'ETag')} {_text(each, 'LastModified')}",
            )
        )
    truncated = _text(root, "IsTruncated") == "true"
    return Listed(tuple(entries), is_last=not (truncated and entries))


class _Builder(ET.TreeBuilder):
    """Refuses document types, and so entities, which can grow without bound."""

    def doctype(self, *_: object) -> NoReturn:
        """Refuse it."""
        raise ValueError("a document type")


def _parsed(body: bytes) -> ET.Element | None:
    """The root of an XML document; None if it is none, or has a document type."""
    parser = ET.XMLParser(target=_Builder())  # noqa: S314 - bounded, and without entities
    try:
        parser.feed(body)
        found: ET.Element = parser.close()
    except (ET.ParseError, LookupError, ValueError):  # LookupError: an unknown encoding
        return None
    return found


def _text(element: ET.Element | None, name: str) -> str:
    found = element.find(f"{{*}}{name}") if element is not None else None
    return (found.text or "") if found is not None else ""
