import pytest
from made_up_index import DEMO, LOCAL, OTHER, OWN, PUBLISHED, made_up_index

from isotrope.errors import UserError
from isotrope.plan.selection import Selection

INDEX = made_up_index()


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({}, [DEMO, OWN, LOCAL, OTHER]),
        ({"series": "demo"}, [DEMO]),
        ({"series": "published,demo"}, [DEMO, PUBLISHED]),
        ({"studies": "scale"}, [OWN, PUBLISHED, LOCAL]),
        ({"studies": ["scale", "rotation"]}, [OWN, PUBLISHED, LOCAL, OTHER]),
        ({"studies": "scale", "series": "published"}, [PUBLISHED]),
        ({"runs": PUBLISHED}, [PUBLISHED]),
        ({"runs": f"param-files/{PUBLISHED}.yaml"}, [PUBLISHED]),
        ({"runs": "*/stir_emoji/m*"}, [OWN, PUBLISHED]),
        ({"runs": "*/stir_emoji/m*", "series": "published"}, [PUBLISHED]),
        ({"runs": "*/stir_emoji/*", "studies": "rotation,scale", "series": "own"}, [OWN]),
        ({"runs": f" {OTHER} , {DEMO}"}, [OTHER, DEMO]),
        ({"runs": f"{DEMO},*/*/demo"}, [DEMO]),
        ({"runs": PUBLISHED, "series": "demo", "studies": "rotation"}, [PUBLISHED]),
        ({"runs": "", "studies": None, "series": []}, [DEMO, OWN, LOCAL, OTHER]),
    ],
)
def test_a_selection_names_its_runs(config, names):
    assert Selection.from_config(config).names(INDEX) == names


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"serie": "own"}, "--config serie: unknown key; did you mean 'series'?"),
        ({"series": "owm"}, "--config series: no series is called 'owm'; did you mean 'own'?"),
        ({"series": 5}, "--config series: no series is called '5'; choose from demo, extra, own"),
        ({"studies": "scal"}, "--config studies: no study is called 'scal'; did you mean 'scale'?"),
        ({"studies": 5}, "--config studies: no study is called '5'; choose from rotation, scale"),
        ({"runs": DEMO + "s"}, f"--config runs: no param-file is called '{DEMO}s'; did you mean"),
        ({"runs": "no*"}, "--config runs: no param-file is called 'no*'"),
        ({"runs": "standart/*"}, "--config runs: no param-file is called 'standart/*'; did you "),
        (
            {"runs": "*/digits/*", "series": "demo,published"},
            "--config runs: '*/digits/*' has no run of series demo, published; those that there "
            "are have series own",
        ),
        (
            {"studies": "rotation", "series": "demo,extra"},
            "--config series: no run of studies rotation and series demo, extra; those that there "
            "are have studies rotation and series own",
        ),
        (
            {"runs": "*/digits/*", "studies": "scale", "series": "demo"},
            "--config runs: '*/digits/*' has no run of studies scale and series demo; those that "
            "there are have studies rotation and series own",
        ),
    ],
)
def test_what_nobody_has_is_refused_with_the_nearest(config, sentence):
    with pytest.raises(UserError) as error:
        Selection.from_config(config).names(INDEX)

    assert len(error.value.sentences) == 1
    assert error.value.sentences[0].startswith(sentence)


def test_all_mistakes_are_said_at_once():
    with pytest.raises(UserError) as error:
        Selection.from_config({"serie": "own", "series": "owm,dema"})
    assert len(error.value.sentences) == 3

    with pytest.raises(UserError) as error:
        Selection.from_config({"runs": "a,b"}).names(INDEX)
    assert len(error.value.sentences) == 2


@pytest.mark.parametrize(
    "config", [{}, {"studies": "scale"}, {"runs": ["x", "y"]}, {"series": "demo,own"}]
)
def test_a_selection_in_words_selects_the_same(config):
    selection = Selection.from_config(config)

    words = dict(word.split("=") for word in selection.as_config().split())

    assert Selection.from_config(words) == selection
