"""Reads the service's settings for a subcommand, and says what is wrong with them."""

import argparse
from collections.abc import Iterator

from pydantic import ValidationError

from bot.cli.errors import InputError
from bot.settings import (
    BucketPlace,
    ClientSettings,
    PodSettings,
    ReporterSettings,
    Settings,
)


def read_settings(options: argparse.Namespace) -> Settings:
    """Settings from SWITCHYARD_* variables and the files of `options.secrets_dir`.

    Raises:
        InputError: naming each wrong variable.
    """
    try:
        return Settings(_secrets_dir=options.secrets_dir)  # type: ignore[call-arg]
    except ValidationError as error:
        raise invalid_settings(error) from None


def read_reporter_settings(options: argparse.Namespace) -> ReporterSettings:
    """The settings of a reporter, from variables and the files of `options.secrets_dir`.

    Raises:
        InputError: naming each wrong variable.
    """
    try:
        return ReporterSettings(_secrets_dir=options.secrets_dir)  # type: ignore[call-arg]
    except ValidationError as error:
        raise invalid_settings(error) from None


def read_client_settings() -> ClientSettings:
    """The service that is asked, and the person's tokens.

    Raises:
        InputError: naming each wrong variable.
    """
    try:
        return ClientSettings()
    except ValidationError as error:
        raise invalid_settings(error) from None


def read_pod_settings() -> PodSettings:
    """What Kubernetes tells this pod; empty outside of one."""
    return PodSettings()


def read_bucket_place() -> BucketPlace:
    """The bucket that the service reads, for reporters that write to it.

    Raises:
        InputError: naming each wrong variable, or the one that is missing.
    """
    try:
        place = BucketPlace()
    except ValidationError as error:
        raise invalid_settings(error) from None
    if not place.status_bucket or place.status_bucket_url is None:
        raise InputError("set SWITCHYARD_STATUS_BUCKET and .._URL to those of the service")
    return place


def invalid_settings(error: ValidationError) -> InputError:
    """What people are told of wrong variables."""
    lines = [f"SWITCHYARD_{line}" for line in mistakes(error, "_")]
    return InputError("\n".join(["invalid settings:", *lines]))


def mistakes(error: ValidationError, joint: str) -> Iterator[str]:
    """Each mistake with its place, joined; without the value, which may be a secret."""
    for each in error.errors(include_input=False):
        yield f"{joint.join(str(part) for part in each['loc'])}: {each['msg']}"
