"""Slash commands: the lines of comments that address the bot, `/switchyard <verb> [arguments]`.

A `CommandReader` knows the bot's login and the verbs; it turns the text of a comment into results,
in order: a `ParsedCommand` that fits its verb's grammar, a `Help` that was requested, or a
`Mistake` that says what is wrong. It reads any text without an error, touches nothing outside, and
knows nothing of rights: its callers decide who may give a command. Messages and hints are `Prose`,
in which words of the comment are values.
"""

from bot.chatops.parser.grammar import Argument, InvalidValueError, Kind, Option, Value, Verb, usage
from bot.chatops.parser.reader import (
    MOST_COMMANDS,
    CommandReader,
    Help,
    Mistake,
    ParsedCommand,
    Result,
)

__all__ = [
    "MOST_COMMANDS",
    "Argument",
    "CommandReader",
    "Help",
    "InvalidValueError",
    "Kind",
    "Mistake",
    "Option",
    "ParsedCommand",
    "Result",
    "Value",
    "Verb",
    "usage",
]
