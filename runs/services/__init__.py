"""What changes runs: one verb function for each change, each its own transaction."""
