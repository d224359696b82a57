"""Obeys slash commands: each is seen, done once, and recorded at the forge. Called by `reconcile`.

What was answered is known by the record and by the markers of replies, so that a crash between two
steps repeats none of them. Bots are not obeyed, and the bot's own words are no commands.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

import bot.commands
from bot import record
from bot.commands import Answer, Call, Command, RefusedError
from bot.core import Proposal
from bot.discovery import discover
from bot.forges import Comment, Reaction
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

    def name(self, comment: Comment) -> str:
        """A comment's name in the record: comments of several merge requests share one."""
        return f"{'deploy' if self.wave else 'app'}!{self.number}#{comment.id}"


def commands() -> dict[str, Command]:
    """Every slash command."""
    return discover(bot.commands, "COMMAND")


async def obey(shell: Shell, gathered: Gathered, proposal: Proposal) -> bool:
    """Obey what is new on a rollout's merge requests; whether something steers it now."""
    deeds = list(gathered.deeds)
    known = {(deed.where, deed.said) for deed in deeds}
    verbs, steered = commands(), False
    for place in await _places(shell, gathered):
        me = await shell.forge(place.repo).me()
        reader = Reader(me.login, tuple(each.verb for each in verbs.values()))
        for comment in place.comments:
            if comment.author.bot or comment.author.id == me.id:
                continue
            for said, result in meanings(reader.read(comment.body)):
                if (place.name(comment), said) in known:
                    continue
                caller = _Caller(shell, gathered, proposal, place, comment)
                deed = await caller.answer(said, result)
                deeds.append(deed)
                steered = steered or (deed.outcome is Outcome.DONE and bool(deed.facts))
                await _keep(shell, gathered, deeds)
                await caller.react(REACTIONS[deed.outcome])
    return steered


def meanings(results: Iterable[Result]) -> Iterator[tuple[str, Result]]:
    """Each with a digest of what it means, the second of the same meaning with another one."""
    seen: Counter[str] = Counter()
    for result in results:
        text = repr(replace(result, line=0))
        seen[text] += 1
        yield sha256(f"{seen[text]} {text}".encode()).hexdigest()[:16], result


async def _places(shell: Shell, gathered: Gathered) -> list[Place]:
    """The app merge request, and those of waves that are open."""
    app, deploy = gathered.app.repo, gathered.deploy.repo
    found = []
    if gathered.home is not None:
        found.append(Place(app, gathered.home.number, "", gathered.comments))
    for request in gathered.snapshot.merge_requests:
        if request.branch is not None:
            comments = await shell.forge(deploy).comments(deploy.path, request.number)
            found.append(Place(deploy, request.number, request.wave, comments))
    return found


async def _keep(shell: Shell, gathered: Gathered, deeds: list[Deed]) -> None:
    """Write the record, in the one comment that holds it."""
    repo, home = gathered.app.repo, gathered.home
    if home is None:
        return
    forge, application = shell.forge(repo), gathered.snapshot.application.name
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

    async def answer(self, said: str, result: Result) -> Deed:
        """Do what one line says; what is to be said is said once."""
        await self.react(Reaction.SEEN)
        verb = result.verb if isinstance(result, Words | Help) else "?"
        now, by = self.shell.clock(), self.comment.author.login
        deed = Deed(self.place.name(self.comment), said, by, verb, now, Outcome.DONE)
        try:
            answer = await self._run(result)
        except RefusedError as error:
            await self._reply(said, f"Refused: {code(str(error), 600)}")
            return record.settled(deed, Outcome.REFUSED, str(error), {})
        if answer.words:
            await self._reply(said, answer.words)
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
        """Raise RefusedError unless the author gave it, and has the role that it needs.

        Whoever may write can edit other people's comments, and no forge tells who did: an edited
        comment steers nothing.
        """
        if command.steers and self.gathered.home is None:
            raise RefusedError(
                "this revision came by no merge request, so there is no place for the record: "
                "use the forge's own approvals and labels"
            )
        if command.steers and self.comment.edited:
            raise RefusedError("an edited comment steers nothing: write a new one")
        repo = self.gathered.deploy.repo if command.steers else self.place.repo
        role = await self.shell.forge(repo).role(repo.path, self.comment.author.login)
        if role < command.role:
            needed = command.role.name.lower()
            raise RefusedError(
                f"{command.name} needs the role {needed} in {repo}, and you have "
                f"{role.name.lower()}: somebody with that role can give it"
            )

    async def _reply(self, said: str, words: str) -> None:
        """Say something in a comment of our own, unless that was said before a crash."""
        repo, to = self.place.repo, {"to": str(self.comment.id), "said": said}
        forge, markers = self.shell.forge(repo), self.shell.markers
        me = await forge.me()
        ours = (each for each in self.place.comments if each.author.id == me.id)
        if any(markers.read(REPLY, repo, each.body) == to for each in ours):
            return
        text = f"{markers.write(REPLY, repo, to)}\nTo {code(self.comment.author.login)}:\n\n{words}"
        await forge.add_comment(repo.path, self.place.number, text)

    async def react(self, reaction: Reaction) -> None:
        """Put a reaction under the comment."""
        repo = self.place.repo
        await self.shell.forge(repo).react(repo.path, self.place.number, self.comment.id, reaction)
