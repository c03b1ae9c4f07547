"""Schedules in words."""

from __future__ import annotations

import pytest

from cronwright.schedule.grammar import Cron, parse
from cronwright.schedule.hashes import resolve
from cronwright.schedule.sentence import describe

SENTENCES = {
    ("@daily", None): "every day at 00:00 UTC",
    ("0 3 * * *", "Europe/Berlin"): "every day at 03:00 Europe/Berlin",
    ("0 3 * * *", "Etc/UTC"): "every day at 03:00 UTC",
    ("17 */6 * * *", None): "every day at 00:17, 06:17, 12:17 and 18:17 UTC",
    ("0 9,17 * * 1-5", None): "every Monday to Friday at 09:00 and 17:00 UTC",
    ("0 9 * * MON,thu", None): "every Monday and Thursday at 09:00 UTC",
    ("0 0 * * 7", None): "every Sunday at 00:00 UTC",
    ("@weekly", "Asia/Kolkata"): "every Sunday at 00:00 Asia/Kolkata",
    ("0 12 1 * *", None): "on day 1 of the month at 12:00 UTC",
    ("0 12 1,15 * *", None): "on days 1 and 15 of the month at 12:00 UTC",
    ("0 9 1 jan,jul *", None): "on day 1 of January and July at 09:00 UTC",
    ("@yearly", None): "on day 1 of January at 00:00 UTC",
    ("0 0 * 6-8 *", None): "every day in June to August at 00:00 UTC",
    ("0 0 13 * 5", None): "on day 13 of the month and every Friday at 00:00 UTC",
    ("0 0 13 10 5", None): "on day 13 of the month and every Friday in October at 00:00 UTC",
    ("0 0 */1 * 5", None): "every Friday at 00:00 UTC",
    ("0 0 1-31 * 5", None): "every day at 00:00 UTC",
    ("* * * * *", None): "every minute",
    ("*/15 * * * *", None): "every 15 minutes",
    ("0-59 * * * *", None): "every minute",
    ("*/7 * * * *", None): "every hour at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56",
    ("@hourly", None): "every hour",
    ("@hourly", "Asia/Kolkata"): "every hour (Asia/Kolkata)",
    ("5 * * * *", None): "every hour at minute 5",
    ("0 */2 * * *", None): "every 2 hours, every day (UTC)",
    ("0 8-18 * * *", "America/New_York"): "at minute 0 in hours 8 to 18, every day (America/New_York)",
    ("*/15 8-18 * * mon-fri", None): "every 15 minutes in hours 8 to 18, every Monday to Friday (UTC)",
    ("* 3 * * *", None): "every minute in hour 3, every day (UTC)",
    (
        "0,15,30-35 9-11,14 1 * *",
        None,
    ): "at minutes 0, 15 and 30 to 35 in hours 9 to 11 and 14, on day 1 of the month (UTC)",
    ("H 3 * * *", None): "H 3 * * *, with each H a number chosen by the Task's name",
    ("@every 1s", None): "every second, counted from midnight UTC",
    ("@every 90s", None): "every 90 seconds, counted from midnight UTC",
    ("@every 7m", None): "every 7 minutes, counted from midnight UTC on 1 January 1970",
    ("@every 1h30m", None): "every 90 minutes, counted from midnight UTC",
    ("@every 1h", None): "every hour, counted from midnight UTC",
    ("@every 36h", None): "every 36 hours, counted from midnight UTC on 1 January 1970",
    ("@every 24h", "UTC"): "every 24 hours, at midnight UTC",
    ("@every 168h", None): "every 7 days, counted from midnight UTC on 1 January 1970",
    ("@manual", None): "only on request",
}


@pytest.mark.parametrize(
    ("schedule", "sentence"), SENTENCES.items(), ids=[" ".join(map(str, key)) for key in SENTENCES]
)
def test_sentence(schedule: tuple[str, str | None], sentence: str) -> None:
    text, time_zone = schedule
    assert describe(parse(text), time_zone) == sentence


def test_a_resolved_h_is_said_as_the_number_that_it_became() -> None:
    schedule = parse("H H * * *")
    assert isinstance(schedule, Cron)
    assert describe(resolve(schedule, "default", "mail-sync"), None) == "every day at 04:08 UTC"
