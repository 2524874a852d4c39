"""Routes and entry points, read from the text of a project: nothing of it is run, and no Django of ours is known."""
