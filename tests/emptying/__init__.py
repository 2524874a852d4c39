"""An app of the tests only, for its command."""
