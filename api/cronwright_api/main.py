"""The program `cronwright-api`: reads its arguments and settings, and serves or migrates."""

import argparse
import asyncio
import sys

import structlog
from pydantic import ValidationError

from cronwright_api.errors import Unavailable
from cronwright_api.logs import configure_logs
from cronwright_api.settings import Settings
from cronwright_api.version import VERSION

_log = structlog.get_logger()


def main() -> None:
    """Run the program with the process's arguments and environment."""
    arguments = _arguments()
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            print(f"CRONWRIGHT_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}", file=sys.stderr)
        sys.exit(2)
    configure_logs(settings)
    # What a command doesn't need is not loaded for it: help and a wrong setting are answered at once
    from cronwright_api.cluster import ClusterConfigurationError
    from cronwright_api.migrations import UnknownStep

    try:
        asyncio.run(_serve(settings) if arguments.command == "serve" else _migrate(settings))
    except (Unavailable, UnknownStep, ClusterConfigurationError, OSError) as error:
        _log.error("can't start", detail=str(error))
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cronwright-api", description="The timeline of Cronwright's runs, over HTTP.")
    parser.add_argument("--version", action="version", version=f"cronwright-api {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="bring the database to the newest schema, then serve until SIGTERM")
    commands.add_parser("migrate", help="bring the database to the newest schema, and end")
    names = ", ".join(f"CRONWRIGHT_{name.upper()}" for name in Settings.model_fields)
    parser.epilog = f"Settings come from the environment: {names}"
    return parser.parse_args()


async def _serve(settings: Settings) -> None:
    from cronwright_api.serve import serve

    await serve(settings)


async def _migrate(settings: Settings) -> None:
    from cronwright_api.migrations import migrate
    from cronwright_api.store.database import Database

    database = Database(settings.database_url)
    try:
        await migrate(database)
    finally:
        await database.close()


if __name__ == "__main__":
    main()
