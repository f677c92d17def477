"""Whether the head of a cluster is still there: connections, and a clock by hand."""

import socket
from contextlib import closing

import pytest

from neurenix.errors import HeadLostError, WorkerError
from neurenix.meta.distributed.head import Head


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def address(server: socket.socket) -> str:
    host, port = server.getsockname()
    return f"{host}:{port}"


def test_a_head_that_answers_is_there() -> None:
    clock = Clock()
    with closing(listening()) as server:
        head = Head(address(server), clock)
        for _ in range(5):
            clock.now += 100.0
            head.check()


def test_a_head_is_lost_once_it_is_silent_for_so_long() -> None:
    clock = Clock()
    server = listening()
    head = Head(address(server), clock)
    head.check()
    server.close()
    for clock.now in (10.0, 20.0, 39.0):
        head.check()
    clock.now = 40.0
    with pytest.raises(HeadLostError, match="not answered for 30 s") as raised:
        head.check()
    assert isinstance(raised.value, WorkerError)


def test_a_head_that_comes_back_in_time_was_never_lost() -> None:
    clock = Clock()
    server = listening()
    where = server.getsockname()
    head = Head(address(server), clock)
    server.close()
    for clock.now in (10.0, 30.0):
        head.check()
    with closing(socket.create_server(where)):
        clock.now = 39.0
        head.check()
    for clock.now in (41.0, 70.0):
        head.check()
    clock.now = 71.0
    with pytest.raises(HeadLostError):
        head.check()


def test_it_is_asked_once_a_second_at_most() -> None:
    clock, asked = Clock(), []

    class Counting(Head):
        def answers(self) -> bool:
            asked.append(clock.now)
            return True

    head = Counting("127.0.0.1:1", clock)
    for clock.now in (0.0, 0.1, 0.9, 1.0, 1.5, 2.5):
        head.check()
    assert asked == [0.0, 1.0, 2.5]


def test_an_address_of_version_six() -> None:
    with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as server:
        port = server.getsockname()[1]
        assert Head(f"[::1]:{port}").answers()
