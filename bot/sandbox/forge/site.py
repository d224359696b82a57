"""A site file: the users, repositories and hooks of a local forge. Read by `switchyard forge`."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.sandbox.forge.records import ROLES
from bot.sandbox.forge.server import Made


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SiteUser(_Part):
    """Somebody who may sign in."""

    token: str = Field(min_length=16)
    name: str = ""
    email: str = ""
    bot: bool = False


class SiteHook(_Part):
    """Where a repository's events go."""

    url: str
    secret: str = Field(min_length=16)


class SiteRepository(_Part):
    """A repository, who may do what in it, and its rules."""

    roles: dict[str, str]
    protected: bool = False
    required_statuses: tuple[str, ...] = Field(default=(), alias="requiredStatuses", strict=False)
    description: str = ""
    hooks: list[SiteHook] = []


class SiteFile(_Part):
    """Everything a forge is to have; what is there already is brought in line."""

    users: dict[str, SiteUser]
    repositories: dict[str, SiteRepository]

    @model_validator(mode="after")
    def _roles_fit(self) -> "SiteFile":
        for path, repository in self.repositories.items():
            for login, role in repository.roles.items():
                if login not in self.users or role not in ROLES:
                    raise ValueError(f"{path}: no such user or role: {login}: {role}")
        return self

    def apply(self, made: Made) -> None:
        """Make users, repositories and hooks."""
        for login, user in self.users.items():
            made.forge.create_user(
                login, user.token, name=user.name, email=user.email, bot=user.bot
            )
        for path, repository in self.repositories.items():
            made.forge.create_repository(
                path,
                repository.roles,
                protected=repository.protected,
                required_statuses=repository.required_statuses,
                description=repository.description,
            )
            for hook in repository.hooks:
                made.hooks.add(path, hook.url, hook.secret)
