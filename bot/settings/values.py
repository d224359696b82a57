"""Values of settings, with what is checked of them."""

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, IPvAnyNetwork, SecretStr, StringConstraints

MIN_SECRET = 16


def _check_strength(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < MIN_SECRET:
        raise ValueError(f"must have at least {MIN_SECRET} characters")
    return secret


def _check_pair(secret: SecretStr) -> SecretStr:
    user, colon, password = secret.get_secret_value().partition(":")
    if not (user and colon and password) or not secret.get_secret_value().isprintable():
        raise ValueError("must be of the form user:password")
    return secret


def _check_readable(file: Path) -> Path:
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        raise ValueError(f"{file} cannot be read as PEM certificates: {error.strerror}") from None
    return file


def _check_not_everything(network: IPvAnyNetwork) -> IPvAnyNetwork:
    if network.prefixlen == 0:
        raise ValueError("matches every address, so any client could claim any identity")
    return network


Secret = Annotated[SecretStr, AfterValidator(_check_strength)]
CaFile = Annotated[Path, AfterValidator(_check_readable)]
Proxies = Annotated[IPvAnyNetwork, AfterValidator(_check_not_everything)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]*$")]
CommitEmail = Annotated[str, StringConstraints(pattern=r"^([^<>\s@]+@[^<>\s@]+)?$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$")]
ChartCredentials = Annotated[SecretStr, AfterValidator(_check_pair)]
BucketName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")]
RegionName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
RepoName = Annotated[str, StringConstraints(pattern=r"^[^:/]+:[^:/]+/[^:]+$")]


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach an address with that host."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host == "localhost"
