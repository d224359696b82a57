"""Signatures of requests: the examples of the S3 documentation.

Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring
Payload in a Single Chunk (AWS Signature Version 4)", "Examples".
"""

from datetime import UTC, datetime

import pytest

from bot.buckets.signature import Keys, Request, sign

NOW = datetime(2013, 5, 24, tzinfo=UTC)
KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
HOST = "examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        pytest.param(
            Request("GET", HOST, "/test.txt", headers={"Range": "bytes=0-9"}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            id="object",
        ),
        pytest.param(
            Request(
                "PUT",
                HOST,
                "/test%24file.text",
                headers={
                    "Date": "Fri, 24 May 2013 00:00:00 GMT",
                    "x-amz-storage-class": "REDUCED_REDUNDANCY",
                },
                body=b"Welcome to Amazon S3.",
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            id="write",
        ),
        pytest.param(
            Request("GET", HOST, "/", {"lifecycle": ""}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            id="empty-value",
        ),
        pytest.param(
            Request("GET", HOST, "/", {"prefix": "J", "max-keys": "2"}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            id="list",
        ),
    ],
)
def test_the_examples_of_the_documentation(request_: Request, signature: str) -> None:
    headers = sign(request_, KEYS, NOW)

    assert headers["authorization"].endswith(f",Signature={signature}")
    assert headers["x-amz-date"] == "20130524T000000Z"


def test_the_secret_stands_in_no_text() -> None:
    assert "wJalr" not in repr(KEYS)
