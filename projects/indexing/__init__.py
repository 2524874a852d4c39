"""Knowing the code of a project: plumbing, without Django."""
