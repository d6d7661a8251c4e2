"""Whether results were made with the code as it is, and what is said where they were not."""

import json
from dataclasses import replace

import pytest
from altered_files import altered
from made_up_index import OWN, made_up_index, point, run

from isotrope import paths
from isotrope.files.code_column import worst
from isotrope.packs import code_records
from isotrope.packs.code_records import Code, digest_of
from isotrope.plan import code_words, index_file
from isotrope.plan.code_state import CodeStates
from isotrope.plan.index import Index, SelectEntry, StartEntry
from isotrope.plan.targets import Plan
from isotrope.results import keeping

THEN, NOW, LATER = ({"plugins/models/mine.py": word, "isotrope/data/d.py": "d"} for word in "abc")
PLUGINS = {"training": ["models/mine"], "accuracy": ["evaluation/accuracy"]}


class MadeUpCode:
    """The code as it is now: the digests of each set of plug-ins, as a test says."""

    def __init__(self):
        self.files = {("models/mine",): NOW, ("evaluation/accuracy",): {"e.py": "e"}, (): {}}

    def of(self, plugins):
        return code(self.files[tuple(plugins)])

    def files_of(self, digest):
        return next(one for one in self.files.values() if digest_of(one) == digest)


def code(files):
    return Code(digest_of(files), files)


class Project:
    """One run of one pack, trained and evaluated with some code."""

    def __init__(self):
        self.code = MadeUpCode()
        base = point(plugins=PLUGINS["training"])
        accuracy = replace(base.evaluations["accuracy"], plugins=PLUGINS["accuracy"])
        self.run = run(OWN, base=replace(base, evaluations={"accuracy": accuracy}))
        manifest = paths.manifest("stir", "emoji")
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"files": []}))
        self.train(THEN)
        self.evaluate(digest_of({"e.py": "e"}))

    def index(self):
        return Index({OWN: self.run}, made_up_index().datasets)

    def states(self):
        return CodeStates(self.index(), self.code)

    def train(self, *files, digest="a" * 16, place="base"):
        folder = paths.pack_folder(OWN, place, "1-25")
        folder.mkdir(parents=True, exist_ok=True)
        codes = [digest_of(one) for one in files]
        for one in files:
            code_records.record(OWN, code(one))
        told = {"training_digest": digest, **({"code": codes} if files else {})}
        (folder / "run.json").write_text(json.dumps(told, indent=2))

    def evaluate(self, made_with, digest="b" * 16):
        results = paths.results(OWN, "base", "1-25")
        results.write_text("evaluation\n")
        codes = {"accuracy": (digest, dict.fromkeys((1, 2, 3), made_with))}
        code_records.write_codes_of_results(results, codes)

    def pack(self):
        return self.states().of_pack(OWN, "base", "1-25")

    def keep(self, why="checked by hand"):
        return keeping.keep(OWN, self.states().of_run(OWN), why)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project()


def test_changed_code_is_told_with_the_module_that_changed(project):
    found = project.pack()
    assert (found.training, found.evaluations) == ("changed", {"accuracy": "same"})
    assert found.changed == {"plugins/models/mine.py"}
    assert found.of_table("runs") == found.of_table("accuracy") == "changed"
    assert code_words.detail(found) == "results made with other code (plugins/models/mine.py)"
    sentence, ways = code_words.notes([found])
    assert sentence == (
        "1 run holds results of code that has changed since (plugins/models/mine.py): "
        "standard/stir_emoji/mine"
    )
    assert "REVISION" in ways
    assert "isotrope keep RUN --why" in ways


def test_the_same_code_is_no_word_worth(project):
    project.train(NOW)
    found = project.pack()
    assert found.state == found.of_table("accuracy") == "same"
    assert code_words.detail(found) == ""
    assert code_words.notes([found]) == []
    assert code_words.table_words([found], "runs") == []
    assert code_words.caption([found], ["runs", "accuracy"], []) == ""


def test_a_changed_evaluation_touches_its_rows_alone(project):
    project.train(NOW)
    project.evaluate("other")
    found = project.pack()
    assert (found.of_table("runs"), found.of_table("accuracy")) == ("same", "changed")
    assert code_words.detail(found) == "accuracy made with other code"
    assert code_words.notes([found])[0].endswith("standard/stir_emoji/mine (accuracy)")
    assert code_words.table_words([found], "runs") == []
    assert code_words.table_words([found], "accuracy") == [f"{OWN}: code of 1 pack changed"]
    assert code_words.caption([found], ["runs"], []) == ""
    assert OWN in code_words.caption([found], ["runs", "accuracy"], [])


def test_what_began_with_weights_of_the_users_is_told_without_reading_them(project):
    start = StartEntry("", "", None, [], ["weights.pt"])
    base = replace(project.run.points["base"], start=start)
    project.run = replace(project.run, points={"base": base})
    project.train(THEN, digest="f" * 16)
    assert project.pack().training == "changed"


def test_a_seed_that_was_taken_up_with_other_code_was_made_with_both(project):
    project.train(THEN, NOW)
    assert project.pack().training == "changed"


def test_older_results_are_not_recorded(project):
    project.train()
    paths.code_of_results(paths.results(OWN, "base", "1-25")).unlink()
    found = project.pack()
    assert (found.training, found.evaluations) == ("not recorded", {"accuracy": "not recorded"})
    assert code_words.notes([found])[0] == (
        f"1 run holds results of code that was not recorded: {OWN}"
    )
    assert code_words.detail(found) == "results made with code that was not recorded"


def test_weights_that_came_trained_are_nobodys_question(project):
    assert code_records.codes_of({"seed": 1, "origin": "shipped"}) == [code_records.ELSEWHERE]
    assert code_records.codes_of({"seed": 1}) == [code_records.NOT_RECORDED]
    path = paths.pack_folder(OWN, "base", "1-25") / "run.json"
    told = {"training_digest": "a" * 16, "code": [code_records.ELSEWHERE, digest_of(NOW)]}
    path.write_text(json.dumps(told, indent=2))
    found = project.pack()
    assert found.training == found.of_table("accuracy") == "elsewhere"
    assert code_words.notes([found]) == []
    assert code_words.detail(found) == ""
    assert project.keep() == []
    project.evaluate("other")
    assert project.pack().of_table("accuracy") == "changed"


def test_stale_results_and_those_that_are_not_there_are_not_spoken_of(project):
    project.train(THEN, digest="9" * 16)
    assert project.pack().state == ""
    project.train(NOW)
    project.evaluate("other", digest="9" * 16)
    assert project.pack().state == "same"
    assert project.pack().of_table("accuracy") == ""
    assert project.states().of_pack(OWN, "base", "26-50").state == ""


def test_rows_that_are_not_there_are_not_taken_for_older_ones(project):
    project.train(NOW)
    results = paths.results(OWN, "base", "1-25")
    code_records.write_codes_of_results(results, {"rotation": ("b" * 16, {1: digest_of(NOW)})})
    assert project.pack().of_table("accuracy") == "", "a table of other rows"
    paths.code_of_results(results).unlink()
    assert project.pack().of_table("accuracy") == "not recorded"
    results.unlink()
    assert project.pack().of_table("accuracy") == ""


def test_what_is_kept_is_asked_again_when_the_code_changes_again(project):
    (kept,) = project.keep("the new forward() gives the same numbers")
    assert kept.pack == "1-25"
    found = project.pack()
    assert found.of_table("runs") == found.of_table("accuracy") == "kept"
    assert code_words.notes([found]) == []
    (told,) = code_records.kept(OWN)
    assert told.why == "the new forward() gives the same numbers"
    assert told.changed == ["plugins/models/mine.py"]
    caption = code_words.caption([found], ["runs"], [told])
    assert told.why in caption
    assert "REVISION" not in caption
    assert project.keep() == []

    project.code.files["models/mine",] = LATER
    assert project.pack().training == "changed"
    project.keep("again")
    assert project.pack().training == "kept"
    project.code.files["models/mine",] = NOW
    assert project.pack().training == "kept", "it was kept for this code, too"
    project.code.files["models/mine",] = THEN
    assert project.pack().training == "same"


def test_unrecorded_code_can_be_kept_too(project):
    project.train()
    project.keep()
    assert project.pack().training == "kept"
    project.code.files["models/mine",] = LATER
    assert project.pack().training == "not recorded"


def test_the_chosen_point_is_told_by_what_it_was_trained_with(project):
    base = project.run.points["base"]
    other = replace(base, training_digest="5" * 16)
    select = SelectEntry("validation_accuracy", "median", [1], "last")
    points = {"a=1": base, "a=2": other}
    project.run = replace(project.run, points=points, select=select)
    project.train(THEN, digest="5" * 16, place=paths.SELECTED)
    found = project.states().of_pack(OWN, paths.SELECTED, "1-25")
    assert found.training == "changed"
    assert [one.point for one in project.states().of_run(OWN)] == [paths.SELECTED]


def test_the_plan_says_it_and_tables_and_captions_change_with_it(project, monkeypatch):
    monkeypatch.setattr(index_file, "current", lambda *_, **__: project.index())
    monkeypatch.setattr("isotrope.plan.targets.ResultCode", lambda sources: project.code)
    plan = Plan({})
    notes = plan.code_notes()
    assert any("code that has changed since (plugins/models/mine.py)" in one for one in notes)
    assert f"{OWN}: code of 1 pack changed" in plan.labels("scale", "runs")
    assert plan.labels("scale", "accuracy") == f"{OWN}: code of 1 pack changed"
    assert "Made with code that has changed since" in plan.caption("scale", "accuracy")
    project.train(NOW)
    assert plan.code_notes() == [], "at the end of a start that trained it again"
    plan = Plan({})
    assert not any("code" in one for one in plan.notes())
    assert plan.labels("scale", "accuracy") == ""
    assert "changed since" not in plan.caption("scale", "accuracy")


@pytest.mark.parametrize("damage", ["{", "[]", '{"kept": [{"why": 1}]}', "{}", "\x00"])
def test_a_damaged_record_of_what_is_kept_is_named(project, damage):
    project.keep()
    paths.kept(OWN).write_text(damage)
    with pytest.raises(code_records.UserError, match=r"kept\.json is damaged .*isotrope keep"):
        project.pack()


def test_what_is_kept_is_so_only_as_its_owner_recorded_it(project):
    project.keep("the numbers are the same")
    path = paths.kept(OWN)
    whole = json.loads(path.read_text())
    refused = 0
    for number in range(40):
        changed, what = altered(whole, number)
        path.write_text(json.dumps(changed))
        with pytest.raises(code_records.UserError, match=r"kept\.json is damaged or altered"):
            project.pack()
        refused += what != ""
    assert refused == 40
    path.write_text(json.dumps(whole))
    assert project.pack().training == "kept"


@pytest.mark.parametrize("damage", ["{", "[1]", '{"accuracy": 3}', '{"accuracy": {"digest": "x"}}'])
def test_damaged_records_of_code_are_unrecorded_code(project, damage):
    paths.code_of_results(paths.results(OWN, "base", "1-25")).write_text(damage)
    paths.code_record(OWN, digest_of(THEN)).write_text(damage)
    found = project.pack()
    assert found.evaluations == {"accuracy": "not recorded"}
    assert found.training == "changed"


def test_altered_records_of_the_code_behind_rows_are_unrecorded_code(project):
    path = paths.code_of_results(paths.results(OWN, "base", "1-25"))
    whole = json.loads(path.read_text())
    refused = 0
    for number in range(60):
        changed, what = altered(whole, number)
        path.write_text(json.dumps(changed))
        found = project.pack().evaluations
        if what != "('checksum',) is gone":  # then it is as older ones are
            assert found == {"accuracy": "not recorded"}, what
            refused += 1
    assert refused > 40


def test_the_worst_state_is_told():
    assert worst(["same", "kept", "changed", "not recorded"]) == "changed"
    assert worst(["same", "kept", "not recorded"]) == "not recorded"
    assert worst(["same", "", "kept"]) == "kept"
    assert worst([]) == ""
