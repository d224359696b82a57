"""Reads the service's settings for a subcommand, and says what is wrong with them."""

import argparse
from collections.abc import Iterator

from pydantic import ValidationError

from bot.cli.errors import InputError
from bot.settings import Settings


def read_settings(options: argparse.Namespace) -> Settings:
    """Settings from SWITCHYARD_* variables and the files of `options.secrets_dir`.

    Raises:
        InputError: naming each wrong variable.
    """
    try:
        return Settings(_secrets_dir=options.secrets_dir)  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [f"SWITCHYARD_{line}" for line in mistakes(error, "_")]
        raise InputError("\n".join(["invalid settings:", *lines])) from None


def mistakes(error: ValidationError, joint: str) -> Iterator[str]:
    """Each mistake with its place, joined; without the value, which may be a secret."""
    for each in error.errors(include_input=False):
        yield f"{joint.join(str(part) for part in each['loc'])}: {each['msg']}"
