"""The comment of a merge request on the fleet repo, and its status.

The functions return what is to be written; nothing where the forge has it already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.context import Context
from bot.effects.model import Effect, SetStatus
from bot.forges import ForgeMergeRequest, Status, StatusState
from bot.report.own_comment import OwnComment, OwnCommentPlace
from bot.report.plan_comment import DESCRIPTION_LENGTH
from bot.wording import fleet_requests as words
from planners.model import Repo

MARKER = "fleet"
FLEET = "switchyard/fleet"
INPUTS = "inputs"
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class FleetPage:
    """A merge request on the fleet repo, as it is now.

    `ours` is the bot's comment there. `payload` goes into the marker of the next one.
    """

    context: Context
    repo: Repo
    request: ForgeMergeRequest
    ours: OwnComment | None
    statuses: tuple[Status, ...]
    payload: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    async def read(cls, context: Context, repo: Repo, request: ForgeMergeRequest) -> "FleetPage":
        """Read the comments and the statuses of the head."""
        forge, number = context.forge(repo), request.number
        ours = await _place(repo, number).find(context, await forge.comments(repo.path, number))
        statuses = await forge.statuses(repo.path, request.head)
        return cls(context, repo, request, ours, statuses)

    @property
    def is_foreign(self) -> bool:
        """Whether it comes from a fork."""
        return self.request.source_repository != self.repo.path

    @property
    def succeeded(self) -> bool:
        """Whether the status of the head says that the documents have no mistakes."""
        return any(e.context == FLEET and e.state is StatusState.SUCCESS for e in self.statuses)

    def shows(self, inputs: str) -> bool:
        """Whether the comment is that of these inputs."""
        return self.ours is not None and self.ours.payload.get(INPUTS) == inputs

    def status(
        self,
        problems: Sequence[str],
        warnings: Sequence[str],
        compared: words.FleetComparison | None = None,
    ) -> tuple[Effect, ...]:
        """The status of the head, where the forge has one: documents with mistakes fail it.

        A plan that breaks does not: it may be an application team's to mend, and a merge request
        that drains a region must not wait for that.
        """
        if self.is_foreign and not self.context.forge(self.repo).statuses_for_forks:
            return ()
        state = StatusState.FAILURE if problems else StatusState.SUCCESS
        line = words.fleet_line(problems, warnings, DESCRIPTION_LENGTH, compared)
        status = Status(FLEET, state, line)
        if status in self.statuses:
            return ()
        return (SetStatus(self.repo, self.request.head, status),)

    def compared(self, compared: words.FleetComparison, inputs: str) -> tuple[Effect, ...]:
        """The comment on plans, made from these inputs; empty ones are not compared with later."""
        marker = self._marker({INPUTS: inputs})
        return self._write(words.fleet_comment(marker, compared, self._limit))

    def mistaken(self, problems: Sequence[str], where: str = "") -> tuple[Effect, ...]:
        """The comment while documents have mistakes, here or elsewhere."""
        return self._write(words.fleet_mistakes(self._marker(), problems, self._limit, where))

    def conflicting(self, paths: Sequence[str]) -> tuple[Effect, ...]:
        """The comment while the default branch has changed the same files."""
        return self._write(words.fleet_conflicts(self._marker(), paths, self._limit))

    def unrequested(self, requester: str) -> tuple[Effect, ...]:
        """The comment on a merge request from a fork for whose head nobody requested plans."""
        return self._write(words.fleet_not_requested(self._marker(), self.request.head, requester))

    def _marker(self, payload: Mapping[str, str] = NOTHING) -> str:
        payload = {**self.payload, **payload}
        return self.context.markers.write(MARKER, self.repo, payload)

    @property
    def _limit(self) -> int:
        return self.context.forge(self.repo).comment_limit

    def _write(self, text: str) -> tuple[Effect, ...]:
        return _place(self.repo, self.request.number).write(self.ours, text, words.SUPERSEDED)


def _place(repo: Repo, number: int) -> OwnCommentPlace:
    return OwnCommentPlace(repo, number, MARKER)
