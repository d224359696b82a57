"""Slash commands: what people ask of the bot in comments, `/switchyard <verb> [arguments]`.

A `Reader` knows the bot's login and the verbs; it turns the text of a comment into results, in
order: a `ParsedCommand` that fits its verb's grammar, a `Help` that was asked for, or a `Mistake`
that says what is wrong. It reads any text without an error, touches nothing outside, and knows
nothing of rights: who may ask for what is for callers to judge. Messages and hints hold words of
strangers: show them as code, never as Markdown.
"""

from bot.chatops.parser.grammar import Argument, Kind, Option, Value, Verb, usage
from bot.chatops.parser.reader import MOST_COMMANDS, Help, Mistake, ParsedCommand, Reader, Result

__all__ = [
    "MOST_COMMANDS",
    "Argument",
    "Help",
    "Kind",
    "Mistake",
    "Option",
    "ParsedCommand",
    "Reader",
    "Result",
    "Value",
    "Verb",
    "usage",
]
