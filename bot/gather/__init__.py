"""The one reader: forges, repositories and reports become Snapshots.

`repository` fetches; `documents` and `fleet` read the fleet and app repos, `deploy`, `requests` and
`ledger` the deploy repos, `conversations` and `statuses` the forges. `observe` joins reports with
Git history, `snapshot` composes it all. Nothing here decides, and nothing here writes.
"""
