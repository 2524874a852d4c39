"""A model server that follows a script: real agents are proven with it, without a model and without a key."""
