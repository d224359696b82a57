"""Slash commands: what counts as one, and what hostile or careless comments make of it."""

import pytest

from bot.chatops.parser import CommandReader, ParsedCommand
from tests.fakes.slash import PLAN, READER, P, S, said, short

COMMANDS = {
    "alone": (f"{S} plan", "plan"),
    "a mention": ("@switchyard plan", "plan"),
    "a mention with its suffix": ("@switchyard[bot] plan", "plan"),
    "a mention in capitals": ("@SwitchYard plan", "plan"),
    "a mention with a comma": ("@switchyard, plan", "plan"),
    "a mention with a colon": ("@switchyard[bot]: plan", "plan"),
    "with a colon": (f"{S}: plan\n{S}: stop a", "plan", "stop a"),
    "with a comma": (f"{S}, plan", "plan"),
    "capitals": ("/Switchyard PLAN", "plan"),
    "words": (f"{S} stop a b", "stop a b"),
    "at the end of prose": (f"Looks good.\n{S} plan", "plan"),
    "before prose": (f"{S} plan\nThanks!", "plan"),
    "carriage returns": (f"Hi\r\n\r\n{S} plan\r\n{S} stop\r\n", "plan", "stop"),
    "old Macintosh endings": (f"Hi\r{S} plan\r", "plan"),
    "blanks behind": (f"{S} plan  \t ", "plan"),
    "tabs between": (f"{S}\tstop\t\ta", "stop a"),
    "three blanks before": (f"   {S} plan", "plan"),
    "blanks before a second line": (f"a\n  {S} plan", "plan"),
    "non-breaking blanks": (f"\u00a0{S}\u00a0stop\u202fa\u2007b\u3000", "stop a b"),
    "a line of a non-breaking blank above": (f"\u00a0\n{S} plan", "plan"),
    "zero-width characters": (f"\u200b{S}\u2060 st\u200dop\u200c a\ufeff", "stop a"),
    "a byte order mark": (f"\ufeff{S} plan", "plan"),
    "a hard break of blanks": (f"{S} plan  \n{S} stop", "plan", "stop"),
    "a hard break of a backslash": (f"{S} stop a\\\n{S} plan", "stop a", "plan"),
    "a backslash at the very end": (f"{S} stop a\\", "stop a\\"),
    "under a quote and a blank line": (f"> do it?\n\n{S} plan", "plan"),
    "under an e-mail's marked quote": (
        f"On Monday, Ada wrote:\n> {S} stop\n\n{S} plan",
        "plan",
    ),
    "above an e-mail": (f"{S} plan\n\nOn 1 Jan, Ada wrote:\n\n{S} stop", "plan"),
    "under a heading like an e-mail's": (f"From: me\n\n{S} plan", "plan"),
    "under a quoted command": (f"> {S} stop\n\n{S} plan", "plan"),
    "under a list and a blank line": (f"- a\n\n{S} plan", "plan"),
    "before a list": (f"{S} plan\n- {S} stop", "plan"),
    "before a quote": (f"{S} plan\n> {S} stop", "plan"),
    "before a fence": (f"{S} plan\n```\n{S} stop\n```", "plan"),
    "behind a fence": (f"```\n{S} stop\n```\n{S} plan", "plan"),
    "behind a fence in a quote": (f"> ```\n{S} plan", "plan"),
    "a fence too far to the right": (f"a\n    ```\n{S} plan\n    `", "plan"),
    "a fence of two ticks is none": (f"``\n\n{S} plan\n\n``", "plan"),
    "ticks in the info are no fence": (f"``` a`b\n\n{S} plan", "plan"),
    "behind a comment": (f"<!-- {S} stop -->\n{S} plan", "plan"),
    "behind a comment in a line": (f"a <!-- b -->\n{S} plan", "plan"),
    "an unclosed comment within a paragraph": (f"a <!--\n{S} plan", "plan"),
    "behind closed HTML": (f"<div>\n{S} stop\n</div>\n\n{S} plan", "plan"),
    "unfolded details": (f"<details>\n\n{S} plan\n\n</details>", "plan"),
    "HTML that cannot interrupt": (f"a\n<b>\n{S} plan", "plan"),
    "behind a heading": (f"# a\n{S} plan", "plan"),
    "behind a rule": (f"---\n{S} plan", "plan"),
    "a single bracket": (f"[a\n{S} plan", "plan"),
    "behind a definition": (f"[a]: /b\n{S} plan", "plan"),
    "no definition without an end": (f"[a]: /b 'c\n\n{S} plan", "plan"),
    "in emphasis": (f"**a\n{S} plan\n**", "plan"),
    "an open tick": (f"a ` b\n{S} plan", "plan"),
    "a code span in a line": (f"{S} stop `a`", "stop `a`"),
    "underscores": (f"{S} stop a_b_c *d*", "stop a_b_c *d*"),
    "an editor's backslash": (f"{S} stop a\\_b", "stop a_b"),
    "an address": (
        f"{S} stop https://example.org/?a=b&amp;c",
        "stop https://example.org/?a=b&amp;c",
    ),
    "decomposed letters": (f"{S} stop cafe\u0301", "stop caf\u00e9"),
    "double quotes": (f'{S} stop "a b" c', "stop a b c"),
    "a command in quotes": (f'{S} stop "{S} plan"', f"stop {S} plan"),
    "an apostrophe": (f"{S} stop it's don\u2019t", "stop it's don\u2019t"),
    "a dash alone": (f"{S} stop a \u2013 - --", "stop a \u2013 - --"),
    "never a shell": (f"{S} stop $(id) $HOME * ~ a|b >c;d", "stop $(id) $HOME * ~ a|b >c;d"),
    "GitLab's quote": (f">>>\n{S} stop\n>>>\n\n{S} plan", "plan"),
    "GitLab's quote, not closed": (f">>>\n{S} plan", "plan"),
    "deep quotes above": (">" * 5000 + f" a\n\n{S} plan", "plan"),
    "ten, and no more": (
        f"{S} plan\n" * 12,
        *["plan"] * 10,
        "! only the first 10 commands of a comment are executed",
    ),
    "exactly ten": (f"{S} plan\n" * 10, *["plan"] * 10),
    "help of a verb": (f"{S} plan --help", "help plan"),
    "help with an autocorrected dash": (f"{S} hold \u2014help", "help hold"),
    "help before mistakes": (f"{S} hold a b c --HELP", "help hold"),
    "help of all": (f"{S} --help\n{S} help\n{S} help hold", "help", "help", "help hold"),
    "help that is quoted is a word": (f"{S} stop '--help' \\--help", "stop --help --help"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_it_is_read(case: str) -> None:
    text, *expected = COMMANDS[case]

    assert said(text) == expected


NOTHING = {
    "nothing": "",
    "a NUL": "\0",
    "within a line": f"please {P}",
    "behind a full stop": f".{P}",
    "glued to a word": "/switchyardplan",
    "as a path": "/switchyard/plan",
    "with a glued colon": "/switchyard:plan",
    "with two colons": "/switchyard:: plan",
    "two slashes": f"/{P}",
    "a mention of another": "@switchyard-two plan",
    "a mention with a glued comma": "@switchyard,plan",
    "a mention alone": "thanks\n@switchyard \u200b\n",
    "a mention and a comma": "thanks\n@switchyard,\n",
    "a mention with a blank": "@ switchyard plan",
    "an address for e-mail": "me@switchyard plan",
    "another suffix": "@switchyard[bat] plan",
    "fence": f"```\n{P}\n```",
    "fence of tildes": f"~~~\n{P}\n~~~",
    "fence with a language": f"```sh\n{P}\n```",
    "fence never closed": f"```\na\n\n{P}",
    "fence closed too short": f"````\n```\n{P}\n````",
    "fence closed by the other sort": f"```\n~~~\n{P}\n```",
    "fence whose end has an info": f"```\n``` sh\n{P}\n```",
    "fence whose end is too far right": f"```\n    ```\n{P}\n```",
    "fence behind a byte order mark": f"\ufeff```\n{P}\n```",
    "fence with carriage returns": f"```\r\n{P}\r\n```\r\n",
    "fence that interrupts": f"a\n```\n{P}\n```",
    "fence under three blanks": f"   ```\n   {P}\n   ```",
    "a fence too far right is a code span": f"a\n    ```\n{P}\n    ```",
    "fence in a quote": f"> ```\n> {P}\n> ```",
    "fence in a list": f"- ```\n  {P}\n  ```",
    "indented code": f"    {P}",
    "indented by a tab": f"\t{P}",
    "indented by a blank and a tab": f"  \t{P}",
    "indented below prose": f"a\n\n    {P}",
    "four blanks on a second line": f"a\n    {P}",
    "four non-breaking blanks": f"\u00a0\u00a0\u00a0\u00a0{P}",
    "inline code": f"`{P}`",
    "inline code over lines": f"`a\n{P}\nb`",
    "inline code behind what is trimmed": f"\x1c\u00a0\n\x1f`a\n{P}\nb`",
    "inline code of two ticks": f"``a ` b\n{P}\n``",
    "a mention in code": "`@switchyard plan`",
    "quote": f"> {P}",
    "quote without a blank": f">{P}",
    "quote of quotes": f">> {P}\n> > {P}",
    "a lazy line of a quote": f"> a\n{P}",
    "a lazy line of quotes": f"> > a\n{P}",
    "a lazy line of a list in a quote": f"> - a\n{P}",
    "an e-mail's reply": f"On Monday, Ada wrote:\n> {P}\n> @switchyard plan\n",
    "an e-mail's reply without marks": f"Yes.\n\nOn 1 Jan 2026, Ada <ada@x> wrote:\n\n{P}\n",
    "an e-mail's reply over two lines": f"Yes.\n\nOn 1 Jan at 10:00 Ada\n<ada@x> wrote:\n{P}\n",
    "an e-mail below a rule": f"Yes.\n\n-----Original Message-----\nFrom: Ada\n\n{P}",
    "an e-mail with its head": f"Yes.\n\nFrom: Ada <ada@x>\nSent: Monday\nTo: shop\n\n{P}",
    "GitLab's quote": f">>>\na\n\n{P}\n>>>",
    "list": f"- {P}",
    "list of stars": f"* {P}",
    "list of numbers": f"1. {P}",
    "list with a paragraph": f"- a\n\n  {P}",
    "list of tasks": f"- [ ] {P}",
    "a lazy line of a list": f"- a\n{P}",
    "nested": f"> 1. - > {P}",
    "heading": f"# {P}",
    "setext heading": f"{P}\n===",
    "setext heading of dashes": f"{P}\n---",
    "setext heading of two lines": f"a\n{P}\n=",
    "setext by a signature": f"{P}\n-- \nAda",
    "table": f"| a |\n| - |\n| {P} |",
    "a row without bars": f"| a |\n| - |\n{P}",
    "a table's head": f"{P} | a\n--- | ---",
    "HTML block": f"<div>\n{P}\n</div>",
    "HTML block over blank lines": f"<pre>\n\n{P}\n\n</pre>",
    "HTML block never closed": f"<script>\n\n{P}",
    "HTML of any name": f"<my-thing>\n{P}",
    "a comment": f"<!--\n{P}\n-->",
    "a comment over blank lines": f"<!--\n\n{P}\n\n-->",
    "a comment never closed": f"<!-- a\n\n{P}",
    "a comment like a marker": f"<!-- switchyard:home e30 {'0' * 64} --\n>\n\n{P}",
    "a comment in a paragraph": f"a <!--\n{P}\n-->",
    "a processing instruction": f"<?php\n\n{P}\n\n?>",
    "CDATA": f"<![CDATA[\n\n{P}\n\n]]>",
    "an attribute over lines": f'a <b title="\n{P}\n">',
    "a link": f"[{P}](/a)",
    "a link over lines": f"[a\n{P}\n](/a)",
    "a title over lines": f'[a](/a "\n{P}\n")',
    "a reference": f"[a\n{P}][b]\n\n[b]: /c",
    "a shortcut reference": f"[a\n{P}]\n\n[a {P}]: /c",
    "a definition's title": f"[a]: /b '\n{P}\n'",
    "an image": f"![{P}](/a)",
    "an image over lines": f"![a\n{P}\n](/a)",
    "code in an image over lines": f"![`a`\n{P}\n`b`](/a)",
    "an entity": "&#47;switchyard plan",
    "a named entity": "&sol;switchyard plan",
    "an entity for the mention": "&commat;switchyard plan",
    "a backslash": f"\\{P}",
    "a backslash before the mention": "\\@switchyard plan",
    "Cyrillic": "/\u0455witchyard plan",
    "long s": "/\u017fwitchyard plan",
    "full width": "/\uff53witchyard plan",
    "another slash": "\u2215switchyard plan",
    "a full-width slash": "\uff0fswitchyard plan",
    "another at sign": "\uff20switchyard plan",
    "mathematical letters": "/\U0001d42cwitchyard plan",
    "a combining mark": "/switchyard\u0301 plan",
    "a soft hyphen": "/switch\u00adyard plan",
    "a mention made harmless": "@\u200bswitchyard plan",
    "a broken word": "/switch\u200byard plan",
    "a direction within the word": "/switch\u202eyard plan",
    "a line separator": f"a\u2028{P}",
    "a vertical tab": f"a\v{P}",
    "a next line": f"a\x85{P}",
}


@pytest.mark.parametrize("case", NOTHING)
def test_it_is_no_command(case: str) -> None:
    assert said(NOTHING[case]) == []


def test_lines_are_counted_in_the_whole_comment() -> None:
    text = f"\u00a0\n\u00a0{S} plan\r\n\r\n```\r\na\r\n```\r\n`b`\r{S} stop\n\n> c\n\n@switchyard x"

    assert [each.line for each in READER.read(text)] == [2, 8, 12]


def test_a_bot_without_a_login_hears_no_mention() -> None:
    assert CommandReader("", (PLAN,)).read(f"@ plan\n\n@switchyard plan\n\n{P}") == (
        ParsedCommand(5, "plan", {}, {}),
    )


def test_a_login_is_no_pattern() -> None:
    assert CommandReader("a.b", (PLAN,)).read("@aXb plan") == ()


EDITS = {
    "a new comment": (None, P, ["plan"]),
    "nothing was there": ("", P, ["plan"]),
    "the same": (P, P, []),
    "moved and respelt": (P, "Hi\n\n@switchyard  PLAN \u200b", []),
    "another is added": (P, f"{S} stop\n{P}", ["stop"]),
    "other words": (f"{S} stop a", f"{S} stop b", ["stop b"]),
    "out of a fence": (f"```\n{P}\n```", P, ["plan"]),
    "into a fence": (P, f"```\n{P}\n```", []),
    "once more": (P, f"{P}\n{P}", ["plan"]),
    "once less": (f"{P}\n{P}", P, []),
    "a mistake that stays": (f"{S} plam", f"a\n{S} plam", []),
    "a mistake that is mended": (f"{S} plam", P, ["plan"]),
    "help that stays": (f"{S} help", f"{S} --help", []),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edited_comment(case: str) -> None:
    before, after, expected = EDITS[case]

    assert [short(each) for each in READER.new_commands(before, after)] == expected
