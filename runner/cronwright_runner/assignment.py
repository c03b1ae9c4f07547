"""Reads what this pod is to run: the run document and the Job's name, and from both the run's id and scheduled time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from cronwright.instants import parse_instant
from cronwright.run.document import RunDocument, load_document
from cronwright.run.gate import Due, due
from cronwright.run.ids import manual_run_id, requested_run_id, scheduled_run_id
from cronwright_runner.errors import AssignmentError
from cronwright_runner.settings import Settings

if TYPE_CHECKING:
    from cronwright.timeline.event import Trigger


class Assignment(NamedTuple):
    """One run, as this pod was given it."""

    document: RunDocument
    due: Due
    run_id: UUID
    trigger: Trigger


def read_assignment(settings: Settings) -> Assignment:
    """Return the run that the pod's files describe.

    Raises:
        AssignmentError: a file is missing or says nothing that can be used; the sentence names it.
    """
    try:
        document = load_document(_read(settings.document_path))
        run = due(document, _read(settings.job_name_path), _annotated_time(settings.scheduled_time_path))
    except ValueError as error:
        raise AssignmentError(str(error)) from error
    by_schedule = run.scheduled_time is not None and not run.on_request
    return Assignment(document, run, _run_id(settings, document, run), "schedule" if by_schedule else "manual")


def _run_id(settings: Settings, document: RunDocument, run: Due) -> UUID:
    try:
        if run.scheduled_time is not None:
            return scheduled_run_id(document.uid, run.scheduled_time)
        if document.requested is not None:
            return requested_run_id(document.uid, document.requested.id)
        return manual_run_id(document.uid, _read(settings.job_uid_path))
    except ValueError as error:
        raise AssignmentError(f"the run document's uid is {document.uid!r}, not the UUID of a Task") from error


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise AssignmentError(
            f"{path} can't be read ({error.strerror}); the pod needs the downward-API volume that the operator writes"
        ) from error
    if not text:
        raise AssignmentError(
            f"{path} is empty; the pod lacks the annotation or label that the operator or the Job controller sets"
        )
    return text


def _annotated_time(path: Path) -> datetime | None:
    text = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    return parse_instant(text) if text else None
