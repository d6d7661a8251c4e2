"""KTH-TIPS2-b and COVIDx from tiny photos of their layouts, as trees and as archives."""

import made_up_squares as made
import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from isotrope.data import _square_photos, covidx, kth_tips2
from isotrope.data._subsets import balanced_subset
from isotrope.datasets.loading import read_split
from isotrope.datasets.stream import Shuffle
from isotrope.errors import UserError


def kth(folder, split, **changes):
    params = kth_tips2.Params(**(made.KTH | changes))
    kth_tips2.build(params, folder, "k")
    return read_split(kth_tips2, params, folder, "k", split)


def xrays(folder, split, **changes):
    params = covidx.Params(**(made.COVIDX | changes))
    covidx.build(params, folder, "x")
    return read_split(covidx, params, folder, "x", split)


def numbers(data):
    """Which of the made-up photos these are, by their grey."""
    return (data.whole().images[:, 0, 5, 5].long() // 8).tolist()


@pytest.mark.parametrize("sample", kth_tips2.SAMPLES)
def test_one_sample_of_each_material_is_trained_on_and_the_others_are_tested(
    root, tmp_path, sample
):
    made.write_kth(root)
    place = kth_tips2.SAMPLES.index(sample)
    train, test = (kth(tmp_path, split, sample=sample) for split in ("train", "test"))
    assert (len(train), len(test)) == (22, 66)
    assert train.labels.bincount().tolist() == [2] * 11
    assert test.labels.bincount().tolist() == [6] * 11
    for data, known in ((train, {place}), (test, {0, 1, 2, 3} - {place})):
        expected = [
            (11 * one + label + 44 * more) % 32
            for label in range(11)
            for one in known
            for more in range(made.EACH)
        ]
        found = torch.tensor(numbers(data))[data.labels.argsort(stable=True)]
        assert found.tolist() == expected


def test_a_sample_that_validates_is_not_tested(root, tmp_path):
    made.write_kth(root)
    params = kth_tips2.Params(**made.KTH, valid_sample="d")
    assert kth_tips2.splits(params) == ("train", "valid", "test")
    assert kth_tips2.samples_of(params, "valid") == ["d"]
    assert kth_tips2.samples_of(params, "test") == ["a", "c"]
    assert len(kth(tmp_path, "valid", valid_sample="d")) == 22
    with pytest.raises(ValueError, match="one of train, test, got 'valid'"):
        kth(tmp_path, "valid")
    with pytest.raises(ValidationError, match=r"valid_sample\n.*it is trained on; name another"):
        kth_tips2.Params(**made.KTH, valid_sample="b")


def test_trees_by_class_or_by_sample_and_the_archive_hold_the_same(tmp_path, monkeypatch):
    found = []
    for number, write in enumerate(
        (made.write_kth, lambda root: made.write_kth(root, by_sample=True), made.write_kth_archive)
    ):
        root = tmp_path / str(number)
        monkeypatch.setenv("ISOTROPE_DATA", str(root))
        write(root)
        folder = tmp_path / f"built-{number}"
        folder.mkdir()
        found.append(kth(folder, "test").whole().images)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_photos_that_are_missing_or_of_no_material_are_named(root, tmp_path):
    made.write_kth(root)
    with pytest.raises(UserError, match=r"2 photos of aluminium_foil, sample a, not the 108 that"):
        kth(tmp_path, "train", complete=True)
    (root / kth_tips2.TREE / "velvet" / "sample_a").mkdir(parents=True)
    (root / kth_tips2.TREE / "velvet" / "sample_a" / "1.png").write_bytes(made.png(1))
    with pytest.raises(UserError, match="velvet is no material of KTH-TIPS2-b"):
        kth(tmp_path, "train")
    (root / kth_tips2.TREE / "velvet" / "sample_a" / "1.png").unlink()
    for photo in (root / kth_tips2.TREE / "wool" / "sample_c").iterdir():
        photo.unlink()
    with pytest.raises(UserError, match="0 photos of wool, sample c, not at least one"):
        kth(tmp_path, "train")


def test_the_published_counts_are_those_of_the_whole_data_sets():
    params = kth_tips2.Params(source="local", sample="a")
    assert kth_tips2.image_counts(params) == {"train": 1188, "test": 3564}
    assert (params.resize, params.size, params.turn) == (200, 128, 10)
    whole = covidx.Params(source="local")
    assert covidx.image_counts(whole) == {"train": 15_951, "test": 400}
    assert (whole.resize, whole.size, whole.turn) == (260, 224, 0)
    lost = covidx.Params(source="local", lists="published")
    assert covidx.image_counts(lost) == {"train": 15_950, "test": 399}
    published = covidx.Params(source="local", lists="published", test="published")
    assert covidx.image_counts(published) == {"train": 15_950, "test": 398}


def listed(word, kinds):
    """Numbers of the lines of a class in the order of names, which is not that of the lists."""
    return [number for number, one in enumerate(kinds) if one == word[0]][::-1]


def test_repaired_lists_have_all_images_class_by_class_in_the_order_of_their_names(root, tmp_path):
    made.write_covidx(root)
    train, test = (xrays(tmp_path, split) for split in ("train", "test"))
    expected = listed("negative", made.TRAIN) + listed("positive", made.TRAIN)
    assert numbers(train) == expected
    assert train.labels.tolist() == [0] * 8 + [1] * 4
    assert sorted(numbers(test)) == [16 + one for one in range(8)]
    assert test.labels.tolist() == [0, 1] * 4


def test_published_lists_lose_their_first_line_and_tests_are_cut_to_the_smaller_class(
    root, tmp_path
):
    made.write_covidx(root)
    train = xrays(tmp_path, "train", lists="published")
    assert numbers(train) == [
        one for one in listed("negative", made.TRAIN) + listed("positive", made.TRAIN) if one
    ]
    test = xrays(tmp_path, "test", lists="published")
    assert sorted(numbers(test)) == [16 + one for one in range(1, 8)]
    cut = xrays(tmp_path, "test", lists="published", test="published")
    left = [one for one in listed("positive", made.TEST) if one]
    assert cut.labels.bincount().tolist() == [3, 3]
    both = listed("negative", made.TEST)[:3] + left
    assert sorted(numbers(cut)) == sorted(16 + one for one in both)
    whole = xrays(tmp_path, "test", test="published")
    assert len(whole) == 8


def test_seeds_of_covidx_have_balanced_subsets_of_their_own(root, tmp_path):
    made.write_covidx(root)
    labels = xrays(tmp_path, "train").labels
    for samples, taken in ((2, 2), (6, 6), (12, 8)):  # there are four positive ones
        params = covidx.Params(**made.COVIDX, samples=samples)
        chosen = [covidx.subset(params, labels, seed) for seed in (1, 2)]
        for seed, indices in enumerate(chosen, 1):
            assert indices.tolist() == balanced_subset(labels, taken, seed).tolist()
    assert covidx.subset(covidx.Params(**made.COVIDX), labels, 1) is None
    with pytest.raises(ValidationError, match="there are 2 classes; write a multiple of it"):
        covidx.Params(**made.COVIDX, samples=3)


def test_images_that_validate_are_not_trained_on(root, tmp_path):
    made.write_covidx(root)
    parts = [xrays(tmp_path, split, valid_images=4) for split in ("train", "valid")]
    assert parts[1].labels.tolist() == [0, 0, 1, 1]
    assert sorted(numbers(parts[0]) + numbers(parts[1])) == list(range(12))
    with pytest.raises(ValueError, match="one of train, test, got 'valid'"):
        xrays(tmp_path, "valid")
    with pytest.raises(UserError, match="8 images are asked for where the smaller class has 4"):
        xrays(tmp_path, "valid", valid_images=8)


def test_empty_lines_of_a_list_are_passed_over(root, tmp_path):
    made.write_covidx(root)
    before = [*xrays(tmp_path, "train").entries]
    path = root / "covidx" / "train.txt"
    first, *others = path.read_text().splitlines(keepends=True)
    path.write_text(f"\n{first}  \n{''.join(others)}\n")
    assert [*xrays(tmp_path, "train").entries] == before
    assert len(before) == 12


def test_an_archive_of_covidx_is_read_in_place(root, tmp_path, monkeypatch):
    made.write_covidx(root)
    tree = xrays(tmp_path, "train").whole().images
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "zipped"))
    made.write_covidx_archive(tmp_path / "zipped")
    assert torch.equal(xrays(tmp_path, "train").whole().images, tree)


def test_lists_that_are_another_version_or_damaged_are_named(root, tmp_path):
    made.write_covidx(root)
    with pytest.raises(UserError, match=r"lists 12 images, 4 of them positive, not the 15951"):
        xrays(tmp_path, "train", complete=True)
    path = root / "covidx" / "train.txt"
    path.write_text(path.read_text() + "5 a.png unclear cohen\n")
    with pytest.raises(UserError, match=r"train\.txt:13: '5 a\.png unclear cohen' is no line"):
        xrays(tmp_path, "train")
    path.write_text("5 a.png positive cohen\n")
    with pytest.raises(UserError, match="lists no images of one of the classes"):
        xrays(tmp_path, "train")
    path.write_text("5 a.png positive cohen\n6 b.png negative cohen\n")
    with pytest.raises(UserError, match=r"train/a\.png: no such file"):
        xrays(tmp_path, "train")


def test_what_is_tested_is_the_middle_of_the_resized_photo(root, tmp_path):
    made.write_covidx(root)
    image, label = _square_photos.read(
        covidx.Params(**made.COVIDX), xrays(tmp_path, "train").entries[0], None
    )
    with Image.open(root / "covidx" / "train" / "x ray 89.png") as photo:
        resized = np.asarray(photo.resize((26, 26), Image.Resampling.BILINEAR))
    assert (image.permute(1, 2, 0).numpy() == resized[2:24, 2:24]).all()
    assert label == 0


class Steps:
    """A photo whose every pixel says where it is."""

    def __init__(self, side):
        rows, columns = np.mgrid[:side, :side].astype(np.uint8)
        self.pixels = np.stack((rows, columns, 255 - rows), axis=2)


def test_training_photos_are_turned_cut_anywhere_and_mirrored_every_second_time(root):
    root.mkdir(parents=True)
    steps = Steps(30)
    Image.fromarray(steps.pixels).save(root / "a.png")
    params = covidx.Params(source="local", resize=30, size=20)
    (entry,) = _square_photos.stream([covidx.Photo("a", covidx.Place("a.png"), 1)]).entries
    places, mirrored = set(), 0
    for seed in range(300):
        generator = torch.Generator().manual_seed(seed)
        image, _ = _square_photos.read(params, entry, generator)
        top, columns = int(image[0, 0, 0]), image[1, 0].tolist()
        mirrored += columns[0] > columns[-1]
        left = min(columns)
        places.add((top, left))
        expected = steps.pixels[top : top + 20, left : left + 20].transpose(2, 0, 1)
        flipped = expected[..., ::-1] if columns[0] > columns[-1] else expected
        assert (image.numpy() == flipped).all()
    assert {top for top, _ in places} == {left for _, left in places} == set(range(11))
    assert 120 < mirrored < 180
    turned = params.model_copy(update={"turn": 10.0, "size": 30})
    kinds = []
    for seed in range(100):
        image, _ = _square_photos.read(turned, entry, torch.Generator().manual_seed(seed))
        columns = image[1].float()
        slope = (columns[5:25, 15] - columns[15, 15]).abs().max()
        kinds.append(float(slope))
    assert max(kinds) <= 10 * np.tan(np.radians(10)) + 1.5
    assert len(set(kinds)) >= 3
    plain = params.model_copy(update={"view": "plain"})
    tested, _ = _square_photos.read(params, entry, None)
    generator = torch.Generator().manual_seed(1)
    assert torch.equal(_square_photos.read(plain, entry, generator)[0], tested)


def test_a_photo_looks_the_same_in_every_epoch_only_where_nothing_is_drawn(root, tmp_path):
    made.write_kth(root)
    data = kth(tmp_path, "train")
    views = [next(data.chosen([range(4)], Shuffle(1, epoch)))[0].images for epoch in (1, 1, 2)]
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])


def test_a_piece_larger_than_the_photo_is_refused():
    with pytest.raises(ValidationError, match=r"size\n.*a resized photo has 20 pixels"):
        kth_tips2.Params(**(made.KTH | {"size": 21}))
