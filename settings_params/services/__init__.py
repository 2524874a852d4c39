"""Changes of settings, one verb a function."""
