"""The site file of `switchyard forge`: users, repositories and webhooks."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.sandbox.forge.records import ROLES
from bot.sandbox.forge.server import ForgeApp


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SiteUser(_Part):
    """A user."""

    token: str = Field(min_length=16)
    name: str = ""
    email: str = ""
    bot: bool = False


class SiteHook(_Part):
    """A webhook of a repository."""

    url: str
    secret: str = Field(min_length=16)


class SiteRepository(_Part):
    """A repository, its roles by login, and its rules."""

    roles: dict[str, str]
    protected: bool = False
    required_statuses: tuple[str, ...] = Field(default=(), alias="requiredStatuses", strict=False)
    description: str = ""
    hooks: list[SiteHook] = []


class SiteFile(_Part):
    """The desired content of a forge; existing users and repositories are updated."""

    users: dict[str, SiteUser]
    repositories: dict[str, SiteRepository]

    @model_validator(mode="after")
    def _check_roles(self) -> "SiteFile":
        for path, repository in self.repositories.items():
            for login, role in repository.roles.items():
                if login not in self.users or role not in ROLES:
                    raise ValueError(f"{path}: unknown user or role: {login}: {role}")
        return self

    def apply(self, made: ForgeApp) -> None:
        """Create or update users, repositories and webhooks."""
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
