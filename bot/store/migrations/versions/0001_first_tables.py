"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    _inbox()
    _queue()
    _reports()
    _views()
    _audit()


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("forge", sa.String(63), nullable=False),
        sa.Column("delivery_id", sa.String(200), nullable=False),
        sa.Column("event", sa.String(100), nullable=False),
        sa.Column("repository", sa.String(500), nullable=False),
        sa.Column("number", sa.BigInteger),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.UniqueConstraint("forge", "delivery_id", name="inbox_delivery"),
    )
    op.create_index("inbox_pending", "inbox", ["done", "id"])


def _queue() -> None:
    op.create_table(
        "queue",
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
    free = sa.column("quarantined").is_(None)
    op.create_index(
        "queue_claimable",
        "queue",
        [sa.func.coalesce(sa.column("lease_until"), sa.column("due")), "key"],
        sqlite_where=free,
        postgresql_where=free,
    )


def _reports() -> None:
    op.create_table(
        "reports",
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


def _views() -> None:
    op.create_table(
        "views",
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
    )
    op.create_index("audit_key", "audit", ["key", "id"])


def downgrade() -> None:
    """Drop them: nothing in them is the truth."""
    for table in ("audit", "views", "reports", "queue", "inbox"):
        op.drop_table(table)
