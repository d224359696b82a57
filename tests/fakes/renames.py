"""A repository under a new name, as GitHub and GitLab answer for the old one.

GitHub redirects: reads with 301, writes with 307, to the repository by its number (GitHub Docs,
"Best practices for using the REST API", "Renaming a repository"). GitLab redirects reads with 302
to the project by its number, and answers 405 to writes (GitLab Docs, "REST API", redirects;
lib/api/helpers.rb, `find_project!`). What either tells is the new name. Inside, the forge keeps the
old one.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NUMBER = "/api/v3/repositories/4711"
PROJECT = "/api/v4/projects/4711"
REFUSED = b'{"message": "Non GET methods are not allowed for moved projects"}'


class Renamed:
    """Stands before a forge; nothing is renamed until `to` is set."""

    def __init__(self, old: str) -> None:
        self.old, self.to = old, ""

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Stand before this application."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and self.to:
                await self._serve(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return serve

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        path, old = scope["path"], f"/api/v3/repos/{self.old}"
        if path == old or path.startswith(f"{old}/"):
            query = scope["query_string"].decode()
            where = NUMBER + path.removeprefix(old) + (f"?{query}" if query else "")
            status = 301 if scope["method"] == "GET" else 307
            headers = [(b"location", where.encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"{}"})
            return
        project, raw = (
            f"/api/v4/projects/{self.old.replace('/', '%2F')}",
            scope["raw_path"].decode(),
        )
        if raw.partition("?")[0] == project or raw.startswith(f"{project}/"):
            await self._moved_project(scope, send, raw.replace(project, PROJECT, 1))
            return
        if ".git/" in path:
            await app(self._inside(scope), receive, send)
            return
        told: list[Message] = []

        async def keep(message: Message) -> None:
            told.append(message)

        await app(self._inside(scope), self._named_inside(receive, path), keep)
        body = b"".join(each.get("body", b"") for each in told)
        headers = [each for each in told[0]["headers"] if each[0] != b"content-length"]
        await send({**told[0], "headers": headers})
        await send({"type": "http.response.body", "body": self._outside(body)})

    async def _moved_project(self, scope: Scope, send: Send, where: str) -> None:
        """What GitLab answers for the old path of a project."""
        query = scope["query_string"].decode()
        where = where.partition("?")[0] + (f"?{query}" if query else "")
        reading = scope["method"] == "GET"
        headers = [(b"location", where.encode())] if reading else []
        status, body = (302, b"{}") if reading else (405, REFUSED)
        start = {"type": "http.response.start", "status": status}
        await send({**start, "headers": [*headers, (b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    def _named_inside(self, receive: Receive, path: str) -> Receive:
        """The request's body; a token is asked for by the name that the repository has now."""

        async def inside() -> Message:
            message = await receive()
            if path.endswith("/access_tokens"):
                new, old = (f'"{each.rpartition("/")[2]}"'.encode() for each in (self.to, self.old))
                message = {**message, "body": message.get("body", b"").replace(new, old)}
            return message

        return inside

    def _inside(self, scope: Scope) -> Scope:
        """The request as the forge knows it."""
        path, raw = scope["path"], scope.get("raw_path", b"").decode()
        encoded = self.old.replace("/", "%2F"), self.to.replace("/", "%2F")
        for new, old in (
            (f"/repos/{self.to}", f"/repos/{self.old}"),
            (NUMBER, f"/api/v3/repos/{self.old}"),
            (PROJECT, f"/api/v4/projects/{self.old.replace('/', '%2F')}"),
            (f"/{self.to}.git/", f"/{self.old}.git/"),
            (f"/{self.to}", f"/{self.old}"),
        ):
            path = path.replace(new, old, 1)
            raw = raw.replace(new, old, 1)
        return {**scope, "path": path, "raw_path": raw.replace(encoded[1], encoded[0], 1).encode()}

    def _outside(self, body: bytes) -> bytes:
        for form in ('"{}"', "/{}.git", "/{}/", '/{}"'):
            body = body.replace(form.format(self.old).encode(), form.format(self.to).encode())
        return body
