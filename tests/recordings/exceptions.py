"""Where the sandbox may differ from the recording: the recorded step, and why its answer is not ours to give."""

ERRORS: dict[str, str] = {
    "listCapacity": "the recorded build fails on a backup provider that no configuration of it has",
    **dict.fromkeys(
        ("disassociateIpAddress.gone", "disassociateIpAddress.gone.pending", "disassociateIpAddress.gone.job"),
        "the recorded release before it had failed on a balancer that the controller of then could not delete",
    ),
}

KEYS: dict[str, str] = {
    "listHosts": "the recorded hosts are simulated, without sockets, and run system VMs, which the sandbox has none of",
    "listSystemVms": "the sandbox has no system VMs",
    "listTrafficTypes": "the recorded hypervisors are simulated, so traffic has no KVM label",
}
