"""What is told of a project's code, drawn from its files: plumbing, without Django."""
