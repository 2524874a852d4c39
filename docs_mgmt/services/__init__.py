"""What is done with managed documents: generated anew, and written into a run's work tree."""
