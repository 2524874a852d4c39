"""The managed documents of a project: people's text in its repository, with blocks that the server will write."""
