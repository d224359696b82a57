"""The command line: `parser` declares the subcommands, one function each runs them.

A subcommand names its function as `module:function`; its module is imported when it runs, never
before, so that `--help` answers at once and `check` loads no web framework, database or Git.
"""
