"""What it takes to reach servers of others: of charts, gates, Azure and buckets."""

from pathlib import Path

from pydantic import Field, HttpUrl, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.settings.values import BucketName, CaFile, ChartCredentials, HostName, RegionName, Secret


class ChartSettings(BaseSettings):
    """What fetching charts needs; the command line uses it without the other settings."""

    model_config = SettingsConfigDict(env_prefix="SWITCHYARD_")

    chart_credentials: dict[HostName, ChartCredentials] = Field(
        default={},
        description="Credentials for chart registries and repositories, as a JSON object from the "
        "host to `user:password`; they need read access only.",
    )
    chart_ca_file: CaFile | None = Field(
        default=None,
        description="Additional CA certificates (PEM) for chart registries and repositories; the "
        "system's remain trusted.",
    )


class GateSettings(BaseSettings):
    """What asking declared gates needs."""

    model_config = SettingsConfigDict(env_prefix="SWITCHYARD_")

    gate_keys: dict[HostName, Secret] = Field(
        default={},
        description="Secrets shared with servers that gates ask, as a JSON object from the host "
        "(and port) to the secret: requests and callbacks of webhooks are signed with it, and "
        "Prometheus gets it as a bearer token.",
    )
    gate_ca_file: CaFile | None = Field(
        default=None,
        description="Additional CA certificates (PEM) for servers that gates ask; the system's "
        "remain trusted.",
    )


class AzureSettings(BaseSettings):
    """How clusters with the agent `azure-arc` are reached."""

    model_config = SettingsConfigDict(env_prefix="SWITCHYARD_")

    azure_url: HttpUrl = Field(
        default=HttpUrl("https://management.azure.com"),
        description="URL of Azure Resource Manager; sovereign clouds have their own.",
    )
    azure_authority: HttpUrl = Field(
        default=HttpUrl("https://login.microsoftonline.com"),
        description="URL of Microsoft Entra ID, which issues the tokens.",
    )
    azure_tenant_id: str = Field(default="", description="Tenant of the bot's identity in Azure.")
    azure_client_id: str = Field(
        default="",
        description="Client id of the bot's identity in Azure. Without one of the three settings "
        "below it is a managed identity.",
    )
    azure_client_secret: SecretStr | None = Field(
        default=None, description="Client secret of that identity."
    )
    azure_client_certificate: Path | None = Field(
        default=None, description="File with certificate and private key of that identity (PEM)."
    )
    azure_token_file: Path | None = Field(
        default=None,
        description="File with a federated token of that identity, as workload identity mounts it.",
    )
    azure_ca_file: CaFile | None = Field(
        default=None,
        description="CA certificates (PEM) for Azure Resource Manager instead of the system's, "
        "where a proxy inspects TLS.",
    )


class BucketPlace(BaseSettings):
    """The bucket in which clusters leave status documents."""

    model_config = SettingsConfigDict(env_prefix="SWITCHYARD_")

    status_bucket: BucketName = Field(
        default="",
        description="Bucket of an S3-compatible server in which clusters leave their status "
        "documents as objects `status/<cluster>.json`. Default: none is read.",
        examples=["fleet-status"],
    )
    status_bucket_url: HttpUrl | None = Field(
        default=None,
        description="URL of the S3-compatible server, such as "
        "`https://s3.eu-central-1.amazonaws.com`. It is followed nowhere else.",
    )
    status_bucket_region: RegionName = Field(
        default="us-east-1", description="Region of the bucket; part of each signature."
    )
    status_bucket_path_style: bool = Field(
        default=True,
        description="Whether the bucket is named in the path of URLs; `false`: in the host name.",
    )

    @field_validator("status_bucket_url")
    @classmethod
    def _refuse_paths(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and (url.path not in {None, "/"} or url.query or url.username):
            raise ValueError("must be scheme, host and port only")
        return url


class BucketSettings(BucketPlace):
    """The bucket and an access key for it."""

    status_bucket_key_id: str = Field(
        default="", description="ID of the access key; it needs to list and read that prefix only."
    )
    status_bucket_secret: SecretStr | None = Field(
        default=None, validate_default=True, description="Secret of the access key."
    )
    status_bucket_ca_file: CaFile | None = Field(
        default=None,
        description="Additional CA certificates (PEM) for the S3-compatible server; the system's "
        "remain trusted.",
    )

    @field_validator("status_bucket_secret")
    @classmethod
    def _require_all(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        needed = ("status_bucket_url", "status_bucket_key_id")
        if info.data.get("status_bucket") and not (secret and all(map(info.data.get, needed))):
            raise ValueError(
                "SWITCHYARD_STATUS_BUCKET needs .._URL, .._KEY_ID and .._SECRET beside it"
            )
        return secret
