"""The targets, one file each; a new file is found, fuzzed and tested without being registered."""
