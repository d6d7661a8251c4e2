"""What is shown of evaluations that have jobs and files of their own."""

from made_up_index import DEMO, point
from made_up_packs import STORES, MadeUpPack, looked_at, only

from isotrope import paths
from isotrope.plan.index import EvaluationEntry, JobEntry

ATTACK = EvaluationEntry("attack", "1" * 16, "stir/emoji", JobEntry(1, 4, 240, 4000))
SPREAD = EvaluationEntry("spread", "2" * 16, "stir/emoji", JobEntry(0, 1, 30, 2000), of_run=True)
ATTACK_STORE = "attack-" + "1" * 16


def state(**entries):
    base = point(evaluations={**point().evaluations, **entries})
    (one,) = looked_at(only(DEMO, points={"base": base}))
    return one.found.state, one.found.detail


def made(*seeds):
    pack = MadeUpPack()
    pack.make()
    pack.evaluate(*seeds, stores=(ATTACK_STORE,))
    return pack


def test_it_is_done_when_all_files_are_there(indexed):
    pack = made(1, 2, 3)
    assert state(attack=ATTACK) == ("queued", "trained; to be evaluated: attack")
    pack.write("results-attack.csv")
    assert state(attack=ATTACK) == ("done", "")


def test_of_several_the_first_that_is_not_done_is_shown(indexed):
    pack = made(1, 2, 3)
    both = {"attack": ATTACK, "spread": SPREAD}
    assert state(**both) == ("queued", "trained; to be evaluated: attack")
    pack.write("results-attack.csv")
    assert state(**both) == ("queued", "trained; to be evaluated: spread")
    paths.results_of_run(DEMO, "base", "spread").touch()
    assert state(**both) == ("done", "")


def test_it_may_run_for_hours_without_a_word(indexed):
    pack = made(1)
    pack.write("evaluate-attack.log", "attack: 1 seeds on 20 images of toy, test\n", age=3 * 3600)
    found, detail = state(attack=ATTACK)
    assert found == "running"
    assert detail.startswith("evaluates, 3.0 h")
    pack.write("evaluate-attack.log", "", age=5 * 3600)
    assert state(attack=ATTACK)[0] == "interrupted"


def test_its_deleted_table_is_gone(indexed):
    pack = made(1, 2, 3)
    pack.write("evaluate-attack.log", "attack: 3 seeds on 20 images of toy, test\n", age=60)
    kept = "results-attack.csv is gone; its rows are kept, and only put together again"
    assert state(attack=ATTACK) == ("queued", kept)


def test_its_error_is_shown_with_its_log(indexed):
    pack = made(1)
    pack.write("evaluate-attack.log", "Killed\n")
    assert state(attack=ATTACK) == ("failed", "evaluation: Killed")


def test_a_new_seed_is_to_be_evaluated_there_too(indexed):
    pack = made(1, 2)
    pack.write("results-attack.csv")
    assert state(attack=ATTACK) == ("queued", "trained; to be evaluated: attack")


def test_the_shared_job_comes_first(indexed):
    pack = made(1, 2, 3)
    (pack.folder / "results.csv").unlink()
    assert state(attack=ATTACK) == ("queued", "trained; to be evaluated")


def test_a_measure_of_the_run_lies_beside_the_packs(indexed):
    made(1, 2, 3)
    assert state(spread=SPREAD) == ("queued", "trained; to be evaluated: spread")
    log = paths.results_of_run(DEMO, "base", "spread").with_name("evaluate-spread.log")
    log.write_text("spread: no such thing\n")
    assert state(spread=SPREAD) == ("failed", "evaluation: spread: no such thing")
    paths.results_of_run(DEMO, "base", "spread").touch()
    assert state(spread=SPREAD) == ("done", "")


def test_the_rows_of_shared_evaluations_are_looked_for_in_their_own_stores(indexed):
    pack = MadeUpPack()
    pack.finish(1, 2, 3)
    pack.assemble(age=10)
    pack.evaluate(1, 2, 3, stores=(STORES[0], ATTACK_STORE))
    pack.write("results-attack.csv")
    assert state(attack=ATTACK) == ("stale", "evaluation scale_generalization is new")
