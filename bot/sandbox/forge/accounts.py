"""Users, repositories and roles of the local forge."""

import hashlib
import hmac
import re
import threading

from bot.sandbox.forge.git import Git
from bot.sandbox.forge.records import ROLES, Repository, Storage, User

_LOGIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,38}")


class RequestError(Exception):
    """The forge rejects a request; `code` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Accounts:
    """Users and repositories; the base of `ForgeState`."""

    def __init__(self, storage: Storage, git: Git) -> None:
        self.storage, self.git = storage, git
        self.lock = threading.RLock()
        self.users = {key: User(**value) for key, value in storage.load(User).items()}
        self.repositories = {
            key: Repository(**value) for key, value in storage.load(Repository).items()
        }

    def create_user(
        self, login: str, token: str, *, name: str = "", email: str = "", bot: bool = False
    ) -> User:
        """Create a user, or update an existing one.

        Raises:
            RequestError: the login is malformed, or the token is empty.
        """
        if not (_LOGIN.fullmatch(login) and token):
            raise RequestError(
                422, f"{login!r} is not a valid login (letters, digits, - and _), or has no token"
            )
        with self.lock:
            known = self.users.get(login)
            number = known.id if known else len(self.users) + 1
            made = User(
                id=number,
                login=login,
                name=name or login.capitalize(),
                email=email or f"{login}@example.com",
                token_hash=_hash(token),
                bot=bot,
            )
            self.users[login] = made
            self.storage.put(login, made)
            return made

    def authenticate(self, login: str | None, token: str) -> User | None:
        """The user with that token; with a login, only that user."""
        hashed = _hash(token)
        for user in list(self.users.values()):
            if hmac.compare_digest(user.token_hash, hashed) and login in {None, user.login}:
                return user
        return None

    def create_repository(
        self,
        path: str,
        roles: dict[str, str],
        *,
        protected: bool = False,
        required_statuses: tuple[str, ...] = (),
        description: str = "",
    ) -> Repository:
        """Create an empty repository, or update the rules of an existing one."""
        with self.lock:
            if not self.git.folder(path).exists():
                self.git.create(path, "main")
            known = self.repositories.get(path)
            made = Repository(
                path,
                roles=roles,
                protected=["main"] if protected else [],
                required_statuses=list(required_statuses),
                description=description,
                next_number=known.next_number if known else 1,
            )
            self.repositories[path] = made
            self.storage.put(path, made)
            return made

    def role(self, path: str, login: str) -> str:
        """The role of a user in a repository; `none` by default."""
        return self.repository(path).roles.get(login, "none")

    def may(self, user: User | None, path: str, role: str) -> bool:
        """Whether a user has at least that role."""
        has = self.role(path, user.login) if user else "none"
        return ROLES.index(has) >= ROLES.index(role)

    def require(self, user: User | None, path: str, role: str) -> None:
        """Check that a user has at least that role.

        Raises:
            RequestError: 401 without a user, 404 without read access, 403 otherwise.
        """
        if user is None:
            raise RequestError(401, "sign in first")
        if path not in self.repositories or not self.may(user, path, "read"):
            raise RequestError(
                404, f"repository {path} does not exist or is not visible to {user.login}"
            )
        if not self.may(user, path, role):
            has = self.role(path, user.login)
            raise RequestError(
                403, f"{user.login} has role {has} on {path}; role {role} is required"
            )

    def repository(self, path: str) -> Repository:
        """The repository with that path. Raises RequestError if there is none."""
        try:
            return self.repositories[path]
        except KeyError:
            raise RequestError(404, f"repository {path} does not exist") from None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
