"""The prompts of these tests: the model behind an agent follows their lines (runs/execution/model_server)."""

GREETING = "Please follow the steps below, one after another."


def script(*steps: str) -> str:
    """A prompt with those steps."""
    return "\n".join([GREETING, "", *steps])


def waiting(name: str) -> str:
    """A command that tells of its beginning by the file `NAME-begun`, and waits for `NAME-go`."""
    return f"@@sh touch {name}-begun; while ! test -e {name}-go; do sleep 0.1; done; echo {name} done"
