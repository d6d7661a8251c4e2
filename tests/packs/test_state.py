"""What of a pack is done."""

from isotrope.packs import state


def test_seeds_that_diverged_or_are_not_trained_cannot_be_evaluated():
    status = {1: "done", 2: "diverged", 3: "collapsed", 5: "done"}
    assert state.sound(status, [5, 2, 4, 3, 1]) == [5, 3, 1]


def test_the_evaluations_of_a_table_are_those_of_its_rows(tmp_path):
    table = tmp_path / "results.csv"
    assert state.listed(table) == set()
    table.write_text("seed,evaluation,value\n1,accuracy,0.5\n2,accuracy,0.5\n1,other,1\n")
    assert state.listed(table) == {"accuracy", "other"}
