"""An index of the sizes of stored bodies, so that their total is bounded cheaply."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the index."""
    size = sa.text("length(body)")
    has_body = sa.text("length(body) > 0")
    op.create_index(
        "inbox_bodies",
        "inbox",
        ["id", size],
        sqlite_where=has_body,
        postgresql_where=has_body,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("inbox_bodies", "inbox")
