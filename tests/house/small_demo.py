"""A demo with the private services and one more process, for test_demo: `python -m tests.house.small_demo VAR`."""

import sys
from pathlib import Path

from house.checkout import Trouble
from house.demo import Demo
from house.processes import Process


class SmallDemo(Demo):
    def start(self, supervisor):
        supervisor.start_services(self.var, durable=False)
        supervisor.start(Process("worker", ["sleep", "600"], log=self.var / "log" / "worker.log"))
        print("started", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(SmallDemo(Path(sys.argv[1])).run(reset=False))
    except Trouble as trouble:
        sys.exit(str(trouble))
