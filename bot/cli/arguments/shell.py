"""`completion`."""

from bot.cli.arguments import Subcommands, add_command

SHELLS = ("bash", "zsh", "fish")


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    completion = add_command(
        commands,
        "completion",
        "bot.cli.completion:completion",
        "print a script with which a shell completes subcommands, options and folders",
        "bash > ~/.local/share/bash-completion/completions/switchyard",
        'zsh > "${fpath[1]}/_switchyard"',
        "fish > ~/.config/fish/completions/switchyard.fish",
    )
    completion.add_argument("shell", choices=SHELLS, help=f"one of: {', '.join(SHELLS)}")
