"""Any number of threads may evaluate and adapt one learner: the bits are those of one
thread, and nothing stays changed."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.meta import (
    ANIL,
    BOIL,
    FOMAML,
    IMAML,
    MAML,
    MLP,
    R2D2,
    Callback,
    ConditionalNeuralProcess,
    MAMLPlusPlus,
    MatchingNetworks,
    MetaSGD,
    ProtoMAML,
    PrototypicalNetworks,
    Reptile,
    generate_classification_tasks,
    generate_regression_tasks,
)

THREADS = 8


def network(mode="running"):
    return nn.Sequential(
        nn.Linear(20, 8),
        nn.BatchNorm1d(8, mode=mode),
        nn.Dropout(0.5),
        nn.Linear(8, 5),
    )


def neural_process():
    encoder = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 4))
    return ConditionalNeuralProcess(encoder, MLP([5, 8, 2]))


GRADIENT = [MAML, FOMAML, ANIL, BOIL, MetaSGD, ProtoMAML, MAMLPlusPlus, IMAML, Reptile]
EMBEDDING = [PrototypicalNetworks, MatchingNetworks, R2D2]
LEARNERS = {
    **{m.__name__: lambda m=m: m(network(), inner_steps=1) for m in GRADIENT},
    **{m.__name__: lambda m=m: m(network()) for m in EMBEDDING},
    "ConditionalNeuralProcess": neural_process,
    "transductive": lambda: MAML(network("transductive"), inner_steps=1),
    "support": lambda: MAML(network("support"), inner_steps=1),
    "embedded": lambda: PrototypicalNetworks(network("transductive")),
}


@pytest.fixture(autouse=True)
def often():
    """Threads change as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def tasks_of(learner):
    if isinstance(learner, ConditionalNeuralProcess):
        return generate_regression_tasks(4, 6, seed=0)
    return generate_classification_tasks(4, num_samples_per_class=2, seed=0)


def numbers(found):
    """All that an evaluation or a prediction says, as bytes."""
    if isinstance(found, (tuple, list)):
        return [numbers(x) for x in found]
    if isinstance(found, nx.Tensor):
        return found.numpy().tobytes()
    beside = None if found.beside is None else numbers(found.beside)
    scores = {name: x.tobytes() for name, x in found.scores.items()}
    return found.transductive, found.batch_norm, scores, beside


@pytest.mark.parametrize("name", LEARNERS)
def test_bits_are_those_of_one_thread(compiled_device, name):
    nx.manual_seed(0)
    learner = LEARNERS[name]()
    tasks = tasks_of(learner)

    def work(number):
        if number % 4 == 0:
            mode = (None, False, "both")[number // 4 % 3]
            return numbers(learner.evaluate(tasks, transductive=mode))
        task = tasks[number % len(tasks)]
        return numbers(learner.adapt_to_task(task[0], task[1])(task[2]))

    wanted = [work(number) for number in range(12)]
    if name == "transductive":
        assert wanted[0] != wanted[4]
    state = numbers(list(learner.state_dict().values()))
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda i: work(i % 12), range(64)))
    assert [i for i, bits in enumerate(found) if bits != wanted[i % 12]] == []
    assert all(module.training for module in learner.modules())
    assert numbers(list(learner.state_dict().values())) == state


@pytest.mark.parametrize("method", [MAML, MAMLPlusPlus, PrototypicalNetworks])
def test_training_is_the_same_beside_other_threads(compiled_device, method):
    def trained(beside):
        nx.manual_seed(0)
        learner = method(network("transductive"))
        tasks = tasks_of(learner)
        done = threading.Event()

        def others(number):
            while not done.is_set():
                if number == 0:
                    learner.evaluate(tasks, transductive=False)
                elif number == 1:
                    learner.adapt_to_task(tasks[0][0], tasks[0][1])(tasks[0][2])
                else:
                    learner.forward(tasks[0][2]).numpy()

        learner.eval()  # what others see stays so; dropout would draw
        with ThreadPoolExecutor(3) as pool:
            running = [pool.submit(others, n) for n in range(3 if beside else 0)]
            try:
                learner.meta_learn(tasks, epochs=15, progress=False)
            finally:
                done.set()
            for each in running:
                each.result()
        assert not any(module.training for module in learner.modules())
        return numbers(list(learner.state_dict().values()))

    assert trained(beside=True) == trained(beside=False)


def test_a_model_sees_one_step_of_training_at_a_time(compiled_device):
    """The network as it is, while a step changes its weights in place."""
    nx.manual_seed(0)
    model = nn.Linear(1, 200_000, bias=False)
    model.weight.assign(nx.zeros(200_000, 1))
    learner = MAML(model, inner_steps=1)
    y = np.ones((1, 200_000))
    sgd = nx.optim.SGD(learner.parameters(), lr=1e4)
    done = threading.Event()

    def torn():
        found = 0
        while not done.is_set():
            found += len(np.unique(learner(nx.ones(1, 1)).numpy())) > 1
        return found

    with ThreadPoolExecutor(1) as pool:
        watched = pool.submit(torn)
        task = (np.ones((1, 1)), y, np.ones((1, 1)), y)
        learner.meta_learn([task], sgd, epochs=100, tasks_per_batch=1, progress=False)
        done.set()
        assert watched.result() == 0


def test_what_callbacks_set_is_theirs():
    """`eval()` in a callback is for the callback; training goes on in training."""

    class Looks(Callback):
        def on_step_end(self, learner, event):
            learner.eval()
            first, second = (learner(tasks[0][2]).tolist() for _ in range(2))
            assert first == second  # no dropout
            assert not learner.training

    def trained(callbacks):
        nx.manual_seed(0)
        learner = MAML(network(), inner_steps=1)
        learner.meta_learn(
            tasks, tasks_per_batch=1, callbacks=callbacks, progress=False
        )
        return numbers(list(learner.state_dict().values()))

    tasks = tasks_of(None)
    assert trained([]) == trained([Looks()])
