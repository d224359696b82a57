"""The service writes nothing outside of its data directory and the folder for temporary files."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json
import os
import sys

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.symlink", "os.link"}
written = []


def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str | bytes) and (arguments[2] or 0) & WRITES:
        written.append(os.fsdecode(arguments[0]))
    elif event in CHANGES:
        written.append(os.fsdecode(arguments[0]))


sys.addaudithook(note)
import asyncio
import hashlib
import hmac

import httpx

from bot.app import build
from bot.engine.process import Planner
from bot.logs import configure_logs
from bot.settings import Settings


async def serve():
    configure_logs()
    app, service = build(Settings(), Planner(60, 1024))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/healthz")).status_code == 200
            body = b'{"repository": "fleet/fleet", "number": null}'
            secret = Settings().local_webhook_secret.get_secret_value().encode()
            headers = {
                "x-switchyard-delivery": "1",
                "x-switchyard-event": "push",
                "x-switchyard-signature-256": hmac.new(secret, body, hashlib.sha256).hexdigest(),
            }
            answer = await client.post("/hooks/local", content=body, headers=headers)
            assert answer.status_code == 202, answer.text


asyncio.run(serve())
print(json.dumps([os.path.abspath(each) for each in written]))
"""


def test_a_read_only_root_file_system_is_enough(tmp_path: Path) -> None:
    """Python's own audit events name each file; the libraries in C get paths in the data folder."""
    data, temporary, home = (tmp_path / name for name in ("data", "tmp", "home"))
    for folder in (temporary, home):
        folder.mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "SWITCHYARD_DATA_DIR": str(data),
        "SWITCHYARD_FLEET": "local:fleet/fleet",
        "SWITCHYARD_MARKER_KEY": "m" * 16,
        "SWITCHYARD_REPORT_KEY": "r" * 16,
        "SWITCHYARD_LOCAL_URL": "http://127.0.0.1:9",
        "SWITCHYARD_LOCAL_TOKEN": "t" * 16,
        "SWITCHYARD_LOCAL_WEBHOOK_SECRET": "w" * 16,
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=home,
    )

    assert ended.returncode == 0, ended.stderr
    allowed = (str(data), str(temporary), "/dev/")
    written = json.loads(ended.stdout.splitlines()[-1])
    assert [each for each in written if not each.startswith(allowed)] == []
    assert any(each.startswith(str(data)) for each in written)
    assert list(home.iterdir()) == []
