"""Why the world cannot become a Snapshot until somebody changes something."""

from bot.documents import Problem

MOST_PROBLEMS = 20


class GatherError(Exception):
    """People must put something right before a plan is possible; the text says what and where."""


class NotRegisteredError(GatherError):
    """The fleet repo registers no such application; its name may come from an untrusted source."""


class EmptyRepositoryError(GatherError):
    """The default branch of a repository has no commit yet."""


class AwayError(GatherError):
    """Something outside is away for now; nobody has to do anything but wait."""


class DocumentsError(GatherError):
    """Documents with mistakes; `problems` lists each with its place."""

    def __init__(self, where: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{where}: " + "; ".join(str(each) for each in problems[:MOST_PROBLEMS]))
        self.problems = problems
