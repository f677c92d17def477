"""PyTorch: torch.func, vmap over the tasks; `eager`, or the whole step by torch.compile
in its mode "reduce-overhead", which replays CUDA graphs. In float32 as we have it."""

import math

import torch
import torch.nn.functional as F
from torch.func import grad, grad_and_value, vmap

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True  # it chooses its fastest convolution


def network(case, p, x):
    if not case["channels"]:
        for i in range(0, len(p) - 2, 2):
            x = F.relu(F.linear(x, p[i], p[i + 1]))
        return F.linear(x, p[-2], p[-1])
    for i in range(4):
        kernel, scale, shift = p[3 * i : 3 * i + 3]
        x = F.conv2d(x, kernel, stride=2 if case["adapts"] else 1, padding=1)
        # batch norm spelt out: its second derivative under vmap is right
        x = x - x.mean((0, 2, 3), keepdim=True)
        factor = torch.rsqrt((x * x).mean((0, 2, 3), keepdim=True) + 1e-5)
        x = F.relu(x * (factor * scale[:, None, None]) + shift[:, None, None])
        if not case["adapts"]:
            x = F.max_pool2d(x, 2)
    if case["adapts"]:
        return F.linear(x.mean((2, 3)), p[-2], p[-1])
    return x.flatten(1)


class Peer:
    def __init__(self, case, weights, mode):
        self.case = case
        self.on = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.cuda.get_device_name() if self.on == "cuda" else "cpu"
        self.p = [torch.from_numpy(a).to(self.on) for a in weights]
        self.m = [torch.zeros_like(a) for a in self.p]
        self.v = [torch.zeros_like(a) for a in self.p]
        self.t = torch.zeros((), device=self.on)
        self.function = self.reptile if case["method"] == "Reptile" else self.adam
        self.compiled = mode == "reduce"
        if self.compiled:
            self.function = torch.compile(self.function, mode="reduce-overhead")

    def load(self, batch):
        there = [torch.from_numpy(a).to(self.on) for a in batch]
        return [a.long() if a.dtype == torch.int32 else a for a in there]

    def step(self, batch):
        if self.compiled:
            torch.compiler.cudagraph_mark_step_begin()
        with torch.no_grad():
            p, m, v, t, loss = self.function(self.p, self.m, self.v, self.t, *batch)
        # a graph's outputs are overwritten by its next replay: the state is copied
        torch._foreach_copy_([*self.p, *self.m, *self.v, self.t], [*p, *m, *v, t])
        return loss.item()

    def loss(self, p, x, y):
        out = network(self.case, p, x)
        return F.cross_entropy(out, y) if self.case["ways"] else F.mse_loss(out, y)

    def maml(self, p, xs, ys, xq, yq):
        for _ in range(self.case["inner"]):
            g = grad(self.loss)(p, xs, ys)
            if self.case["first_order"]:
                g = [a.detach() for a in g]
            p = [a - self.case["inner_lr"] * b for a, b in zip(p, g)]
        return self.loss(p, xq, yq)

    def prototypes(self, p, xs, ys, xq, yq):
        z = network(self.case, p, torch.cat([xs, xq]))
        support, query = z[: len(xs)], z[len(xs) :]
        centres = support.reshape(self.case["ways"], -1, z.shape[-1]).mean(1)
        return F.cross_entropy(-(query[:, None] - centres).square().sum(-1), yq)

    def adam(self, p, m, v, t, *batch):
        prototypical = self.case["method"] == "PrototypicalNetworks"
        task = self.prototypes if prototypical else self.maml

        def objective(p):
            return vmap(task, in_dims=(None, 0, 0, 0, 0))(p, *batch).mean()

        g, loss = grad_and_value(objective)(p)
        t = t + 1
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g)]
        # in float32, 1 - b**t would lose half of its digits
        c1, c2 = (-torch.expm1(t * math.log(b)) for b in (0.9, 0.999))
        moved = zip(p, m, v)
        p = [a - 1e-3 / c1 * b / (torch.sqrt(c / c2) + 1e-8) for a, b, c in moved]
        return p, m, v, t, loss

    def reptile(self, p, m, v, t, *batch):
        def one(xs, ys):
            q = p
            for _ in range(self.case["inner"]):
                g, loss = grad_and_value(self.loss)(q, xs, ys)
                q = [a - self.case["inner_lr"] * b for a, b in zip(q, g)]
            return q, loss

        q, loss = vmap(one)(*batch[:2])
        p = [a + 0.1 * (b.mean(0) - a) for a, b in zip(p, q)]
        return p, m, v, t, loss.mean()
