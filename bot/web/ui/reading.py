"""What the pages show, read from the store alone: no forge and no Git is asked for a page."""

import difflib
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import HTTPException, status

from bot.context import Context
from bot.report.summary_view import MARK_LENGTH
from bot.store.audit import AuditEntry
from bot.store.keys import FLEET, HEALTH, MARK, PLAN, ROLLOUT, SUMMARY, application_key
from bot.store.queue import Waiting

MOST_WAITING = 1_000
MOST_DEEDS = 100
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Reader:
    """The store, asked what pages ask."""

    context: Context

    @property
    def now(self) -> datetime:
        """The time by the service's clock."""
        return self.context.clock()

    def summaries(self) -> list[dict[str, Any]]:
        """Every application in short, sorted by name."""
        return [value for _, value in self.context.store.views.list(SUMMARY)]

    def summary(self, application: str) -> dict[str, Any]:
        """One application in short."""
        return self._known(SUMMARY, application)

    def rollout(self, application: str) -> dict[str, Any]:
        """One application's whole rollout."""
        return self._known(ROLLOUT, application)

    def _known(self, prefix: str, application: str) -> dict[str, Any]:
        found = self.context.store.views.get(prefix + application)
        if found is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, self._unknown(application))
        return found

    def _unknown(self, application: str) -> str:
        names = [key.removeprefix(MARK) for key, _ in self.context.store.views.list(MARK)]
        near = difflib.get_close_matches(application, names, 1)
        text = f"Nothing is known of application {application[:100]} yet; is it registered?"
        if near:
            return f"{text} Did you mean {near[0]}?"
        if not names:
            return f"{text} No application has been looked at so far."
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return f"{text} There is: {', '.join(names[:MOST_NAMED])}{more}."

    def plan(self, application: str) -> dict[str, Any] | None:
        """The last plan with its diffs, if one could be made."""
        return self.context.store.views.get(PLAN + application)

    def fleet(self) -> dict[str, Any]:
        """The clusters and applications of the fleet repo; none while it was not read."""
        unread: dict[str, Any] = {"revision": "", "clusters": [], "applications": []}
        return self.context.store.views.get(FLEET) or unread

    def warnings(self) -> list[str]:
        """What those who set this up have to put right."""
        checks = self.context.store.views.list(HEALTH)
        return [warning for _, found in checks for warning in found["warnings"]]

    def delays(self, application: str | None = None) -> list[Waiting]:
        """What failed and is to be tried again; of one application, or all."""
        waiting = self.context.store.queue.waiting(MOST_WAITING)
        key = None if application is None else application_key(application)
        return [each for each in waiting if each.last_error and key in {None, each.key}]

    def deeds(self, application: str) -> tuple[AuditEntry, ...]:
        """The newest deeds, newest first."""
        return self.context.store.audit.of(application_key(application), MOST_DEEDS)

    def marks(self) -> dict[str, str]:
        """For each application what changes when its page does: what it says, or what failed."""
        failed = {each.key: f"{each.last_error} {each.quarantined}" for each in self.delays()}
        return {
            name: _mark(value.get("rollout", ""), failed.get(application_key(name), ""))
            for key, value in self.context.store.views.list(MARK)
            for name in [key.removeprefix(MARK)]
        }


def _mark(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:MARK_LENGTH]
