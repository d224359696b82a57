"""What the demonstration says when it runs: addresses, people, what to do first and then."""

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.demo import kept
from bot.sandbox.demo.kept import Kept
from bot.sandbox.demo.playing import changes
from bot.sandbox.demo.site import APP, DEPLOY, MAY, PEOPLE
from bot.settings import ClientSettings

PROGRAM = "switchyard"


@dataclass(frozen=True, slots=True)
class Welcome:
    """A demonstration that runs in a folder, and whether an earlier one began it."""

    kept: Kept
    folder: Path
    goes_on: bool

    def addresses(self) -> str:
        """Where the pages are."""
        forge, service = self.kept.forge_url, self.kept.service_url
        begun = (
            "The Switchyard demo goes on where it was ended" if self.goes_on else "The demo runs"
        )
        lines = [
            "",
            f"{begun}, on this machine:",
            f"  forge         {forge}  (sign in as Ada, Rita or Otto with one click)",
            f"  Ada's change  {forge}/{APP}/merge_requests/{self.kept.number}",
            f"  rollout page  {service}/rollouts/storefront",
            f"  fleet page    {service}/fleet",
            f"  data folder   {self.folder}",
            "",
        ]
        return "\n".join(lines)

    def guide(self) -> str:
        """Who the people are, what to do, how to push, and the ready-made changes."""
        sections = [*self._people(), *self._next(), *self._own_changes(), *self._ready_made()]
        end = "Press Ctrl-C to stop; start again to go on, or with --fresh to begin anew."
        return "\n".join([*sections, end, ""])

    def _people(self) -> list[str]:
        tokens = self.kept.tokens
        told = (
            f"  {login.capitalize()}, {PEOPLE[login]}; login {login}, token {tokens[login]}\n"
            f"      {MAY[login]}"
            for login in PEOPLE
        )
        return ["People (their tokens are their passwords for Git):", *told, ""]

    def _next(self) -> list[str]:
        forge, service, command = self.kept.forge_url, self.kept.service_url, self._command()
        if self.goes_on:
            first = [f"What waits for one of them, with links: {service}/"]
        else:
            first = [
                "First: as Rita, read the plan on Ada's merge request and approve it; as Ada,",
                f"merge it. Then open {forge}/{DEPLOY}/merge_requests. As Rita,",
                "approve the canary's four waves (whoever wrote or merged the change cannot);",
                "the others merge automatically.",
            ]
        return [
            *first,
            "To ask what a merge request waits for, comment `/switchyard why` on it, or type in",
            f"another terminal: {command} why storefront",
            "",
        ]

    def _own_changes(self) -> list[str]:
        forge, token = self.kept.forge_url, self.kept.tokens["ada"]
        host = forge.removeprefix("http://")
        return [
            "Push changes of your own, as Ada:",
            f"  git clone http://ada:{token}@{host}/{APP}.git && cd storefront",
            "  git switch -c my-change",
            "  (edit files)",
            "  git add -A && git commit -m 'My change' && git push origin HEAD",
            f"Then open a merge request of the branch, below {forge}/{APP}/merge_requests.",
            "",
        ]

    def _ready_made(self) -> list[str]:
        is_default = self.folder.absolute() == kept.DEFAULT.absolute()
        data = "" if is_default else f" --data {shlex.quote(str(self.folder))}"
        program = _program()
        told = (
            f"  {program} demo play {each.name}{data}\n      {each.summary}"
            for each in changes().values()
        )
        heading = (
            "Ready-made changes, each one command in another terminal, which says what to look at:"
        )
        return [heading, *told, ""]

    def _command(self) -> str:
        """How a running service is asked."""
        default = str(ClientSettings.model_fields["service_url"].default).rstrip("/")
        is_default = self.kept.service_url == default
        address = "" if is_default else f"SWITCHYARD_SERVICE_URL={self.kept.service_url} "
        return f"{address}{_program()}"


def _program() -> str:
    """How this program was called, where it is not on the PATH."""
    name = Path(sys.argv[0])
    if name.name != PROGRAM or shutil.which(PROGRAM) == str(name):
        return PROGRAM
    return shlex.quote(str(name))
