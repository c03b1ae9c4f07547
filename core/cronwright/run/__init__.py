"""Runs: their ids, the document that travels to them, the gate at their start, and how they ended."""
