"""Checks of several repositories, of which some may not be readable."""

from collections.abc import Awaitable, Callable, Iterable

from bot.forges._values import ForgeError, TransientForgeError


async def check_each(
    repositories: Iterable[str], check: Callable[[str], Awaitable[tuple[str, ...]]]
) -> tuple[str, ...]:
    """The warnings of all checks; a repository that the forge refuses is one of them.

    Raises:
        TransientForgeError: the forge is unreachable, fails or limits the rate.
    """
    found: list[str] = []
    for each in repositories:
        try:
            found += await check(each)
        except TransientForgeError:
            raise
        except ForgeError as error:
            found.append(f"{each} cannot be checked: {error}")
    return tuple(found)
