"""The doors of runs: thin, one file for each kind of thing that is asked for."""
