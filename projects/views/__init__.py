"""The doors of projects: `/api/projects…`."""
