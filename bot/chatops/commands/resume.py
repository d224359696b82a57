"""`resume`: ends a hold, a skip or a pause."""

from dataclasses import replace

from bot.chatops.commands import Answer, Call, RefusedError, StandingCommand
from bot.chatops.parser import Argument, Kind, Verb
from bot.chatops.pauses import PauseError
from bot.commandlog.entry import CommandLogEntry
from bot.wording.prose import say
from planners.model import Role
from planners.model.overrides import Overrides


class ResumeCommand:
    """Resumes a rollout."""

    name = "resume"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "resume",
        (
            Argument(
                "target",
                Kind.NAME,
                summary="What is held, skipped or paused. Default: all holds and skips.",
                required=False,
            ),
        ),
        (),
        "End a hold, a skip or a pause.",
        ("/switchyard resume", "/switchyard resume canary.2", "/switchyard resume tenant/shop"),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        target, overrides = call.target(), call.gathered.snapshot.overrides
        if "/" in target:
            try:
                effects = await call.pauses(target, None)
            except PauseError as error:
                raise RefusedError(error.text) from error
            return Answer(facts={"target": target}, effects=effects)
        held = {hold.target for hold in overrides.holds} | set(overrides.skipped)
        if target not in held and not (target == "" and held):
            if call.gathered.snapshot.cancelled is not None:
                raise RefusedError(say("this rollout is cancelled for good: merge a new revision"))
            known = ", ".join(sorted(each or "the rollout" for each in held)) or "none"
            paused = ", ".join(each.target for each in overrides.pauses[:5]) or "none"
            text = "{} is not held; held or skipped: {}; paused: {}"
            raise RefusedError(say(text, target or "the rollout", known, paused))
        return Answer(facts={"target": target})

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: an empty target ends every hold and skip."""
        target = entry.target
        return replace(
            overrides,
            holds=tuple(each for each in overrides.holds if target not in {"", each.target}),
            skipped={key: why for key, why in overrides.skipped.items() if target not in {"", key}},
        )


COMMAND: StandingCommand = ResumeCommand()
