"""Answers one line that speaks to the bot: who may, what it does, what is said. See `obey`."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from bot.chatops.commands import Answer, Call, Command, RefusedError, judged_in
from bot.chatops.parser import Help, Mistake, ParsedCommand, Result
from bot.chatops.replies import Question, react, reply
from bot.commandlog.entry import CommandLogEntry, Outcome, settled
from bot.context import Context
from bot.engine.discovery import discover
from bot.engine.propose import Proposal
from bot.forges import ForgeError, Reaction, TransientForgeError
from bot.gather.errors import GatherError
from bot.gather.snapshot import Gathered
from bot.git import GitError, TransientGitError
from bot.wording import answers as words
from bot.wording.markdown import code, fence
from planners.model import Repo, Role

MOST_ASKED = 10

log = structlog.get_logger()


class _DeniedError(RefusedError):
    """Who said it may not, or not there, or not now."""


def commands() -> dict[str, Command]:
    """Every slash command."""
    return discover("bot.chatops.commands", "COMMAND")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is spoken to: a rollout, or on a `preview` what would be one."""

    context: Context
    gathered: Gathered
    proposal: Proposal
    preview: bool

    async def answer(
        self, question: Question, result: Result, wave: str, where: str
    ) -> tuple[CommandLogEntry, bool]:
        """Do what one line says; what is to be said is said once.

        Returns what came of it and whether that belongs into the record: what somebody told who may
        steer. Of anything else the reply speaks, so that nobody else can fill the record.

        What time may mend is raised, and the pass made again; anything else ends the command.

        Raises:
            TransientForgeError, TransientGitError: see there.
        """
        context, by = self.context, question.comment.author.login
        await react(context, question.repo, question.number, question.comment.id, Reaction.SEEN)
        verb = result.verb if isinstance(result, ParsedCommand | Help) else "?"
        revision = self.proposal.plan.revision.sha
        entry = CommandLogEntry(where, question.said, by, verb, context.clock(), Outcome.DONE)
        email = question.comment.author.email
        entry = replace(entry, revision=revision, text=question.text, email=email)
        is_action = isinstance(result, ParsedCommand) and commands()[result.verb].is_action
        try:
            answer = await self._run(question, result, wave, where)
        except RefusedError as error:
            await reply(context, question, f"Refused: {code(str(error), 900)}")
            kept = is_action and not isinstance(error, _DeniedError)
            return settled(entry, Outcome.REFUSED, str(error), {}), kept
        except (TransientForgeError, TransientGitError):
            raise
        except Exception as error:
            reference = secrets.token_hex(4)
            log.exception("command failed", verb=verb, where=where, reference=reference)
            return await self._failed(question, entry, error, reference), is_action
        if answer.words:
            await reply(context, question, answer.words)
        return settled(entry, Outcome.DONE, "", answer.facts), is_action

    async def _failed(
        self, question: Question, entry: CommandLogEntry, error: Exception, reference: str
    ) -> CommandLogEntry:
        """One command that goes wrong holds up no other."""
        told = str(error) if isinstance(error, ForgeError | GitError | GatherError) else ""
        await reply(self.context, question, words.failed(told, reference))
        return settled(entry, Outcome.FAILED, f"{told} ({reference})".strip(), {})

    async def _run(self, question: Question, result: Result, wave: str, where: str) -> Answer:
        if isinstance(result, Help):
            return Answer(fence(result.text, "text"))
        if isinstance(result, Mistake):
            hint = f" ({result.hint})" if result.hint else ""
            raise RefusedError(f"{result.message}{hint}")
        command = commands()[result.verb]
        try:
            await self._check_rights(question, command, wave)
        except RefusedError as error:
            raise _DeniedError(str(error)) from error
        by, key = question.comment.author.login, f"{question.repo} {where} {question.said}"
        told = (result, by, wave, question.number, question.comment, self.preview, key)
        return await command.run(Call(self.context, self.gathered, self.proposal, *told))

    async def _check_rights(self, question: Question, command: Command, wave: str) -> None:
        """Raise RefusedError unless the author gave it, now, and has the role that it needs.

        Whoever may write can edit other people's comments, and no forge tells who did: an edited
        comment steers nothing. Neither does what was said on a wave to an earlier revision.
        """
        if command.is_action and self.preview:
            raise RefusedError(words.not_yet(command.name))
        if command.is_action and self.gathered.app_request is None:
            raise RefusedError(
                "this revision came by no merge request, so there is no place for the record: "
                "use the forge's own approvals and labels"
            )
        if command.is_action and question.edited:
            raise RefusedError("an edited comment steers nothing: write a new one")
        if command.is_action and wave and question.comment.created_at < await self._began():
            raise RefusedError("another revision was merged since you wrote: look again")
        repo = judged_in(command, self.gathered, self.context, question.repo)
        role = await self.context.forge(repo).role(repo.path, question.comment.author.login)
        if role < command.role:
            needed, have = command.role.name.lower(), role.name.lower()
            users, teams = await self._able(repo, command.role)
            missing = words.who_can(needed, str(repo), have, users, teams)
            raise RefusedError(f"{command.name} {missing}")

    async def _began(self) -> datetime:
        """When this revision was merged."""
        sha = self.proposal.plan.revision.sha
        info = await asyncio.to_thread(self.gathered.app.mirror.commit_info, sha)
        return info.at

    async def _able(self, repo: Repo, role: Role) -> tuple[list[str], list[str]]:
        """Of the people whom policies and the tenant name, those who have a role; and the teams."""
        snapshot = self.gathered.snapshot
        rules = [rule for policy in snapshot.policies for rule in policy.approvals]
        named = {*snapshot.tenant.approvers, *(user for rule in rules for user in rule.users)}
        logins = sorted(each for each in named if "@" not in each)[:MOST_ASKED]
        forge = self.context.forge(repo)
        able = [login for login in logins if await forge.role(repo.path, login) >= role]
        teams = {*snapshot.tenant.approver_teams, *(team for rule in rules for team in rule.teams)}
        return able, sorted(teams)
