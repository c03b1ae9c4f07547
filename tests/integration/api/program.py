"""The program `cronwright-api`, run to its end."""

import os
import subprocess
import sys


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run it with `arguments`, and with `settings` alone in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRONWRIGHT_")}
    environment |= {f"CRONWRIGHT_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "cronwright_api.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
