"""The runner's settings, read once from the environment that the operator gives the container."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

from cronwright import names
from cronwright_runner.errors import SettingsError
from cronwright_runner.logs import LogFormat

DEFAULT_GRACE_SECONDS = 30
"""Kubernetes' own default of a pod's terminationGracePeriodSeconds."""


class Settings(NamedTuple):
    """What the runner is told by its environment; durations in seconds."""

    api_url: str | None
    """CRONWRIGHT_API_URL: where the timeline is, such as http://cronwright-api:6336. Unset, nothing is reported."""
    ca_file: str | None
    """CRONWRIGHT_CA_FILE: the certificates that an https API is checked against; unset, those of the system."""
    pod_name: str
    """POD_NAME, from metadata.name."""
    pod_uid: str
    """POD_UID, from metadata.uid."""
    node_name: str
    """NODE_NAME, from spec.nodeName; may be unset."""
    document_path: Path
    """CRONWRIGHT_DOCUMENT_PATH: the run document."""
    job_name_path: Path
    """CRONWRIGHT_JOB_NAME_PATH: the Job's name."""
    job_uid_path: Path
    """CRONWRIGHT_JOB_UID_PATH: the Job's uid."""
    scheduled_time_path: Path
    """CRONWRIGHT_SCHEDULED_TIME_PATH: the time of a Job that a person asked for; may be missing or empty."""
    token_path: Path
    """CRONWRIGHT_TOKEN_PATH: the pod's projected token."""
    termination_path: Path
    """CRONWRIGHT_TERMINATION_PATH: where the termination message goes."""
    grace_seconds: int
    """CRONWRIGHT_GRACE_SECONDS: the pod's terminationGracePeriodSeconds; the runner is gone 2 s before it is over."""
    log_format: LogFormat
    """CRONWRIGHT_LOG_FORMAT: json or text."""
    loop_start_path: Path
    """CRONWRIGHT_LOOP_START_PATH: when a loop's plan takes over."""
    end_path: Path
    """CRONWRIGHT_END_PATH: the request to a loop's pod to end; may be missing or empty."""
    loop_directory: Path
    """CRONWRIGHT_LOOP_DIRECTORY: what a loop's ticker and runner share."""


def termination_path(environment: Mapping[str, str]) -> Path:
    """Return where the termination message goes; it is needed even where the other settings can't be read."""
    return Path(environment.get("CRONWRIGHT_TERMINATION_PATH") or "/dev/termination-log")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings in `environment`.

    Raises:
        SettingsError: a variable is missing or can't be used.
    """

    def required(variable: str, field: str) -> str:
        value = environment.get(variable, "")
        if not value:
            raise SettingsError(
                f"{variable} is not set; give it to container {names.RUNNER_CONTAINER} from field {field}"
            )
        return value

    def path(variable: str, default: str) -> Path:
        return Path(environment.get(variable) or default)

    return Settings(
        api_url=_api_url(environment.get("CRONWRIGHT_API_URL", "")),
        ca_file=environment.get("CRONWRIGHT_CA_FILE") or None,
        pod_name=required("POD_NAME", "metadata.name"),
        pod_uid=required("POD_UID", "metadata.uid"),
        node_name=environment.get("NODE_NAME", ""),
        document_path=path("CRONWRIGHT_DOCUMENT_PATH", names.DOCUMENT_PATH),
        job_name_path=path("CRONWRIGHT_JOB_NAME_PATH", names.JOB_NAME_PATH),
        job_uid_path=path("CRONWRIGHT_JOB_UID_PATH", names.JOB_UID_PATH),
        scheduled_time_path=path("CRONWRIGHT_SCHEDULED_TIME_PATH", names.SCHEDULED_TIME_PATH),
        token_path=path("CRONWRIGHT_TOKEN_PATH", names.TOKEN_PATH),
        termination_path=termination_path(environment),
        grace_seconds=_grace(environment.get("CRONWRIGHT_GRACE_SECONDS", "")),
        log_format=_log_format(environment.get("CRONWRIGHT_LOG_FORMAT", "")),
        loop_start_path=path("CRONWRIGHT_LOOP_START_PATH", names.LOOP_START_PATH),
        end_path=path("CRONWRIGHT_END_PATH", names.END_PATH),
        loop_directory=path("CRONWRIGHT_LOOP_DIRECTORY", names.LOOP_DIRECTORY),
    )


def _api_url(text: str) -> str | None:
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    if scheme not in ("http", "https") or not separator or not rest.strip("/"):
        raise SettingsError(f"CRONWRIGHT_API_URL is {text!r}; write a URL such as http://cronwright-api:6336")
    return text.rstrip("/")


def _grace(text: str) -> int:
    if not text:
        return DEFAULT_GRACE_SECONDS
    if not (text.isascii() and text.isdecimal()):
        raise SettingsError(f"CRONWRIGHT_GRACE_SECONDS is {text!r}; write a whole number of seconds such as 30")
    return int(text)


def _log_format(text: str) -> LogFormat:
    if text not in ("", "json", "text"):
        raise SettingsError(f"CRONWRIGHT_LOG_FORMAT is {text!r}; write json or text")
    return cast(LogFormat, text or "json")
