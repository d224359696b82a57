"""Reads the service's settings for a subcommand, and says what is wrong with them."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from bot.charts import Charts
from bot.charts.store import ChartStore
from bot.cli.errors import InputError
from bot.settings import (
    BucketPlace,
    ChartSettings,
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
        raise _invalid(error) from None


def read_charts(folder: Path) -> Charts:
    """The charts in a folder, into which missing ones are fetched.

    Raises:
        InputError: naming each wrong variable.
    """
    try:
        return ChartStore.of(ChartSettings(), folder)
    except ValidationError as error:
        raise _invalid(error) from None


def read_reporter_settings(options: argparse.Namespace) -> ReporterSettings:
    """The settings of a reporter, from variables and the files of `options.secrets_dir`.

    Raises:
        InputError: naming each wrong variable.
    """
    try:
        return ReporterSettings(_secrets_dir=options.secrets_dir)  # type: ignore[call-arg]
    except ValidationError as error:
        raise _invalid(error) from None


def read_client_settings() -> ClientSettings:
    """The service that is asked, and the person's tokens.

    Raises:
        InputError: naming each wrong variable.
    """
    try:
        return ClientSettings()
    except ValidationError as error:
        raise _invalid(error) from None


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
        raise _invalid(error) from None
    if not place.status_bucket or place.status_bucket_url is None:
        raise InputError("set SWITCHYARD_STATUS_BUCKET and .._URL to those of the service")
    return place


def _invalid(error: ValidationError) -> InputError:
    lines = [f"SWITCHYARD_{line}" for line in mistakes(error, "_")]
    return InputError("\n".join(["invalid settings:", *lines]))


def mistakes(error: ValidationError, joint: str) -> Iterator[str]:
    """Each mistake with its place, joined; without the value, which may be a secret."""
    for each in error.errors(include_input=False):
        yield f"{joint.join(str(part) for part in each['loc'])}: {each['msg']}"
