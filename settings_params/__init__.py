"""Server params: what an operator can set while the server runs."""
