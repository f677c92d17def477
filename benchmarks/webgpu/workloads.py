"""The workloads w1 to w6 of docs/performance.md on any device, with made-up data.

w1, w2   sine, second and first order MAML, 4 tasks, 5 inner steps
w3       sine, Reptile, 8 inner steps
w4       prototypical networks over an MLP
w5s1, w5s5   Conv-4 MAML 5-way 1-shot, second order, 1 and 5 inner steps, 4 tasks
w6       Conv-4 prototypical networks 20-way 5-shot
"""

import numpy as np

import neurenix as nx
from neurenix import optim
from neurenix.meta import MAML, MLP, Conv4, Episode, PrototypicalNetworks, Reptile

SINE = {"sizes": [1, 40, 40, 1], "tasks": 4}
CONV = {"tasks": 4, "ways": 5, "shots": 1, "queries": 5, "image": 28, "channels": 64}
WORKLOADS = {
    "w1": {**SINE, "method": MAML, "inner": 5, "inner_lr": 0.01},
    "w2": {**SINE, "method": MAML, "inner": 5, "inner_lr": 0.01, "first_order": True},
    "w3": {**SINE, "method": Reptile, "inner": 8, "inner_lr": 0.02},
    "w4": {
        "method": PrototypicalNetworks,
        "sizes": [20, 64, 64, 32],
        "tasks": 4,
        "ways": 5,
        "shots": 5,
        "queries": 5,
    },
    "w5s1": {**CONV, "method": MAML, "inner": 1, "inner_lr": 0.4},
    "w5s5": {**CONV, "method": MAML, "inner": 5, "inner_lr": 0.4},
    "w6": {
        **CONV,
        "method": PrototypicalNetworks,
        "tasks": 1,
        "ways": 20,
        "shots": 5,
    },
}


class Workload:
    """A meta-step of one workload on the device that is current; each with the same
    weights and data wherever it runs. `channels` and `image` make convolutions
    smaller."""

    def __init__(self, name, channels=None, image=None):
        self.w = dict(WORKLOADS[name])
        if "channels" in self.w:
            self.w["channels"] = channels or self.w["channels"]
            self.w["image"] = image or self.w["image"]
        self.rng = np.random.default_rng(len(name) + ord(name[1]))
        nx.manual_seed(1)
        self.learner = self._learner()
        parameters = dict(self.learner.named_parameters())
        if self.w["method"] is Reptile:
            optimizer = optim.SGD(parameters.values(), lr=0.1)
        else:
            optimizer = optim.Adam(parameters.values(), lr=1e-3)
        learner, ways = self.learner, self.w.get("ways")

        def step(*tasks):
            values = learner.learned()

            def one(*task):
                outcome, gradient = learner.task_gradient(values, Episode(*task, ways))
                return outcome.loss, gradient

            with nx.no_grad():
                loss, gradient = nx.map(one, reduce="mean")(*tasks)
                optimizer.step([gradient[name] for name in parameters])
            return loss

        self.step = nx.compile(step, state=[learner, optimizer])

    def batch(self):
        """The next batch of tasks, as arrays."""
        return self._classes() if "ways" in self.w else self._sines()

    def losses(self, steps):
        """The losses of so many steps, each on a batch of its own."""
        return [self.step(*map(nx.tensor, self.batch())).item() for _ in range(steps)]

    def _learner(self):
        w = self.w
        if w["method"] is PrototypicalNetworks:
            return PrototypicalNetworks(self._network())
        options = {"inner_lr": w["inner_lr"], "inner_steps": w["inner"]}
        if w["method"] is MAML:
            options["first_order"] = w.get("first_order", False)
        return w["method"](self._network(), **options)

    def _network(self):
        w = self.w
        if "sizes" in w:
            net = MLP(w["sizes"])
        else:
            adapts = w["method"] is MAML
            net = Conv4(
                hidden=w["channels"],
                ways=w["ways"] if adapts else None,
                downsampling="stride" if adapts else "pool",
                batch_norm="transductive",
            )
        return net

    def _sines(self):
        n = self.w["tasks"]
        amplitude = self.rng.uniform(0.1, 5, (n, 1, 1))
        phase = self.rng.uniform(0, np.pi, (n, 1, 1))
        x = self.rng.uniform(-5, 5, (n, 20, 1))
        y = amplitude * np.sin(x - phase)
        parts = (x[:, :10], y[:, :10], x[:, 10:], y[:, 10:])
        return [np.ascontiguousarray(part, np.float32) for part in parts]

    def _classes(self):
        w, rng = self.w, self.rng
        shape = (1, w["image"], w["image"]) if "image" in w else (w["sizes"][0],)
        per_class = w["shots"] + w["queries"]
        centres = rng.normal(0, 1, (w["tasks"], w["ways"], 1, *shape))
        noise = rng.normal(0, 1, (w["tasks"], w["ways"], per_class, *shape))
        x = (0.5 * centres + noise).astype(np.float32)
        y = np.broadcast_to(np.arange(w["ways"], dtype=np.int32)[:, None], x.shape[:3])
        cut = slice(None, w["shots"]), slice(w["shots"], None)
        return [
            np.ascontiguousarray(a[:, :, part]).reshape(w["tasks"], -1, *a.shape[3:])
            for part in cut
            for a in (x, y)
        ]
