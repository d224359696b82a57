"""Settings of the service: SWITCHYARD_* variables, or files for secrets; read only here."""

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET = 16


def _strong(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < MIN_SECRET:
        raise ValueError(f"a secret needs at least {MIN_SECRET} characters")
    return secret


def _readable(file: Path) -> Path:
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        raise ValueError(f"{file} cannot be read as certificates (PEM): {error.strerror}") from None
    return file


def _narrow(network: IPvAnyNetwork) -> IPvAnyNetwork:
    if network.prefixlen == 0:
        raise ValueError("is every address: anybody could then say who they are")
    return network


Secret = Annotated[SecretStr, AfterValidator(_strong)]
CaFile = Annotated[Path, AfterValidator(_readable)]
Proxies = Annotated[IPvAnyNetwork, AfterValidator(_narrow)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]*$")]
RepoName = Annotated[str, StringConstraints(pattern=r"^[^:/]+:[^:/]+/[^:]+$")]


class Settings(BaseSettings):
    """Everything the service can be told. A secret may stand in a file of its variable's name."""

    model_config = SettingsConfigDict(env_prefix="SWITCHYARD_", extra="forbid")

    data_dir: Path = Field(
        default=Path("switchyard-data"), description="Where mirrors and the SQLite database live."
    )
    database_url: str = Field(
        default="",
        description="`postgresql+psycopg://...`; when empty, SQLite in the data directory.",
    )
    fleet: str = Field(
        description="The fleet repository, as `forge:group/name`.", examples=["local:fleet/fleet"]
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=7080, ge=1, le=65535, description="The port to listen on.")
    public_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:7080"),
        description="How people and forges reach the service; used in links.",
    )
    marker_key: Secret = Field(
        description="Signs the marks by which Switchyard knows its own merge requests again."
    )
    report_key: Secret = Field(description="From it each cluster's own key for reports is derived.")
    proxy_user_header: HeaderName = Field(
        default="",
        description="The header in which a proxy that people sign in at names them, such as "
        "`X-Forwarded-User`. Whom it names sees the pages.",
    )
    trusted_proxies: list[Proxies] = Field(
        default=[],
        validate_default=True,
        description="From which addresses that header counts, as a JSON list of addresses or "
        "networks.",
    )
    local_url: HttpUrl | None = Field(default=None, description="The local forge's address.")
    local_token: SecretStr | None = Field(default=None, description="The bot's token there.")
    local_webhook_secret: Secret | None = Field(
        default=None, description="The secret its webhooks are signed with."
    )
    github_url: HttpUrl = Field(
        default=HttpUrl("https://github.com"),
        description="GitHub's web address; that of your GitHub Enterprise Server if you have one.",
    )
    github_app_id: str = Field(default="", description="The GitHub App's id.")
    github_private_key: SecretStr | None = Field(
        default=None, description="The App's private key (PEM)."
    )
    github_client_id: str = Field(
        default="",
        description="The App's client id, by which people sign in at the pages; that of an App "
        "from the set-up page is known.",
    )
    github_client_secret: Secret | None = Field(
        default=None, validate_default=True, description="The App's client secret."
    )
    github_token: SecretStr | None = Field(
        default=None, description="A fine-grained token instead of an App, for trying out."
    )
    github_webhook_secrets: list[Secret] = Field(
        default=[], description="The webhook's secrets, as a JSON list; two while one is replaced."
    )
    github_ca_file: CaFile | None = Field(
        default=None,
        description="Your own authorities' certificates (PEM), for GitHub Enterprise Server; "
        "the system's are trusted as well.",
    )
    gitlab_url: HttpUrl = Field(
        default=HttpUrl("https://gitlab.com"), description="GitLab's address, or your own."
    )
    gitlab_token: SecretStr | None = Field(
        default=None, description="A project, group or personal access token with scope `api`."
    )
    gitlab_webhook_secrets: list[Secret] = Field(
        default=[],
        description="The webhooks' secrets, as a JSON list; two while one is replaced. "
        "`whsec_...` for signed ones.",
    )
    gitlab_client_id: str = Field(
        default="",
        description="The id of an OAuth application with scope `read_user`, by which people sign "
        "in at the pages.",
    )
    gitlab_client_secret: Secret | None = Field(
        default=None, validate_default=True, description="That application's secret."
    )
    gitlab_ca_file: CaFile | None = Field(
        default=None,
        description="Your own authorities' certificates (PEM), for a self-managed GitLab; "
        "its API then trusts these alone.",
    )
    ssh_keys: dict[RepoName, Path] = Field(
        default={},
        description="Deploy keys, as JSON: `forge:group/name` to the file of a private key without "
        "a passphrase. Git then goes over SSH.",
    )
    ssh_known_hosts: Path | None = Field(
        default=None,
        validate_default=True,
        description="The host keys that are trusted, as OpenSSH's `known_hosts`; needed with "
        "deploy keys.",
    )
    resync_seconds: int = Field(
        default=300, ge=1, description="How often everything is looked at without any hint."
    )
    lease_seconds: int = Field(
        default=15, ge=1, description="After this time without a sign of life a worker is dead."
    )
    workers: int = Field(default=2, ge=1, le=32, description="Passes that run at the same time.")
    planner_seconds: int = Field(
        default=120, ge=1, description="A plan that takes longer is given up, and said to be."
    )
    planner_mebibytes: int = Field(
        default=4096, ge=512, description="The memory that planning may take."
    )

    @field_validator("ssh_known_hosts")
    @classmethod
    def _pinned(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is None and info.data.get("ssh_keys"):
            raise ValueError("deploy keys need a file of known hosts")
        return file

    @field_validator("trusted_proxies")
    @classmethod
    def _with_header(cls, proxies: list[Proxies], info: ValidationInfo) -> list[Proxies]:
        if bool(proxies) != bool(info.data.get("proxy_user_header")):
            raise ValueError("goes with SWITCHYARD_PROXY_USER_HEADER: set both, or neither")
        return proxies

    @field_validator("github_client_secret", "gitlab_client_secret")
    @classmethod
    def _with_id(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        name = f"{info.field_name}".replace("secret", "id")
        if bool(secret) != bool(info.data.get(name)):
            raise ValueError(f"goes with SWITCHYARD_{name.upper()}: set both, or neither")
        return secret

    @property
    def store_url(self) -> str:
        """The database's address, SQLite in the data directory by default."""
        return self.database_url or f"sqlite:///{self.data_dir / 'switchyard.db'}"

    @property
    def ca_files(self) -> tuple[Path, ...]:
        """The certificates that Git trusts beside the system's."""
        given = (self.github_ca_file, self.gitlab_ca_file)
        return tuple(file for file in given if file is not None)
