"""Which seeds go on together after a job has ended: as they were, and all at one step."""

import pytest
from toy_runs import toy_task, toys  # noqa: F401

from isotrope.packs import resume
from isotrope.training.seed_groups import Unfinished

TOGETHER = [3, 1, 2]  # as the stack had them, row by row


@pytest.fixture
def task(toys):  # noqa: F811
    return toy_task(seeds=[1, 2, 3, 4], pack="1-4", stack=3)


def save(task, seed, position, together=TOGETHER, epochs=0):
    stack = {"seeds": together, "row": together.index(seed), "width": len(together)}
    training = {"epochs": epochs, "position": position, "stack": stack}
    saved = {"training": training, "record": {}}
    resume.save(task.unfinished(seed), saved, task.training_digest)


def groups(task, seeds):
    found = Unfinished(task, pytest.fail).taken_up(seeds)
    return [(one.seeds, one.rows, one.width, _positions(one)) for one in found]


def _positions(group):
    return {one["training"]["position"] for one in group.saved.values()}


def test_the_seeds_of_a_stack_go_on_together_in_their_rows(task):
    for seed in TOGETHER:
        save(task, seed, 5)
    assert groups(task, [1, 2, 3, 4]) == [(TOGETHER, [0, 1, 2], 3, {5})]


@pytest.mark.parametrize("finished", TOGETHER)
def test_those_that_remain_go_on_together_whichever_has_finished(task, finished):
    for seed in TOGETHER:
        save(task, seed, 5)
    left = [seed for seed in TOGETHER if seed != finished]
    rows = [TOGETHER.index(seed) for seed in left]
    assert groups(task, sorted(left)) == [(left, rows, 3, {5})]


@pytest.mark.parametrize("saved_later", [[3], [3, 1]])
def test_seeds_that_were_saved_once_more_go_back_to_the_others(task, saved_later):
    for seed in TOGETHER:
        save(task, seed, 5)
    for seed in saved_later:
        save(task, seed, 6)
    assert groups(task, [1, 2, 3]) == [(TOGETHER, [0, 1, 2], 3, {5})]


def test_a_stack_whose_first_saving_was_cut_off_begins_anew(task):
    for seed in TOGETHER[:2]:
        save(task, seed, 0)
    assert groups(task, [1, 2, 3]) == []


def test_seeds_of_two_stacks_go_on_in_theirs_and_the_older_first(task):
    save(task, 4, 7, [4])
    for seed in TOGETHER:
        save(task, seed, 2)
    assert [seeds for seeds, *_ in groups(task, [1, 2, 3, 4])] == [TOGETHER, [4]]
