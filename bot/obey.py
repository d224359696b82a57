"""Obeys slash commands: each is seen, done once, and recorded at the forge. Called by `reconcile`.

What was answered is known by the record and by the markers of replies, so that a crash between two
steps repeats none of them. Bots are not obeyed, and the bot's own words are no commands.
"""

from dataclasses import dataclass

import bot.commands
from bot import record
from bot.commands import Answer, Call, Command, RefusedError
from bot.core import Proposal
from bot.discovery import discover
from bot.forges import Comment, ForgeMergeRequest, Reaction
from bot.gather.snapshot import Gathered
from bot.record import Deed, Outcome
from bot.shell import Shell
from bot.slash import Command as Words
from bot.slash import Help, Mistake, Reader, Result
from bot.wording.markdown import code, fence
from planners.model import Repo

REPLY = "reply"
REACTIONS = {
    Outcome.DONE: Reaction.DONE,
    Outcome.REFUSED: Reaction.REFUSED,
    Outcome.FAILED: Reaction.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A merge request where commands are read: `wave` is the wave it is for, empty on the app's."""

    repo: Repo
    number: int
    wave: str
    comments: tuple[Comment, ...]


def commands() -> dict[str, Command]:
    """Every slash command."""
    return discover(bot.commands, "COMMAND")


async def obey(shell: Shell, gathered: Gathered, proposal: Proposal) -> bool:
    """Obey what is new on a rollout's merge requests; whether something steers it now.

    Where a revision came by no merge request there is no place for a record, and nothing is read.
    """
    home = gathered.home
    if home is None:
        return False
    deeds = list(gathered.deeds)
    known = {(deed.comment, deed.line) for deed in deeds}
    steered = False
    for place in await _places(shell, gathered, home):
        me = await shell.forge(place.repo).me()
        reader = Reader(me.login, tuple(each.verb for each in commands().values()))
        for comment in place.comments:
            if comment.author.bot or comment.author.id == me.id:
                continue
            for result in reader.read(comment.body):
                key = (_id(place, comment), result.line)
                if key in known:
                    continue
                caller = _Caller(shell, gathered, proposal, place, comment)
                deed = await caller.answer(result)
                deeds.append(deed)
                steered = steered or (deed.outcome is Outcome.DONE and bool(deed.facts))
                await _keep(shell, gathered, home, deeds)
                await caller.react(REACTIONS[deed.outcome])
    return steered


def _id(place: Place, comment: Comment) -> int:
    """Comments of several merge requests share one record; GitLab's and GitHub's ids are unique."""
    return comment.id * 2 + (1 if place.wave else 0)


async def _places(shell: Shell, gathered: Gathered, home: ForgeMergeRequest) -> list[Place]:
    app, deploy = gathered.app.repo, gathered.deploy.repo
    found = [Place(app, home.number, "", gathered.comments)]
    for request in gathered.snapshot.merge_requests:
        if request.branch is not None:
            comments = await shell.forge(deploy).comments(deploy.path, request.number)
            found.append(Place(deploy, request.number, request.wave, comments))
    return found


async def _keep(
    shell: Shell, gathered: Gathered, home: ForgeMergeRequest, deeds: list[Deed]
) -> None:
    """Write the record, in the one comment that holds it."""
    repo = gathered.app.repo
    forge = shell.forge(repo)
    application = gathered.snapshot.application.name
    payload = {"application": application, **record.write(deeds)}
    body = record.text(deeds, shell.markers.write(record.MARKER, repo, payload))
    me = await forge.me()
    for comment in await forge.comments(repo.path, home.number):
        marker = shell.markers.read(record.MARKER, repo, comment.body)
        if comment.author.id == me.id and marker and marker["application"] == application:
            await forge.edit_comment(repo.path, home.number, comment.id, body)
            return
    await forge.add_comment(repo.path, home.number, body)


@dataclass(frozen=True, slots=True)
class _Caller:
    """One comment with commands, and the rollout it speaks to."""

    shell: Shell
    gathered: Gathered
    proposal: Proposal
    place: Place
    comment: Comment

    async def answer(self, result: Result) -> Deed:
        """Do what one line says; what is to be said is said once."""
        await self.react(Reaction.SEEN)
        verb = result.verb if isinstance(result, Words | Help) else "?"
        now, by = self.shell.clock(), self.comment.author.login
        deed = Deed(_id(self.place, self.comment), result.line, by, verb, now, Outcome.DONE)
        try:
            answer = await self._run(result)
        except RefusedError as error:
            await self._reply(result.line, f"Refused: {code(str(error), 600)}")
            return record.settled(deed, Outcome.REFUSED, str(error), {})
        if answer.words:
            await self._reply(result.line, answer.words)
        return record.settled(deed, Outcome.DONE, "", answer.facts)

    async def _run(self, result: Result) -> Answer:
        if isinstance(result, Help):
            return Answer(fence(result.text, "text"))
        if isinstance(result, Mistake):
            hint = f" ({result.hint})" if result.hint else ""
            raise RefusedError(f"{result.message}{hint}")
        command = commands()[result.verb]
        await self._check_rights(command)
        wave, by = self.place.wave, self.comment.author.login
        return await command.run(Call(self.shell, self.gathered, self.proposal, result, by, wave))

    async def _check_rights(self, command: Command) -> None:
        """Raise RefusedError unless the author has the role that the command needs."""
        repo = self.gathered.deploy.repo if command.steers else self.place.repo
        role = await self.shell.forge(repo).role(repo.path, self.comment.author.login)
        if role < command.role:
            needed = command.role.name.lower()
            raise RefusedError(
                f"{command.name} needs the role {needed} in {repo}, and you have "
                f"{role.name.lower()}: somebody with that role can give it"
            )

    async def _reply(self, line: int, words: str) -> None:
        """Say something in a comment of our own, unless that was said before a crash."""
        repo, to = self.place.repo, {"to": str(self.comment.id), "line": str(line)}
        forge = self.shell.forge(repo)
        me = await forge.me()
        for comment in self.place.comments:
            if (
                comment.author.id == me.id
                and self.shell.markers.read(REPLY, repo, comment.body) == to
            ):
                return
        marker = self.shell.markers.write(REPLY, repo, to)
        asker = code(self.comment.author.login)
        await forge.add_comment(repo.path, self.place.number, f"{marker}\nTo {asker}:\n\n{words}")

    async def react(self, reaction: Reaction) -> None:
        """Put a reaction under the comment."""
        repo = self.place.repo
        await self.shell.forge(repo).react(repo.path, self.place.number, self.comment.id, reaction)
