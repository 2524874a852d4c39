"""What every door of the API shares: problems, pages, parsers, renderers. It imports no app."""
