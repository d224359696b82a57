"""A fake S3 server with one bucket over HTTP: lists in pages, reads, writes, signatures, faults.

Sources: Amazon S3 API Reference: ListObjectsV2 (order of keys, `start-after`, `max-keys`,
`encoding-type=url` with a space as `+`), GetObject and PutObject (ETag of the content in quotes,
`x-amz-meta-`), "Error responses" (XML with `Code`), "Authenticating Requests (AWS Signature Version
4)". The acceptance rig runs the same calls on a real server. It runs in the event loop of the test,
on loopback, and verifies each signature from what arrived.
"""

import hashlib
import hmac
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, quote_plus
from xml.sax.saxutils import escape

from aiohttp import web

from bot.settings import BucketSettings
from tests.fakes.certificates import Authority

NAME, REGION = "fleet-status", "eu-central-1"
KEY_ID, SECRET = "AKIDTESTS", "secret-of-the-tests"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,"
    r"SignedHeaders=([^,]+),Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Item:
    """An object."""

    body: bytes
    metadata: Mapping[str, str]
    modified: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"'


@dataclass(slots=True)
class FakeS3:
    """A bucket, and faults: `faults` are the next answers, `broken` those about some objects."""

    items: dict[str, Item] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    faults: list[web.Response] = field(default_factory=list)
    broken: dict[str, tuple[int, str]] = field(default_factory=dict)
    page: int = 1000
    _writes: int = 0

    @asynccontextmanager
    async def listen(self, authority: Authority | None = None) -> AsyncIterator[str]:
        """Run it, over TLS if there is an authority, and return its URL."""
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
            scheme = "https" if authority else "http"
            yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    def put(self, key: str, body: bytes, **metadata: str) -> None:
        """Write an object; also one with the same content is modified."""
        self._writes += 1
        minutes, seconds = divmod(self._writes, 60)
        when = f"2026-11-20T{12 + minutes // 60:02}:{minutes % 60:02}:{seconds:02}.000Z"
        self.items[key] = Item(body, metadata, when)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        self.requests.append(f"{request.method} {path.removeprefix(f'/{NAME}')}")
        body = await request.read()
        if self.faults:
            return self.faults.pop(0)
        refusal = _refusal(request, body)
        if refusal:
            return error(403, refusal)
        bucket, _, key = request.path.removeprefix("/").partition("/")
        if bucket != NAME:
            return error(404, "NoSuchBucket")
        if not key:
            return self._list(request)
        if request.method == "PUT":
            prefix = "x-amz-meta-"
            named = {k.lower(): v for k, v in request.headers.items()}
            metadata = {k.removeprefix(prefix): v for k, v in named.items() if prefix in k}
            self.put(key, body, **metadata)
            return web.Response(headers={"ETag": self.items[key].etag})
        return self._read(key)

    def _read(self, key: str) -> web.Response:
        if key in self.broken:
            return error(*self.broken[key])
        item = self.items.get(key)
        if item is None:
            return error(404, "NoSuchKey")
        headers = {f"x-amz-meta-{name}": value for name, value in item.metadata.items()}
        return web.Response(body=item.body, headers={**headers, "ETag": item.etag})

    def _list(self, request: web.Request) -> web.Response:
        query = request.query
        assert (query["list-type"], query["encoding-type"]) == ("2", "url")
        after, prefix = query.get("start-after", ""), query.get("prefix", "")
        keys = sorted(each for each in self.items if each > after and each.startswith(prefix))
        shown = keys[: min(self.page, int(query.get("max-keys", "1000")))]
        contents = "".join(self._entry(each) for each in shown)
        truncated = str(len(shown) < len(keys)).lower()
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{NAME}</Name><Prefix>{escape(quote_plus(prefix))}</Prefix>"
            f"<KeyCount>{len(shown)}</KeyCount><EncodingType>url</EncodingType>"
            f"<IsTruncated>{truncated}</IsTruncated>{contents}</ListBucketResult>"
        )
        return web.Response(text=text, content_type="application/xml")

    def _entry(self, key: str) -> str:
        item = self.items[key]
        return (
            f"<Contents><Key>{escape(quote_plus(key, safe='/'))}</Key>"
            f"<LastModified>{item.modified}</LastModified><ETag>{escape(item.etag)}</ETag>"
            f"<Size>{len(item.body)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )


def bucket_settings(url: str, **more: object) -> BucketSettings:
    """Settings for the bucket of a server."""
    given = {
        "status_bucket": NAME,
        "status_bucket_url": url,
        "status_bucket_region": REGION,
        "status_bucket_key_id": KEY_ID,
        "status_bucket_secret": SECRET,
    }
    return BucketSettings.model_validate({**given, **more})


def error(status: int, code: str, **headers: str) -> web.Response:
    """An answer that is an error."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>Refused.</Message></Error>"
    )
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, text=text, content_type="application/xml", headers=fields)


def _refusal(request: web.Request, body: bytes) -> str:
    """Why a request is not authentic: the signature is computed anew from what arrived."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if match is None:
        return "AccessDenied"
    key_id, day, region, names, signature = match.groups()
    if key_id != KEY_ID:
        return "InvalidAccessKeyId"
    if region != REGION:
        return "AuthorizationHeaderMalformed"
    content = request.headers["x-amz-content-sha256"]
    if content != hashlib.sha256(body).hexdigest():
        return "XAmzContentSHA256Mismatch"
    pairs = sorted(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
    fields = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
    asked = f"{request.method}\n{request.rel_url.raw_path}\n{query}\n{fields}\n{names}\n{content}"
    when = request.headers["x-amz-date"]
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in (day, region, "s3", "aws4_request", f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{digest}"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return "" if key.hex() == signature else "SignatureDoesNotMatch"
