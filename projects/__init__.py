"""Projects: a repository, its members, its work trees, and the Git plumbing under them."""
