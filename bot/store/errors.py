"""The error of a database that cannot be used now, in one line without SQL or values."""

import sqlite3

import sqlalchemy as sa

FAILURES = (sa.exc.DBAPIError, sa.exc.TimeoutError, sa.exc.PendingRollbackError)
PERMANENT = (sa.exc.IntegrityError, sa.exc.DataError)
"""Errors of a statement, which are the fault of the program."""

SQLITE_CORRUPT, SQLITE_NOTADB = 11, 26
MAX_MESSAGE = 300


class StoreError(Exception):
    """The database is away, full, locked or damaged; the message says why. A retry may succeed."""


class DamagedStoreError(StoreError):
    """The database is damaged, or of another version: it has to be created anew."""


class ClaimLostError(Exception):
    """Another worker has claimed the key of a pass meanwhile: nothing may be written any more."""


def store_error(error: sa.exc.SQLAlchemyError) -> StoreError:
    """What the driver said, as one line."""
    origin = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    message = " ".join(str(origin or error).split())[:MAX_MESSAGE] or type(error).__name__
    if isinstance(origin, sqlite3.Error):
        code = getattr(origin, "sqlite_errorcode", 0) & 0xFF
        if code in {SQLITE_CORRUPT, SQLITE_NOTADB}:
            return DamagedStoreError(message)
    return StoreError(message)
