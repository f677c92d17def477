"""What the benchmarks count and print; that they run takes a machine to itself."""

import sys
from pathlib import Path

import pytest

import neurenix as nx

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in list(sys.modules):
        if name.split(".")[0] in ("growth", "harness", "memory", "time_to_accuracy"):
            del sys.modules[name]


def program_of(f, *inputs):
    compiled = nx.compile(f)
    compiled(*inputs)
    (entry,) = compiled.entries.values()
    return entry.program


def test_operations_of_products_in_regions_are_counted_as_often_as_they_run():
    from growth.counts import operations

    x, w = nx.ones(3, 4, 5), nx.ones(5, 6)
    mapped = program_of(lambda x, w: nx.map(lambda a: a @ w)(x), x, w)
    assert operations(mapped) == 3 * 2 * 4 * 5 * 6
    # over one term it is no product
    assert operations(program_of(lambda a, b: a @ b, nx.ones(4, 1), nx.ones(1, 6))) == 0


def test_operations_of_a_convolution_and_its_gradients():
    from growth.counts import operations

    from neurenix.nn import functional

    x, w = nx.ones(2, 3, 8, 8), nx.ones(5, 3, 3, 3)
    one = 2.0 * (2 * 5 * 6 * 6) * (3 * 3 * 3)

    def loss(x, w):
        y = functional.conv2d(x, w)
        return (y * y).sum()

    assert operations(program_of(loss, x, w)) == one
    assert operations(program_of(nx.grad(loss, argnums=(0, 1)), x, w)) == 3 * one


def test_no_placing_goes_below_the_bound_and_a_map_has_a_frame_on_each_thread():
    from growth.counts import scratch

    def body(a):
        return nx.exp((nx.tanh(a @ a) @ a) @ a).sum()

    program = program_of(lambda x: nx.map(body)(x), nx.ones(4, 16, 16))
    one, two = scratch(program, 0, 1), scratch(program, 0, 2)
    # two products of 16 × 16 floats are alive at once: what is read, and what is made
    assert 2 * 16 * 16 * 4 <= one.bound <= one.taken
    assert two.bound - one.bound >= 2 * 16 * 16 * 4


def test_the_spread_of_ratios():
    from harness.alternate import spread

    assert spread([2.0]) == (2.0, 2.0, 2.0)
    assert spread([5.0, 1.0, 2.0, 4.0, 3.0]) == (2.0, 3.0, 4.0)


def test_the_floor_that_counts_is_the_higher_one():
    from harness.report import with_floors

    peaks = {"gflops_all": 100.0, "bandwidth": [[1000, 50.0], [10**6, 10.0]]}
    row = {"operations": 10**8, "bytes": 5000, "best_ms": 3.0}
    found = with_floors(row, peaks)
    assert found["work_ms"] == pytest.approx(1.0)
    assert found["traffic_ms"] == pytest.approx(5e-4)  # at the rate of 10 GB/s
    assert found["distance"] == pytest.approx(3.0)
    busy = with_floors({**row, "bytes": 20 * 10**6}, peaks)
    assert busy["distance"] == pytest.approx(1.5)


def test_of_each_peer_the_fastest_form_that_ran_is_kept():
    from harness.report import best_of_each_peer

    def row(peer, form, **more):
        return {"workload": "w1", "peer": peer, "form": form, **more}

    rows = [
        row("jax", "jax a", median_ms=2.0),
        row("jax", "jax b", median_ms=1.0),
        row("jax", "jax c", error="longer than 3 s"),
        row("mlx", "mlx", error="not installed"),
        row("jax", "jax scan16", median_ms=0.5, steps_per_call=16),
        row("neurenix", "neurenix", median_ms=0.4),
    ]
    kept = [r["form"] for r in best_of_each_peer(rows)]
    assert kept == ["neurenix", "jax b", "mlx", "jax scan16"]


def test_a_table_is_replaced_between_its_markers(tmp_path):
    from harness.report import put_between

    document = tmp_path / "page.md"
    document.write_text("before\n<!-- t -->\nold\n<!-- end of t -->\nafter\n")
    put_between(document, "t", "new")
    assert document.read_text() == (
        "before\n<!-- t -->\nnew\n<!-- end of t -->\nafter\n"
    )
    with pytest.raises(SystemExit, match="no markers"):
        put_between(document, "other", "new")


def test_every_level_is_reached_at_its_first_evaluation():
    from time_to_accuracy import reached, summary

    def row(seconds, score, seed=0):
        return {
            "race": "prototypical", "contender": "a", "seconds": seconds,
            "steps": 25, "score": score, "seed": seed,
        }  # fmt: skip

    first = [row(1, 94.0), row(2, 96.1), row(3, 95.0), row(4, 97.0)]
    other = [row(1, 94.0, 1), row(6, 97.5, 1), row(8, 96.0, 1)]
    found = reached([*first, *other])
    times = {
        level: {seed: line["seconds"] for seed, line in by_seed.items()}
        for (_, _, level), by_seed in found.items()
    }
    assert times == {"95 %": {0: 2, 1: 6}, "96 %": {0: 2, 1: 6}, "97 %": {0: 4, 1: 6}}
    assert "4.0 (2.0, 6.0)" in summary([*first, *other])


def test_the_table_of_memory_grows_with_kept_steps_only(monkeypatch):
    if not nx.get_device_count("cpu"):
        pytest.skip("the CPU engine is not installed")
    import memory

    nx.init({"device": "cpu", "threads": 1})
    methods, steps = ("MAML", "IMAML"), (1, 8)
    found = memory.rows(methods, steps, channels=4, size=16)
    grown = {(row["method"], row["remat"]): row[8] / row[1] for row in found}
    assert grown["MAML", False] > 1.2 and grown["MAML", True] < 1.1
    assert grown["IMAML", False] == grown["IMAML", True] < 1.1
    lines = memory.table(found, steps).splitlines()
    assert len(lines) == 2 + len(found) and "| 1 " in lines[0] and "remat" in lines[3]
