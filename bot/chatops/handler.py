"""Runs the commands in the comments of a rollout: each once, recorded at the forge, then answered.

Called by `reconcile`. What was answered is told by the command logs and by the markers of replies,
so that a crash between two steps repeats none of them and skips none. Commands on the merge request
of a wave are logged there as well, because it stays open when another revision begins. Bots give no
commands, and the bot's own comments contain none.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from bot.chatops.executor import CommandExecutor, commands
from bot.chatops.parser import CommandReader, ParsedCommand, Result
from bot.chatops.replies import answered, text_digest
from bot.commandlog.entry import CommandLogEntry, Outcome, is_full
from bot.commandlog.log import CommandLog, read_log
from bot.context import Context
from bot.effects.command_log import OvertakenError, write_log
from bot.effects.model import React, Reply, ReplyTarget
from bot.effects.perform import perform
from bot.engine.propose import Proposal, reevaluate
from bot.forges import Comment, Reaction
from bot.gather.snapshot import Gathered, with_commands
from bot.wording import answers as words
from planners.model import Repo, Role

REACTIONS = {
    Outcome.DONE: Reaction.DONE,
    Outcome.REFUSED: Reaction.REFUSED,
    Outcome.FAILED: Reaction.REFUSED,
}
MOST_REPLIES = 20
RESTORED = "restored the command log: its comment was deleted or held an older copy"


def digests(results: Iterable[Result]) -> Iterator[tuple[str, Result]]:
    """Each command line with a digest of its text; the second of the same text has another one.

    Only the text counts: a line that was answered stays answered when its meaning changes.
    """
    seen: Counter[str] = Counter()
    for result in results:
        text = result.typed
        seen[text] += 1
        yield sha256(f"{seen[text]} {text}".encode()).hexdigest()[:16], result


def place_of(comment: int, number: int, *, deploy: bool) -> str:
    """A comment's name in a command log, which several merge requests share."""
    return f"{'deploy' if deploy else 'app'}!{number}#{comment}"


@dataclass(slots=True)
class _Thread:
    """The comments of one merge request; `wave` is the wave it is for, empty on the app's.

    `command_log` is the log of a wave's own merge request. `replies` are what was answered there:
    comment and digest.
    """

    repo: Repo
    number: int
    wave: str
    comments: tuple[Comment, ...]
    command_log: CommandLog | None
    replies: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class CommandSession:
    """One pass over all comments of a rollout, or of a merge request that would begin one.

    Commands that act change `gathered` and `proposal`, so that the rest of the pass, and the next
    command, see what they did. `app_log` is the rollout's command log as it grows.
    """

    context: Context
    gathered: Gathered
    proposal: Proposal
    preview: bool = False
    app_log: CommandLog | None = field(init=False)
    _acting: bool = field(init=False, default=False)
    _threads: list[_Thread] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin with the command log as it was read."""
        self.app_log = self.gathered.command_log

    async def run_actions(self) -> bool:
        """Run the commands that act, before anything merges; whether the plan is no longer valid.

        It is not where a command takes the revision back or gives it up, and where another worker
        was faster: then the pass begins again.
        """
        self._acting = True
        try:
            return await self._run_actions()
        except OvertakenError:
            return True

    async def answer_queries(self) -> None:
        """Answer the other commands, which delay no merge; on a preview, refuse those that act."""
        self._acting = False
        for thread in await self._read_threads():
            await self._run_lines(thread)

    async def _run_actions(self) -> bool:
        if self.app_log is not None:
            self.app_log = await self._restored(self.app_log)
        for thread in await self._read_threads():
            if thread.command_log is not None:
                thread.command_log = await self._restored(thread.command_log)
                if await self._take_over(thread.command_log):
                    return True
            await perform(self.context, self._missing_reactions(thread))
            if await self._run_lines(thread):
                return True
        return False

    async def _read_threads(self) -> list[_Thread]:
        """The app merge request, and those of waves that are open."""
        if self._threads is None:
            name = self.gathered.snapshot.application.name
            self._threads = []
            for each in self.gathered.conversations:
                me = await self.context.forge(each.repo).me()
                ours = [comment for comment in each.comments if comment.author.id == me.id]
                replies = answered(self.context, each.repo, ours, name)
                log = each.command_log if each.wave else None
                thread = _Thread(each.repo, each.number, each.wave, each.comments, log, replies)
                self._threads.append(thread)
        return self._threads

    async def _restored(self, log: CommandLog) -> CommandLog:
        """The log, written again where its comment lacks what the store remembers.

        It is read again before anything is said of it: a forge may answer with an earlier state.
        """
        if not log.is_behind:
            return log
        context, location, entries = self.context, log.location, log.entries
        comments = await context.forge(location.repo).comments(location.repo.path, location.number)
        log = await read_log(context, location, comments)
        if not log.is_behind:
            return log
        if log.was_changed:
            me, now = await context.forge(location.repo).me(), context.clock()
            said = f"restored {len(entries)}"
            note = CommandLogEntry("", said, me.login, "record", now, Outcome.DONE, RESTORED)
            entries = (*log.entries, note)
        return await write_log(context, log, entries, log.reacted)

    async def _take_over(self, log: CommandLog) -> bool:
        """Copy to the rollout's log what a crash left in a wave's own log alone."""
        if self.app_log is None:
            return False
        known = {entry.key for entry in self.app_log.entries}
        now = self.proposal.plan.revision.sha
        new = [each for each in log.entries if each.revision == now and each.key not in known]
        if new:
            self.app_log = await self._appended(self.app_log, *new)
        return bool(new)

    async def _run_lines(self, thread: _Thread) -> bool:
        """Run what is new in a thread; whether the plan is no longer valid."""
        me = await self.context.forge(thread.repo).me()
        reader = CommandReader(me.login, tuple(each.verb for each in commands().values()))
        for comment in thread.comments:
            if comment.author.bot or comment.author.id == me.id:
                continue
            where = place_of(comment.id, thread.number, deploy=bool(thread.wave))
            edited = self._is_edited(thread, comment, where)
            for said, result in digests(reader.read(comment.body)):
                if self._is_action(result) is not self._acting:
                    continue
                if (where, said) in self._known(thread) or await self._is_flood(thread, comment):
                    continue
                about = self._answering_application(result)
                target = ReplyTarget(thread.repo, thread.number, comment, said, about, edited)
                entry = await self._answer(thread, target, result, where)
                if entry is not None:
                    await perform(self.context, self._reactions(entry))
                    if await self._take_effect(entry):
                        return True
        return False

    async def _take_effect(self, entry: CommandLogEntry) -> bool:
        """Let a command that acted change this pass; whether the plan is no longer valid."""
        if not self._acting or entry.outcome is not Outcome.DONE:
            return False
        before = self.gathered.snapshot.overrides
        entries = self.app_log.entries if self.app_log is not None else ()
        self.gathered = await with_commands(self.context, self.gathered, entries)
        if self.gathered.snapshot.overrides.plan_inputs != before.plan_inputs:
            return True
        snapshot = self.gathered.snapshot
        self.proposal = await asyncio.to_thread(reevaluate, self.proposal, snapshot)
        return False

    def _is_action(self, result: Result) -> bool:
        return (
            not self.preview
            and isinstance(result, ParsedCommand)
            and commands()[result.verb].is_action
        )

    async def _is_flood(self, thread: _Thread, comment: Comment) -> bool:
        """Whether somebody without the role write there was answered often enough."""
        theirs = {str(each.id) for each in thread.comments if each.author.id == comment.author.id}
        if sum(to in theirs for to, _ in thread.replies) < MOST_REPLIES:
            return False
        forge = self.context.forge(thread.repo)
        return await forge.role(thread.repo.path, comment.author.login) < Role.WRITE

    def _answering_application(self, result: Result) -> str:
        """Each application answers for itself, but any one explains how a command is written."""
        return self.gathered.snapshot.application.name if isinstance(result, ParsedCommand) else ""

    async def _answer(
        self, thread: _Thread, target: ReplyTarget, result: Result, where: str
    ) -> CommandLogEntry | None:
        """What came of one line; None where the command log is full."""
        full = any(is_full(each.entries) for each in self._logs(thread))
        if full and self._acting:
            refused = React(target.repo, target.number, target.comment.id, Reaction.REFUSED)
            await perform(
                self.context, [refused, Reply(target, f"Refused: {words.log_full().markdown()}.")]
            )
            thread.replies.append((str(target.comment.id), target.said))
            return None
        executor = CommandExecutor(self.context, self.gathered, self.proposal, self.preview)
        entry, is_logged = await executor.answer(target, result, thread.wave, where)
        if is_logged:
            await self._log(thread, entry)
        thread.replies.append((str(target.comment.id), target.said))
        return entry

    async def _log(self, thread: _Thread, entry: CommandLogEntry) -> None:
        """Log it where it was given, then in the rollout's log, which is read last."""
        if thread.command_log is not None:
            thread.command_log = await self._appended(thread.command_log, entry)
        if self.app_log is not None:
            self.app_log = await self._appended(self.app_log, entry)

    async def _appended(self, log: CommandLog, *entries: CommandLogEntry) -> CommandLog:
        reacted = log.reacted
        while reacted < len(log.entries) and self._is_shown(log.entries[reacted]):
            reacted += 1
        return await write_log(self.context, log, (*log.entries, *entries), reacted)

    def _missing_reactions(self, thread: _Thread) -> list[React]:
        """Reactions that a crash may have left out."""
        log = self.app_log or thread.command_log
        missing = log.entries[log.reacted :] if log else ()
        return [react for entry in missing for react in self._reactions(entry)]

    def _logs(self, thread: _Thread) -> list[CommandLog]:
        return [each for each in (self.app_log, thread.command_log) if each is not None]

    def _is_edited(self, thread: _Thread, comment: Comment, where: str) -> bool:
        """Whether it reads other than it did when it was written, as far as is known.

        To GitLab a reaction is an edit too (`Note#bump_updated_at`), be it the bot's own.
        """
        texts, key = self.context.first_texts, ("text", str(thread.repo), where)
        digest = text_digest(comment)
        if not comment.edited:
            texts[key] = digest
            return False
        entries = (entry for log in self._logs(thread) for entry in log.entries)
        written = {entry.text for entry in entries if entry.where == where}
        return digest not in written | {texts.get(key, "")}

    def _known(self, thread: _Thread) -> set[tuple[str, str]]:
        deploy = bool(thread.wave)
        replied = {
            (place_of(int(to), thread.number, deploy=deploy), said) for to, said in thread.replies
        }
        return replied | {entry.key for log in self._logs(thread) for entry in log.entries}

    def _is_shown(self, entry: CommandLogEntry) -> bool:
        """Whether this process put the reaction under its comment."""
        return all(each.key in self.context.pacing for each in self._reactions(entry))

    def _reactions(self, entry: CommandLogEntry) -> tuple[React, ...]:
        """What is put under the comment of an entry; nothing for the bot's own entries."""
        if not entry.where:
            return ()
        kind, _, rest = entry.where.partition("!")
        number, _, comment = rest.partition("#")
        repo = self.gathered.app.repo if kind == "app" else self.gathered.deploy.repo
        return (React(repo, int(number), int(comment), REACTIONS[entry.outcome]),)
