"""Where the sandbox may differ from the recording: the recorded step, and why its answer is not ours to give."""

ERRORS: dict[str, str] = {
    "listCapacity": "the recorded build fails on a backup provider that no configuration of it has",
    "t.createVPC.routed": "an earlier run's VPC held the range in the recorded zone",
}

KEYS: dict[str, str] = {}
