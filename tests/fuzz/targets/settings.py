"""Settings in files: `name=value` lines, each one a file of the secrets directory."""

from collections.abc import Iterator

from bot.cli.errors import InputError
from bot.cli.settings import checked
from bot.settings import Settings
from tests.fuzz import SECRET, Target, text

SECRETS = {
    name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)
}
REQUIRED = {"fleet": "github:shop/fleet", "marker_key": SECRET, "report_key": SECRET}


def check(data: bytes) -> None:
    """InputError that shows no secret; neither do the settings themselves."""
    lines = text(data).split("\n")
    pairs = [
        line.partition("=")
        for line in lines
        if "=" in line and SECRET not in line.partition("=")[0]
    ]
    if any(SECRET in value and name not in SECRETS for name, _, value in pairs):
        return
    values: dict[str, object] = {**REQUIRED, **{name: value for name, _, value in pairs}}
    try:
        with checked():
            settings = Settings(**values)  # type: ignore[arg-type]
    except InputError as error:
        assert SECRET not in str(error)
        return
    assert SECRET not in repr(settings)
    assert settings.store_url


def seeds() -> Iterator[bytes]:
    """Each setting that is parsed, valid and not."""
    yield b"public_url=https://switchyard.example.com\nport=7080\nworkers=3\ngithub_url=http://a"
    yield b"proxy_user_header=X-Forwarded-User\nport=-1\ndatabase_url=postgresql+psycopg://a:b@c/d"
    yield f"database_url=postgresql+psycopg://a:{SECRET}@b/c\nport=a".encode()
    yield f"github_webhook_secrets={SECRET}\ngithub_client_secret={SECRET}\nfleet=a".encode()
    yield f"local_webhook_secret={SECRET[:8]}\ngithub_client_id={SECRET}".encode()


NAMES = tuple(f"\n{name}=".encode() for name in Settings.model_fields if not name.endswith("_file"))
TARGET = Target(check, seeds, (*NAMES, SECRET.encode()), share=0.08)
