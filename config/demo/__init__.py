"""`bin/demo`: the whole road once, from a repository to a pushed branch, through the public API only."""
