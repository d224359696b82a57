"""The tables. Nothing in them is the truth of a rollout: all of it may be deleted at any time."""

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
    sa.Column("number", sa.Integer),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("forge", "delivery_id"),
    sa.Index("inbox_pending", "done", "id"),
)

queue = sa.Table(
    "queue",
    metadata,
    sa.Column("key", sa.String(600), primary_key=True),
    sa.Column("due", sa.Float),
    sa.Column("generation", sa.Integer, nullable=False, default=1),
    sa.Column("owner", sa.String(100)),
    sa.Column("lease_until", sa.Float),
    sa.Column("claimed_generation", sa.Integer),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("abnormal_ends", sa.Integer, nullable=False, default=0),
    sa.Column("last_error", sa.Text),
    sa.Column("quarantined", sa.Boolean, nullable=False, default=False),
    sa.Index("queue_due", "due"),
)

reports = sa.Table(
    "reports",
    metadata,
    sa.Column("cluster", sa.String(63), primary_key=True),
    sa.Column("application", sa.String(63), primary_key=True),
    sa.Column("component", sa.String(63), primary_key=True),
    sa.Column("revision", sa.String(64), primary_key=True),
    sa.Column("readiness", sa.String(20), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("reported_at", sa.Float, nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Index("reports_application", "application"),
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
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("kind", sa.String(50), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Index("audit_key", "key", "id"),
)
