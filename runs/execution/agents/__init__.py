"""Coding agents over the Agent Client Protocol: their profiles, and the client that drives one. Knows no Django."""
