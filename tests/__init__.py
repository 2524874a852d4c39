"""The tests; each app has a folder of its own."""
