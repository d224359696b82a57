"""What subcommands raise; apart, so that `bot.__main__` imports nothing else of them."""


class InputError(Exception):
    """The input is wrong; the message says where, and what to do about it."""
