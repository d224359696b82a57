"""What the readers of status documents have in common, whatever brought a document."""

import asyncio

import structlog

from bot.context import Context
from bot.report.model import SETUP_CHECKS, SetupCheckView
from bot.web.cluster_status import (
    RepeatedStatusError,
    SignedStatus,
    StatusRefusedError,
    record_status,
    verify_status,
)

REPO_SOURCE, BUCKET_SOURCE = "status-repo", "status-bucket"

log = structlog.get_logger()


async def take_in(
    context: Context, report_keys: tuple[str, ...], signed: SignedStatus
) -> frozenset[str]:
    """Record a document if it counts; the applications about which it says something new.

    One that does not count is logged, unless it is the one that counted last: every replica reads,
    and one document may come several ways.
    """
    try:
        reporters = await verify_status(context, report_keys, signed)
        return await record_status(context, reporters, signed)
    except RepeatedStatusError:
        return frozenset()
    except StatusRefusedError as error:
        refused(signed.cluster, str(error))
        return frozenset()


def refused(cluster: str, reason: str) -> None:
    """Log why a document does not count."""
    log.warning("status refused", cluster=cluster, reason=reason)


async def show_fault(context: Context, source: str, fault: str) -> None:
    """Show on the pages why a source cannot be read, or people not told; nothing if they can."""
    views, warnings = context.store.views, (fault,) if fault else ()
    shown = await asyncio.to_thread(views.load, SETUP_CHECKS, source)
    if fault:
        log.warning("set-up fault", source=source, error=fault)
    if (shown.warnings if shown else ()) != warnings:
        view = SetupCheckView(warnings, context.clock())
        await asyncio.to_thread(views.save, SETUP_CHECKS, source, view)
