"""Rounds of chance against the event log and its stream: `bin/test --rounds` (docs/events.md)."""
