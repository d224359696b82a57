"""Obeys slash commands: each is seen, done once, and recorded at the forge. Called by `reconcile`.

What was answered is known by the records and by the markers of replies, so that a crash between two
steps repeats none of them and leaves none out. Commands on a wave's own merge request are recorded
there as well: that is open still when another revision has begun. Bots are not obeyed, and the
bot's own words are no commands.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from bot.chatops.executor import Caller, commands
from bot.chatops.parser import ParsedCommand, Reader, Result
from bot.chatops.replies import Question, answered, is_there, react, reply, text_of
from bot.commandlog.entry import CommandLogEntry, Outcome, is_full
from bot.commandlog.log import CommandLog, LogLocation, OvertakenError, read_log, write_log
from bot.context import Context
from bot.engine.propose import Proposal
from bot.forges import Comment, Reaction
from bot.gather.snapshot import Gathered
from bot.wording import answers as words
from planners.model import Repo, Role

REACTIONS = {
    Outcome.DONE: Reaction.DONE,
    Outcome.REFUSED: Reaction.REFUSED,
    Outcome.FAILED: Reaction.REFUSED,
}
MOST_REPLIES = 20
PUT_BACK = "an older copy of this record stood here, or none: put back"


def meanings(results: Iterable[Result]) -> Iterator[tuple[str, Result]]:
    """Each with a digest of what was typed, the second of the same words with another one.

    What it means to this version is left out: what was answered once is answered for ever.
    """
    seen: Counter[str] = Counter()
    for result in results:
        text = result.typed
        seen[text] += 1
        yield sha256(f"{seen[text]} {text}".encode()).hexdigest()[:16], result


def place_of(comment: int, number: int, *, deploy: bool) -> str:
    """A comment's name in a record: comments of several merge requests share one."""
    return f"{'deploy' if deploy else 'app'}!{number}#{comment}"


@dataclass(slots=True)
class _Place:
    """A merge request where commands are read: `wave` is the wave it is for, empty on the app's.

    `ledger` is the record of a wave's own, `replies` what was answered there: comment and words.
    """

    repo: Repo
    number: int
    wave: str
    comments: tuple[Comment, ...]
    ledger: CommandLog | None = None
    replies: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Hearing:
    """One pass over all that people say to a rollout, or on a `preview` to what would be one.

    `home` is the rollout's record as it grows, `is_action` says what is listened to now.
    """

    context: Context
    gathered: Gathered
    proposal: Proposal
    home: CommandLog | None
    preview: bool = False
    is_action: bool = False
    _found: list[_Place] | None = None

    async def obey(self) -> bool:
        """Obey what steers, before anything merges; whether something new steers it now."""
        self.is_action = True
        try:
            return await self._obey()
        except OvertakenError:
            return True

    async def tell(self) -> None:
        """Answer the rest, which holds up no merge; on a preview what steers is refused."""
        self.is_action = False
        for place in await self._places():
            await self._listen(place)

    async def _obey(self) -> bool:
        if self.home is not None:
            self.home = await self._mended(self.home)
        for place in await self._places():
            if place.ledger is not None:
                place.ledger = await self._mended(place.ledger)
                if await self._take_over(place.ledger):
                    return True
            for entry in self._unseen(place):
                await self._react(entry)
            if await self._listen(place):
                return True
        return False

    async def _places(self) -> list[_Place]:
        """The app merge request, and those of waves that are open; read once in a pass."""
        if self._found is None:
            self._found = await self._read_places()
        return self._found

    async def _read_places(self) -> list[_Place]:
        gathered, found = self.gathered, list[_Place]()
        if gathered.app_request is not None:
            app = gathered.app.repo
            found.append(_Place(app, gathered.app_request.number, "", gathered.comments))
        repo, name = gathered.deploy.repo, gathered.snapshot.application.name
        for request in gathered.snapshot.merge_requests:
            if request.branch is not None:
                number = request.number
                comments = await self.context.forge(repo).comments(repo.path, number)
                ledger = await read_log(self.context, LogLocation(repo, number, name), comments)
                found.append(_Place(repo, number, request.wave, comments, ledger))
        for place in found:
            me = await self.context.forge(place.repo).me()
            ours = [each for each in place.comments if each.author.id == me.id]
            place.replies = answered(self.context, place.repo, ours, name)
        return found

    async def _mended(self, record: CommandLog) -> CommandLog:
        """The record, written again where its comment lacks what the store remembers.

        It is read anew before anything is said of it: a forge may answer from the past.
        """
        if not record.is_behind:
            return record
        context, location, entries = self.context, record.location, record.entries
        comments = await context.forge(location.repo).comments(location.repo.path, location.number)
        record = await read_log(context, location, comments)
        if not record.is_behind:
            return record
        if record.was_changed:
            me, now = await context.forge(location.repo).me(), context.clock()
            said = f"put back {len(entries)}"
            note = CommandLogEntry("", said, me.login, "record", now, Outcome.DONE, PUT_BACK)
            entries = (*record.entries, note)
        return await write_log(context, record, entries, record.reacted)

    async def _take_over(self, ledger: CommandLog) -> bool:
        """Record at home what a crash left in a wave's own record alone."""
        if self.home is None:
            return False
        known = {entry.key for entry in self.home.entries}
        now = self.proposal.plan.revision.sha
        new = [each for each in ledger.entries if each.revision == now and each.key not in known]
        if new:
            self.home = await self._grown(self.home, *new)
        return bool(new)

    async def _listen(self, place: _Place) -> bool:
        """Answer what is new, up to a command that steers: the next one meets what that changed."""
        me = await self.context.forge(place.repo).me()
        verbs = commands()
        reader = Reader(me.login, tuple(each.verb for each in verbs.values()))
        for comment in place.comments:
            if comment.author.bot or comment.author.id == me.id:
                continue
            where = place_of(comment.id, place.number, deploy=bool(place.wave))
            edited = self._is_edited(place, comment, where)
            for said, result in meanings(reader.read(comment.body)):
                if self._is_steering(result) is not self.is_action:
                    continue
                key = ("answered", str(place.repo), where, said)
                if key in self.context.written or (where, said) in self._known(place):
                    continue
                if await self._is_flood(place, comment):
                    continue
                asked = (place.repo, place.number, comment, said, self._about(result))
                question = Question(*asked, edited)
                entry = await self._answer(place, question, result, where)
                if entry is not None:
                    self.context.written[key] = ""
                    await self._react(entry)
                    if self.is_action and entry.outcome is Outcome.DONE:
                        return True
        return False

    def _is_steering(self, result: Result) -> bool:
        if self.preview or not isinstance(result, ParsedCommand):
            return False
        return commands()[result.verb].is_action

    async def _is_flood(self, place: _Place, comment: Comment) -> bool:
        """Whether somebody who may write nothing there was answered often enough."""
        mine = {str(each.id) for each in place.comments if each.author.id == comment.author.id}
        if sum(to in mine for to, _ in place.replies) < MOST_REPLIES:
            return False
        role = await self.context.forge(place.repo).role(place.repo.path, comment.author.login)
        return role < Role.WRITE

    def _about(self, result: Result) -> str:
        """Who answers: each application for itself, but how a command is written says any."""
        return self.gathered.snapshot.application.name if isinstance(result, ParsedCommand) else ""

    async def _answer(
        self, place: _Place, question: Question, result: Result, where: str
    ) -> CommandLogEntry | None:
        """What came of one line; None where nothing more can be recorded."""
        full = any(is_full(each.entries) for each in self._records(place))
        key = ("full", where, question.said)
        if not (full and self.is_action):
            caller = Caller(self.context, self.gathered, self.proposal, self.preview)
            entry, kept = await caller.answer(question, result, place.wave, where)
            if kept:
                await self._keep(place, entry)
            place.replies.append((str(question.comment.id), question.said))
            return entry
        if key not in self.context.written:
            comment = question.comment.id
            await react(self.context, place.repo, place.number, comment, Reaction.REFUSED)
            await reply(self.context, question, f"Refused: {words.full()}.")
            self.context.written[key] = ""
        return None

    async def _keep(self, place: _Place, entry: CommandLogEntry) -> None:
        """Record it, where the rollout is read from last."""
        if place.ledger is not None:
            place.ledger = await self._grown(place.ledger, entry)
        if self.home is not None:
            self.home = await self._grown(self.home, entry)

    async def _grown(self, record: CommandLog, *entries: CommandLogEntry) -> CommandLog:
        reacted = record.reacted
        while reacted < len(record.entries) and self._is_shown(record.entries[reacted]):
            reacted += 1
        return await write_log(self.context, record, (*record.entries, *entries), reacted)

    def _unseen(self, place: _Place) -> tuple[CommandLogEntry, ...]:
        """Deeds whose reaction a crash may have left out."""
        record = self.home or place.ledger
        return record.entries[record.reacted :] if record else ()

    def _records(self, place: _Place) -> list[CommandLog]:
        return [each for each in (self.home, place.ledger) if each is not None]

    def _is_edited(self, place: _Place, comment: Comment, where: str) -> bool:
        """Whether it reads other than it did when it was written, as far as is known.

        To GitLab a reaction is an edit too (`Note#bump_updated_at`), be it the bot's own.
        """
        key, text = ("text", str(place.repo), where), text_of(comment)
        if not comment.edited:
            self.context.written[key] = text
            return False
        entries = (entry for record in self._records(place) for entry in record.entries)
        written = {entry.text for entry in entries if entry.where == where}
        return text not in written | {self.context.written.get(key, "")}

    def _known(self, place: _Place) -> set[tuple[str, str]]:
        deploy = bool(place.wave)
        answered = {
            (place_of(int(to), place.number, deploy=deploy), said) for to, said in place.replies
        }
        return answered | {entry.key for record in self._records(place) for entry in record.entries}

    def _is_shown(self, entry: CommandLogEntry) -> bool:
        """Whether this process put the reaction under its comment."""
        found = self._comment(entry)
        return found is None or is_there(self.context, *found)

    async def _react(self, entry: CommandLogEntry) -> None:
        found = self._comment(entry)
        if found is not None:
            await react(self.context, *found)

    def _comment(self, entry: CommandLogEntry) -> tuple[Repo, int, int, Reaction] | None:
        """The comment of a deed, and what is put under it; None for the bot's own deeds."""
        if not entry.where:
            return None
        kind, _, rest = entry.where.partition("!")
        number, _, comment = rest.partition("#")
        repo = self.gathered.app.repo if kind == "app" else self.gathered.deploy.repo
        return repo, int(number), int(comment), REACTIONS[entry.outcome]
