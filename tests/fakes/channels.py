"""Servers behind channels, as their documentation says that they answer.

Slack, "chat.postMessage" and "Rate limits": status 200 with `ok`, `ts` or `error`; 429 with
`Retry-After`. Microsoft Learn, "Create incoming webhooks with Workflows": 202 and nothing else.
Mail: RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH PLAIN).
"""

import base64
import json
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.outbound.client import OutboundClient
from bot.signatures import is_signed
from tests.fakes.certificates import Authority
from tests.fakes.receiver import PUBLIC, answering

TOKEN, KEY = "xoxb-token-of-the-tests", b"key-of-the-channels"
TEAMS_URL = "https://flows.example.com/hook?sig=secret-in-the-url"
HOOK_URL = "https://hooks.example.com/rollouts"


@dataclass
class Channels:
    """All three servers; `told` is what each took, `refusals` what the next requests get."""

    told: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"slack.com": [], "flows.example.com": [], "hooks.example.com": []}
    )
    ids: list[str] = field(default_factory=list)
    refusals: list[httpx.Response | Exception] = field(default_factory=list)

    @property
    def outbound(self) -> OutboundClient:
        return answering(self._serve, PUBLIC)

    def _serve(self, request: httpx.Request) -> httpx.Response:
        if self.refusals:
            refused = self.refusals.pop(0)
            if isinstance(refused, Exception):
                raise refused
            return refused
        host, body = request.headers["host"], json.loads(request.content)
        if host == "slack.com":
            return self._slack(request, body)
        if host == "hooks.example.com":
            self.ids.append(request.headers["webhook-id"])
        self.told[host].append(body)
        return httpx.Response(202)

    def _slack(self, request: httpx.Request, body: dict[str, Any]) -> httpx.Response:
        assert request.url.path == "/api/chat.postMessage"
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return httpx.Response(200, json={"ok": False, "error": "invalid_auth"})
        self.told["slack.com"].append(body)
        stamp = f"1700000000.{len(self.told['slack.com']):06}"
        return httpx.Response(200, json={"ok": True, "channel": body["channel"], "ts": stamp})


def signed(request: httpx.Request, now: Any) -> bool:
    """Whether a request of the kind `webhook` is signed with the key."""
    return is_signed(request.headers, request.content, (KEY,), now)


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server on loopback that takes mail after STARTTLS and AUTH only.

    `answers` replaces what it says to a command.
    """

    allow_reuse_address = daemon_threads = True

    def __init__(self, authority: Authority, answers: dict[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(authority.certificate)
        self.answers, self.letters, self.users = answers or {}, list[str](), list[str]()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def secret(self) -> str:
        return f"smtp://bot:pass%40word@127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that break off are part of the tests."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        try:
            self._converse()
        finally:
            self.rfile.close()
            self.request.close()

    def _converse(self) -> None:
        self.encrypted = False
        self.say("220 mail")
        while (line := self.rfile.readline().decode().strip()).upper() not in {"", "QUIT"}:
            verb = line.partition(" ")[0].upper()
            does = {"EHLO": self._greet, "STARTTLS": self._encrypt, "DATA": self._take}
            if verb in self.server.answers:
                self.say(self.server.answers[verb])
            elif verb not in {"EHLO", "STARTTLS"} and not self.encrypted:
                self.say("530 Must issue a STARTTLS command first")
            elif verb in does:
                does[verb]()
            elif verb == "AUTH":
                self.server.users.append(base64.b64decode(line.split()[2]).decode())
                self.say("235 welcome")
            else:
                self.say("250 fine")
        self.say("221 bye")

    def _greet(self) -> None:
        offered = "AUTH PLAIN" if self.encrypted else "STARTTLS"
        self.say(f"250-mail\r\n250 {offered}")

    def _encrypt(self) -> None:
        self.say("220 go on")
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.setup()
        self.encrypted = True

    def _take(self) -> None:
        self.say("354 go on")
        lines = list[str]()
        while (text := self.rfile.readline().decode()) != ".\r\n":
            lines.append(text)
        self.server.letters.append("".join(lines))
        self.say("250 taken")
