"""Errors of the runner, and those that an action raises to say how it failed.

`ActionError`, `InvalidAttributes` and `Stopped` are part of the public interface for authors of actions.
"""

import json

_SHOWN_CHARACTERS = 120
"""How much of a wrong value a message repeats: enough to find it by."""


class RunnerError(Exception):
    """The runner can't do its work; the message says why and what to change."""


class SettingsError(RunnerError):
    """An environment variable is missing or can't be used."""


class AssignmentError(RunnerError):
    """The files that say what this pod runs are missing or can't be read."""


class UnknownAction(RunnerError):
    """No action of that name is registered, or more than one is."""


class ActionError(Exception):
    """An action's failure that was foreseen: the message becomes the run's message, and the log gets no traceback."""


class InvalidAttributes(ActionError):
    """The Task's attributes can't be used, so the run fails for good: no retry makes them right.

    `attribute` is the field's path inside `attributes` (`url`, `headers.Accept`, `command[2]`), `value` what is there,
    and `remedy` what to write instead, beginning with a verb: "write a URL such as https://example.com/ping".
    """

    def __init__(self, attribute: str, value: object, remedy: str) -> None:
        self._say(attribute, f"is {_shown(value)}", remedy)

    @classmethod
    def missing(cls, attribute: str, remedy: str) -> "InvalidAttributes":
        """Return the error for an `attribute` that must be there and isn't."""
        return cls._problem(attribute, "is missing", remedy)

    @classmethod
    def unknown(cls, attribute: str, known: tuple[str, ...]) -> "InvalidAttributes":
        """Return the error for an `attribute` that the action doesn't know, which lists the `known` ones."""
        return cls._problem(attribute, "is unknown", f"write some of {', '.join(sorted(known))}")

    @classmethod
    def _problem(cls, attribute: str, problem: str, remedy: str) -> "InvalidAttributes":
        error = cls.__new__(cls)
        error._say(attribute, problem, remedy)
        return error

    def _say(self, attribute: str, problem: str, remedy: str) -> None:
        self.attribute, self.remedy = attribute, remedy
        Exception.__init__(self, f"attributes.{attribute} {problem}; {remedy}")


class Stopped(BaseException):
    """Raised inside a running action when its time is over or the pod ends; SIGKILL follows 10 seconds later.

    Like KeyboardInterrupt it passes `except Exception`, so that `finally` blocks and context managers get to clean up.
    An action need not catch it; what it returns afterwards is not looked at.
    """


def _shown(value: object) -> str:
    # As JSON, because that is what the person wrote
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
