"""Whether somebody who signed in may see the pages: asked of the forge, again and again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import HTTPException, status

from bot.context import Context
from bot.forges import ForgeError
from bot.web.auth.sessions import Visitor
from bot.web.ui.reading import ViewReader
from planners.model import Repo, Role

COUNTS = timedelta(minutes=5)
WHILE_SILENT = timedelta(hours=1)
MOST_DEPLOYS = 20


@dataclass(slots=True)
class Access:
    """What the forges said of each visitor, and when.

    It counts for five minutes; a yes counts for an hour while the forge does not answer.
    """

    context: Context
    _told: dict[Visitor, tuple[datetime, bool]] = field(default_factory=dict)

    async def check(self, visitor: Visitor, *, anew: bool = False) -> None:
        """Return if the visitor may see the pages; `anew` whatever was told before.

        Raises:
            HTTPException: 403 if not, 503 if the forge does not tell.
        """
        now = self.context.clock()
        at, allowed = self._told.get(visitor, (None, False))
        if at is None or anew or now - at >= COUNTS:
            try:
                allowed = await self._may_read(visitor)
            except ForgeError as error:
                if not (at and allowed and now - at < WHILE_SILENT):
                    raise HTTPException(
                        status.HTTP_503_SERVICE_UNAVAILABLE,
                        f"Whether you may see this cannot be found out now: {error}",
                    ) from error
            else:
                self._told = {
                    each: told for each, told in self._told.items() if now - told[0] < WHILE_SILENT
                }
                self._told[visitor] = (now, allowed)
        if not allowed:
            raise HTTPException(status.HTTP_403_FORBIDDEN, self._refusal(visitor))

    async def _may_read(self, visitor: Visitor) -> bool:
        """The pages tell what is in the fleet repo, and in every deploy repo."""
        if await self._reads(visitor, [self.context.fleet]):
            return True
        deploys = ViewReader(self.context).fleet().deploys
        return 0 < len(deploys) <= MOST_DEPLOYS and await self._reads(visitor, deploys)

    async def _reads(self, visitor: Visitor, repos: Iterable[Repo]) -> bool:
        for repo in repos:
            if repo.forge != visitor.forge:
                return False
            role = await self.context.forge(repo).role(repo.path, visitor.login)
            if role < Role.READ:
                return False
        return True

    def _refusal(self, visitor: Visitor) -> str:
        return (
            f"{visitor.login} may not see this: it is for those who may read the fleet repo, "
            f"{self.context.fleet}, or every deploy repo, as {visitor.forge} tells."
        )
