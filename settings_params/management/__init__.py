"""Commands of the settings."""
