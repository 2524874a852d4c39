"""Commands of config."""
