"""The order of steps that brings a loop's CronJob and the Jobs of its windows to their plan, or away from it.

Each look derives the steps that are due from what is there; nothing is remembered between two looks, and an operator
that stops after any one step leaves a state from which the next one finds the rest. What is written last is what says
where a change stands:

- *closed*: the CronJob has the new plan and its loop start, and is suspended. What ran before is told to end at that
  start, and its Jobs are waited for.
- *open*: the same, not suspended. With the lever one second before the opening of the window that is open at the loop
  start, the CronJob controller itself starts that window's Job, once.

A paused loop has a suspended CronJob without a loop start. Nothing fires between two steps: a closed CronJob fires
nothing, and the lever is set while it is closed. Which Job is of which generation of the plan, its own loop start says.

`progress` is the way in and tells the cases apart. A Task that is put in force and one that stalls, whose last good
plan goes on, are two `aim`s of the same steps. `opening` leads a loop to a new plan, `start` chooses when that takes
over, `repair` keeps one in force, `leaving` pauses it or makes way for a plan of another kind. They share what the
`steps` are, the two `manifests`, how `ending` a Job goes, which ticks a Job among `jobs` owns, and which of them are
`unserved`.
"""
