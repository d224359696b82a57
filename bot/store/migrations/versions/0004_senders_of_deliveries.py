"""Who caused what a delivery tells."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("inbox", sa.Column("sender", sa.String(255), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("inbox", "sender")
