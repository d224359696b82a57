"""Renders: turns sources, customisations and a plan into file trees, diffs and policy violations.

Pure, like `planners`: no clock, network, disk, randomness, logging or asyncio, and no decision
about placement or order. It imports `planners` and itself. Only `yaml` imports PyYAML; only
`patch/json_patch` imports jsonpatch.
"""
