"""What RayStrategy is made with, and a cluster that has too little or is not there."""

import socket
import types
import warnings

import pytest

from neurenix import meta
from neurenix.devices import Device
from neurenix.errors import InvalidArgumentError, WorkerError
from neurenix.meta.distributed import RayStrategy, ray_package
from neurenix.meta.distributed.head import Head
from neurenix.meta.distributed.ray_package import connect
from neurenix.meta.distributed.ray_resources import check_resources

pytest.importorskip("ray", reason="Ray is not installed")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resources": {"CPU": "1"}}, r"resources=\{'CPU': '1'\}; expected numbers"),
        ({"resources": {"CPU": 0}}, r"resources=\{'CPU': 0\}; expected numbers above"),
        ({"resources": {"CPU": True}}, "resources=.*expected numbers"),
        ({"resources": {"CPU": float("inf")}}, "resources=.*expected numbers"),
        ({"resources": [1]}, r"resources=\[1\]; expected numbers"),
        ({"resources": {}}, r"resources=\{\}; .* or None"),
        ({"address": 5}, "address=5; expected the head's host and port"),
        ({"address": ""}, "address=''; expected"),
        ({"address": "ray://a.example:10001"}, r"'ray://.*' is Ray's client, .*auto"),
        (
            {"device": "gpu"},
            "device='gpu' is no device type that is known here; .*'cuda'",
        ),
        ({"device": "cuda:1"}, "device='cuda:1'; expected a type without .*'cuda'"),
        ({"device": Device("cuda", 1)}, "expected a type without a number, 'cuda'"),
        ({"device": 5}, "device 5: expected a name"),
        ({"at_least": 3}, "at_least=3 is more than workers=2"),
    ],
)
def test_a_wrong_argument_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        RayStrategy(2, **given)


def test_what_is_right_is_kept() -> None:
    assert RayStrategy(2, Device("cuda")).device == "cuda"
    made = RayStrategy(2, "cuda", resources={"CPU": 2, "GPU": 0.5}, address="auto")
    assert made.device == "cuda" and made.resources == {"CPU": 2.0, "GPU": 0.5}
    assert RayStrategy(2, "reference").resources is None


def cluster(cores: int) -> types.SimpleNamespace:
    """Ray, of one node that has so many cores."""
    there = {"CPU": float(cores)}
    return types.SimpleNamespace(
        nodes=lambda: [{"Alive": True, "Resources": there}],
        available_resources=lambda: there,
    )


def test_too_many_workers_are_named_as_they_were_asked_for() -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"\(workers=5, at_least=4\): .* has room for 2"
    ):
        check_resources(cluster(2), 5, 4, {"CPU": 1.0})
    with pytest.raises(InvalidArgumentError, match=r"RayStrategy\(workers=5\): "):
        check_resources(cluster(2), 5, None, {"CPU": 1.0})


def test_fewer_than_there_are_to_be_are_told() -> None:
    with pytest.warns(UserWarning, match="room for 2 of 5 workers"):
        check_resources(cluster(2), 5, 1, {"CPU": 1.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_resources(cluster(5), 5, 1, {"CPU": 1.0})


def test_a_cluster_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(address: str | None, **options: object) -> None:
        raise ConnectionError("Failed to connect to Ray cluster")

    monkeypatch.setattr("ray.init", refuses)
    monkeypatch.setattr(Head, "answers", lambda head: True)
    with pytest.raises(
        WorkerError, match=r"address='a.example:1' \(Failed .*RAY_AUTH_MODE=token"
    ):
        connect("a.example:1")
    monkeypatch.setenv("RAY_ADDRESS", "b.example:2")
    with pytest.raises(WorkerError, match=r"address='b\.example:2'"):
        connect(None)


def test_ray_s_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment, too, and where the process is connected by it."""
    monkeypatch.setattr("ray.init", lambda *args, **options: pytest.fail("asked"))
    monkeypatch.setenv("RAY_ADDRESS", "ray://a.example:10001")
    with pytest.raises(InvalidArgumentError, match="is Ray's client"):
        connect(None)
    monkeypatch.setattr("ray.util.client.ray.is_connected", lambda: True)
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    learner = meta.MAML(meta.MLP([1, 1]))
    tasks = meta.generate_regression_tasks(2, 2, seed=0)
    with pytest.raises(InvalidArgumentError, match="is Ray's client"):
        learner.evaluate(tasks, strategy=RayStrategy(1))


def test_where_nothing_listens_ray_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ray.init", lambda *args, **options: pytest.fail("asked"))
    monkeypatch.setattr(ray_package, "_PATIENCE", 0.1)
    with socket.socket() as held:  # a port that nobody listens at
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(WorkerError, match=f"address='127.0.0.1:{port}' .nothing"):
            connect(f"127.0.0.1:{port}")
