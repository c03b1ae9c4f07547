"""What a Daptin task becomes: a table of tasks → the Task's spec and the notes, and of mistakes → sentences."""

import json
from pathlib import Path
from typing import cast

import pytest

from cronwright.jsontypes import JSON
from cronwright_cli.daptin import notes
from cronwright_cli.daptin.convert import Conversion, convert
from cronwright_cli.daptin.schema import read_schema
from cronwright_cli.errors import BadInput
from cronwright_cli.manifests import to_yaml

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"

PLAIN = "Name: cleanup, Schedule: '@manual', ActionName: clean, AsUserEmail: a@example.com, Active: true"
PLAIN_SPEC = {"schedule": "@manual", "actionName": "clean", "asUserEmail": "a@example.com", "isActive": True}
UTC_NOTE = (
    "Schedule of cleanup: Daptin reads it in the time zone of its server, this Task in Etc/UTC; give --time-zone where"
    " that is another"
)
GRID_NOTE = (
    "Schedule of cleanup: Daptin counts @every from its own start, this Task in whole multiples from midnight UTC on"
    " 1 January 1970"
)
NAME_RULE = "a name has at most 52 letters, digits, - _ and dots, with a letter or digit at both ends"
HELD = "metadata.name can't hold it, so spec.name does"


def converted(tasks: str, time_zone: str | None = None) -> Conversion:
    return convert(read_schema(f"Tasks:\n{tasks}", "schema.yaml"), None, time_zone)


def told(conversion: Conversion) -> list[str]:
    lines = notes.tell(conversion.notes, list(conversion.manifests))
    return [line for line in lines if not line.startswith("concurrencyPolicy: ")]


def changed(before: str, after: str) -> str:
    assert before in PLAIN
    return f"- {{{PLAIN.replace(before, after)}}}"


# name: (a task, what of the spec differs from PLAIN_SPEC (None: is not there), the notes)
CASES: dict[str, tuple[str, dict[str, JSON], list[str]]] = {
    "as it stands": (f"- {{{PLAIN}}}", {}, []),
    "a name with underscores": (
        changed("cleanup", "mail_sync"),
        {"name": "mail_sync"},
        [f"Name of mail_sync: {HELD} (mail_sync → mail-sync)"],
    ),
    "a name with capitals and dots": (
        changed("cleanup", "Mail.Sync"),
        {"name": "Mail.Sync"},
        [f"Name of Mail.Sync: {HELD} (Mail.Sync → mail-sync)"],
    ),
    "a name with spaces": (
        changed("cleanup", "Mail Server Sync"),
        {"name": "Mail_Server_Sync", "label": "Mail Server Sync"},
        [
            f"Name of Mail_Server_Sync: {NAME_RULE} (Mail Server Sync → Mail_Server_Sync)",
            "Label of Mail_Server_Sync: unset, so it takes the name as it was (Mail Server Sync)",
            f"Name of Mail_Server_Sync: {HELD} (Mail_Server_Sync → mail-server-sync)",
        ],
    ),
    "a name that ends in a sign, with a label": (
        changed("Name: cleanup", "Name: v2_, Label: Second"),
        {"label": "Second"},
        [f"Name of v2: {NAME_RULE} (v2_ → v2)"],
    ),
    "a name of 60 characters": (
        changed("cleanup", "n" * 60),
        {"name": "n" * 43 + "_8d4e1c26", "label": "n" * 60},
        [],
    ),
    "a label": (changed("Name: cleanup", "Name: cleanup, Label: Aufräumen"), {"label": "Aufräumen"}, []),
    "a preset": (changed("@manual", "@daily"), {"schedule": "@daily"}, [UTC_NOTE]),
    "a cron line": (changed("@manual", "0 2 * * *"), {"schedule": "0 2 * * *"}, [UTC_NOTE]),
    "a cron line with a zone in it": (
        changed("@manual", "CRON_TZ=Europe/Berlin 0 2 * * *"),
        {"schedule": "0 2 * * *", "timeZone": "Europe/Berlin"},
        ["Schedule of cleanup: the time zone in it becomes timeZone (cleanup Europe/Berlin)"],
    ),
    "a cron line with a zone in it, the old way": (
        changed("@manual", "TZ=Asia/Tokyo @daily"),
        {"schedule": "@daily", "timeZone": "Asia/Tokyo"},
        ["Schedule of cleanup: the time zone in it becomes timeZone (cleanup Asia/Tokyo)"],
    ),
    "an interval": (changed("@manual", "@every 1h"), {"schedule": "@every 1h"}, [GRID_NOTE]),
    "an interval with a zone, which says nothing": (
        changed("@manual", "TZ=Asia/Tokyo @every 1h"),
        {"schedule": "@every 1h"},
        ["Schedule of cleanup: a time zone has no effect on @every and is left out (Asia/Tokyo)", GRID_NOTE],
    ),
    "an interval below a minute": (
        changed("@manual", "@every 30s"),
        {"schedule": "@every 30s"},
        [
            GRID_NOTE,
            "Schedule of cleanup: below a minute a Task is a loop: one pod that stays, in which each run is a process",
        ],
    ),
    "no user": (
        changed(", AsUserEmail: a@example.com", ""),
        {"asUserEmail": None},
        ["AsUserEmail of cleanup: unset, so a run carries no user's authority"],
    ),
    "an empty user": (
        changed("a@example.com", '""'),
        {"asUserEmail": None},
        ["AsUserEmail of cleanup: unset, so a run carries no user's authority"],
    ),
    "a user with capitals": (
        changed("a@example.com", "Admin@Example.com"),
        {"asUserEmail": "admin@example.com"},
        ["AsUserEmail of cleanup: a Task writes it in lower case (Admin@Example.com → admin@example.com)"],
    ),
    "not active": (
        changed("Active: true", "Active: false"),
        {"isActive": False},
        ["Active of cleanup: false, so the Task is there and paused"],
    ),
    "active unset": (
        changed(", Active: true", ""),
        {"isActive": None},
        [
            "Active of cleanup: unset, which Daptin takes for false and never runs; the Task runs; write Active: false"
            " to keep it paused"
        ],
    ),
    "attributes, as deep as they are": (
        changed(
            "Active: true", 'Active: true, Attributes: {a: [1, 2.5, null, {"": no}], $ref: $$5, at: 12:30, n: 1e3}'
        ),
        {"attributes": {"a": [1, 2.5, None, {"": False}], "$ref": "$$5", "at": "12:30", "n": 1000.0}},
        [],
    ),
    "capital mails in attributes stay": (
        changed("Active: true", "Active: true, Attributes: {to: Boss@Example.com}"),
        {"attributes": {"to": "Boss@Example.com"}},
        [],
    ),
    "a date in attributes is a string, as for Daptin": (
        changed("Active: true", "Active: true, Attributes: {since: 2027-01-01}"),
        {"attributes": {"since": "2027-01-01"}},
        [],
    ),
    "attributes as a string of JSON": (
        changed("Active: true", """Active: true, Attributes: '{"days": 30}'"""),
        {"attributes": {"days": 30}},
        ["Attributes of cleanup: the JSON in the string becomes an object"],
    ),
    "an entity": (changed("clean,", "clean, EntityName: session,"), {"entityName": "session"}, []),
    "properties in another case": (changed("ActionName", "actionname"), {}, []),
    "a job type": (
        changed("Active: true", "Active: true, JobType: backup"),
        {},
        [
            "JobType of cleanup: a Task has no such field; write it as a label in metadata.labels to keep it (backup)",
        ],
    ),
    "a column of Daptin's table": (
        changed("Active: true", "Active: true, ReferenceId: 0190"),
        {},
        ["ReferenceId of cleanup: belongs to Daptin's database; left out"],
    ),
    "an unknown property": (
        changed("Active: true", "Active: true, Colour: red"),
        {},
        ["Colour of cleanup: unknown to Daptin; left out"],
    ),
    "an unknown property close to a known one": (
        changed("Active: true", "Active: true, entity_name: session"),
        {},
        ["entity_name of cleanup: unknown to Daptin; left out; write EntityName if that is meant"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_task_becomes(name: str) -> None:
    task, difference, expected_notes = CASES[name]
    conversion = converted(task)
    assert [str(refusal) for refusal in conversion.refusals] == []
    (manifest,) = conversion.manifests.values()
    expected = {key: value for key, value in {**PLAIN_SPEC, **difference}.items() if value is not None}
    if name == "a name of 60 characters":
        spec = cast(dict[str, JSON], manifest["spec"])
        assert str(spec["name"])[:44] == "n" * 43 + "_"
        assert len(str(spec["name"])) == 52
        return
    assert manifest["spec"] == expected
    assert told(conversion) == expected_notes


def test_the_time_zone_of_daptins_server_is_kept_where_it_says_something() -> None:
    tasks = "\n".join(
        f"- {{Name: {name}, Schedule: '{schedule}', ActionName: clean, AsUserEmail: a@example.com, Active: true}}"
        for name, schedule in {
            "cron": "0 2 * * *",
            "preset": "@daily",
            "own": "TZ=Asia/Tokyo 0 2 * * *",
            "every": "@every 2h",
            "manual": "@manual",
        }.items()
    )
    conversion = converted(tasks, "Europe/Berlin")
    zones = {
        name: cast(dict[str, JSON], manifest["spec"]).get("timeZone") for name, manifest in conversion.manifests.items()
    }
    assert zones == {
        "cron": "Europe/Berlin",
        "preset": "Europe/Berlin",
        "own": "Asia/Tokyo",
        "every": None,
        "manual": None,
    }
    assert "Schedule of cron, preset: read in Europe/Berlin, as --time-zone says" in told(conversion)


def test_of_two_tasks_with_one_name_the_last_counts_as_in_daptin() -> None:
    conversion = converted(f"- {{{PLAIN}}}\n" + changed("ActionName: clean", "ActionName: other"))
    (manifest,) = conversion.manifests.values()
    assert cast(dict[str, JSON], manifest["spec"])["actionName"] == "other"
    assert told(conversion) == ["Name of cleanup: is there more than once; the last one counts, as in Daptin"]


def test_a_note_about_every_task_names_none_of_them() -> None:
    without_user = PLAIN.replace(", AsUserEmail: a@example.com", "")
    conversion = converted("\n".join(f"- {{{without_user.replace('cleanup', name)}}}" for name in ("a", "b")))
    assert told(conversion) == ["AsUserEmail of all 2 tasks: unset, so a run carries no user's authority"]


def test_overlapping_runs_and_other_sections_are_noted_once() -> None:
    text = f"Tables: [{{TableName: a}}]\nActions: []\nTasks: [{{{PLAIN}}}]"
    conversion = convert(read_schema(text, "schema.yaml"), None, None)
    assert notes.tell(conversion.notes, list(conversion.manifests)) == [
        "concurrencyPolicy: Daptin starts a run though the last one goes on; here a run waits for it, up to"
        " startingDeadlineSeconds (Forbid); write Allow where Daptin's way is wanted",
        "Tables, Actions: not converted; only Tasks are",
    ]


def test_the_namespace_goes_into_metadata() -> None:
    conversion = convert(read_schema(f"Tasks: [{{{PLAIN}}}]", "schema.yaml"), "ops", None)
    assert conversion.manifests["cleanup"]["metadata"] == {"name": "cleanup", "namespace": "ops"}


FORMS = {
    "YAML": ("schema.yaml", f"Tasks:\n- {{{PLAIN}}}\n"),
    "YAML of several documents": ("schema.yaml", f"Tables: []\n---\nTasks:\n- {{{PLAIN}}}\n---\n"),
    "YAML with anchors and merges": (
        "schema.yaml",
        "Base: &base {Schedule: '@manual', ActionName: clean}\n"
        "Tasks:\n- {<<: *base, Name: cleanup, AsUserEmail: a@example.com, Active: true}\n",
    ),
    "JSON": (
        "schema.json",
        json.dumps({"Tasks": [{"Name": "cleanup", "Schedule": "@manual", "ActionName": "clean"} | {"Active": True}]}),
    ),
    "JSON from stdin": ("the input", '{"tasks": [{"Name": "cleanup", "Schedule": "@manual", "ActionName": "clean"}]}'),
    "TOML": ("schema.toml", '[[Tasks]]\nName = "cleanup"\nSchedule = "@manual"\nActionName = "clean"\n'),
}


@pytest.mark.parametrize("form", FORMS)
def test_daptin_takes_a_schema_as(form: str) -> None:
    file_name, text = FORMS[form]
    conversion = convert(read_schema(text, file_name), None, None)
    assert list(conversion.manifests) == ["cleanup"]
    assert not conversion.refusals


def test_the_example_becomes_what_it_became(update_golden: bool) -> None:
    conversion = convert(read_schema((ROOT / "examples/tasks.yaml").read_text(), "examples/tasks.yaml"), None, None)
    text = to_yaml(list(conversion.manifests.values()))
    lines = "".join(f"note: {line}\n" for line in notes.tell(conversion.notes, list(conversion.manifests)))
    if update_golden:
        (GOLDEN / "tasks.yaml").write_text(text)
        (GOLDEN / "tasks.notes").write_text(lines)
    assert text == (GOLDEN / "tasks.yaml").read_text()
    assert lines == (GOLDEN / "tasks.notes").read_text()


# name: (a task, the sentence)
REFUSALS: dict[str, tuple[str, str]] = {
    "no name": (
        changed("Name: cleanup, ", ""),
        "task 1: Name is missing; write a name that is unique among the tasks, such as daily_report",
    ),
    "a name without a letter": (
        changed("cleanup", "日報"),
        "task 1 (日報): Name has no letter from A to Z and no digit; write a name such as daily_report and put this one"
        " into Label",
    ),
    "a name that is a number": (
        changed("cleanup", "2027"),
        'task 1: Name is 2027 and not a string; write it in quotes, such as Name: "2027"',
    ),
    "a label without end": (
        changed("Name: cleanup", f"Name: cleanup, Label: {'l' * 254}"),
        "task 1 (cleanup): Label has 254 characters; write at most 253",
    ),
    "no schedule": (
        changed("Schedule: '@manual', ", ""),
        'task 1 (cleanup): Schedule is missing; write when the task runs, such as Schedule: "@daily"',
    ),
    "a schedule under another name": (
        changed("Schedule", "Shedule"),
        "task 1 (cleanup): Schedule is missing, but there is Shedule; write Schedule: in its place",
    ),
    "a schedule that is a number": (
        changed("'@manual'", "5"),
        'task 1 (cleanup): Schedule is 5 and not a string; write it in quotes, such as Schedule: "5"',
    ),
    "six fields, seconds in front": (
        changed("@manual", "0 0 2 * * *"),
        "task 1 (cleanup): Schedule can't be kept: schedule \"0 0 2 * * *\" is not five fields; write '0 2 * * *' if"
        " the first one is seconds, or @every 30s for less than a minute",
    ),
    "an unknown preset": (
        changed("@manual", "@reboot"),
        'task 1 (cleanup): Schedule can\'t be kept: schedule "@reboot" is unknown; write @hourly, @daily,'
        " @midnight, @weekly,"
        " @monthly, @yearly, @annually, @manual, @every 30m or five cron fields such as 0 3 * * *",
    ),
    "less than a second": (
        changed("@manual", "@every 500ms"),
        'task 1 (cleanup): Schedule can\'t be kept: schedule "@every 500ms" is shorter than a second;'
        " write at least @every 1s",
    ),
    "a zone that does not exist": (
        changed("@manual", "CRON_TZ=Mars/Olympus 0 3 * * *"),
        'task 1 (cleanup): the time zone can\'t be kept: timeZone "Mars/Olympus" is not in the time zone'
        " database; write a"
        " name that is, such as Europe/Berlin, America/New_York or Etc/UTC",
    ),
    "no action": (
        changed("ActionName: clean, ", ""),
        "task 1 (cleanup): ActionName is missing; write the action to run, such as export_data",
    ),
    "an action under another name": (
        changed("ActionName", "action_name"),
        "task 1 (cleanup): ActionName is missing, but there is action_name; write ActionName: in its place",
    ),
    "an action of two words": (
        changed("ActionName: clean", "ActionName: clean up"),
        "task 1 (cleanup): ActionName is 'clean up'; write letters, digits, - _ and . only, at most 120, such as"
        " export_data",
    ),
    "an entity of two words": (
        changed("ActionName: clean", "ActionName: clean, EntityName: mail server"),
        "task 1 (cleanup): EntityName is 'mail server'; write letters, digits, - _ and . only, at most 120, such as"
        " mail_server",
    ),
    "a user that is no address": (
        changed("a@example.com", "admin"),
        "task 1 (cleanup): AsUserEmail is 'admin', which is no e-mail address; write one, such as reports@example.com",
    ),
    "active as a word": (
        changed("Active: true", 'Active: "true"'),
        'task 1 (cleanup): Active is "true"; write true or false, without quotes',
    ),
    "attributes as a list": (
        changed("Active: true", "Active: true, Attributes: [1]"),
        "task 1 (cleanup): Attributes is [1] and not an object; write names and values, such as {format: json}",
    ),
    "attributes as words": (
        changed("Active: true", "Active: true, Attributes: days 30"),
        "task 1 (cleanup): Attributes is a string that holds no JSON; write an object, such as {format: json}",
    ),
    "attributes too large": (
        changed("Active: true", f"Active: true, Attributes: {{a: {'x' * 65536}}}"),
        "task 1 (cleanup): Attributes has 65544 bytes as JSON, more than the 65536 of a Task; put the data where the"
        " action can fetch it, and name the place",
    ),
    "a number that Kubernetes would alter": (
        changed("Active: true", "Active: true, Attributes: {id: 9223372036854775808}"),
        "task 1: Attributes.id is 9223372036854775808, more than 64 bits hold; write it in quotes, such as"
        ' "9223372036854775808"',
    ),
    "a number that JSON can't say": (
        changed("Active: true", "Active: true, Attributes: {x: [.nan]}"),
        "task 1: Attributes.x[0] is nan, which JSON can't say; write a number, or the word in quotes",
    ),
    "a key that is a number": (
        changed("Active: true", "Active: true, Attributes: {1: a}"),
        'task 1: Attributes.1 is a key that is no string; write "1" in quotes',
    ),
    "a key twice": (
        changed("Active: true", "Active: true, Attributes: {a: 1, a: 2}"),
        "task 1: Attributes.a occurs twice; leave one of them",
    ),
    "a property in two spellings": (
        changed("Active: true", "Active: true, active: false"),
        "task 1: Active is there in two spellings, one of them active; leave one of them",
    ),
    "a value with a tag": (
        changed("Active: true", "Active: true, Attributes: {a: !!binary aGk=}"),
        "task 1: Attributes.a has the YAML tag tag:yaml.org,2002:binary; write a plain value",
    ),
    "a value in itself": (
        changed("Active: true", "Active: true, Attributes: &a {a: *a}"),
        "task 1: Attributes.a contains itself through an anchor; write the value out",
    ),
    "a task that is a word": ("- cleanup", "task 1: the item is not a task; write its properties, Name first"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_task_is_refused(name: str) -> None:
    task, sentence = REFUSALS[name]
    conversion = converted(task)
    assert [str(refusal) for refusal in conversion.refusals] == [sentence]
    assert not conversion.manifests


def test_no_two_mistakes_share_a_sentence() -> None:
    # "is not a string" names the property and what stands there, which is what tells the two apart.
    sentences = [sentence for _, sentence in REFUSALS.values()]
    assert len(set(sentences)) == len(sentences)


def test_two_names_that_become_one_resource_are_refused() -> None:
    conversion = converted(changed("cleanup", "daily_report") + "\n" + changed("cleanup", "daily-report"))
    assert [str(refusal) for refusal in conversion.refusals] == [
        "task 2 (daily-report): Name becomes metadata.name daily-report, which task 'daily_report' has already; give"
        " one of the two another name"
    ]
    assert list(conversion.manifests) == ["daily_report"]


EXAMPLE = '`Tasks: [{Name: daily_report, Schedule: "@daily", ActionName: generate_report}]`'
FILES: dict[str, tuple[str, str, str]] = {
    "nothing": ("schema.yaml", "", f"schema.yaml has no Tasks section; write one, such as {EXAMPLE}"),
    "other sections only": (
        "schema.yaml",
        "Tables: []\nActions: []",
        f"schema.yaml has no Tasks section; it has Tables, Actions; write one, such as {EXAMPLE}",
    ),
    "a list": ("schema.yaml", "- a", f"schema.yaml holds no sections; write Tasks above the tasks, such as {EXAMPLE}"),
    "a list as JSON": (
        "schema.json",
        "[]",
        f"schema.json holds no sections; write Tasks above the tasks, such as {EXAMPLE}",
    ),
    "tasks by name": (
        "schema.yaml",
        "Tasks: {a: {}}",
        f"Tasks in schema.yaml is not a list; write each task with a dash, such as {EXAMPLE}",
    ),
    "no tasks": ("schema.yaml", "Tasks:", "Tasks in schema.yaml is empty; there is nothing to convert"),
    "broken YAML": (
        "schema.yaml",
        "Tasks:\n- {",
        "schema.yaml is no YAML: expected the node content, but found '<stream end>' in line 2; correct that place",
    ),
    "broken JSON": (
        "schema.json",
        '{"Tasks": [}',
        "schema.json is no JSON: Expecting value: line 1 column 12 (char 11); correct that place",
    ),
    "broken TOML": (
        "schema.toml",
        "Tasks = ",
        "schema.toml is no TOML: Invalid value (at end of document); correct that place",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_refused(name: str) -> None:
    file_name, text, sentence = FILES[name]
    with pytest.raises(BadInput) as refusal:
        read_schema(text, file_name)
    assert str(refusal.value) == sentence
