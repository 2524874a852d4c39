"""The OpenAPI document: what drf-spectacular finds, and what only we know of our routes."""
