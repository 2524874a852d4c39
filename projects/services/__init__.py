"""What changes projects: one verb function for each change."""
