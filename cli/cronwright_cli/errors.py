"""What can go wrong in a command, as one sentence for the person who gave it; `main` prints it and exits."""


class CliError(Exception):
    """A command that can't go on: `str()` is one sentence, or several with a line each, without `error:` before it."""

    exit_code = 1


class BadInput(CliError):
    """A file, an option or an environment variable holds something that can't be used."""


class ApiError(CliError):
    """The HTTP API answered with an error, or with something that is no answer of it."""


class ApiAway(ApiError):
    """Nobody answers at the API's address, or the API says that it can't right now: trying again may help."""


class AccessRefused(ApiError):
    """The API doesn't know who asks, or refuses it to them: trying again does not help."""
