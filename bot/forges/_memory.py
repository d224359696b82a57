"""Answers of a forge that are remembered from one pass, and given again in later ones.

For passes of applications on whose repositories nothing happened: they look at time, reports and
facts, and ask no forge.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from bot.forges._fenced import WRITES
from bot.forges._patience import READS
from planners.model import Repo

if TYPE_CHECKING:
    from bot.forges import Forge

NEVER_KEPT = "git_credentials"
OF_NO_REPOSITORY = frozenset({"me", "member"})


class UnknownAnswerError(Exception):
    """A pass asks what the remembered one did not, or wants to write: the forge is needed."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What forges answered, by call; `given` are the repositories for which it is given again.

    None: it is recorded, for all.
    """

    known: dict[tuple[object, ...], Any] = field(default_factory=dict, repr=False)
    given: frozenset[Repo] | None = None

    def gives(self, repo: Repo) -> bool:
        """Whether nothing is asked about a repository any more."""
        return self.given is not None and repo in self.given

    def of(self, forge: "Forge", repo: Repo) -> "Forge":
        """The forge of a repository: its reads are recorded, or its calls answered from memory."""
        if self.given is not None and repo not in self.given:
            return forge
        return cast("Forge", _Answered(forge, self.known, given=self.given is not None))

    def about(self, repos: frozenset[Repo]) -> "Answers":
        """Those about some repositories, to be given."""
        paths = {(each.forge, each.path) for each in repos}
        known = {
            call: answer
            for call, answer in self.known.items()
            if call[1] in OF_NO_REPOSITORY or (call[0], call[2]) in paths
        }
        return Answers(known, repos)


class _Answered:
    """A forge behind a memory."""

    def __init__(
        self, forge: "Forge", known: dict[tuple[object, ...], Any], *, given: bool
    ) -> None:
        self._forge, self._known, self._given = forge, known, given

    def __getattr__(self, name: str) -> Any:
        found, known, forge = getattr(self._forge, name), self._known, self._forge.name
        if name not in READS | WRITES or name == NEVER_KEPT:
            return found

        async def call(*arguments: Any, **named: Any) -> Any:
            key = (forge, name, *arguments[:1], repr((arguments[1:], sorted(named.items()))))
            if self._given:
                if key not in known:
                    raise UnknownAnswerError(name)
                return known[key]
            answer = await found(*arguments, **named)
            if name in READS:
                known[key] = answer
            return answer

        return call
