"""What a param-file says of training images: their order, how they are altered, what they lack."""

from made_up_param_file import NAME, changed, digest, sentences, write

from isotrope.params.param_file import read_all, read_folder

PLAIN = '''
from isotrope.settings import Settings

REVISION = 1
SPLITS = ("train", "test")
{more}


class Params(Settings):
    """No settings."""


def image_shape(params):
    return 1, 64, 64


def classes(params):
    return 4


def image_counts(params):
    return {{}}


def local_files(params):
    return []


def build(params, folder, key):
    raise NotImplementedError


def load(params, folder, key, split):
    raise NotImplementedError
'''
DATASET = ("  name: stir\n  task: emoji\n  scenario: mid2rest", "  name: plain")
NO_STOPPING = ("  early_stopping: {patience: 10}\n", "")
ENTRIES = ("[accuracy, scale_generalization]", "[accuracy]")


def plugin(param_files, kind, name, text):
    path = param_files.parent / "plugins" / kind / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def training(text):
    return ("  batch_size: 16\n", f"  batch_size: 16\n  {text}\n")


def run_of(folder, *pairs):
    write(folder, changed(*pairs))
    (run,) = read_all(folder)
    return run.points[0]


def test_the_settings_of_a_data_set_say_whether_images_validate(param_files):
    own = """
def splits(params):
    return ("train", "test")
"""
    text = PLAIN.format(more=own).replace(
        '("train", "test")\n\ndef', '("train", "valid", "test")\n\ndef'
    )
    plugin(param_files, "data", "plain", text)
    assert run_of(param_files, DATASET, NO_STOPPING, ENTRIES).training.keep is None
    write(param_files, changed(DATASET, NO_STOPPING, ENTRIES, training("keep: best")))
    assert "plain has no validation images; write `keep: last`" in sentences(param_files)[0]
    write(
        param_files, changed(DATASET, NO_STOPPING, (ENTRIES[0], "[{name: accuracy, split: valid}]"))
    )
    assert "plain has no split 'valid'" in sentences(param_files)[0]


def test_the_data_set_says_the_order_where_the_param_file_does_not(param_files):
    assert run_of(param_files).training.order == "fixed"
    plugin(param_files, "data", "plain", PLAIN.format(more=""))
    assert run_of(param_files, DATASET, NO_STOPPING, ENTRIES).training.order == "own"
    plugin(param_files, "data", "shared", PLAIN.format(more='ORDER = "shared"'))
    shared = (DATASET[0], "  name: shared")
    assert run_of(param_files, shared, NO_STOPPING, ENTRIES).training.order == "shared"
    assert (
        run_of(param_files, shared, NO_STOPPING, ENTRIES, training("order: own")).settings()[
            "training"
        ]["order"]
        == "own"
    )


def test_the_older_word_for_the_order_has_the_same_digest(param_files):
    plain = digest(param_files)
    own = digest(param_files, training("reshuffle: true"))
    assert digest(param_files, training("order: fixed")) == plain
    assert digest(param_files, training("reshuffle: false")) == plain
    assert digest(param_files, training("order: own")) == own != plain
    assert digest(param_files, training("order: shared")) not in (own, plain)


def test_the_two_words_for_the_order_may_not_differ(param_files):
    write(param_files, changed(training("order: shared\n  reshuffle: true")))
    (found,) = sentences(param_files)
    assert "training: order and reshuffle, its older word, differ; write order alone" in found


def test_a_single_augmentation_is_a_list_of_one(param_files):
    block = "{name: scale_jitter, largest: 1.5}"
    one = digest(param_files, training(f"augmentation: {block}"))
    assert digest(param_files, training(f"augmentation: [{block}]")) == one
    assert digest(param_files, training(f"augmentation: [{block}, {{name: flip}}]")) != one
    assert digest(param_files, training("augmentation: []")) == digest(param_files)


def test_mistakes_in_augmentations_are_all_named_with_their_places(param_files):
    text = "augmentation: [{name: crop, paddin: 4}, {name: rotat}, 3, {name: flip, probability: 2}]"
    write(param_files, changed(training(text)))
    assert sentences(param_files) == [
        f"param-files/{NAME}.yaml:15:31: training.augmentation[0].paddin: unknown key; did you "
        "mean 'padding'?",
        f"param-files/{NAME}.yaml:15:44: training.augmentation[1].name: no augmentation is called "
        "'rotat'; did you mean 'rotate'?",
        f"param-files/{NAME}.yaml:15:58: training.augmentation[2]: must be a block "
        "{name, ...settings} (got 3)",
        f"param-files/{NAME}.yaml:15:74: training.augmentation[3].probability: input should be "
        "less than or equal to 1 (got 2)",
    ]


def test_a_run_with_a_broken_augmentation_waits(param_files):
    plugin(param_files, "augmentation", "mine", "import nothing_of_that_name\n")
    write(param_files, changed(training("augmentation: [{name: mine}]")))
    checked = read_folder(param_files)
    ((waiting),) = checked.waiting
    assert waiting.name == NAME
    assert "plugins/augmentation/mine.py:1: cannot be imported" in waiting.reasons[0]


def test_test_images_that_are_looked_at_while_training_choose_nothing(param_files):
    text = PLAIN.format(more="def valid_is_test(params):\n    return True")
    plugin(
        param_files, "data", "plain", text.replace('"train", "test"', '"train", "valid", "test"')
    )
    plateau = "learning_rate: 1e-3, schedule: {name: plateau, patience: 2}}"
    text = changed(DATASET, ENTRIES).replace("learning_rate: 1e-3}", plateau)
    write(param_files, text + "sweep: {model.kernel_size: [5, 7]}\nselect: {seeds: 1}\n")
    found = sentences(param_files)
    what = "the validation images of plain are its test images, which must choose nothing"
    for where, remedy in (
        ("training.early_stopping", "leave it out"),
        ("training.keep", "write `keep: last`"),
        ("training.optimizer.schedule", "leave it out"),
        ("select", "leave it out"),
    ):
        assert any(f"{where}: {what}; {remedy}" in one for one in found), (where, found)
    assert run_of(param_files, DATASET, ENTRIES, NO_STOPPING, training("keep: last"))


def test_what_needs_validation_images_is_refused_where_there_are_none(param_files):
    plugin(param_files, "data", "plain", PLAIN.format(more=""))
    text = changed(DATASET, ENTRIES, training("keep: best"))
    text = text.replace(
        "learning_rate: 1e-3}", "learning_rate: 1e-3, schedule: {name: plateau, patience: 2}}"
    )
    write(param_files, text + "sweep: {model.kernel_size: [5, 7]}\nselect: {seeds: 1}\n")
    found = sentences(param_files)
    for what in (
        "training.early_stopping: plain has no validation images; leave it out",
        "training.keep: plain has no validation images; write `keep: last`",
        "training.optimizer.schedule: plain has no validation images; leave it out",
        "select: plain has no validation images to select by; leave it out",
    ):
        assert any(what in sentence for sentence in found), (what, found)
    assert run_of(param_files, DATASET, ENTRIES, NO_STOPPING).training.order == "own"


def test_objective_and_stopping_fit_the_labels(param_files):
    more = 'kind = "segmentation"'
    masks = PLAIN.format(more=more).replace('("train", "test")', '("train", "valid", "test")')
    plugin(param_files, "data", "plain", masks)
    write(param_files, changed(DATASET, ENTRIES, training("objective: {name: cross_entropy}")))
    found = sentences(param_files)
    assert any("training.objective: cross_entropy does not fit the labels" in one for one in found)
    assert any("early_stopping.by: plain has labels that are masks" in one for one in found)
