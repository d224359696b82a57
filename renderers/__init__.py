"""WRITES BYTES: from sources, customisations and a plan to file trees and change sets.

Pure like the planners: data in, data out; no clock, network, disk, randomness, logging or asyncio.
It imports `planners` and itself. `yamlio` is the only door to PyYAML, `customizers/json_patch`
the only one to jsonpatch.
"""
