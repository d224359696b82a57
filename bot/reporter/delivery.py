"""Signs a status document, and takes it to the service, a bucket or a folder.

Nothing is retried: the next run brings a newer document.
"""

import asyncio
import hashlib
import hmac
import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.buckets import Bucket
from bot.documents.cluster_status import (
    BUCKET_PREFIX,
    BUCKET_SUFFIX,
    FILE,
    SIGNATURE,
    SIGNATURE_NAME,
)

SECONDS = 30.0
MAX_ANSWER_BYTES = 4096
_NEXT_STEPS = {
    401: "use the key that `switchyard report-key CLUSTER --status` prints, with the cluster's "
    "`reportKeyGeneration`",
    404: "check the address of the service",
    413: "the cluster has more components than a document can hold",
}


class DeliveryError(Exception):
    """A document did not arrive, or does not count; the message says why."""


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """The exact bytes of a cluster's document, and their signature."""

    cluster: str
    body: bytes
    signature: str


def signed(cluster: str, body: bytes, key: str) -> SignedDocument:
    """A document with its signature."""
    digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return SignedDocument(cluster, body, f"sha256={digest}")


async def push(service: str, document: SignedDocument, ca_file: Path | None) -> None:
    """Post a document to the service; no redirect is followed.

    Raises:
        DeliveryError: the service cannot be reached, or refuses it.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    url = f"{service.rstrip('/')}/status/{document.cluster}"
    headers = {"x-signature": document.signature, "content-type": "application/json"}
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(verify=context, trust_env=False, timeout=SECONDS) as client,
            client.stream("POST", url, content=document.body, headers=headers) as response,
        ):
            text = await _beginning(response)
    except TimeoutError as error:
        raise DeliveryError(f"{service} does not answer in time") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeliveryError(f"{service}: {error or type(error).__name__}") from error
    if response.status_code != httpx.codes.ACCEPTED:
        step = _NEXT_STEPS.get(response.status_code, text)
        raise DeliveryError(f"{service} answers with status {response.status_code}: {step}")


async def put_into_bucket(bucket: Bucket, document: SignedDocument) -> None:
    """Write a document as the cluster's object.

    Raises:
        BucketError: the server refuses it.
    """
    key = f"{BUCKET_PREFIX}{document.cluster}{BUCKET_SUFFIX}"
    await bucket.write(key, document.body, {SIGNATURE_NAME: document.signature})


def write_folder(folder: Path, document: SignedDocument) -> None:
    """Write a document and its signature as the files of a branch.

    Raises:
        DeliveryError: the folder cannot be written to.
    """
    try:
        (folder / FILE).write_bytes(document.body)
        (folder / SIGNATURE).write_text(f"{document.signature}\n")
    except OSError as error:
        raise DeliveryError(f"{folder} cannot be written to: {error.strerror}") from None


async def _beginning(response: httpx.Response) -> str:
    """The beginning of an answer, as one line."""
    found = b""
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) > MAX_ANSWER_BYTES:
            break
    return " ".join(found[:MAX_ANSWER_BYTES].decode("utf-8", "replace").split())
