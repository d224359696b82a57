"""The units whose reports a pass waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "expected_reports",
        sa.Column("application", sa.String(63), primary_key=True),
        sa.Column("cluster", sa.String(63), primary_key=True),
        sa.Column("component", sa.String(63), primary_key=True),
    )


def downgrade() -> None:
    """Drop it: nothing in it is the truth."""
    op.drop_table("expected_reports")
