"""How a contender talks: it trains when it is asked to, and says how far it is.

Standard library only: it runs in the peers' interpreters too.
"""

import json
import os
import sys
import time

# What a library prints must not come between the answers.
_answers, sys.stdout = sys.stdout, sys.stderr


def one_core():
    """NEURENIX_RACE_CORE says which one."""
    os.sched_setaffinity(0, {int(os.environ["NEURENIX_RACE_CORE"])})


def seed():
    """NEURENIX_RACE_SEED: which episodes to train on, and how the weights begin."""
    return int(os.environ.get("NEURENIX_RACE_SEED", "0"))


def answer(**values):
    _answers.write(json.dumps(values) + "\n")
    _answers.flush()


def turn():
    """Wait until it is our turn. False: the race is over."""
    return bool(sys.stdin.readline())


class Clock:
    """Adds up training only: neither evaluation nor waiting."""

    def __init__(self):
        self.seconds = 0.0
        self.started = None

    def start(self):
        self.started = time.perf_counter()

    def stop(self):
        self.seconds += time.perf_counter() - self.started
        return self.seconds
