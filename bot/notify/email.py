"""E-mail by SMTP, always encrypted: one thread for each rollout.

Sources: RFC 5322 section 3.6.4 (`Message-ID`, `In-Reply-To`, `References`), RFC 3207 (STARTTLS),
RFC 8314 (implicit TLS), RFC 3834 (`Auto-Submitted`), RFC 5321 section 4.2 (4xx: later, 5xx: never).
"""

import hashlib
import re
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote

from bot.notify import Address, ChannelKind, Message, NotDeliveredError, Outside, UnsureError
from bot.notify._post import parts_of

SECONDS = 10.0
PORTS = {"smtp": 587, "smtps": 465}
MOST_RECEIVERS, MOST_SUBJECT = 20, 200
REFUSED_FOR_GOOD = 500
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")


@dataclass(frozen=True, slots=True)
class Email:
    """Sends plain text; `context` is how servers are trusted, the system's way by default."""

    name: str = "email"
    summary: str = (
        "e-mail, one thread for each rollout; its secret is "
        "`smtp://user:password@host` (STARTTLS) or `smtps://...`"
    )
    repeatable: bool = False
    context: ssl.SSLContext | None = None

    def defect(self, address: Address) -> str:
        """See ChannelKind."""
        if not 0 < len(address.to) <= MOST_RECEIVERS:
            return f"`to` must list 1 to {MOST_RECEIVERS} addresses"
        for each in (*address.to, address.sender):
            if not _MAILBOX.fullmatch(each):
                return f"`to` and `sender` must be addresses such as ops@example.com, not {each!r}"
        return ""

    async def send(self, message: Message, address: Address, outside: Outside) -> str:
        """See ChannelKind."""
        import asyncio  # noqa: PLC0415 - checks of documents load this file, and need none

        made = letter(message, address, outside)
        await asyncio.to_thread(self._deliver, made, outside.secret)
        return ""

    def _deliver(self, made: EmailMessage, secret: str) -> None:
        """Hand it over to the server. After the text was sent, an outage leaves it unsure."""
        sent = False
        try:
            server = self._connect(secret)
            sent = True
            try:
                server.send_message(made)
            finally:
                _leave(server)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            final = all(code >= REFUSED_FOR_GOOD for code in codes)
            raise NotDeliveredError("the mail server refused all receivers", final=final) from None
        except smtplib.SMTPResponseException as error:
            final = error.smtp_code >= REFUSED_FOR_GOOD
            reason = f"the mail server answered with {error.smtp_code}"
            raise NotDeliveredError(reason, final=final) from None
        except (OSError, smtplib.SMTPException) as error:
            reason = f"the mail server: {type(error).__name__}"
            if sent:
                raise UnsureError(reason) from None
            raise NotDeliveredError(reason) from None

    def _connect(self, secret: str) -> smtplib.SMTP:
        """A connection that is encrypted and signed in, or none."""
        url = parts_of(secret, PORTS)
        host = url.hostname or ""
        context = self.context or ssl.create_default_context()
        port = url.port or PORTS[url.scheme]
        server: smtplib.SMTP
        if url.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=SECONDS)
        try:
            if url.scheme == "smtp":
                server.starttls(context=context)
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
        except BaseException:
            server.close()
            raise
        return server


def _leave(server: smtplib.SMTP) -> None:
    """End the connection; what the server answers to that is of no interest."""
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def letter(message: Message, address: Address, outside: Outside) -> EmailMessage:
    """The message; its identity follows from the cause alone, that of its thread too."""
    domain = address.sender.rpartition("@")[2]
    first = _identity(message.thread, domain)
    made = EmailMessage()
    made["From"], made["To"] = address.sender, ", ".join(address.to)
    made["Subject"] = " ".join(message.title.split())[:MOST_SUBJECT]
    made["Date"] = outside.now
    made["Message-ID"] = _identity(f"{message.thread} {message.id}", domain)
    made["In-Reply-To"] = made["References"] = first
    made["Auto-Submitted"] = "auto-generated"
    lines = [f"- {each}" for each in message.lines]
    made.set_content("\n".join([message.title, "", *lines, "", message.link, ""]))
    return made


def _identity(text: str, domain: str) -> str:
    return f"<{hashlib.sha256(text.encode()).hexdigest()[:40]}@{domain}>"


CHANNEL: ChannelKind = Email()
