"""What can go wrong around a sandbox, named by who must act; it carries no value of an environment."""


class SandboxError(Exception):
    """Any failure to start, hold or end a sandboxed process."""


class SandboxUnavailable(SandboxError):
    """The operator must act: this machine offers no sandbox. The message names the cure."""


class SandboxSpecInvalid(SandboxError):
    """The caller must act: what was asked for cannot be sandboxed safely."""


class SandboxFailed(SandboxError):
    """Bubblewrap gave up before the command could start; the message is its own."""


class ProcessesLeft(SandboxError):
    """The kernel did not end these processes in time (they hang in a device or a network file system)."""

    def __init__(self, pids: tuple[int, ...]) -> None:
        self.pids = pids
        super().__init__(
            f"Processes {', '.join(map(str, pids))} did not end after SIGKILL: they hang in the kernel, most likely in "
            "a network file system or a device. The operator must look at them."
        )
