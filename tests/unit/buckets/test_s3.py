"""One bucket over HTTP, against a fake S3 server that verifies signatures."""

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError

from bot.buckets import Bucket, BucketError, BucketUnavailableError, Listed, ObjectMissingError
from tests.fakes.certificates import make_authority
from tests.fakes.s3_server import NAME, FakeS3, bucket_settings, error

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BOMB = (
    '<!DOCTYPE a [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<ListBucketResult><Contents><Key>&b;</Key></Contents></ListBucketResult>"
)


@pytest.fixture
async def server() -> FakeS3:
    return FakeS3()


@pytest.fixture
async def bucket(server: FakeS3) -> AsyncIterator[Bucket]:
    async with server.listen() as url:
        found = Bucket(bucket_settings(url), lambda: NOW)
        yield found
        await found.close()


def keys(page: Listed) -> list[str]:
    return [each.key for each in page.entries]


async def test_what_was_written_is_listed_and_read(bucket: Bucket) -> None:
    await bucket.write("status/a b+c.json", b"{}", {"signature": "sha256=1"})

    page = await bucket.list("status/", "")
    assert (keys(page), page.is_last) == (["status/a b+c.json"], True)
    stored = await bucket.read("status/a b+c.json", 10)
    assert (stored.body, stored.metadata) == (b"{}", {"signature": "sha256=1"})


async def test_pages_follow_each_other(server: FakeS3, bucket: Bucket) -> None:
    server.page = 2
    for key in ("other/x", "status/a", "status/\x01", "status/b <&>"):
        server.put(key, b"")

    first = await bucket.list("status/", "")
    assert (keys(first), first.is_last) == (["status/\x01", "status/a"], False)
    second = await bucket.list("status/", keys(first)[-1])
    assert (keys(second), second.is_last) == (["status/b <&>"], True)


async def test_metadata_alone_changes_the_version(server: FakeS3, bucket: Bucket) -> None:
    server.put("status/a", b"{}")
    (before,) = (await bucket.list("status/", "")).entries
    server.put("status/a", b"{}", signature="sha256=1")

    (after,) = (await bucket.list("status/", "")).entries
    assert after.version != before.version


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (error(403, "AccessDenied"), BucketError, "403 AccessDenied; let the key list"),
        (error(404, "NoSuchBucket"), BucketError, "NoSuchBucket; check SWITCHYARD_STATUS_BUCKET"),
        (error(503, "SlowDown", Retry_After="7"), BucketUnavailableError, "503 SlowDown"),
        (error(500, "<b>"), BucketUnavailableError, "listing fleet-status: 500"),
        (error(307, "TemporaryRedirect", Location="http://10.0.0.1/"), BucketError, "redirects"),
        (web.Response(text=BOMB), BucketError, "something else than a list"),
        (web.Response(text="<html/>"), BucketError, "something else than a list"),
        (web.Response(text="<a>" * 100_000), BucketError, "something else than a list"),
        (web.Response(body=b" " * (4 * 1024 * 1024 + 1)), BucketError, "more than 4194304 bytes"),
    ],
    ids=["denied", "bucket", "later", "code", "redirect", "entities", "page", "depth", "size"],
)
async def test_what_a_server_answers_instead(
    server: FakeS3, bucket: Bucket, answer: web.Response, kind: type[BucketError], text: str
) -> None:
    server.faults.append(answer)

    with pytest.raises(kind, match=text) as caught:
        await bucket.list("status/", "")
    assert type(caught.value) is kind
    assert server.requests == ["GET "]


async def test_it_says_when_to_try_again(server: FakeS3, bucket: Bucket) -> None:
    for stated in ("7", "9" * 5000):
        server.faults.append(error(503, "SlowDown", Retry_After=stated))

    with pytest.raises(BucketUnavailableError) as caught:
        await bucket.list("", "")
    assert caught.value.retry_after == timedelta(seconds=7)
    with pytest.raises(BucketUnavailableError) as caught:
        await bucket.list("", "")
    assert caught.value.retry_after is None


async def test_objects_are_bounded_and_may_be_gone(server: FakeS3, bucket: Bucket) -> None:
    server.put("status/a", b"12345")

    with pytest.raises(BucketError, match="more than 4 bytes"):
        await bucket.read("status/a", 4)
    with pytest.raises(ObjectMissingError):
        await bucket.read("status/b", 4)


async def test_wrong_keys_say_which_setting_to_check(server: FakeS3) -> None:
    async with server.listen() as url:
        for name, value, text in (
            ("status_bucket_secret", "other", "SignatureDoesNotMatch; check SWITCHYARD_STATUS"),
            ("status_bucket_key_id", "other", "InvalidAccessKeyId; check SWITCHYARD_STATUS_"),
            ("status_bucket_region", "mars", "check SWITCHYARD_STATUS_BUCKET_REGION"),
        ):
            other = Bucket(bucket_settings(url, **{name: value}), lambda: NOW)
            with pytest.raises(BucketError, match=text):
                await other.list("", "")
            await other.close()


async def test_a_server_of_ones_own_ca(server: FakeS3, tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "tls")
    async with server.listen(authority) as url:
        trusted = bucket_settings(url, status_bucket_ca_file=authority.ca_file)
        bucket, other = Bucket(trusted, lambda: NOW), Bucket(bucket_settings(url), lambda: NOW)

        assert keys(await bucket.list("", "")) == []
        with pytest.raises(BucketUnavailableError, match="SWITCHYARD_STATUS_BUCKET_CA_FILE"):
            await other.list("", "")
        await bucket.close()
        await other.close()


async def test_a_server_that_is_gone() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        bucket = Bucket(bucket_settings(f"http://127.0.0.1:{port}"), lambda: NOW)
        with pytest.raises(BucketUnavailableError, match=f":{port}"):
            await bucket.list("", "")
    await bucket.close()


def test_the_bucket_may_be_named_in_the_host() -> None:
    settings = bucket_settings("https://s3.example.com", status_bucket_path_style=False)
    bucket = Bucket(settings, lambda: NOW)

    assert (bucket._origin, bucket._path("a")) == (f"https://{NAME}.s3.example.com", "/a")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status_bucket_url", "https://s3.example.com/path"),
        ("status_bucket_url", "https://user@s3.example.com"),
        ("status_bucket_url", None),
        ("status_bucket_secret", None),
        ("status_bucket_key_id", ""),
        ("status_bucket", "../other"),
        ("status_bucket_region", "a/b"),
    ],
)
def test_settings_that_cannot_be_are_refused(name: str, value: str | None) -> None:
    with pytest.raises(ValidationError):
        bucket_settings("https://s3.example.com", **{name: value})
