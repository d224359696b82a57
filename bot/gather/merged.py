"""Whose commit a commit on main is: the bot's own, or one that merges the bot's commit unchanged.

A person who merges, or the forge's queue, writes a merge commit without the bot's trailers.
"""

from dataclasses import replace

from bot.git import CommitInfo, Mirror

TRAILER = "Switchyard-Application"
TWO = 2


def with_merged_trailers(mirror: Mirror, info: CommitInfo) -> CommitInfo:
    """The commit, with the trailers of the one that it merges if it brings that change alone.

    A merged commit on top of the bot's, or a merge that was edited, brings another change.

    Raises:
        RepositoryRefusedError: the mirror has a commit that is malformed, or far too large.
    """
    if TRAILER in info.trailers or len(info.parents) != TWO:
        return info
    onto, head = info.parents
    merged = mirror.commit_info(head)
    if TRAILER not in merged.trailers or len(merged.parents) != 1:
        return info
    proposed = mirror.changed_files(merged.parents[0], head)
    brought = mirror.changed_files(onto, info.sha)
    if [(path, new) for path, _, new in proposed] != [(path, new) for path, _, new in brought]:
        return info
    return replace(info, trailers=merged.trailers)
