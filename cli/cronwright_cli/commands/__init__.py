"""The commands: each unpacks its options, calls the part that does the work, and prints."""
