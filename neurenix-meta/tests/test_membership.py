"""Who does the shares of a step, in a cluster that is made up: every branch."""

import logging

import pytest
from fake_pool import NEVER, Answer, FakePool, Script, dies, hangs, once

from neurenix.errors import DatasetError, HeadLostError, OutOfMemoryError, WorkerError
from neurenix.meta.distributed.crew import Job
from neurenix.meta.distributed.membership import Membership
from neurenix.meta.distributed.pool import Lost
from neurenix.meta.distributed.pooled import PooledCrew
from neurenix.meta.distributed.rounds import Rounds


def made(
    *scripts: Script, workers: int = 2, least: int = 1, deadline: float = 60.0
) -> tuple[FakePool, Membership, Rounds]:
    pool = FakePool(list(scripts) or [Script()])
    members = Membership(pool, workers, least, 30.0, 60.0, pool.clock)
    return pool, members, Rounds(members, deadline)


def done(rounds: Rounds, jobs: list[int]) -> list[object]:
    """The results of jobs, in their order; each is best done by the worker of its
    place."""
    asked = [Job("", (job,), place) for place, job in enumerate(jobs)]
    found = dict(rounds.results(asked))
    return [found[place] for place in range(len(jobs))]


def kinds(members: Membership) -> list[tuple[str, int]]:
    return [(change.kind, change.worker) for change in members.changes]


def test_results_come_in_the_order_of_the_jobs() -> None:
    slow, fast = Script(does=lambda j: Answer(j * 10, 5.0)), Script()
    pool, members, rounds = made(slow, fast, least=2)
    assert [w.number for w in members.settled()] == [0, 1]
    assert done(rounds, [1, 2]) == [10, 20]
    assert pool.asked == [(0, 1), (1, 2)]


def test_more_jobs_than_workers_go_to_whoever_is_free() -> None:
    slow, fast = Script(does=lambda j: Answer(j * 10, 10.0)), Script()
    pool, members, rounds = made(slow, fast, least=2)
    members.settled()
    assert done(rounds, [1, 2, 3, 4]) == [10, 20, 30, 40]
    assert pool.asked == [(0, 1), (1, 2), (1, 3), (1, 4)]


def test_no_jobs_give_no_results() -> None:
    _, members, rounds = made()
    members.settled()
    assert done(rounds, []) == []


def test_the_share_of_a_lost_worker_is_done_by_another() -> None:
    pool, members, rounds = made(Script(does=once(dies())), Script(), least=2)
    members.settled()
    assert done(rounds, [1, 2]) == [10, 20]
    assert pool.asked == [(0, 1), (1, 2), (1, 1)]
    assert pool.stopped == [0]
    assert members.changes[2].cause == "killed"
    # the one that replaces it is there for the next step, with no one restarted
    assert [w.number for w in members.settled()] == [1, 2]


def test_a_replacement_that_is_there_first_takes_the_share() -> None:
    slow = Script(does=lambda j: Answer(j * 10, 20.0))
    pool, members, rounds = made(Script(does=once(dies())), slow, Script(), least=2)
    members.settled()
    assert done(rounds, [1, 2]) == [10, 20]
    assert pool.asked == [(0, 1), (1, 2), (2, 1)]


def test_all_workers_at_once_are_replaced() -> None:
    dying = Script(does=lambda j: dies())
    _, members, rounds = made(dying, dying, Script(node="b"), least=2)
    members.settled()
    assert done(rounds, [1, 2]) == [10, 20]
    assert kinds(members) == [
        *[("joined", 0), ("joined", 1)],
        *[("lost", 0), ("lost", 1)],
        *[("joined", 2), ("joined", 3)],
    ]


def test_a_share_that_was_lost_with_a_node_goes_to_another_node() -> None:
    """Others of that node may not know yet that they are gone."""
    on_a = Script("a", does=lambda j: dies(0.5 if j == 1 else 3.0))
    elsewhere = Script("b", does=lambda j: Answer(j * 10, 1.0))
    pool, members, rounds = made(on_a, on_a, elsewhere, workers=3, least=3)
    members.settled()
    assert done(rounds, [1, 2, 3]) == [10, 20, 30]
    assert sorted(job for _, job in pool.asked[3:]) == [1, 2]
    assert all(worker >= 2 for worker, _ in pool.asked[3:])


def test_where_there_is_no_other_node_the_same_one_does_it() -> None:
    pool, members, rounds = made(Script(does=once(dies())), workers=1)
    members.settled()
    assert done(rounds, [1]) == [10]
    assert pool.asked == [(0, 1), (1, 1)]


def test_a_worker_that_hangs_is_ended_and_replaced() -> None:
    hung = Script(does=lambda j: hangs())
    pool, members, rounds = made(hung, Script(), least=2, deadline=7.0)
    members.settled()
    began = pool.now
    assert done(rounds, [1, 2]) == [10, 20]
    assert pool.stopped == [0]
    assert "no answer within 7 s" in members.changes[2].cause
    assert pool.now - began == pytest.approx(8.0)


def test_an_answer_within_the_deadline_counts() -> None:
    slow = Script(does=lambda j: Answer(j * 10, 6.9))
    pool, members, rounds = made(slow, deadline=7.0)
    members.settled()
    assert done(rounds, [1, 2]) == [10, 20]
    assert pool.stopped == []


def test_each_share_has_the_whole_deadline() -> None:
    slow = Script(does=lambda j: Answer(j * 10, 6.0))
    pool, members, rounds = made(slow, workers=1, deadline=7.0)
    members.settled()
    assert done(rounds, [1, 2, 3]) == [10, 20, 30]
    assert pool.stopped == []


def test_what_a_job_raises_is_raised() -> None:
    wrong = Script(does=lambda j: Answer(ValueError("the loss is a string")))
    _, members, rounds = made(wrong)
    members.settled()
    with pytest.raises(ValueError, match="the loss is a string"):
        done(rounds, [1, 2])


def test_a_share_that_kills_whoever_does_it_is_refused() -> None:
    crash = Script(does=lambda j: dies(cause="segmentation fault"))
    pool, members, rounds = made(crash, workers=1)
    members.settled()
    with pytest.raises(WorkerError, match="4 workers were lost over the same share"):
        done(rounds, [1])
    assert [job for _, job in pool.asked] == [1, 1, 1, 1]


def test_a_worker_that_is_killed_for_memory_is_replaced_once() -> None:
    once_full = Script(does=once(dies(cause="node a is full", by_memory=True)))
    _, members, rounds = made(once_full, Script(), least=2)
    members.settled()
    assert done(rounds, [1, 2]) == [10, 20]


def test_a_share_that_needs_too_much_memory_is_refused_by_its_name() -> None:
    full = Script(does=lambda j: dies(cause="node a is full", by_memory=True))
    _, members, rounds = made(full, workers=1)
    members.settled()
    with pytest.raises(OutOfMemoryError, match=r"node a is full.*chunk=1") as raised:
        done(rounds, [1])
    assert isinstance(raised.value, MemoryError)


def test_nobody_left_and_nobody_comes() -> None:
    gone, never = Script(does=lambda j: dies()), Script(after=NEVER)
    _, members, rounds = made(gone, never, workers=1)
    members.settled()
    with pytest.raises(WorkerError, match=r"after 30 s.*killed.*made up"):
        done(rounds, [1])


def test_the_head_is_lost_while_a_step_is_made() -> None:
    pool, members, rounds = made(Script(does=lambda j: Answer(j, 50.0)))
    members.settled()
    pool.head_until = 20.0
    with pytest.raises(HeadLostError):
        done(rounds, [1, 2])


def test_what_takes_long_to_be_used_is_not_overdue() -> None:
    pool, members, rounds = made(Script(), least=2, deadline=7.0)
    members.settled()
    found = rounds.results([Job("", (1,), 0), Job("", (2,), 1)])
    assert next(found) == (0, 10)
    pool.now += 100.0  # the second is answered meanwhile
    assert list(found) == [(1, 20)] and pool.stopped == []


# ---- between steps -------------------------------------------------------------------


def test_a_step_begins_with_the_least_and_others_join_later() -> None:
    pool, members, _ = made(Script(), Script(after=40.0), workers=3, least=1)
    assert len(members.settled()) == 1
    pool.now = 100.0
    assert [w.number for w in members.settled()] == [0, 1, 2]


def test_a_worker_that_comes_in_mid_step_helps() -> None:
    slow = Script(does=lambda j: Answer(j * 10, 10.0))
    pool, members, rounds = made(slow, Script(after=5.0))
    members.settled()
    assert done(rounds, [1, 2, 3]) == [10, 20, 30]
    assert pool.asked == [(0, 1), (1, 2), (1, 3)]


def test_fewer_than_the_least_are_refused_when_patience_is_over() -> None:
    _, members, _ = made(Script(), Script(after=NEVER), workers=3, least=2)
    with pytest.raises(WorkerError, match="2 workers are needed, and 1 are there"):
        members.settled()


def test_wanting_more_brings_more_and_wanting_fewer_sends_the_newest_away() -> None:
    pool, members, _ = made(Script(), workers=1)
    members.settled()
    members.wanted = 3
    members.settled()  # asked for
    pool.now += 5.0
    assert [w.number for w in members.settled()] == [0, 1, 2]
    members.wanted = 1
    assert [w.number for w in members.settled()] == [0]
    assert pool.stopped == [2, 1]
    assert kinds(members)[-2:] == [("left", 2), ("left", 1)]
    assert len(pool.started) == 3


def test_those_who_are_not_there_yet_leave_first() -> None:
    pool, members, _ = made(Script(), Script(after=NEVER), workers=3)
    members.settled()
    members.wanted = 2
    members.settled()
    assert pool.stopped == [2] and len(members.ready) == 1


def test_one_that_dies_before_it_is_ready_is_asked_for_again_ever_later() -> None:
    dead = Script(node=Lost("the process ended"), after=0.1)
    pool, members, _ = made(Script(after=0.0), dead, dead, dead, Script())
    for _ in range(400):
        members.settled()
        pool.now += 0.1
    assert len(members.ready) == 2
    # it takes 0.1 s until one is lost, then so long until the next is asked for
    assert pool.started_at[1:] == pytest.approx([0.0, 1.1, 3.2, 7.3], abs=0.3)


def test_a_worker_that_cannot_make_itself_ready_says_so() -> None:
    bad = Script(node=DatasetError("node b has no Omniglot"))
    _, members, _ = made(Script(), bad, least=2)
    with pytest.raises(DatasetError, match="node b has no Omniglot"):
        members.settled()


def test_one_that_joins_later_and_cannot_is_lost_and_the_others_go_on() -> None:
    bad = Script(node=DatasetError("node b has no Omniglot"), after=3.0)
    pool, members, rounds = made(Script(does=lambda j: Answer(j * 10, 5.0)), bad)
    members.gather()
    assert done(rounds, [1, 2]) == [10, 20]
    assert members.changes[-1].cause == "node b has no Omniglot"
    assert pool.stopped[0] == 1 and kinds(members)[:2] == [("joined", 0), ("lost", 1)]


def test_one_that_joins_later_and_cannot_be_told_is_lost_and_the_others_go_on() -> None:
    """As on a node without the module of a class that the others know."""
    bad = Script(after=3.0, learns=lambda value: Answer(WorkerError("no module"), 2.0))
    pool, members, rounds = made(Script(does=lambda j: Answer(j * 10, 5.0)), bad)
    members.gather()
    members.tell("learner", 1)
    assert done(rounds, [1, 2]) == [10, 20]
    assert kinds(members)[:2] == [("joined", 0), ("lost", 1)]
    assert members.changes[1].cause == "no module" and pool.stopped[0] == 1
    assert "learner" in members.told


def test_one_that_hangs_while_it_starts_is_given_up_and_asked_for_again() -> None:
    hung = Script(placed=2.0, after=NEVER)
    pool, members, rounds = made(Script(), hung, Script())
    members.gather()
    for _ in range(80):
        members.settled()
        pool.now += 1.0
    assert kinds(members) == [("joined", 0), ("lost", 1), ("joined", 2)]
    assert members.changes[1].cause == "it was not ready within 60 s, and was ended"
    assert pool.stopped == [1] and not members.placing and not members.until
    assert done(rounds, [1, 2]) == [10, 20]


def test_one_that_hangs_while_it_starts_is_given_up_in_mid_step() -> None:
    slow = Script(does=lambda j: Answer(j * 10, 30.0))
    _, members, rounds = made(slow, Script(placed=2.0, after=NEVER), Script())
    members.gather()
    members.deadline = 10.0
    assert done(rounds, [1, 2, 3]) == [10, 20, 30]
    assert kinds(members) == [("joined", 0), ("lost", 1), ("joined", 2)]


def test_one_that_waits_for_a_place_is_not_given_up() -> None:
    """The cluster may have one after hours."""
    pool, members, _ = made(Script(), Script(after=7200.0))
    for _ in range(8000):
        members.settled()
        pool.now += 1.0
    assert kinds(members) == [("joined", 0), ("joined", 1)] and not pool.stopped


def test_the_end_stops_all() -> None:
    pool, members, _ = made(Script(), Script(after=NEVER), workers=2)
    members.settled()
    members.end()
    assert sorted(pool.stopped) == [0, 1]
    assert not members.ready and not members.starting


def test_a_loss_is_logged_with_its_node(caplog: pytest.LogCaptureFixture) -> None:
    _, members, rounds = made(Script(does=once(dies())), Script(), least=2)
    members.settled()
    with caplog.at_level(logging.WARNING, "neurenix.meta.distributed"):
        done(rounds, [1, 2])
    assert [r.getMessage() for r in caplog.records] == ["worker 0 on node a: killed"]


# ---- what workers know ---------------------------------------------------------------


def test_those_that_come_later_know_what_the_others_were_told() -> None:
    pool, members, rounds = made(Script(does=once(dies())), Script(), least=2)
    members.settled()
    members.tell("learner", 1)
    members.tell("tasks", 2)
    assert done(rounds, [1, 2]) == [10, 20]
    members.forget("tasks")
    members.settled()
    assert pool.knows[1] == pool.knows[2] == {"learner": 1}


def test_one_that_dies_of_what_it_is_told_is_replaced() -> None:
    dying = Script(learns=lambda value: dies(0.1))
    pool, members, rounds = made(dying, Script(), least=2)
    members.settled()
    members.tell("learner", 1)
    assert done(rounds, [1, 2]) == [10, 20]
    assert kinds(members)[2:] == [("lost", 0)] and len(pool.started) == 3


def test_one_that_is_lost_with_a_job_and_something_told_is_lost_once() -> None:
    dying = Script(does=lambda job: dies(0.1), learns=lambda value: dies(0.1))
    pool, members, rounds = made(dying, Script(), least=2)
    members.settled()
    members.tell("learner", 1)
    assert done(rounds, [1, 2]) == [10, 20]
    assert pool.stopped == [0] and len(pool.started) == 3


def test_what_a_worker_raises_of_what_it_is_told_is_raised() -> None:
    bad = Script(learns=lambda value: Answer(DatasetError("node a has no Omniglot")))
    _, members, rounds = made(bad)
    members.settled()
    members.tell("tasks", 2)
    with pytest.raises(DatasetError, match="node a has no Omniglot"):
        done(rounds, [1, 2])


def test_a_call_that_failed_leaves_nothing_to_the_next_one() -> None:
    """Each worker fails to read the learner, and then at the job that is about it."""
    unreadable = Script(
        learns=lambda value: Answer(
            WorkerError("no module 'mine'") if value == ("put", "bad") else None, 0.1
        ),
        does=lambda job: Answer(KeyError("bad") if job < 3 else job * 10, 0.2),
    )
    pool, members, _ = made(unreadable, workers=3, least=3)
    crew = PooledCrew(pool, members, 60.0)
    assert crew.size == 3
    crew.tell("bad", "bad")
    with pytest.raises(WorkerError, match="no module 'mine'"):
        dict(crew.results([Job("", (job,), job) for job in range(3)]))
    assert not crew.knows("bad") and pool.knows == {0: {}, 1: {}, 2: {}}
    crew.tell("good", "good")
    jobs = [Job("", (job,), job) for job in (3, 4, 5)]
    assert dict(crew.results(jobs)) == {0: 30, 1: 40, 2: 50}
    assert members.awaited == [] and crew.knows("good")


def test_a_worker_that_is_lost_after_a_failed_call_is_replaced() -> None:
    wrong = Script(does=lambda job: Answer(ValueError("a string"), 0.1))
    dying = Script(does=once(dies(0.2)))
    pool, members, rounds = made(wrong, dying, Script(), least=2)
    members.settled()
    with pytest.raises(ValueError, match="a string"):
        done(rounds, [1, 2])
    pool.now += 1.0
    members.settled()
    assert kinds(members)[2:] == [("lost", 1), ("joined", 2)]


def test_what_a_worker_says_of_what_it_was_told_comes_before_its_job() -> None:
    both = Script(
        learns=lambda value: Answer(WorkerError("unreadable"), 0.2),
        does=lambda job: Answer(KeyError("learner"), 0.2),
    )
    _, members, rounds = made(both, workers=1)
    members.settled()
    members.tell("learner", 1)
    with pytest.raises(WorkerError, match="unreadable"):
        done(rounds, [1])


def test_a_crew_gathers_as_many_as_it_needs_and_no_more() -> None:
    for least, seconds in [(2, 20.0), (1, 1.0)]:
        pool, members, _ = made(Script(), Script(after=20.0), least=least)
        members.gather()
        assert len(members.ready) == least and pool.now == seconds


def test_a_crew_that_lacks_more_does_not_begin() -> None:
    _, members, _ = made(Script(), Script(after=NEVER), workers=3, least=2)
    with pytest.raises(WorkerError, match=r"2 workers are needed.*after 30 s"):
        members.gather()


def test_a_crew_puts_hints_and_sizes() -> None:
    pool, members, _ = made(Script(), Script(after=5.0), least=1)
    crew = PooledCrew(pool, members, 60.0)
    assert crew.size == 1
    crew.tell("learner", 7)
    assert pool.knows[0] == {"learner": ("put", 7)} and crew.put(3) == ("put", 3)
    crew.hint([Job("", (1,), 0), Job("", (2,), 1)])
    assert pool.hints == [(0, 1), (0, 2)]
    pool.now = 9.0
    assert crew.size == 2
    assert dict(crew.results([Job("", (4,), 1)])) == {0: 40}
    assert pool.asked == [(1, 4)]
    crew.close()
    crew.hint([Job("", (1,), 0)])
    assert len(pool.hints) == 2
