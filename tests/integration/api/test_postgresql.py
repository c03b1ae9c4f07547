"""What only PostgreSQL has: addresses, passwords, and a server that is not there."""

import re

import pytest
from sqlalchemy import text

from cronwright_api.migrations import migrate
from cronwright_api.store.database import Database, StoreUnavailable
from support.postgres import PASSWORD, Postgres

from .program import run

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("a wrong password", (PASSWORD, "wrong-secret"), "password authentication failed"),
        ("no such database", ("/postgres$", "/nothing"), r"database \"nothing\" does not exist"),
        ("a port where nobody listens", (r":\d+/", ":9/"), "the store can't be used: "),
        ("a host that is not there", ("127.0.0.1", "nowhere.invalid"), "the store can't be used: "),
        ("an option that is none", ("$", "?sslmode=maybe"), "the database's address can't be used"),
        ("a port that is none", (r":\d+/", ":x/"), "the database's address can't be used"),
        ("a port that can't be one", (r":\d+/", ":99999/"), "the database's address can't be used"),
    ],
)
def test_an_address_that_leads_nowhere_ends_the_start_with_a_sentence_and_without_the_password(
    postgres: Postgres, name: str, change: tuple[str, str], sentence: str
) -> None:
    url = re.sub(*change, postgres.url("postgres"))
    ended = run("migrate", database_url=url)
    assert ended.returncode == 1, ended.stderr
    assert sentence in ended.stderr, name
    for secret in (PASSWORD, "wrong-secret"):
        assert secret not in ended.stdout + ended.stderr


def test_an_address_may_say_what_postgresqls_own_programs_understand(
    postgres: Postgres, empty_postgresql_url: str
) -> None:
    hosts = empty_postgresql_url.replace("127.0.0.1", "127.0.0.1:9,127.0.0.1")
    assert run("migrate", database_url=f"{hosts}?sslmode=prefer&target_session_attrs=any").returncode == 0


async def test_whatever_the_servers_defaults_are_transactions_are_ours(
    postgres: Postgres, empty_postgresql_url: str
) -> None:
    name = empty_postgresql_url.rpartition("/")[2]
    for setting in ("default_transaction_isolation = 'serializable'", "timezone = 'Asia/Kathmandu'"):
        postgres.program("psql", "--command", f"ALTER DATABASE {name} SET {setting}")
    database = Database(empty_postgresql_url)
    await migrate(database)
    async with database.writing() as connection:
        assert await connection.scalar(text("SHOW transaction_isolation")) == "read committed"
    async with database.reading() as connection:
        assert await connection.scalar(text("SHOW transaction_isolation")) == "repeatable read"
        assert await connection.scalar(text("SHOW transaction_read_only")) == "on"
    await database.close()


async def test_who_waits_too_long_for_a_turn_is_told_to_come_again(
    empty_postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cronwright_api.store.postgresql.LOCK_WAIT_MS", 50)
    one, other = Database(empty_postgresql_url), Database(empty_postgresql_url)
    async with one.appending():
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            async with other.appending():
                pass
        async with other.reading() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
    async with other.appending():
        pass
    await one.close()
    await other.close()
