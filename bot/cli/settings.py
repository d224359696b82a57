"""Reads settings for a subcommand, and says what is wrong with them."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from bot.cli.errors import InputError
from bot.settings import (
    BucketPlace,
    ClientSettings,
    PodSettings,
    ReporterSettings,
    ReportKeySettings,
    Settings,
    UnreadableError,
)

_FIELD = re.compile(r'field "(\w+)"')


def read_settings(options: argparse.Namespace) -> Settings:
    """Settings from SWITCHYARD_* variables and the files of `options.secrets_dir`.

    Raises:
        InputError: naming each wrong variable.
    """
    with checked():
        return Settings(_secrets_dir=_secrets_folder(options))  # type: ignore[call-arg]


def read_report_key_settings(options: argparse.Namespace) -> ReportKeySettings:
    """The key from which those of clusters are derived, from its variable or file.

    Raises:
        InputError: naming each wrong variable.
    """
    with checked():
        return ReportKeySettings(_secrets_dir=_secrets_folder(options))  # type: ignore[call-arg]


def read_reporter_settings(options: argparse.Namespace) -> ReporterSettings:
    """The settings of a reporter, from variables and the files of `options.secrets_dir`.

    Raises:
        InputError: naming each wrong variable.
    """
    with checked():
        return ReporterSettings(_secrets_dir=_secrets_folder(options))  # type: ignore[call-arg]


def read_client_settings() -> ClientSettings:
    """The service that is asked, and the person's tokens.

    Raises:
        InputError: naming each wrong variable.
    """
    with checked():
        return ClientSettings()


def read_pod_settings() -> PodSettings:
    """What Kubernetes tells this pod; empty outside of one."""
    return PodSettings()


def read_bucket_place() -> BucketPlace:
    """The bucket that the service reads, for reporters that write to it.

    Raises:
        InputError: naming each wrong variable, or the one that is missing.
    """
    with checked():
        place = BucketPlace()
    if not place.status_bucket or place.status_bucket_url is None:
        raise InputError("set SWITCHYARD_STATUS_BUCKET and .._URL to those of the service")
    return place


def _secrets_folder(options: argparse.Namespace) -> Path | None:
    """The folder of secrets, if one is named.

    Raises:
        InputError: it does not exist.
    """
    folder: Path | None = options.secrets_dir
    if folder is not None and not folder.is_dir():
        raise InputError(f"--secrets-dir {folder}: folder not found")
    return folder


@contextmanager
def checked() -> Iterator[None]:
    """Name each wrong variable of the settings that are read in a block.

    Raises:
        InputError: some are wrong; without their values, which may be secret.
    """
    try:
        yield
    except ValidationError as error:
        raise InputError("\n".join(["invalid settings:", *_variables(error)])) from None
    except UnreadableError as error:
        found = _FIELD.search(str(error))
        variable = f"SWITCHYARD_{found[1].upper()}" if found else str(error)
        raise InputError(f"invalid settings:\n{variable}: must be JSON") from None


def _variables(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_input=False):
        variable, *inside = map(str, each["loc"])
        missing = each["type"] == "missing"
        said = "must be set" if missing else each["msg"].removeprefix("Value error, ")
        yield ": ".join([f"SWITCHYARD_{variable.upper()}", *inside, said])


def mistakes(error: ValidationError) -> Iterator[str]:
    """Each mistake of a file with its place, joined by dots."""
    for each in error.errors(include_input=False):
        yield f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
