"""The model gateway: through it an agent reaches its model API with a token of the run's in place of the real key."""
