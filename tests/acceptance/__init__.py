"""The acceptance rig: rollouts on real Kubernetes API servers with the real Flux controllers.

`make acceptance` builds the programs from `programs/` (once), runs every scenario and writes
`docs/reference/acceptance.md`. Nothing here is collected by `make test`.
"""
