"""Schedules: what people may write, the line that Kubernetes gets, and the fire times that follow.

Import the modules, not this package, which imports nothing: a runner's start pays for what it needs.

- `errors`: `ScheduleError`, the one error that a person's schedule or time zone can raise
- `grammar`: text to `Cron | Every | Manual`, and the check of a time zone
- `fields`: one cron field, item by item, and the numbers that it names
- `hashes`: `H` to a number, by the Task's name
- `line`: the cron line handed to Kubernetes
- `grid`: `@every` on its grid since the Unix epoch
- `zones`: offsets of the pinned time zone database
- `robfig`: Kubernetes' own search for the next fire time
- `history`: the search backwards, by Kubernetes' searches forwards
- `firetimes`: fire times of any schedule, forwards and backwards
- `sentence`: a schedule in words
"""
