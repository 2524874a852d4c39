"""Runs an agent's process where it can reach its work tree and its home, and nothing else of the machine."""
