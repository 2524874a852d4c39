"""The built-in agent ``script``: an ACP agent process that does exactly what its prompt spells out."""
