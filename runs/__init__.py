"""Runs: one prompt given to one agent on one project, its event log and stream, its review."""
