"""The settings of the service."""

from pathlib import Path

from pydantic import Field, HttpUrl, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.settings.servers import AzureSettings, BucketSettings, ChartSettings, GateSettings
from bot.settings.values import CaFile, CommitEmail, HeaderName, Proxies, RepoName, Secret


class ReportKeySettings(BaseSettings):
    """What `switchyard report-key` needs."""

    model_config = SettingsConfigDict(env_prefix="SWITCHYARD_")

    report_key: Secret = Field(description="Key from which the keys of each cluster are derived.")


class Settings(ReportKeySettings, ChartSettings, GateSettings, AzureSettings, BucketSettings):
    """All settings. A secret can also be read from a file named after its variable."""

    model_config = SettingsConfigDict(env_prefix="SWITCHYARD_", extra="forbid")

    data_dir: Path = Field(
        default=Path("switchyard-data"),
        description="Directory for Git mirrors and the SQLite database.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="`postgresql+psycopg://...`. Default: SQLite in the data directory.",
    )
    fleet: str = Field(
        description="The fleet repository, as `forge:group/name`.", examples=["local:fleet/fleet"]
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=7080, ge=1, le=65535, description="The port to listen on.")
    metrics_host: str = Field(
        default="127.0.0.1", description="The address to listen on for Prometheus."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The port on which Prometheus finds `/metrics`. Default: none are served.",
        examples=[7082],
    )
    public_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:7080"),
        description="URL at which people and forges reach the service; used in links.",
    )
    marker_key: Secret = Field(
        description="Key that signs the markers in Switchyard's own merge requests."
    )
    previous_report_key: Secret | None = Field(
        default=None,
        description="The report key before this one, during a rotation: keys derived from it are "
        "accepted too.",
    )
    alert_tokens: list[Secret] = Field(
        default=[],
        description="Bearer tokens with which an Alertmanager may post alerts that rules watch, as "
        "a JSON list; list two during a rotation. Default: no alerts are received.",
    )
    proxy_user_header: HeaderName = Field(
        default="",
        description="Header in which an authenticating proxy passes the user name, such as "
        "`X-Forwarded-User`. Every user it names can see the pages.",
    )
    trusted_proxies: list[Proxies] = Field(
        default=[],
        validate_default=True,
        description="Addresses or networks of the proxies in front of the service, as a JSON list. "
        "Their `X-Forwarded-For` and the user header are trusted, those of others are not.",
    )
    local_url: HttpUrl | None = Field(default=None, description="URL of the local forge.")
    local_token: SecretStr | None = Field(
        default=None, description="The bot's token on the local forge."
    )
    local_webhook_secret: Secret | None = Field(
        default=None, description="Secret that signs the webhooks of the local forge."
    )
    github_url: HttpUrl = Field(
        default=HttpUrl("https://github.com"),
        description="URL of GitHub or of your GitHub Enterprise Server.",
    )
    github_app_id: str = Field(default="", description="ID of the GitHub App.")
    github_private_key: SecretStr | None = Field(
        default=None, description="Private key of the GitHub App (PEM)."
    )
    github_client_id: str = Field(
        default="",
        description="Client ID of the GitHub App, for signing in to the pages. An App created on "
        "the set-up page needs none.",
    )
    github_client_secret: Secret | None = Field(
        default=None, validate_default=True, description="Client secret of the GitHub App."
    )
    github_token: SecretStr | None = Field(
        default=None,
        description="Fine-grained personal access token, to evaluate Switchyard without an App.",
    )
    github_webhook_secrets: list[Secret] = Field(
        default=[], description="Webhook secrets, as a JSON list; list two during a rotation."
    )
    github_ca_file: CaFile | None = Field(
        default=None,
        description="Additional CA certificates (PEM) for GitHub Enterprise Server; the system's "
        "remain trusted.",
    )
    gitlab_url: HttpUrl = Field(
        default=HttpUrl("https://gitlab.com"),
        description="URL of GitLab or of your self-managed instance.",
    )
    gitlab_token: SecretStr | None = Field(
        default=None, description="Project, group or personal access token with scope `api`."
    )
    gitlab_webhook_secrets: list[Secret] = Field(
        default=[],
        description="Webhook secrets, as a JSON list; list two during a rotation. Signing tokens "
        "begin with `whsec_`.",
    )
    gitlab_client_id: str = Field(
        default="",
        description="ID of an OAuth application with scope `read_user`, for signing in to the "
        "pages.",
    )
    gitlab_client_secret: Secret | None = Field(
        default=None, validate_default=True, description="Secret of the OAuth application."
    )
    gitlab_ca_file: CaFile | None = Field(
        default=None,
        description="CA certificates (PEM) for a self-managed GitLab; its API client then trusts "
        "only these.",
    )
    notify_secrets: dict[str, SecretStr] = Field(
        default={},
        description="Secrets of channels that tell people, as a JSON object from the name of a "
        "channel to its token or URL.",
    )
    notify_keys: dict[str, Secret] = Field(
        default={}, description="Keys that sign for channels of the kind `webhook`, likewise."
    )
    ssh_keys: dict[RepoName, Path] = Field(
        default={},
        description="Deploy keys, as a JSON object from `forge:group/name` to the file of a "
        "private key without a passphrase. Git then uses SSH for that repository.",
    )
    ssh_known_hosts: Path | None = Field(
        default=None,
        validate_default=True,
        description="Trusted SSH host keys, an OpenSSH `known_hosts` file. Required with deploy "
        "keys.",
    )
    cluster_credentials: Path | None = Field(
        default=None,
        description="Folder with a file `<cluster>.kubeconfig` for each cluster that Switchyard "
        "applies objects to itself (agent `kubernetes`), or whose agent it follows.",
    )
    commit_signing_key: Path | None = Field(
        default=None,
        description="File of an Ed25519 private key in OpenSSH format without a passphrase, which "
        "signs Switchyard's commits.",
    )
    commit_email: CommitEmail = Field(
        default="",
        validate_default=True,
        description="Verified e-mail address of the account that holds the signing key; the "
        "committer of signed commits.",
    )
    status_repo: str | None = Field(
        default=None,
        description="Repository in which clusters leave their status documents on branches "
        "`status/<cluster>`, as `forge:group/name`. Default: none is read.",
        examples=["gitlab:fleet/status"],
    )
    status_seconds: int = Field(
        default=60, ge=1, description="Seconds between readings of the status documents."
    )
    resync_seconds: int = Field(
        default=300, ge=1, description="Seconds between full resyncs, which run without any event."
    )
    lease_seconds: int = Field(
        default=5,
        ge=1,
        description="Seconds without a heartbeat before a worker's lease expires, and another "
        "replica takes its work over. The same for all replicas.",
    )
    workers: int = Field(
        default=3,
        ge=1,
        le=32,
        description="Reconcile passes that run concurrently, each with a planner process of its "
        "own. One of them is kept free of any single tenant.",
    )
    planner_seconds: int = Field(
        default=120,
        ge=1,
        description="Seconds before planning is aborted; the plan comment reports it.",
    )
    planner_mebibytes: int = Field(
        default=4096, ge=512, description="Memory limit of each planner process, in MiB."
    )
    verify_results: bool = Field(
        default=False,
        description="Make every intermediate result that is kept anew, and compare: to find errors "
        "in Switchyard. Passes are several times slower.",
    )

    @field_validator("ssh_known_hosts")
    @classmethod
    def _require_known_hosts(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is None and info.data.get("ssh_keys"):
            raise ValueError("required with SWITCHYARD_SSH_KEYS")
        return file

    @field_validator("commit_email")
    @classmethod
    def _require_signing_key(cls, email: str, info: ValidationInfo) -> str:
        if bool(email) != bool(info.data.get("commit_signing_key")):
            raise ValueError("must be set together with SWITCHYARD_COMMIT_SIGNING_KEY")
        return email

    @field_validator("trusted_proxies")
    @classmethod
    def _require_proxy_header(cls, proxies: list[Proxies], info: ValidationInfo) -> list[Proxies]:
        if info.data.get("proxy_user_header") and not proxies:
            raise ValueError("required with SWITCHYARD_PROXY_USER_HEADER")
        return proxies

    @field_validator("github_client_secret", "gitlab_client_secret")
    @classmethod
    def _require_client_id(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        name = f"{info.field_name}".replace("secret", "id")
        if bool(secret) != bool(info.data.get(name)):
            raise ValueError(f"must be set together with SWITCHYARD_{name.upper()}")
        return secret

    @property
    def store_url(self) -> str:
        """The URL of the database; by default SQLite in the data directory."""
        stated = self.database_url.get_secret_value() if self.database_url else ""
        return stated or f"sqlite:///{self.data_dir / 'switchyard.db'}"

    @property
    def report_keys(self) -> tuple[str, ...]:
        """The report key, and the one before it while that is still accepted."""
        given = (self.report_key, self.previous_report_key)
        return tuple(key.get_secret_value() for key in given if key is not None)

    @property
    def ca_files(self) -> tuple[Path, ...]:
        """The CA files that Git trusts in addition to the system's."""
        given = (self.github_ca_file, self.gitlab_ca_file)
        return tuple(file for file in given if file is not None)
