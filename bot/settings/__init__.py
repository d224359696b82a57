"""Settings from SWITCHYARD_* variables or files. Nothing else reads them; nothing here acts."""

from pydantic_settings import SettingsError

from bot.settings.programs import (
    ClientSettings,
    PodSettings,
    ReporterSettings,
    TelemetrySettings,
)
from bot.settings.servers import (
    AzureSettings,
    BucketPlace,
    BucketSettings,
    ChartSettings,
    GateSettings,
)
from bot.settings.service import ReportKeySettings, Settings
from bot.settings.values import is_loopback

UnreadableError = SettingsError  # a value that is no JSON; its message names the field

__all__ = [
    "AzureSettings",
    "BucketPlace",
    "BucketSettings",
    "ChartSettings",
    "ClientSettings",
    "GateSettings",
    "PodSettings",
    "ReportKeySettings",
    "ReporterSettings",
    "Settings",
    "TelemetrySettings",
    "UnreadableError",
    "is_loopback",
]
