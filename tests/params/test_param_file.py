import pytest
from made_up_param_file import NAME, changed, sentences, write

from isotrope.errors import UserError
from isotrope.params.param_file import read_all, read_run
from isotrope.params.param_folder import find


def test_a_param_file_is_read_with_its_name_and_defaults(param_files):
    write(param_files)

    (run,) = read_all(param_files)

    assert run.name == NAME
    assert run.envelope.seeds == [1, 2, 3]
    assert run.envelope.series == "own"
    assert run.label == "standard"
    assert [point.name for point in run.points] == ["base"]
    settings = run.points[0].settings()
    assert settings["model"] == {"name": "standard", "kernel_size": 7, "normalise": "none"}
    assert [one.alias for one in run.evaluations] == ["accuracy", "scale_generalization"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("standard/mine.yaml", "a param-file lies at"),
        ("standard/stir/deeper/mine.yaml", "a param-file lies at"),
        ("standard/stir emoji/mine.yaml", "'stir emoji' in its path"),
        ("standard/stir_emoji\n/mine.yaml", "in its path; use letters"),
        ("standard/stir_emoji/$(touch x).yaml", "'$(touch x)' in its path"),
        ("standard/stir_emoji/mine.yml", "the name of a param-file ends in .yaml"),
    ],
)
def test_a_file_outside_the_folder_shape_is_refused(param_files, name, said):
    write(param_files, name=name)

    (found,) = sentences(param_files)

    shown = name.replace("\n", "\\n")
    assert found.startswith(f"param-files/{shown}: ")
    assert said in found


@pytest.mark.parametrize("other", ["mine.yml", "Mine.yaml"])
def test_names_that_differ_in_case_or_ending_only_are_refused(param_files, other):
    write(param_files)
    write(param_files, name=f"standard/stir_emoji/{other}")

    (found,) = sentences(param_files)

    assert "differs from" in found


def test_hidden_files_and_other_endings_are_nobodys(param_files):
    write(param_files)
    write(param_files, "x", "standard/stir_emoji/.mine.yaml")
    write(param_files, "x", "standard/stir_emoji/README.md")

    assert [path.name for path in find(param_files)] == ["mine.yaml"]


def test_bytes_that_are_no_text_are_refused(param_files):
    write(param_files).write_bytes(b"study: \xff\xfe")

    assert sentences(param_files) == [f"param-files/{NAME}.yaml: not UTF-8 text"]


def test_a_file_that_is_not_there_is_said(param_files):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_run(param_files / f"{NAME}.yaml", param_files)


def test_one_table_of_a_group_has_one_meaning(param_files):
    write(param_files, changed(("[accuracy,", "[{name: accuracy, as: top},")))
    other = changed(("[accuracy, scale_generalization]", "[{name: scale_generalization, as: top}]"))
    write(param_files, other, "standard/stir_emoji/other.yaml")

    (found,) = sentences(param_files)

    assert found == (
        "param-files/standard/stir_emoji/other.yaml: the table 'top' of scale is another "
        f"evaluation in {NAME}, or has other settings there; tell them apart with 'as'"
    )


@pytest.mark.parametrize("name", ["standard/mine.yaml", "standard/stir_emoji/mine.yml"])
def test_a_file_in_a_wrong_place_is_read_for_its_other_mistakes(param_files, name):
    write(param_files, changed(("epochs: 2", "epochs: 0")), name)

    found = sentences(param_files)

    assert len(found) == 2
    assert "training.epochs: input should be greater than 0" in found[1]
