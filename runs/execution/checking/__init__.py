"""Proves an installed agent end to end, in a project of its own that is thrown away; it knows no Django."""
