"""Worker processes: the loop that takes tasks, its sign of life, and what is done for those that died."""
