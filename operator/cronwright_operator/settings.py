"""The operator's settings, read once in `main` from the environment."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cronwright.names import TOKEN_PATH
from cronwright.plan.choose import LoopSettings
from cronwright.plan.pod import RunnerSettings
from cronwright.plan.windows import DEFAULT_WINDOW_SECONDS, windows_of
from cronwright.schedule.grammar import Every, parse

KUBERNETES_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount/token"


class Settings(BaseSettings):
    """Environment variables with the prefix CRONWRIGHT_. Every field is described in docs/operator.md."""

    model_config = SettingsConfigDict(env_prefix="CRONWRIGHT_", frozen=True)

    runner_image: str = Field(description="Image of runs, such as cronwright/runner:0.1.0.")
    runner_image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When a node pulls the runner image."
    )
    runner_image_pull_secrets: str = Field(
        "", description="Names of pull secrets in the Tasks' namespaces, split by commas."
    )
    runner_resources: dict[str, dict[str, str]] | None = Field(
        None, description='Requests and limits of a run, as JSON, such as {"limits": {"memory": "256Mi"}}.'
    )
    api_url: str | None = Field(None, description="Base URL of the timeline as pods reach it; unset means no timeline.")
    api_ca_file: Path | None = Field(
        None,
        description="PEM file with the certificates that an https timeline is checked against, by the operator and by "
        "runs; read anew when it changes. Unset, or while it is missing, those that the images trust.",
    )
    token_path: Path = Field(
        Path(TOKEN_PATH), description="File with the token that the operator shows to the timeline."
    )
    reader_token_path: Path = Field(
        Path(KUBERNETES_TOKEN_PATH),
        description="File with the token with which the operator reads the timeline: it may list Tasks.",
    )
    native_every: bool = Field(
        True,
        description="Whether intervals that no cron line can say become CronJobs with @every; false makes them loops. "
        "Where the API server refuses @every they are loops in any case.",
    )
    min_interval: str = Field("1s", description="The shortest interval that is taken, such as 5s.")
    max_loop_tasks: int = Field(100, ge=0, description="Loops that may be in force; each is a pod that stays.")
    loop_window_seconds: int = Field(
        DEFAULT_WINDOW_SECONDS,
        description="How long one pod of a loop serves: whole minutes that divide the hour, such as 3600, or 120 to "
        "see it change.",
    )
    namespaces: str = Field("", description="Namespaces whose Tasks are served, split by commas; empty means all.")
    workers: int = Field(16, ge=1, le=256, description="Tasks that are reconciled at the same time.")
    full_pass_seconds: int = Field(600, ge=10, description="Seconds between two passes over every Task.")
    http_port: int = Field(8080, ge=1, le=65535, description="Port of /healthz and /metrics.")
    log_format: Literal["json", "text"] = Field("json", description="json, or text for people.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

    @field_validator("min_interval")
    @classmethod
    def _is_interval(cls, text: str) -> str:
        _seconds(text)
        return text

    @field_validator("loop_window_seconds")
    @classmethod
    def _divides_the_hour(cls, seconds: int) -> int:
        windows_of("", seconds)
        return seconds

    def loops(self) -> LoopSettings:
        """Return what plans need to know of loops."""
        return LoopSettings(
            native_every=self.native_every,
            min_interval_seconds=_seconds(self.min_interval),
            max_tasks=self.max_loop_tasks,
            window_seconds=self.loop_window_seconds,
        )

    def namespace_names(self) -> tuple[str, ...]:
        """Return the namespaces that are served; none means all."""
        return _split(self.namespaces)

    def runner(self, api_ca: str | None = None) -> RunnerSettings:
        """Return what manifests need to know of runs; `api_ca` is what is in `api_ca_file` by now."""
        settings = RunnerSettings(
            image=self.runner_image,
            image_pull_policy=self.runner_image_pull_policy,
            image_pull_secrets=_split(self.runner_image_pull_secrets),
            api_url=self.api_url,
            api_ca=api_ca if self.api_url and self.api_url.startswith("https:") else None,
        )
        if self.runner_resources is None:
            return settings
        return replace(settings, resources=self.runner_resources)


def _seconds(interval: str) -> int:
    try:
        schedule = parse(f"@every {interval}")
    except ValueError:
        schedule = None
    if not isinstance(schedule, Every):
        raise ValueError(f"{interval!r} is no interval of whole seconds; write one such as 1s, 30s or 5m")
    return schedule.seconds


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
