"""Executes one command line: checks who gave it, runs it, performs its effects and replies."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from bot.chatops.commands import Answer, Call, Command, RefusedError, judged_in
from bot.chatops.parser import Help, Mistake, ParsedCommand, Result
from bot.chatops.replies import text_digest
from bot.commandlog.entry import CommandLogEntry, Outcome, settled
from bot.context import Context
from bot.effects.intent_requests import ChangeRefusedError, propose_change
from bot.effects.model import React, Reply, ReplyTarget
from bot.effects.perform import perform
from bot.engine.discovery import discover
from bot.engine.propose import Proposal
from bot.forges import ForgeError, Reaction, TransientForgeError
from bot.gather.errors import GatherError
from bot.gather.snapshot import Gathered
from bot.git import GitError, TransientGitError
from bot.store import ClaimLostError, StoreError
from bot.wording import answers as words
from bot.wording.markdown import fence
from bot.wording.prose import NOTHING, say
from bot.wording.suggestions import proposed
from planners.model import Repo, Role, account_id

MOST_ASKED = 10

log = structlog.get_logger()


class _DeniedError(RefusedError):
    """Who said it may not, or not there, or not now."""


def commands() -> dict[str, Command]:
    """Every slash command."""
    return discover("bot.chatops.commands", "COMMAND")


@dataclass(frozen=True, slots=True)
class CommandExecutor:
    """Runs commands for a rollout, or on a `preview` for a merge request that would begin one."""

    context: Context
    gathered: Gathered
    proposal: Proposal
    preview: bool

    async def answer(
        self, target: ReplyTarget, result: Result, wave: str, where: str
    ) -> tuple[CommandLogEntry, bool]:
        """Run one command line and reply to it, once.

        Returns what came of it and whether that belongs into the command log: what somebody said
        who may act. A reply is enough for anything else, so that nobody else can fill the log.

        A transient fault is raised and the pass made again; anything else ends the command.

        Raises:
            TransientForgeError, TransientGitError: the forge or Git is busy.
            StoreError, ClaimLostError: the claim of this pass is lost, or cannot be confirmed.
        """
        entry = self._entry(target, result, where)
        seen = React(target.repo, target.number, target.comment.id, Reaction.SEEN)
        await perform(self.context, [seen])
        is_action = isinstance(result, ParsedCommand) and commands()[result.verb].is_action
        try:
            answer = await self._perform(await self._run(target, result, wave, where))
        except RefusedError as error:
            await self._reply(target, f"Refused: {error.text.markdown(900)}.")
            is_logged = is_action and not isinstance(error, _DeniedError)
            return settled(entry, Outcome.REFUSED, str(error), {}), is_logged
        except (TransientForgeError, TransientGitError, StoreError, ClaimLostError):
            raise
        except Exception as error:
            reference = secrets.token_hex(4)
            log.exception("command failed", verb=entry.verb, where=where, reference=reference)
            return await self._failed(target, entry, error, reference), is_action
        if answer.words:
            await self._reply(target, answer.words)
        return settled(entry, Outcome.DONE, "", answer.facts), is_action

    def _entry(self, target: ReplyTarget, result: Result, where: str) -> CommandLogEntry:
        author = target.comment.author
        return CommandLogEntry(
            where=where,
            said=target.said,
            by=author.login,
            verb=result.verb if isinstance(result, ParsedCommand | Help) else "?",
            at=self.context.clock(),
            outcome=Outcome.DONE,
            revision=self.proposal.plan.revision.sha,
            text="" if target.edited else text_digest(target.comment),
            account=account_id(target.repo.forge, author.id),
        )

    async def _reply(self, target: ReplyTarget, text: str) -> None:
        await perform(self.context, [Reply(target, text)])

    async def _perform(self, answer: Answer) -> Answer:
        """Perform the effects of an answer; a proposed change adds its link to the answer."""
        await perform(self.context, answer.effects)
        if answer.change is None:
            return answer
        try:
            made = await propose_change(self.context, answer.change)
        except ChangeRefusedError as error:
            raise RefusedError(error.text) from error
        repo, request = answer.change.checkout.repo, made.request
        sign = self.context.forge(repo).number_prefix
        text = proposed(f"{repo}{sign}{request.number}", request.url, is_new=made.is_new)
        return replace(answer, words=text, facts={**answer.facts, "link": request.url})

    async def _failed(
        self, target: ReplyTarget, entry: CommandLogEntry, error: Exception, reference: str
    ) -> CommandLogEntry:
        """One command that goes wrong holds up no other."""
        message = str(error) if isinstance(error, ForgeError | GitError | GatherError) else ""
        await self._reply(target, words.failed(message, reference))
        return settled(entry, Outcome.FAILED, f"{message} ({reference})".strip(), {})

    async def _run(self, target: ReplyTarget, result: Result, wave: str, where: str) -> Answer:
        if isinstance(result, Help):
            return Answer(fence(result.text, "text"))
        if isinstance(result, Mistake):
            hint = say(" ({})", result.hint) if result.hint else NOTHING
            raise RefusedError(say("{}{}", result.message, hint))
        command = commands()[result.verb]
        try:
            await self._check_rights(target, command, wave)
        except RefusedError as error:
            raise _DeniedError(error.text) from error
        call = Call(
            context=self.context,
            gathered=self.gathered,
            proposal=self.proposal,
            parsed=result,
            by=target.comment.author.login,
            account=account_id(target.repo.forge, target.comment.author.id),
            wave=wave,
            number=target.number,
            comment=target.comment,
            preview=self.preview,
            key=f"{target.repo} {where} {target.said}",
        )
        return await command.run(call)

    async def _check_rights(self, target: ReplyTarget, command: Command, wave: str) -> None:
        """Raise RefusedError unless the author gave it, now, and has the role that it needs.

        Whoever may write can edit other people's comments, and no forge tells who did: an edited
        comment cannot issue commands, nor can one on a wave that was meant for an earlier revision.
        """
        if command.is_action and self.preview:
            asking = [each.name for each in commands().values() if not each.is_action]
            raise RefusedError(words.available_after_merge(command.name, ["help", *asking]))
        if command.is_action and self.gathered.app_request is None:
            raise RefusedError(
                say(
                    "this revision was not merged by a merge request, so there is no place for a "
                    "command log: use the forge's own approvals and labels"
                )
            )
        if command.is_action and target.edited:
            raise RefusedError(words.edited())
        if command.is_action and wave and target.comment.created_at < await self._began():
            raise RefusedError(words.outdated())
        repo = judged_in(command, self.gathered, self.context, target.repo)
        role = await self.context.forge(repo).role(repo.path, target.comment.author.login)
        if role < command.role:
            needed, have = command.role.name.lower(), role.name.lower()
            users, teams = await self._able(repo, command.role)
            missing = words.MissingRole(command.name, needed, str(repo), have, users, teams)
            raise RefusedError(missing.text())

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
