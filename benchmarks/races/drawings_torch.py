"""A contender: Prototypical Networks on Omniglot, in plain PyTorch's best form.

    python drawings_torch.py DRAWINGS.npz STEPS

Channels last, the fused Adam, no gradients in evaluation; the caller tunes the
allocator (see time_to_accuracy.py), without which this takes twice as long.
DRAWINGS.npz has uint8 `train` [classes, drawings, height, width] and `tasks` [tasks,
images, 1, height, width], a support image of each class, then its queries.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from turns import Clock, answer, one_core, seed, turn

TRAIN_WAYS, WAYS, SHOTS, QUERIES = 20, 5, 1, 5
SEED = seed()


def block(channels):
    return nn.Sequential(
        nn.Conv2d(channels, 64, 3, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )


def ready(images):
    x = torch.from_numpy(images).float().div_(255)
    return x.contiguous(memory_format=torch.channels_last)


def episode(drawings, ways, random):
    """Support, then queries, class after class: float32 [ways * (1 + 5), 1, 28, 28]."""
    classes = random.choice(len(drawings), ways, replace=False)
    order = np.argsort(random.random((ways, drawings.shape[1])), axis=1)
    chosen = drawings[classes[:, None], order[:, : SHOTS + QUERIES]]
    parts = chosen[:, :SHOTS], chosen[:, SHOTS:]
    flat = [p.reshape(-1, 1, *p.shape[2:]) for p in parts]
    return ready(np.concatenate(flat))


def logits(network, x, ways):
    z = network(x).flatten(1)
    centres = z[: ways * SHOTS].reshape(ways, SHOTS, -1).mean(1)
    return -(z[ways * SHOTS :, None] - centres).square().sum(2)


def accuracy(network, tasks):
    network.eval()
    labels = torch.arange(WAYS).repeat_interleave(QUERIES)
    right = 0.0
    with torch.inference_mode():
        for images in tasks:
            found = logits(network, ready(images), WAYS).argmax(1)
            right += (found == labels).float().mean().item()
    network.train()
    return 100 * right / len(tasks)


def main():
    one_core()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    with np.load(sys.argv[1]) as file:
        train, tasks = file["train"], file["tasks"]
    network = nn.Sequential(block(1), block(64), block(64), block(64))
    network = network.to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    labels = torch.arange(TRAIN_WAYS).repeat_interleave(QUERIES)
    clock, steps = Clock(), 0
    answer(ready=True)
    while turn():
        clock.start()
        for _ in range(int(sys.argv[2])):
            x = episode(train, TRAIN_WAYS, random)
            loss = F.cross_entropy(logits(network, x, TRAIN_WAYS), labels)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            steps += 1
        seconds = clock.stop()
        score = accuracy(network, tasks)
        answer(
            seconds=seconds,
            steps=steps,
            score=score,
            batch_norm="running",
            transductive=False,
        )


main()
