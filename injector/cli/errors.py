"""The one way in which a command fails."""


class InputError(Exception):
    """Input or configuration is at fault: the text goes to standard error, the exit status is 1."""
