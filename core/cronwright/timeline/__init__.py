"""The timeline: the append-only record of runs. Events are its rows; a run is folded from its events."""
