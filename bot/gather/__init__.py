"""The only reader of the world: forges, repositories and reports become Snapshots.

`repository` fetches, `documents` reads the fleet and app repos, `deploy` what is merged and
proposed; `observe` joins reports with Git history, `snapshot` puts it all together. Nothing here
decides.
"""
