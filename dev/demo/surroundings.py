"""The cluster that the demo runs on: that of `make -s env`, by its context's name, never kubectl's current one."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from narration import show_command, show_output

ROOT = Path(__file__).resolve().parents[2]
KUBECTL_SECONDS = 120


class CannotGoOn(Exception):
    """The demo can't go on: one sentence that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The programs that the demo calls, and the cluster's context."""

    kubectl: str
    cronwright: str
    context: str

    def run(self, program: str, *arguments: str, stdin: str | None = None, may_fail: bool = False) -> str:
        """Run a program and return its stdout; what it says on stderr goes to the person.

        Raises:
            CannotGoOn: it failed, and may not.
        """
        done = subprocess.run(
            [program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
            cwd=ROOT,
            check=False,
        )
        show_output(done.stderr)
        if done.returncode and not may_fail:
            raise CannotGoOn(f"{Path(program).name} {' '.join(arguments[:3])} … failed, as it says above")
        return done.stdout

    def kube(self, *arguments: str, stdin: str | None = None, is_shown: bool = True) -> str:
        """Run kubectl on the cluster and return its stdout; where `is_shown`, show the command and what it printed.

        Raises:
            CannotGoOn: it failed.
        """
        if is_shown:
            show_command(["kubectl", *arguments])
        output = self.run(self.kubectl, f"--context={self.context}", *arguments, stdin=stdin)
        if is_shown:
            show_output(output)
        return output


def look_around() -> Surroundings:
    """Return the surroundings.

    Raises:
        CannotGoOn: something is missing.
    """
    for variable in ("KUBECONFIG", "CRONWRIGHT_CONTEXT", "CRONWRIGHT_URL", "CRONWRIGHT_TOKEN"):
        if not os.environ.get(variable):
            raise CannotGoOn(f'{variable} is not set; run `make demo`, or first: eval "$(make -s env)"')
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise CannotGoOn('kubectl is not on the PATH; run `make demo`, or first: eval "$(make -s env)"')
    cronwright = Path(sys.executable).with_name("kubectl-cronwright")
    if not cronwright.exists():
        raise CannotGoOn(
            f"{cronwright.name} is not beside {Path(sys.executable).name}; run `make demo`, which makes .venv"
        )
    return Surroundings(kubectl, str(cronwright), os.environ["CRONWRIGHT_CONTEXT"])
