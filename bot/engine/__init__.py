"""Runs the core, and wraps the programs and libraries that it needs.

`propose` combines planners and renderers, `process` runs it in a separate process, `discovery`
finds extensions, `results` keeps what was made; `highs`, `kubernetes_schemas` and `kustomize` each
wrap one dependency. Nothing here reads a forge or a database.
"""
