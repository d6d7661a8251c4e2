"""Tiny JPEG photos in the layouts of ImageNet and Imagenette, as trees and as archives."""

import io
import tarfile

import numpy as np
from PIL import Image
from scipy.io import savemat

from isotrope.data import imagenet, imagenette

WNIDS = ("n01440764", "n02102040", "n03888257")
TRAIN, VAL = 6, 4  # photos of each class
KIT = "ILSVRC2012_devkit_t12"
SETTINGS = {"source": "local", "valid_images": 3, "size": 24, "resize": 32}


def jpeg(number, size=(40, 36), mode="RGB"):
    """A photo of smooth random colours, whose mean is known by its number."""
    generator = np.random.default_rng(number)
    coarse = Image.fromarray(generator.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    content = io.BytesIO()
    photo = coarse.resize(size, Image.Resampling.BICUBIC).convert(mode)
    photo.save(content, "JPEG", quality=95)
    return content.getvalue()


def photos(part, each, wnids=WNIDS):
    """The photos of a part: class, name and content of each."""
    for kind, wnid in enumerate(wnids):
        for one in range(each):
            number = 1000 * (part == "val") + 100 * kind + one
            if part == "train":
                name = f"{wnid}_{one}.JPEG"
            else:  # the classes take turns
                name = f"ILSVRC2012_val_{1 + kind + one * len(wnids):08d}.JPEG"
            mode = "CMYK" if one == 1 else "L" if one == 2 else "RGB"
            yield wnid, name, jpeg(number, mode=mode)


def write_tree(folder, part, each, wnids=WNIDS):
    """A folder for each class."""
    for wnid, name, content in photos(part, each, wnids):
        (folder / wnid).mkdir(parents=True, exist_ok=True)
        (folder / wnid / name).write_bytes(content)


def add(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def write_train_archive(path):
    """A tar archive of one for each class."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inner = {}
    for wnid, name, content in photos("train", TRAIN):
        inner.setdefault(wnid, []).append((name, content))
    with tarfile.open(path, "w") as archive:
        for wnid, found in inner.items():
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as of_class:
                for name, content in found:
                    add(of_class, name, content)
            add(archive, f"{wnid}.tar", packed.getvalue())


def write_val_archive(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for _, name, content in photos("val", VAL):
            add(archive, name, content)


def write_flat_val(folder):
    folder.mkdir(parents=True)
    for _, name, content in photos("val", VAL):
        (folder / name).write_bytes(content)


def truth():
    """The classes of the validation photos in their order."""
    return [WNIDS[one % len(WNIDS)] for one in range(VAL * len(WNIDS))]


def kit():
    """The two files of the development kit; numbers of classes are in no order of theirs."""
    kind = [("ILSVRC2012_ID", "f8"), ("WNID", "O"), ("words", "O"), ("gloss", "O")]
    synsets = np.zeros((4, 1), [*kind, ("num_children", "f8")])
    for row, (number, wnid, children) in enumerate(
        [(1, WNIDS[2], 0), (2, WNIDS[0], 0), (3, WNIDS[1], 0), (4, "n00001740", 3)]
    ):
        synsets[row, 0] = (number, wnid, "a word", "what it means", children)
    content = io.BytesIO()
    savemat(content, {"synsets": synsets})
    numbers = {WNIDS[2]: 1, WNIDS[0]: 2, WNIDS[1]: 3}
    lines = "".join(f"{numbers[wnid]}\n" for wnid in truth())
    return {
        "ILSVRC2012_validation_ground_truth.txt": lines.encode(),
        "meta.mat": content.getvalue(),
    }


def write_kit(folder, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    if not packed:
        for name, content in kit().items():
            (folder / name).write_bytes(content)
        return
    with tarfile.open(folder / f"{KIT}.tar.gz", "w:gz") as archive:
        add(archive, f"{KIT}/readme.txt", b"read me")
        for name, content in kit().items():
            add(archive, f"{KIT}/data/{name}", content)


def write_solution(folder):
    rows = [f"ILSVRC2012_val_{k:08d},{wnid} 1 2 3 4 " for k, wnid in enumerate(truth(), start=1)]
    rows = ["ImageId,PredictionString", *reversed(rows)]
    (folder / "LOC_val_solution.csv").write_text("\n".join(rows) + "\n")


def few_classes(patch):
    """Three classes, and as many photos as are written here, for those of ImageNet."""
    patch.setattr(imagenet.Params, "CLASSES", len(WNIDS))
    counts = {"train": TRAIN * len(WNIDS), "test": VAL * len(WNIDS)}
    patch.setattr(imagenet.Params, "COUNTS", counts)


def write_imagenet(root, patch):
    """Both parts as trees."""
    few_classes(patch)
    write_tree(root / "imagenet/train", "train", TRAIN)
    write_tree(root / "imagenet/val", "val", VAL)


def write_imagenette(root, patch, name="imagenette2-320"):
    """Both parts as trees of ten classes."""
    counts = {"train": 4 * len(imagenette.WNIDS), "test": 2 * len(imagenette.WNIDS)}
    patch.setattr(imagenette.Params, "COUNTS", counts)
    write_tree(root / name / "train", "train", 4, imagenette.WNIDS)
    write_tree(root / name / "val", "val", 2, imagenette.WNIDS)
