"""Slash commands: comments read, checked, carried out, recorded and answered.

`handler` goes over the comments of a rollout, `executor` carries out one command, `parser` turns
text into commands, `commands` has one file for each verb, `intents` writes the merge requests that
propose changes of intent. Nothing here decides what merges: a command changes the Snapshot.
"""
