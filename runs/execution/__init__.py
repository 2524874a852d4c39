"""The story of one run: executor, agents, sandbox, prompt."""
