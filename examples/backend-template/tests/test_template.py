"""This package's own tests; the conformance suite runs beside them, by

pytest --pyargs neurenix.testing.suite --nx-device template
"""

from neurenix_backend_template.kernels import KERNELS

import neurenix as nx
from neurenix.primitives import BASIS


def test_there_is_a_kernel_for_the_basis_and_for_nothing_else():
    assert set(KERNELS) == set(BASIS)


def test_the_device_is_found_and_is_chosen_only_by_name():
    assert nx.get_device_count("template") == 1
    nx.init({"device": "template:0"})
    assert str(nx.current_device()) == "template:0"


def test_state_is_updated_in_place():
    nx.init({"device": "template"})
    layer = nx.nn.Linear(3, 1)
    optimizer = nx.optim.Adam(layer.parameters(), lr=0.1)

    def step(x, y):
        def loss(weights):
            output, _ = nx.nn.functional_call(layer, weights, x)
            return ((output - y) ** 2).mean()

        weights = {name: p.value() for name, p in layer.named_parameters()}
        value, gradient = nx.value_and_grad(loss)(weights)
        optimizer.step([gradient[name] for name in weights])
        return value

    compiled = nx.compile(step, state=[layer, optimizer])
    x = nx.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]])
    y = nx.tensor([[1.0], [2.0]])
    losses = [compiled(x, y).item() for _ in range(50)]
    assert losses[-1] < 0.05 * losses[0]
