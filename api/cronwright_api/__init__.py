"""The HTTP API: keeps the timeline of runs, and shows it to whoever may list Tasks."""
