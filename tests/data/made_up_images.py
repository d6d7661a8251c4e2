"""Small files in the layout of published photo data sets, each written where its users keep it."""

import hashlib
import io
import struct
import tarfile

import numpy as np
import yaml
from scipy.io import savemat

from isotrope import paths
from isotrope.data import _cifar_pickles, _sim2mnist_files, cifar10, svhn

EACH = 20  # images of a batch, two of each class


def batch(number, count=EACH):
    """Pixels ``(count, 3072)`` and labels of a batch of CIFAR-10, the pixels random."""
    pixels = np.random.default_rng(number).integers(0, 256, (count, 3072), dtype=np.uint8)
    return pixels, [one % 10 for one in range(count)]


def python2_pickle(pixels, labels):
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
    numbers = listed(b"K" + bytes([label]) for label in labels)
    names = listed(text(f"{one}.png".encode()) for one in range(len(labels)))
    parts = {b"batch_label": text(b"some"), b"labels": numbers, b"data": array, b"filenames": names}
    return b"\x80\x02}(" + b"".join(text(key) + part for key, part in parts.items()) + b"u."


def pin_cifar10(contents, patch):
    """Take the checksums of these contents for those of CIFAR-10."""
    md5s = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    patch.setattr(_cifar_pickles, "BATCHES", md5s)
    patch.setattr(cifar10, "BATCHES", md5s)
    patch.setattr(cifar10, "COUNTS", {"train": 5 * EACH, "test": EACH})


def write_cifar10(root, patch):
    """Six batches of 20 images; load-time settings that suit them."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    contents = {
        name: python2_pickle(*batch(number)) for number, name in enumerate(_cifar_pickles.BATCHES)
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    pin_cifar10(contents, patch)


def cifar10_archive(folder):
    """The batches of a folder as the published archive, with what else is in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder, "cifar-10-batches-py")
        for name in ("cifar-10-batches-py/readme.html", "../outside", "/etc/elsewhere"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"html"))
        link = tarfile.TarInfo("cifar-10-batches-py/batches.meta")
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
    patch.setattr(svhn, "COUNTS", {"train": 100, "test": 20})
    files = {}
    for seed, (part, name) in enumerate(svhn.FILES.items()):
        savemat(folder / name, digits_of_svhn(svhn.COUNTS[part], seed), do_compression=True)
        content = (folder / name).read_bytes()
        md5 = hashlib.md5(content).hexdigest()
        files[name] = {"size": len(content), "md5": md5, "urls": ["https://files.example"]}
    patch.setattr(paths, "SOURCES", root / "sources")
    paths.SOURCES.mkdir()
    paths.sources("svhn").write_text(yaml.safe_dump({"files": files}))


def few_of_sim2mnist(root, patch):
    """Some images of digits8 where there would be thousands."""
    patch.setattr(_sim2mnist_files, "COUNTS_OF_DIGITS8", {"train": 100, "valid": 50, "test": 120})
