"""Answers of an S3 server to a list: entries with bounded numbers, or one kind of error."""

from collections.abc import Iterator

from bot.buckets import BucketError
from bot.buckets.s3 import _listed
from tests.fuzz import Target

LIST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>fleet-status</Name>'
    "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><Contents>"
    "<Key>status/a+b%01.json</Key><LastModified>2026-11-20T12:00:00Z</LastModified>"
    "<ETag>&quot;9b2c&quot;</ETag><Size>412</Size></Contents></ListBucketResult>"
)


def check(data: bytes) -> None:
    """As the reader of status documents does; a page that says that more follow has entries."""
    try:
        found = _listed(data)
    except BucketError:
        return
    assert found.is_last or found.entries
    assert all(0 <= each.size < 10**15 for each in found.entries)


def seeds() -> Iterator[bytes]:
    """A page, an empty one, an error, a document type."""
    yield LIST.encode()
    yield b"<ListBucketResult/>"
    yield b"<Error><Code>AccessDenied</Code></Error>"
    yield b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult><Contents/></ListBucketResult>'


WORDS = (
    b"<Contents>",
    b"<Key>",
    b"<Size>9",
    b"</Size>",
    b"%",
    b"&#0;",
    b"<!DOCTYPE a>",
    b"<![CDATA[",
)
TARGET = Target(check, seeds, WORDS)
