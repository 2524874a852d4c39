"""Which files of a project an import means: a reader for each language over one table of the commit's paths."""
