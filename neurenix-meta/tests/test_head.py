"""Whether the head of a cluster is still there: connections, and a clock by hand."""

import socket
from collections.abc import Callable
from contextlib import closing
from threading import Thread

import pytest

from neurenix.errors import HeadLostError, WorkerError
from neurenix.meta.distributed import head as head_module
from neurenix.meta.distributed.head import Head


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def says(connection: socket.socket) -> None:
    connection.recv(100)
    connection.sendall(bytes(9))  # HTTP/2's settings, none


def listening(
    where: tuple[str, int] = ("127.0.0.1", 0),
    answer: Callable[[socket.socket], None] = says,
) -> socket.socket:
    """A server that answers each connection, until it is closed."""
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    server = socket.create_server(where, family=family)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:  # it was closed
                return
            with connection:
                answer(connection)

    Thread(target=serve, daemon=True).start()
    return server


def end(server: socket.socket) -> None:
    server.shutdown(socket.SHUT_RDWR)  # or `accept` would wait on
    server.close()


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
    end(server)
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
    end(server)
    for clock.now in (10.0, 30.0):
        head.check()
    again = listening(where)
    clock.now = 39.0
    head.check()
    end(again)
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
    with closing(listening(("::1", 0))) as server:
        port = server.getsockname()[1]
        assert Head(f"[::1]:{port}").answers()


def test_one_that_ends_connections_is_there() -> None:
    with closing(listening(answer=socket.socket.close)) as server:
        assert Head(address(server)).answers()


def test_one_that_hangs_is_lost_once_it_is_silent_for_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its machine takes connections, and it says nothing."""
    monkeypatch.setattr(head_module, "_ANSWER", 0.05)
    clock = Clock()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        head = Head(address(server), clock)
        for clock.now in (10.0, 39.0):
            head.check()
        clock.now = 40.0
        with pytest.raises(HeadLostError, match="not answered for 30 s"):
            head.check()
