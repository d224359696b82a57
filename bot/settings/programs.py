"""What is read beside the settings of the service: by the reporter, by people, and of a pod."""

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.settings.servers import BucketSettings
from bot.settings.values import CaFile, Secret


class ReporterSettings(BucketSettings):
    """What `switchyard report` needs in a cluster."""

    status_key: Secret | None = Field(
        default=None,
        description="Key that signs the cluster's status documents, from `switchyard report-key "
        "CLUSTER --status`.",
    )
    service_ca_file: CaFile | None = Field(
        default=None,
        description="Additional CA certificates (PEM) for the service; the system's remain "
        "trusted.",
    )


class ClientSettings(BaseSettings):
    """What the command line of a person needs to ask a running service, and to act at the forge."""

    model_config = SettingsConfigDict(env_prefix="SWITCHYARD_")

    service_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:7080"), description="Address of the service."
    )
    api_token: SecretStr | None = Field(
        default=None, description="Token from the account page of the service."
    )
    forge_url: HttpUrl | None = Field(
        default=None,
        description="Address of the forge, such as `https://github.com`; the next one is sent "
        "nowhere else.",
    )
    forge_token: SecretStr | None = Field(
        default=None, description="The person's token of the forge, which may comment."
    )


class PodSettings(BaseSettings):
    """What Kubernetes tells every pod about its API server."""

    kubernetes_service_host: str = ""
    kubernetes_service_port: int = 443


class TelemetrySettings(BaseSettings):
    """OpenTelemetry's own variables, of which its libraries read the rest themselves."""

    otel_exporter_otlp_endpoint: str = Field(
        default="",
        description="URL of a collector that takes OTLP over HTTP: traces are sent there.",
    )
    otel_exporter_otlp_traces_endpoint: str = Field(
        default="", description="The same for traces only, with the whole path."
    )
    otel_service_name: str = Field(default="switchyard", description="The name in traces.")

    @property
    def is_on(self) -> bool:
        """Whether traces are sent."""
        return bool(self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint)
