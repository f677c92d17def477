"""What a meta-step over many machines costs: the numbers, and the time by formula."""

import math
from dataclasses import dataclass

# What a network card carries, in bytes a second each way.
TEN_GIGABIT, HUNDRED_GIGABIT = 1.25e9, 12.5e9


@dataclass(frozen=True)
class Costs:
    """Times in seconds.

    task      a worker's work on one episode
    update    what the driver does once a step, whatever the number of workers
    call      the driver's work to ask one worker and to hear from it, without bytes
    byte      the driver's work for each byte that it packs, or takes from a worker
    size      bytes of the parameters; as many of a meta-gradient
    card      bytes a second that a machine's network card carries, each way
    latency   one way
    spread    standard deviation of the logarithm of a share's time over workers
    """

    task: float
    update: float
    call: float
    byte: float
    size: int
    card: float = TEN_GIGABIT
    latency: float = 100e-6
    spread: float = 0.1

    @property
    def out(self) -> float:
        """The driver's processor, to ask one worker."""
        return self.call / 2

    @property
    def into(self) -> float:
        """And to take what one worker gives."""
        return self.call / 2 + self.size * self.byte

    @property
    def wire(self) -> float:
        """A buffer on the card, which carries both directions at once."""
        return self.size / self.card

    @property
    def each(self) -> float:
        """What one more worker keeps its sender busy."""
        return max(self.out + self.into, self.wire)

    def trip(self, children: int, slowest: float, usual: float) -> float:
        """From one process to so many and back, with their work: one after the other is
        sent to, and whoever is done waits for those before it."""
        asked, taken = max(self.out, self.wire), max(self.into, self.wire)
        last = children * asked + slowest + taken
        first = asked + usual + children * taken
        busy = children * (self.out + self.into)
        return self.size * self.byte + 2 * self.latency + max(last, first, busy)

    def work(self, workers: int, tasks: int) -> float:
        """Until the slowest of so many is done with so many tasks."""
        late = self.spread * math.sqrt(2 * math.log(workers)) if workers > 1 else 0.0
        return tasks * self.task * math.exp(late)

    def star(self, workers: int, tasks: int) -> float:
        """A step of so many tasks a worker, where the driver talks to each itself."""
        slowest = self.work(workers, tasks)
        return self.update + self.trip(workers, slowest, tasks * self.task)

    def tree(self, workers: int, tasks: int, fan: int) -> float:
        """The same where each relay hands parameters on to `fan` others, and adds up
        their gradients: so many levels of trips, one within the other."""
        above = levels(workers, fan) - 1
        leaves = math.ceil(workers / fan**above)
        found = self.trip(leaves, self.work(workers, tasks), tasks * self.task)
        for _ in range(above):
            found = self.trip(fan, found, found)
        return self.update + found

    def lost(self, workers: int, tasks: int, hours: float, notice: float) -> float:
        """What losses add to a step on average, where a worker lives so many hours: its
        share is done again by another, once the loss is noticed."""
        share = tasks * self.task
        chance = workers * share / (hours * 3600)
        return chance * (notice + share)

    def half_used(self, tasks: int) -> int:
        """The number of workers from which they wait for the driver, and for what
        travels, as long as they work."""
        return max(1, math.ceil(tasks * self.task / self.each))


def levels(workers: int, fan: int) -> int:
    """Hops from the driver to the farthest of so many workers, `fan` at each."""
    count, reach = 1, fan
    while reach < workers:
        count, reach = count + 1, reach * fan
    return count


def best_tree(costs: Costs, workers: int, tasks: int) -> tuple[float, int]:
    """The least time of a tree, and its fan."""
    fans = [f for f in (4, 8, 16, 32, 64) if f < workers]
    return min((costs.tree(workers, tasks, fan), fan) for fan in fans)


def tree_from(costs: Costs, tasks: int) -> int:
    """The least number of workers for which a step without relays takes a quarter more
    time than with them."""
    workers = 5
    while costs.star(workers, tasks) < 1.25 * best_tree(costs, workers, tasks)[0]:
        workers += 1
    return workers
