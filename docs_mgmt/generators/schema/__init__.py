"""The tables of a project's databases, as its files declare them: read, never run."""
