"""Changes of snapshots and of the trees that they are taken of, one verb a function."""
