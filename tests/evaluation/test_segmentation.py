"""Mean IoU and consistency of masks, by hand and against plain forms."""

import math

import numpy as np
import pytest
import torch
from ending_evaluations import Kept
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isotrope import devices
from isotrope.datasets.images import VOID, Images
from isotrope.errors import UserError
from isotrope.evaluation import segmentation
from isotrope.evaluation._mask_scores import mask_scores, mean_iou_interval
from isotrope.evaluation.segmentation import Params, evaluate
from isotrope.layers.normalising import ByImage, ByValues, Normalised
from isotrope.layers.polyphase import LPU, APSUp
from isotrope.measuring.networks import Networks
from isotrope.training.objective import mean_iou

CLASSES, HEIGHT, WIDTH = 3, 10, 16


def images_of(seed, count=6, height=HEIGHT, width=WIDTH):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, height, width), generator=generator)
    masks = torch.randint(0, CLASSES, (count, height, width), generator=generator)
    masks[torch.rand(masks.shape, generator=generator) < 0.2] = VOID
    return Images(images.to(torch.uint8), masks)


class Fixed(nn.Module):
    """A network that says the same of every image: classes 0 on the left, 1 on the right."""

    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = nn.Parameter(torch.tensor(margin))

    def forward(self, images):
        height, width = images.shape[-2:]
        right = (torch.arange(width) >= width // 2).to(images.dtype)
        logits = torch.stack((1 - right, right, torch.full_like(right, -9))) * self.margin
        return logits[None, :, None, :].expand(len(images), -1, height, -1)


def pointwise(seed=0):
    """A network that sees one pixel at a time."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, CLASSES, 1))


def blurring(seed=0):
    """A network that sees 5 x 5 pixels, and zeros around the image."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, CLASSES, 3, padding=1)
    )


def measured(network, data, **params):
    rows, arrays = evaluate(
        Networks({1: network}, torch.device("cpu")), data, Params(**{"max_shift": 3} | params)
    )
    found = {
        tuple(row[key] for key in ("protocol", "metric", "class", "shift") if key in row): row
        for row in rows
    }
    return found, arrays[1]


def value(found, *key):
    return found[key]["value"]


def with_shifts(monkeypatch, *pairs):
    """Let all images have these shifts, rows and columns."""
    every = torch.tensor(pairs)
    monkeypatch.setattr(
        segmentation, "_shifts", lambda _, count, *__: every.expand(count, -1, -1).clone()
    )


@pytest.mark.parametrize("normalise", [None, ByValues(3, [0.4, 0.5, 0.3], [0.2, 0.3, 0.4])])
def test_a_network_of_single_pixels_is_consistent_to_the_last_one(normalise):
    network = pointwise() if normalise is None else Normalised(normalise, pointwise())
    found, arrays = measured(network, images_of(1), protocols=["each", "published"])
    for protocol in ("each", "published"):
        for measure in ("mascc", "massc"):
            assert value(found, protocol, measure) == 100
            assert value(found, protocol, f"{measure}_worst") == 100
            assert value(found, protocol, f"{measure}_variance") == 0
            assert value(found, protocol, f"{measure}_disagreements") == 0
            assert math.isnan(value(found, protocol, f"{measure}_margin_least"))
            assert found[protocol, f"{measure}_margin_largest"]["n"] == 0
    assert not arrays["disagreements"].any()
    assert (arrays["shifted_back"] == arrays["predictions"]).all()


@pytest.mark.parametrize("right", [-3, 0, 2])
def test_a_network_that_goes_by_the_place_has_the_consistency_of_its_border(monkeypatch, right):
    with_shifts(monkeypatch, (1, right), (-2, -right))
    found, arrays = measured(Fixed(margin=2.5), images_of(2), shifts=2)
    columns = abs(right)
    circular = 100 * (1 - 2 * columns / WIDTH)  # both borders have moved
    standard = 100 * (1 - columns / (WIDTH - columns))  # one border, in what both windows show
    assert value(found, "each", "mascc") == pytest.approx(circular, abs=1e-10)
    assert value(found, "each", "massc") == pytest.approx(standard, abs=1e-10)
    apart = 6 * 2 * 2 * columns * HEIGHT
    assert value(found, "each", "mascc_disagreements") == apart
    rows = 2 * HEIGHT - 1 - 2  # of both windows
    assert value(found, "each", "massc_disagreements") == 6 * columns * rows
    for metric in ("mascc_margin_least", "massc_margin_largest"):
        if columns:
            assert value(found, "each", metric) == pytest.approx(2.5)
            assert found["each", metric]["n"] == 6
        else:
            assert found["each", metric]["n"] == 0
    moved = np.roll(arrays["predictions"], (-right), axis=-1)
    assert (arrays["shifted_back"] == moved).all()
    assert (arrays["disagreements"] == (moved != arrays["predictions"])).all()


def plain_consistency(network, images, shifts, measure):
    """The published protocol with loops: of each shift, the share of pixels that stay."""
    normalised = network.first(images.images.double() / 255)
    whole = network.network(normalised).argmax(1)
    reach = 3
    padded = nn.functional.pad(normalised, (reach,) * 4)
    shares = []
    for image, pairs in enumerate(shifts.tolist()):
        of_image = []
        for down, right in pairs:
            if measure == "mascc":
                shown = normalised[image : image + 1].roll((down, right), dims=(2, 3))
                back = network.network(shown).argmax(1)[0].roll((-down, -right), dims=(0, 1))
                of_image.append(float((back == whole[image]).double().mean()))
                continue
            shown = padded[
                image : image + 1,
                :,
                reach + down : reach + down + HEIGHT,
                reach + right : reach + right + WIDTH,
            ]
            other = network.network(shown).argmax(1)[0]
            same = [
                bool(other[i, j] == whole[image, i + down, j + right])
                for i in range(HEIGHT)
                for j in range(WIDTH)
                if 0 <= i + down < HEIGHT and 0 <= j + right < WIDTH
            ]
            of_image.append(sum(same) / len(same))
        shares.append(of_image)
    return 100 * torch.tensor(shares, dtype=torch.float64)


@pytest.mark.parametrize("measure", ["mascc", "massc"])
@pytest.mark.parametrize("protocol", ["each", "published"])
@settings(max_examples=4)
@given(seed=st.integers(0, 2**31))
def test_consistency_is_that_of_a_plain_loop(measure, protocol, seed):
    data = images_of(seed % 1000)
    network = Normalised(ByValues(3, [0.4, 0.5, 0.3], [0.2, 0.3, 0.4]), blurring(seed)).double()
    params = Params(
        protocols=[protocol], batch=4, max_shift=3, dtype="float64", shift_seed=seed % 7
    )
    shifts = segmentation._shifts(protocol, len(data), params, 4)
    with torch.inference_mode():
        expected = plain_consistency(network, data, shifts, measure)

    rows, _ = evaluate(Networks({1: network}, torch.device("cpu")), data, params)

    found = {(row["metric"], row.get("shift")): row["value"] for row in rows}
    assert found[measure, None] == pytest.approx(float(expected.mean()), abs=1e-10)
    by_shift = expected.mean(dim=0)
    for number in range(5):
        assert found[f"{measure}_of_shift", number + 1] == pytest.approx(float(by_shift[number]))
    variance = float(((by_shift - by_shift.mean()) ** 2).sum() / 5)
    assert found[f"{measure}_variance", None] == pytest.approx(variance, abs=1e-10)
    worst = float(expected.amin(dim=1).mean())
    assert found[f"{measure}_worst", None] == pytest.approx(worst, abs=1e-10)
    assert found[f"{measure}_low", None] <= found[measure, None] <= found[f"{measure}_high", None]
    assert found[f"{measure}_disagreements", None] > 0


def test_images_that_are_normalised_by_themselves_are_padded_with_their_own_mean():
    network = Normalised(ByImage(), pointwise())
    data = images_of(3)
    found, _ = measured(network, data)
    assert value(found, "each", "mascc") == 100, "a rolled image has the same mean"
    assert value(found, "each", "massc") < 100


def test_shifts_are_in_range_whole_and_shared_as_the_protocol_says():
    params = Params(max_shift=32)
    each, published = (segmentation._shifts(one, 4000, params, 16) for one in ("each", "published"))
    for shifts in (each, published):
        assert shifts.shape == (4000, 5, 2)
        assert shifts.dtype == torch.int64
        assert (shifts.min(), shifts.max()) == (-32, 32)
    assert (published[:16] == published[0]).all()
    assert not (published[16] == published[0]).all()
    assert not (each[1] == each[0]).all()
    assert torch.equal(segmentation._shifts("each", 10, params, 16), each[:10])
    alone = segmentation._shifts("published", 4000, params, 1)
    assert not torch.equal(alone, each), "they are drawn apart"
    assert abs(float(each.double().mean())) < 4 * 18.8 / math.sqrt(each.numel())


@pytest.mark.parametrize(("upward", "batch"), [(nn.Identity(), 16), (LPU(), 1), (APSUp(), 1)])
def test_published_batches_are_of_one_image_where_networks_sample_up_again(upward, batch):
    networks = Networks({1: nn.Sequential(nn.ReLU(), upward)}, torch.device("cpu"))
    assert segmentation._published_batch(networks) == batch


def confusion_of(truth, guess):
    matrix = torch.zeros(CLASSES, CLASSES, dtype=torch.int64)
    for pair in zip(truth, guess, strict=True):
        matrix[pair] += 1
    return matrix


def test_scores_of_a_small_confusion_matrix_by_hand():
    truth, guess = [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 0, 0]
    scores = mask_scores(confusion_of(truth, guess))
    assert scores.iou[:2].tolist() == pytest.approx([3 / 6, 2 / 5])
    assert math.isnan(scores.iou[2])
    assert scores.mean_iou == pytest.approx((3 / 6 + 2 / 5) / 2)
    assert scores.pixel_accuracy == pytest.approx(5 / 8)
    assert scores.mean_accuracy == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert scores.mean_precision == pytest.approx((3 / 5 + 2 / 3) / 2)
    assert scores.frequency_weighted_iou == pytest.approx(0.5 * 3 / 6 + 0.5 * 2 / 5)
    assert scores.prediction_weighted_iou == pytest.approx(5 / 8 * 3 / 6 + 3 / 8 * 2 / 5)


@given(seed=st.integers(0, 2**31))
def test_labels_and_predictions_in_the_wrong_order_give_the_published_names(seed):
    random = np.random.default_rng(seed)
    matrix = confusion_of(*random.integers(0, CLASSES, (2, 40)))
    right, wrong = mask_scores(matrix), mask_scores(matrix.T)
    assert right.mean_iou == pytest.approx(wrong.mean_iou) == pytest.approx(mean_iou(matrix))
    assert right.pixel_accuracy == wrong.pixel_accuracy
    assert right.mean_precision == pytest.approx(wrong.mean_accuracy)
    assert right.prediction_weighted_iou == pytest.approx(wrong.frequency_weighted_iou)


def test_masks_are_scored_over_the_pixels_that_are_not_void():
    data = images_of(5)
    found, _ = measured(Fixed(), data)
    labels = data.labels
    guess = torch.arange(WIDTH).expand_as(labels) >= WIDTH // 2
    valid = labels != VOID
    truth, guessed = labels[valid], guess[valid].long()
    matrix = confusion_of(truth.tolist(), guessed.tolist())
    assert value(found, "mean_iou") == pytest.approx(mean_iou(matrix))
    assert value(found, "pixel_accuracy") == pytest.approx(
        float((truth == guessed).double().mean())
    )
    recalls = [float((guessed[truth == one] == one).double().mean()) for one in range(CLASSES)]
    assert value(found, "mean_class_accuracy") == pytest.approx(np.mean(recalls))
    precisions = [float((truth[guessed == one] == one).double().mean()) for one in range(2)]
    assert value(found, "published_mean_acc") == pytest.approx(np.mean(precisions))
    assert value(found, "iou", 2) == 0
    assert value(found, "mean_iou_low") < value(found, "mean_iou") < value(found, "mean_iou_high")


def test_what_is_void_everywhere_has_no_score_but_a_consistency():
    data = images_of(6)
    found, _ = measured(Fixed(), Images(data.images, torch.full_like(data.labels, VOID)))
    for metric in ("mean_iou", "mean_iou_low", "published_mean_acc", "frequency_weighted_iou"):
        assert math.isnan(value(found, metric))
        assert found[(metric,)]["n"] == 0
    assert 0 < value(found, "each", "mascc") < 100


def test_images_that_are_all_alike_leave_no_doubt_about_the_mean_iou():
    matrix = confusion_of([0, 0, 1, 1, 2], [0, 1, 1, 1, 2])
    low, high = mean_iou_interval(matrix.expand(9, -1, -1))
    assert low == pytest.approx(high) == pytest.approx(mean_iou(matrix))


def test_the_interval_of_the_mean_iou_is_that_of_resampled_images():
    random = np.random.default_rng(0)
    matrices = torch.stack([confusion_of(*random.integers(0, 3, (2, 30))) for _ in range(12)])
    means = [mean_iou(matrices[random.integers(0, 12, 12)].sum(dim=0)) for _ in range(4000)]
    found = mean_iou_interval(matrices)
    assert found == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.006)


class Mixed(Images):
    """Images of two sizes, which come apart."""

    def batches(self, size):
        yield self[:2]
        yield Images(self.images[2:, :, :8, :12], self.labels[2:, :8, :12])


def test_images_of_several_sizes_are_measured_each_by_itself():
    data = images_of(7)
    found, arrays = measured(pointwise(3), Mixed(data.images, data.labels))
    small = Images(data.images[2:, :, :8, :12], data.labels[2:, :8, :12])
    parts = [measured(pointwise(3), one)[0] for one in (data[:2], small)]
    assert value(found, "each", "massc") == 100
    right = [
        value(one, "pixel_accuracy") * int((its.labels != VOID).sum())
        for one, its in zip(parts, (data[:2], small), strict=True)
    ]
    counted = sum(int((its.labels != VOID).sum()) for its in (data[:2], small))
    assert value(found, "pixel_accuracy") == pytest.approx(sum(right) / counted)
    assert arrays["masks"].shape == (2, HEIGHT, WIDTH), "those as large as the first"
    assert torch.equal(torch.from_numpy(arrays["images"]), data.images[:2])
    assert arrays["numbers"].tolist() == [0, 1]


def test_an_evaluation_that_was_ended_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(devices, "evaluation_batch", lambda device: 2)
    data, network = images_of(9), blurring()
    networks, position = Networks({1: network}, torch.device("cpu")), Kept(2)
    params = Params(max_shift=3, shown=5)
    rows, arrays = evaluate(networks, data, params)
    networks._position_of = lambda seed: position
    calls = []
    network.register_forward_hook(lambda *_: calls.append(1))
    with pytest.raises(SystemExit):
        evaluate(networks, data, params)
    assert len(calls) == 2 * 11, "each batch as it is, and rolled and cropped five times"
    found, its = evaluate(networks, data, params)
    assert len(calls) == 3 * 11, "nothing is computed twice"
    assert repr(found) == repr(rows)
    for name, array in arrays[1].items():
        np.testing.assert_array_equal(its[1][name], array)


def test_classes_of_whole_images_are_refused():
    data = images_of(8)
    with pytest.raises(UserError, match="segmentation needs masks as labels"):
        measured(pointwise(), Images(data.images, torch.zeros(6, dtype=torch.int64)))


def test_a_network_that_answers_for_whole_images_is_refused():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * HEIGHT * WIDTH, CLASSES))
    with pytest.raises(UserError, match="classes x 10 x 16, and the networks answer with 3;"):
        measured(network, images_of(8))


def test_shifts_out_of_an_image_are_refused():
    with pytest.raises(UserError, match=r"10 x 16 pixels are shifted by up to 10; set max_shift"):
        measured(pointwise(), images_of(8), max_shift=10)


def test_a_class_is_counted_in_images_where_it_is_true_or_predicted():
    confusions = torch.zeros(4, 3, 3, dtype=torch.int64)
    confusions[0, 0, 0] = 5
    confusions[1, 0, 1] = 5  # 1 is predicted, and nowhere true
    confusions[2, 2, 2], confusions[2, 2, 0] = 3, 1
    rows = list(segmentation._mask_rows({}, confusions))
    found = {row["class"]: (row["value"], row["n"]) for row in rows if row["metric"] == "iou"}
    assert found == {0: (5 / 11, 3), 1: (0.0, 1), 2: (0.75, 1)}
    assert {row["n"] for row in rows if "class" not in row} == {3}, "the last is void"


def test_the_images_that_are_shown_have_the_first_shift_of_the_first_protocol():
    data = images_of(5, count=3)
    asked = {"protocols": ["published", "each"], "shifts": 2, "shown": 2, "batch": 1}
    _, arrays = measured(blurring(), data, **asked)
    shifts = segmentation._shifts("published", 3, Params(max_shift=3, **asked), 1)
    assert arrays["offsets"].tolist() == shifts[:2, 0].tolist()
    assert shifts[:2, 0].tolist() != shifts[:2, 1].tolist()
    assert arrays["numbers"].tolist() == [0, 1]
    assert (arrays["images"] == data.images[:2].numpy()).all()
    assert (arrays["masks"] == data.labels[:2].numpy()).all()
    apart = (arrays["shifted_back"] != arrays["predictions"]).sum()
    assert arrays["disagreements"].sum() == apart > 0
