"""Snapshots: the exact state of a work tree, kept under private refs of the project's repository."""
