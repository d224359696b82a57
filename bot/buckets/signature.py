"""Signs requests to S3 servers with AWS Signature Version 4; no I/O.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)", "Signature
Calculations for the Authorization Header: Transferring Payload in a Single Chunk". Its examples are
the tests.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key, and the region for which it signs."""

    key_id: str
    secret: str = field(repr=False)
    region: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request before it is signed; `path` is encoded, `query` is not."""

    method: str
    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def encoded_query(self) -> str:
        """The query as it is signed, and as it has to be sent: sorted, a space as `%20`."""
        return "&".join(f"{_encode(k)}={_encode(v)}" for k, v in sorted(self.query.items()))


def sign(request: Request, keys: Keys, now: datetime) -> dict[str, str]:
    """The headers of a request with its signature, all but `Host`; names in lower case."""
    when = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    content = hashlib.sha256(request.body).hexdigest()
    headers = {name.lower(): " ".join(value.split()) for name, value in request.headers.items()}
    headers |= {"x-amz-date": when, "x-amz-content-sha256": content}
    signed = sorted({**headers, "host": request.host}.items())
    names = ";".join(name for name, _ in signed)
    canonical = "\n".join(
        [
            request.method,
            request.path,
            request.encoded_query,
            *(f"{name}:{value}" for name, value in signed),
            "",
            names,
            content,
        ]
    )
    scope = f"{when[:8]}/{keys.region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{when}\n{scope}\n{digest}"
    signature = _hmac(_signing_key(keys, when[:8]), text).hex()
    credential = f"Credential={keys.key_id}/{scope}"
    stated = f"{ALGORITHM} {credential},SignedHeaders={names},Signature={signature}"
    return {**headers, "authorization": stated}


def _signing_key(keys: Keys, day: str) -> bytes:
    key = f"AWS4{keys.secret}".encode()
    for part in (day, keys.region, "s3", "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
