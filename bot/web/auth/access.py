"""Whether a signed-in user may see the pages: their read access at the forge, checked again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import HTTPException, status

from bot.context import Context
from bot.forges import ForgeError
from bot.web.auth.sessions import Visitor
from bot.web.ui.reading import ViewReader
from planners.model import Repo, Role

DECISION_LIFETIME = timedelta(minutes=5)
LIFETIME_WITHOUT_FORGE = timedelta(hours=1)
MAX_DEPLOY_REPOS = 20


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """What the forge said of a visitor, and when."""

    at: datetime
    allowed: bool


@dataclass(slots=True)
class Access:
    """The newest decision for each visitor.

    A decision is valid for five minutes; a permission is valid for an hour while the forge does not
    answer.
    """

    context: Context
    _decisions: dict[Visitor, AccessDecision] = field(default_factory=dict)

    async def check(self, visitor: Visitor, *, fresh: bool = False) -> None:
        """Return if the visitor may see the pages; `fresh` asks the forge in any case.

        Raises:
            HTTPException: 403 without permission, 503 if the forge cannot be asked.
        """
        now = self.context.clock()
        known = self._decisions.get(visitor)
        if known is None or fresh or now - known.at >= DECISION_LIFETIME:
            try:
                known = AccessDecision(now, await self._may_read(visitor))
            except ForgeError as error:
                if not (known and known.allowed and now - known.at < LIFETIME_WITHOUT_FORGE):
                    raise HTTPException(
                        status.HTTP_503_SERVICE_UNAVAILABLE,
                        f"Your permission cannot be checked now: {error}",
                    ) from error
            else:
                self._decisions = {
                    each: decision
                    for each, decision in self._decisions.items()
                    if now - decision.at < LIFETIME_WITHOUT_FORGE
                }
                self._decisions[visitor] = known
        if not known.allowed:
            raise HTTPException(status.HTTP_403_FORBIDDEN, self._refusal(visitor))

    async def _may_read(self, visitor: Visitor) -> bool:
        """The pages show the content of the fleet repo and of every deploy repo."""
        if await self._reads(visitor, [self.context.fleet]):
            return True
        deploys = ViewReader(self.context).fleet().deploys
        return 0 < len(deploys) <= MAX_DEPLOY_REPOS and await self._reads(visitor, deploys)

    async def _reads(self, visitor: Visitor, repos: Iterable[Repo]) -> bool:
        for repo in repos:
            if repo.forge != visitor.forge:
                return False
            forge = self.context.forge(repo)
            user = await forge.user(repo.path, visitor.account)
            if user is None or await forge.role(repo.path, user.login) < Role.READ:
                return False
        return True

    def _refusal(self, visitor: Visitor) -> str:
        return (
            f"{visitor.login} has no access to these pages. They require read access to the fleet "
            f"repo ({self.context.fleet}) or to every deploy repo on {visitor.forge}."
        )
