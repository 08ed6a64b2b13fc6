"""The console script."""

import sys

from injector import __version__


def main() -> None:
    """Run the command that the arguments name.

    Exit status: 0 done, 1 the input is at fault, 2 wrong usage. For commands that compare, 1 is an answer, and 2 says
    that the input is at fault, as for `kubectl diff`.
    """
    if sys.argv[1:] == ["--version"]:
        # Before anything else is imported: scripts ask this often, and importing typer takes three times as long.
        sys.stdout.write(f"injector {__version__}\n")
        return
    from injector.cli.application import run  # noqa: PLC0415

    run(sys.argv[1:])
