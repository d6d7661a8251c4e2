"""Small files in the layout of published photo data sets, each written where its users keep it."""

import hashlib
import io
import struct
import tarfile

import h5py
import numpy as np
import yaml
from PIL import Image
from scipy.io import savemat

from isotrope import paths
from isotrope.data import _cifar_npz, _sim2mnist_files, cifair10, cifar10, cifar100, rot_svhn, svhn
from isotrope.data._cifar_pickles import CIFAIR10, CIFAR10, CIFAR100

EACH = 20  # images of a batch, two of each class


def batch(number, count=EACH):
    """Pixels ``(count, 3072)`` and labels of a batch of CIFAR-10, the pixels random."""
    pixels = np.random.default_rng(number).integers(0, 256, (count, 3072), dtype=np.uint8)
    return pixels, [one % 10 for one in range(count)]


def python2_pickle(pixels, **labels):
    """A batch as Python 2 and the NumPy of 2009 pickled it: all strings are byte strings."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def listed(items):
        return b"](" + b"".join(items) + b"e"

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text(b"b") + b"\x87R"
        b"(K\x01" + b"".join(b"J" + struct.pack("<i", size) for size in pixels.shape) + b"\x86"
        b"cnumpy\ndtype\n" + text(pixels.dtype.str[1:].encode()) + b"K\0K\x01\x87R"
        b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
        b"T" + struct.pack("<i", pixels.nbytes) + pixels.tobytes() + b"tb"
    )
    parts = {b"batch_label": text(b"some"), b"data": array}
    for name, numbers in labels.items():
        parts[name.encode()] = listed(b"K" + bytes([number]) for number in numbers)
    parts[b"filenames"] = listed(text(f"{one}.png".encode()) for one in range(len(pixels)))
    return b"\x80\x02}(" + b"".join(text(key) + part for key, part in parts.items()) + b"u."


def pin_pickles(published, contents, patch):
    """Take the checksums of these contents for those of a published data set."""
    for name, content in contents.items():
        patch.setitem(published.md5, name, hashlib.md5(content).hexdigest())


def write_cifar10(root, patch):
    """Six batches of 20 images; load-time settings that suit them."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    contents = {}
    for number, name in enumerate(CIFAR10.md5):
        pixels, labels = batch(number)
        contents[name] = python2_pickle(pixels, labels=labels)
        (folder / name).write_bytes(contents[name])
    pin_pickles(CIFAR10, contents, patch)
    patch.setattr(cifar10.Params, "COUNTS", {"train": 5 * EACH, "test": EACH})


def write_cifair10(root, patch):
    """Those of `write_cifar10` with another test batch, in a folder of its own."""
    write_cifar10(root, patch)
    pixels, labels = batch(17)
    content = python2_pickle(pixels, labels=labels)
    (root / "ciFAIR-10").mkdir()
    (root / "ciFAIR-10" / "test_batch").write_bytes(content)
    for name, md5 in CIFAR10.md5.items():
        patch.setitem(CIFAIR10.md5, name, md5)
    pin_pickles(CIFAIR10, {"test_batch": content}, patch)
    patch.setattr(cifair10.Params, "COUNTS", {"train": 5 * EACH, "test": EACH})


def write_cifar10_npz(root, patch, **arrays):
    """The images of ``write_cifar10`` as one npz file, some arrays perhaps others."""
    batches = [batch(number) for number in range(6)]
    pixels = np.concatenate([one[0] for one in batches])
    labels = np.concatenate([one[1] for one in batches]).astype(np.uint8)
    rows = {"train": slice(5 * EACH), "test": slice(5 * EACH, None)}
    plain = {f"{part}_images": pixels[some] for part, some in rows.items()}
    plain |= {f"{part}_labels": labels[some] for part, some in rows.items()}
    for part, some in rows.items():
        content = pixels[some].tobytes() + labels[some].tobytes()
        patch.setitem(_cifar_npz.SHA256, part, hashlib.sha256(content).hexdigest())
    patch.setattr(cifar10.Params, "COUNTS", {"train": 5 * EACH, "test": EACH})
    path = root / _cifar_npz.FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **(plain | arrays))
    return plain


def write_cifar100(root, patch):
    """200 training and 100 test images of a hundred classes."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    counts, contents = {"train": 200, "test": 100}, {}
    for part, count in counts.items():
        pixels, fine = batch(count, count)[0], [one % 100 for one in range(count)]
        coarse = [one % 20 for one in fine]
        contents[part] = python2_pickle(pixels, fine_labels=fine, coarse_labels=coarse)
        (folder / part).write_bytes(contents[part])
    pin_pickles(CIFAR100, contents, patch)
    patch.setattr(cifar100.Params, "COUNTS", counts)


def packed_pickles(folder):
    """The files of a folder as the published archive, with what else is in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder, folder.name)
        for name in (f"{folder.name}/readme.html", "../outside", "/etc/elsewhere"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"html"))
        link = tarfile.TarInfo(f"{folder.name}/batches.meta")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return packed.getvalue()


def digits_of_svhn(count, seed):
    """Random pixels as SVHN lays them out, ``(32, 32, 3, count)``, and labels 1 to 10."""
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
    return {"X": pixels, "y": (np.arange(count) % 10 + 1).astype(np.uint8)[:, None]}


def write_svhn(root, patch):
    """100 training and 20 test digits, pinned in sources of their own."""
    folder = root / "svhn"
    folder.mkdir(parents=True)
    patch.setattr(svhn.Params, "COUNTS", {"train": 100, "test": 20})
    files = {}
    for seed, (part, name) in enumerate(svhn.FILES.items()):
        savemat(folder / name, digits_of_svhn(svhn.Params.COUNTS[part], seed), do_compression=True)
        content = (folder / name).read_bytes()
        md5 = hashlib.md5(content).hexdigest()
        files[name] = {"size": len(content), "md5": md5, "urls": ["https://files.example"]}
    patch.setattr(paths, "SOURCES", root / "sources")
    paths.SOURCES.mkdir()
    paths.sources("svhn").write_text(yaml.safe_dump({"files": files}))


def few_of_sim2mnist(root, patch):
    """Some images of digits8 where there would be thousands."""
    patch.setattr(_sim2mnist_files, "COUNTS_OF_DIGITS8", {"train": 100, "valid": 50, "test": 120})


def write_digit_struct(path, photos):
    """``digitStruct.mat`` as MATLAB 7.3 wrote it for SVHN.

    Args:
        path: the file.
        photos: names, each with its boxes ``(left, top, width, height, label)``.
    """
    with h5py.File(path, "w") as file:
        reference = h5py.special_dtype(ref=h5py.Reference)
        shape = (len(photos), 1)
        names = file.create_dataset("digitStruct/name", shape, dtype=reference)
        boxes = file.create_dataset("digitStruct/bbox", shape, dtype=reference)
        for index, (name, digits) in enumerate(photos.items()):
            letters = np.array([[ord(letter)] for letter in name], np.uint16)
            names[index, 0] = file.create_dataset(f"#refs#/n{index}", data=letters).ref
            group = file.create_group(f"#refs#/b{index}")
            for column, field in enumerate(("left", "top", "width", "height", "label")):
                values = [float(digit[column]) for digit in digits]
                if len(values) == 1:
                    group.create_dataset(field, data=[values])
                    continue
                several = group.create_dataset(field, (len(values), 1), dtype=reference)
                for row, value in enumerate(values):
                    where = f"#refs#/v{index}_{field}_{row}"
                    several[row, 0] = file.create_dataset(where, data=[[value]]).ref
            boxes[index, 0] = group.ref


def write_photos(folder, photos, seed=0):
    """PNG photos of 60 x 80 smooth random pixels, and their boxes."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    for name in photos:
        coarse = Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((80, 60), Image.Resampling.BICUBIC).save(folder / name)
    write_digit_struct(folder / "digitStruct.mat", photos)


def write_rot_svhn(root, patch):
    """50 training and 20 test digits in photos of one, two or three."""
    patch.setattr(rot_svhn.Params, "COUNTS", {"train": 50, "test": 20})
    for seed, (part, count) in enumerate(rot_svhn.Params.COUNTS.items()):
        photos, done = {}, 0
        while done < count:
            several = min(1 + len(photos) % 3, count - done)
            photos[f"{len(photos) + 1}.png"] = [
                (5 + 22 * one, 12 + one, 14, 28, (done + one) % 10 + 1) for one in range(several)
            ]
            done += several
        write_photos(root / "svhn" / part, photos, seed)
