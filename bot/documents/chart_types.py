"""The types of addresses, versions and digests of charts, and the rules between them.

Sources: Helm documentation, "Use OCI-based registries", "The Chart Repository Guide"; OCI
Distribution Specification 1.1, "Pulling manifests" (names of repositories).
"""

import re
from typing import Annotated

from pydantic import AfterValidator

from bot.documents.types import folder, invalid, text

OCI = "oci://"

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?"
_OCI = re.compile(rf"oci://{_HOST}(?:/{_PART})+")
_OCI_ORIGIN = re.compile(rf"oci://{_HOST}(?:/{_PART})*")
_EXACT_HOST = re.compile(_HOST)
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_REPOSITORY = re.compile(rf"https://{_HOST}(?:/{_SEGMENT})*")
_CHART_VERSION = re.compile(r"v?[0-9]+(?:\.[0-9]+){0,2}(?:[-+][0-9A-Za-z.+-]{1,128})?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,100}[a-z0-9])?")


def _chart(value: str) -> str:
    if not value.startswith(OCI):
        return folder(value)
    if not _OCI.fullmatch(value):
        raise invalid(
            f"invalid address {value!r}; expected e.g. oci://registry.example.com/charts/web, "
            f"without tag or digest (they are `version` and `digest`)"
        )
    return value


def _repository(value: str) -> str:
    address = value.rstrip("/")
    if not _REPOSITORY.fullmatch(address):
        raise invalid(
            f"invalid repository {value!r}; expected e.g. https://charts.example.com/stable"
        )
    return address


def _origin(value: str) -> str:
    address = value.rstrip("/")
    if not (_OCI_ORIGIN.fullmatch(address) or _REPOSITORY.fullmatch(address)):
        raise invalid(
            f"invalid address {value!r}; expected e.g. oci://registry.example.com/charts or "
            f"https://charts.example.com/stable"
        )
    return address


def _host(value: str) -> str:
    if not _EXACT_HOST.fullmatch(value):
        raise invalid(f"invalid host {value!r}; expected one like auth.example.com, in lower case")
    return value


def _version(value: str) -> str:
    if not _CHART_VERSION.fullmatch(value):
        raise invalid(f"invalid version {value!r}; expected one version, e.g. 1.2.3, not a range")
    return value


def _digest(value: str) -> str:
    if not _DIGEST.fullmatch(value):
        raise invalid(f"invalid digest {value!r}; expected sha256: and 64 hexadecimal digits")
    return value


def check_chart(
    chart: str, repository: str | None, version: str | None, digest: str | None
) -> None:
    """A chart that is not in the app repo has a version and a digest, and another one has none."""
    remote = repository is not None or chart.startswith(OCI)
    if repository is not None and not _NAME.fullmatch(chart):
        raise invalid(f"`chart` is {chart!r}; expected the name of a chart in `repository`")
    if not remote and not version and not digest:
        return
    if not remote:
        raise invalid("`version` and `digest` are only for charts that are not in the app repo")
    if version is None:
        raise invalid(f"missing key 'version': the version of {chart} to use, e.g. 1.2.3")
    if digest is None:
        raise invalid(f"missing key 'digest': {_how_to_find(chart, repository, version)}")


def _how_to_find(chart: str, repository: str | None, version: str) -> str:
    if repository is None:
        return f"`helm pull {chart} --version {version}` prints it"
    return (
        f"run `helm pull {chart} --repo {repository} --version {version}` and `sha256sum "
        f"{chart}-{version}.tgz`, and write the result after `sha256:`"
    )


Chart = Annotated[str, AfterValidator(_chart)]
ChartRepository = Annotated[str, AfterValidator(_repository), text(_REPOSITORY, "/*")]
ChartAddress = Annotated[
    str,
    AfterValidator(_origin),
    text(re.compile(f"{_OCI_ORIGIN.pattern}|{_REPOSITORY.pattern}"), "/*"),
]
ChartHost = Annotated[str, AfterValidator(_host), text(_EXACT_HOST)]
ChartVersion = Annotated[str, AfterValidator(_version), text(_CHART_VERSION)]
ChartDigest = Annotated[str, AfterValidator(_digest), text(_DIGEST)]
