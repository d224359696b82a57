"""Objects in buckets of S3-compatible servers.

`signature` signs requests, without I/O; `s3` sends them and reads the answers, within limits. What
an object means is none of its business.
"""

from bot.buckets.errors import BucketError, BucketUnavailableError, ObjectMissingError
from bot.buckets.s3 import Bucket, Listed, ObjectEntry, StoredObject

__all__ = [
    "Bucket",
    "BucketError",
    "BucketUnavailableError",
    "Listed",
    "ObjectEntry",
    "ObjectMissingError",
    "StoredObject",
]
