"""The tables. None is the source of truth of a rollout: all can be deleted at any time.

Times are seconds since 1970. `migrations/versions` creates the same tables step by step; a test
compares the two.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("forge", sa.String(63), nullable=False),
    sa.Column("delivery_id", sa.String(200), nullable=False),
    sa.Column("event", sa.String(100), nullable=False),
    sa.Column("repository", sa.String(500), nullable=False),
    sa.Column("number", sa.BigInteger),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),
    sa.Column("sender", sa.String(255), nullable=False, server_default=""),
    sa.UniqueConstraint("forge", "delivery_id", name="inbox_delivery"),
    sa.Index("inbox_pending", "done", "id"),
)

body_size = sa.func.length(inbox.c.body)
sa.Index(
    "inbox_bodies",
    inbox.c.id,
    body_size,
    sqlite_where=sa.text("length(body) > 0"),
    postgresql_where=sa.text("length(body) > 0"),
)

queue = sa.Table(
    "queue",
    metadata,
    sa.Column("key", sa.String(600), primary_key=True),
    sa.Column("due", sa.Double),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("owner", sa.String(100)),
    sa.Column("claimed_generation", sa.BigInteger),
    sa.Column("lease_until", sa.Double),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("abnormal_ends", sa.Integer, nullable=False),
    sa.Column("last_error", sa.Text),
    sa.Column("quarantined", sa.Text),
)
claimable_at = sa.func.coalesce(queue.c.lease_until, queue.c.due)
sa.Index(
    "queue_claimable",
    claimable_at,
    queue.c.key,
    sqlite_where=queue.c.quarantined.is_(None),
    postgresql_where=queue.c.quarantined.is_(None),
)

reports = sa.Table(
    "reports",
    metadata,
    sa.Column("application", sa.String(63), primary_key=True),
    sa.Column("cluster", sa.String(63), primary_key=True),
    sa.Column("component", sa.String(63), primary_key=True),
    sa.Column("revision", sa.String(64), primary_key=True),
    sa.Column("readiness", sa.String(20), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("reported_at", sa.Double, nullable=False),
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
)

expected_reports = sa.Table(
    "expected_reports",
    metadata,
    sa.Column("application", sa.String(63), primary_key=True),
    sa.Column("cluster", sa.String(63), primary_key=True),
    sa.Column("component", sa.String(63), primary_key=True),
)

views = sa.Table(
    "views",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("kind", sa.String(50), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Index("audit_key", "key", "id"),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("channel", sa.String(63), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("thread", sa.String(200), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("reference", sa.String(100), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("messages_due", "state", "due"),
)


def width(column: sa.Column[str]) -> int:
    """The maximum length of a text column."""
    assert isinstance(column.type, sa.String)
    assert column.type.length is not None
    return column.type.length
