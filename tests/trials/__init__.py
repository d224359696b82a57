"""Trials of whole processes: real services, killed and hindered while they roll out.

`make trials` runs all of them, `ONLY="replicas stopped"` some. They take minutes and are no part of
`make test`, which tries the same on single parts (`tests/unit/store/test_store_faults.py`,
`tests/stories/test_store_away.py`, `tests/stories/test_replicas_on_postgresql.py`,
`tests/unit/git/test_mirror_damage.py`, `tests/stories/test_killed.py`).
"""
