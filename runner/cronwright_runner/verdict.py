"""What an attempt's child process says about its action, and how that travels to the parent: one line of JSON."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright.reasons import Reason
from cronwright.timeline.limits import MAX_PAYLOAD_BYTES
from cronwright_runner.errors import ActionError, InvalidAttributes


class Verdict(NamedTuple):
    """How an action ended by its own word: `reason` Completed or why not, a message for a person, and its result."""

    reason: Reason
    message: str = ""
    payload: JSONObject | None = None


def judge(action: Callable[[], object], logger: logging.Logger) -> Verdict:
    """Run `action` and return how it ended. What it did not foresee is logged with its traceback.

    Raises:
        Stopped: the attempt was told to end; the parent knows why, and needs no verdict.
    """
    try:
        payload, note = payload_of(action())
    except InvalidAttributes as error:
        logger.error("%s", error)
        return Verdict(Reason.INVALID_ATTRIBUTES, str(error))
    except ActionError as error:
        logger.error("%s", error)
        return Verdict(Reason.ACTION_FAILED, str(error))
    except SystemExit as error:
        # An action that was a program before says so that it is done
        if error.code in (None, 0):
            return Verdict(Reason.COMPLETED)
        logger.error("the action called sys.exit(%r)", error.code)
        return Verdict(Reason.ACTION_FAILED, f"the action called sys.exit({error.code!r})")
    except Exception as error:
        logger.exception("the action raised %s", type(error).__name__)
        return Verdict(Reason.ACTION_FAILED, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    if note:
        logger.warning("%s", note)
    return Verdict(Reason.COMPLETED, note, payload)


def payload_of(result: object) -> tuple[JSONObject | None, str]:
    """Return the payload that an action's `result` becomes, and a note where the result can't be kept.

    The action has done its work, so a result that can't be kept does not make it fail.
    """
    if result is None:
        return None, ""
    payload = result if isinstance(result, Mapping) else {"result": result}
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        return None, f"the action's result was dropped, because it can't be written as JSON: {error}"
    if size > MAX_PAYLOAD_BYTES:
        return (
            None,
            f"the action's result was dropped, because it has {size} bytes and the timeline keeps {MAX_PAYLOAD_BYTES}",
        )
    return cast(JSONObject, json.loads(text)), ""


def dump_verdict(verdict: Verdict) -> bytes:
    """Return `verdict` as one line, the newline included: a line without one was cut short by a crash."""
    fields: dict[str, JSON] = {"reason": verdict.reason, "message": verdict.message, "payload": verdict.payload}
    return json.dumps(fields).encode() + b"\n"


def load_verdict(line: bytes) -> Verdict | None:
    """Return the verdict on `line`, or None where the child died before it had written it whole."""
    if not line.endswith(b"\n"):
        return None
    fields = json.loads(line)
    return Verdict(Reason(fields["reason"]), fields["message"], fields["payload"])
