"""Diagrams of a project as Mermaid, made from what other parts have read: no file is opened, no Django is known."""
