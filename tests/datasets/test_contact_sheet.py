from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.datasets import contact_sheet
from isotrope.datasets.contact_sheet import Preview, save_contact_sheet
from isotrope.datasets.images import Images


def pixels_of(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


SIZED = Preview("scale", "pixels", "scale")


def test_scales_are_rows_and_classes_are_columns(tmp_path):
    scales, labels = torch.meshgrid(torch.arange(8, 48), torch.arange(20), indexing="ij")
    scales, labels = scales.flatten(), labels.flatten()
    images = torch.zeros(len(labels), 1, 48, 48, dtype=torch.uint8)
    for image, scale, label in zip(images, scales, labels, strict=True):
        image[:, :scale, :scale] = 255 - 10 * label
    latents = {"scale": scales, "position": torch.zeros(len(labels), 2, dtype=torch.int64)}
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    data = Images(images[order], labels[order], {k: v[order] for k, v in latents.items()})

    save_contact_sheet(data, "squares", tmp_path / "a.png", SIZED)

    sheet = pixels_of(tmp_path / "a.png")[44:, 72:]  # below and right of the captions
    first, last = np.array_split(sheet, 12, axis=1)[0], np.array_split(sheet, 12, axis=1)[-1]
    areas = [(part == 255).all(axis=-1).sum() for part in np.array_split(first, 8)]
    assert all(later > earlier for earlier, later in pairwise(areas))
    assert (last[-60, 20] == 255 - 10 * 19).all()
    boxes = (sheet == (255, 140, 0)).all(axis=-1)
    assert boxes.any()


def test_a_class_that_is_absent_at_a_scale_leaves_its_cell_empty_alone(tmp_path):
    scales, labels = torch.tensor([20, 40, 40]), torch.tensor([1, 0, 1])
    data = Images(torch.full((3, 1, 96, 96), 100, dtype=torch.uint8), labels, {"scale": scales})
    save_contact_sheet(data, "three", tmp_path / "a.png", SIZED)
    sheet = (pixels_of(tmp_path / "a.png")[44:, 72:] == 100).all(axis=-1)
    cells = [[sheet[y : y + 96, x : x + 96].all() for x in (0, 100)] for y in (0, 100)]
    assert cells == [[False, True], [True, True]]


def test_the_box_of_an_object_lies_just_around_it(tmp_path):
    images = torch.zeros(1, 1, 96, 96, dtype=torch.uint8)
    images[0, 0, 30:50, 20:40] = 255
    latents = {"scale": torch.tensor([20]), "position": torch.tensor([[20, 30]])}

    data = Images(images, torch.zeros(1).long(), latents)
    save_contact_sheet(data, "one", tmp_path / "a.png", SIZED)

    sheet = pixels_of(tmp_path / "a.png").astype(int)
    rows, columns = np.nonzero((sheet == (255, 140, 0)).all(axis=-1))
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    assert (bottom - top, right - left) == (21, 21)
    assert (sheet[top + 1 : bottom, left + 1 : right] == 255).all()


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_any_images_have_a_picture(tmp_path, channels, count):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, channels, 9, 13), generator=generator)
    labels = torch.arange(count) % 11
    save_contact_sheet(Images(images.to(torch.uint8), labels), "any", tmp_path / "any.png")
    assert pixels_of(tmp_path / "any.png").shape[1] > 72


def test_masks_are_shown_below_their_images(tmp_path):
    images = torch.full((5, 3, 96, 96), 100, dtype=torch.uint8)
    masks = torch.zeros(5, 96, 96, dtype=torch.int64)
    masks[:, 20:40], masks[:, 60:] = 3, 255
    save_contact_sheet(Images(images, masks), "masks", tmp_path / "a.png")

    sheet = pixels_of(tmp_path / "a.png")[44:, 72:168]  # the first column without its caption
    assert (sheet[:96, :] == 100).all()
    mask = sheet[100:196]
    assert (mask[:20] == 0).all()
    assert (mask[60:] == 255).all()
    colours = np.unique(mask[20:40].reshape(-1, 3), axis=0)
    assert len(colours) == 1
    assert colours.max() > colours.min()


def test_many_masks_keep_within_the_rows(tmp_path):
    images = torch.zeros(100, 1, 9, 9, dtype=torch.uint8)
    save_contact_sheet(Images(images, images[:, 0].clone()), "masks", tmp_path / "a.png")
    assert pixels_of(tmp_path / "a.png").shape[0] == 44 + 8 * (9 * 11 + 4)


def test_of_many_masks_the_first_and_the_last_are_shown(tmp_path):
    images = torch.zeros(100, 1, 96, 96, dtype=torch.uint8)
    images[0], images[-1] = 100, 200
    save_contact_sheet(Images(images, images[:, 0] // 255), "masks", tmp_path / "a.png")
    sheet = pixels_of(tmp_path / "a.png")[44:, 72:]
    assert (sheet[:96, :96] == 100).all()
    assert (sheet == 200).all(axis=-1).sum() == 96 * 96


def test_captions_say_what_is_known_of_an_image(tmp_path):
    images = torch.zeros(2, 1, 96, 96, dtype=torch.uint8)
    latents = {"angle": torch.tensor([36.7, -5.2]), "scale": torch.tensor([1.4, 0.25])}
    data = Images(images, torch.zeros(2).long(), latents)
    names = ("angle", "scale", "shear")
    assert contact_sheet._caption(data[:1].latents, names) == "37°, x1.4"
    assert contact_sheet._caption({"shift": torch.tensor([[1.5, -2.0]])}, ("shift",)) == (
        "shift 1.5, -2"
    )
    for captions, name in (((), "plain"), (names, "said")):
        save_contact_sheet(data, "two", tmp_path / f"{name}.png", Preview(captions=captions))
    plain, said = (pixels_of(tmp_path / f"{name}.png") for name in ("plain", "said"))
    rows, columns = np.nonzero((plain != said).any(axis=-1))
    assert rows.size > 50
    assert rows.min() >= 44  # inside the pictures
    assert columns.min() >= 72


def test_a_credit_stands_below_the_pictures(tmp_path):
    images = torch.zeros(2, 1, 96, 96, dtype=torch.uint8)
    data = Images(images, torch.zeros(2).long())
    save_contact_sheet(data, "two", tmp_path / "plain.png")
    save_contact_sheet(data, "two", tmp_path / "said.png", Preview(credit="N. N., CC BY 4.0"))
    plain, said = (pixels_of(tmp_path / f"{name}.png") for name in ("plain", "said"))
    assert (said[: len(plain)] == plain).all()
    assert (said[len(plain) :] > 200).any()
    save_contact_sheet(data, "two", tmp_path / "long.png", Preview(credit="N. N., CC BY 4.0 " * 9))
    more = pixels_of(tmp_path / "long.png")
    assert more.shape[1] == said.shape[1]
    assert (more[len(said) :] > 200).any()  # in lines of the width of the pictures


def test_large_images_and_their_masks_are_shrunk(tmp_path):
    images = torch.zeros(3, 3, 300, 600, dtype=torch.uint8)
    images[:, 0, :, 300:] = 200
    masks = torch.zeros(3, 300, 600, dtype=torch.uint8)
    masks[:, :, 300:], masks[:, :8] = 1, 255

    save_contact_sheet(Images(images, masks), "large", tmp_path / "a.png")

    sheet = pixels_of(tmp_path / "a.png")
    assert sheet.shape[1] < 800
    image, mask = sheet[44 : 44 + 80, 72 : 72 + 160], sheet[128 : 128 + 80, 72 : 72 + 160]
    assert (image[10, [20, 140]] == [(0, 0, 0), (200, 0, 0)]).all()
    assert (mask[40, 20] == 0).all()
    assert mask[40, 140].max() > 100
    assert (mask[0] == 255).all(), "void is white"
    assert len(np.unique(mask.reshape(-1, 3), axis=0)) == 3, "no colours between classes"


def test_every_class_of_a_mask_has_a_colour_and_void_alone_is_white():
    mask = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    colours = np.asarray(contact_sheet._mask(mask, 1)).reshape(-1, 3)
    assert (colours[0] == 0).all()
    assert (colours[255] == 255).all()
    coloured = colours[1:255].astype(int)
    assert (coloured.max(axis=1) - coloured.min(axis=1)).min() >= 50
    assert (np.abs(np.diff(coloured, axis=0)).max(axis=1) >= 50).all(), "neighbours differ"
