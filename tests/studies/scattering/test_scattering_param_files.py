"""The param-files of the scattering study against the protocol that was published, line by line."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3] / "param-files"
SEEDS = {
    "cifar10": "207715039 491659600 493572006 737523103 827192296 877498678 1103100946 1210393663 "
    "1277404878 1377264326",
    "kth_tips2": "432857963 1118756524 1378328753 1390666426",
    "covidx": "22942091 313350229 433842091 637789757 706825958 750490779 884698041 1065155395 "
    "1452034008 1614090550",
}
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
NORMAL = {
    "cifar10": ([125.3 / 255, 123 / 255, 113.9 / 255], [63 / 255, 62.1 / 255, 66.7 / 255]),
    "kth_tips2": IMAGENET,
    "covidx": IMAGENET,
}
ARMS = ("tight_frame_learnt", "tight_frame_fixed", "random_learnt", "random_fixed")


def of_arms(folder, ending, *numbers):
    return [(f"{folder}/{arm}{ending}", *numbers) for arm in ARMS]


LINEAR, HYBRID = "scattering_linear", "scattering_cnn"
PROTOCOL = [  # epochs, batch, highest rate of the layers above, and of the wavelets
    *of_arms(f"{LINEAR}/cifar10", "_100", 200, 128, 0.06, 0.1),
    *of_arms(f"{LINEAR}/cifar10", "_500", 1000, 500, 0.13, 0.1),
    *of_arms(f"{LINEAR}/cifar10", "_1000", 500, 1000, 0.2, 0.1),
    *of_arms(f"{LINEAR}/cifar10", "_all", 500, 1024, 0.2, 0.2),
    *of_arms(f"{HYBRID}/cifar10", "_100", 3000, 128, 0.1, 0.1),
    *of_arms(f"{HYBRID}/cifar10", "_500", 2000, 128, 0.1, 0.1),
    *of_arms(f"{HYBRID}/cifar10", "_1000", 1000, 128, 0.1, 0.1),
    *of_arms(f"{HYBRID}/cifar10", "_all", 500, 1024, 0.1, 0.1),
    ("wide_cnn/cifar10/plain_100", 3000, 128, 0.1, None),
    ("wide_cnn/cifar10/plain_500", 2000, 128, 0.1, None),
    ("wide_cnn/cifar10/plain_1000", 1000, 128, 0.1, None),
    ("wide_cnn/cifar10/plain_all", 50, 256, 0.1, None),
    ("resnet50/cifar10/fine_tuned_all", 500, 4096, 0.1, None),
    *(
        (f"{LINEAR}/cifar10/pixelwise_{init}_{samples}", *numbers)
        for init in ("tight_frame", "random")
        for samples, *numbers in (
            ("100", 3000, 128, 0.06, 0.1),
            ("500", 2000, 128, 1e-4, 0.1),
            ("1000", 1000, 128, 0.01, 0.1),
            ("all", 500, 128, 0.2, 0.2),
        )
    ),
    *(
        (f"{LINEAR}/cifar10/monitored_{init}_{samples}", 1000, batch, 0.2, 0.1)
        for init in ("tight_frame", "random")
        for samples, batch in (("100", 100), ("1000", 1000), ("all", 1024))
    ),
    (f"{LINEAR}/cifar10/video", 500, 1000, 0.2, 0.1),
    (f"{LINEAR}/cifar10/video_short", 40, 1000, 0.2, 0.1),
    (f"{LINEAR}/cifar10/curve_tight_frame_learnt_100", 5000, 128, 0.06, 0.1),
    (f"{LINEAR}/cifar10/curve_tight_frame_fixed_100", 5000, 128, 0.06, None),
    *of_arms(f"{LINEAR}/kth_tips2", "", 100, 128, 0.001, 0.1),
    *of_arms(f"{HYBRID}/kth_tips2", "", 50, 128, 0.001, 0.1),
    (f"{LINEAR}/kth_tips2/monitored_tight_frame", 1000, 128, 0.001, 0.1),
    (f"{LINEAR}/kth_tips2/monitored_random", 1000, 128, 0.001, 0.1),
    ("wide_cnn/kth_tips2/released", 150, 16, 0.001, None),
    ("resnet50/kth_tips2/cross_entropy", 50, 128, 0.001, None),
    ("resnet50/kth_tips2/cosine", 50, 128, 0.001, None),
    *of_arms(f"{LINEAR}/covidx", "_100", 400, 128, 0.01, 0.01),
    *of_arms(f"{LINEAR}/covidx", "_500", 400, 128, 0.01, 0.01),
    *of_arms(f"{LINEAR}/covidx", "_1000", 400, 128, 0.01, 0.01),
    *of_arms(f"{HYBRID}/covidx", "_100", 400, 128, 0.001, 0.01),
    *of_arms(f"{HYBRID}/covidx", "_500", 200, 128, 0.01, 0.01),
    *of_arms(f"{HYBRID}/covidx", "_1000", 200, 128, 0.01, 0.01),
    *(
        (f"{LINEAR}/covidx/monitored_{init}_{samples}", epochs, 128, 0.01, 0.01)
        for init in ("tight_frame", "random")
        for samples, epochs in (("100", 1000), ("1000", 1000), ("5000", 100))
    ),
    ("wide_cnn/covidx/released_100", 200, 8, 0.001, None),
    ("wide_cnn/covidx/released_500", 100, 8, 0.001, None),
    ("wide_cnn/covidx/released_1000", 100, 4, 0.001, None),
    *((f"resnet50/covidx/released_{n}", 300, 16, 0.001, None) for n in (100, 500, 1000)),
]
MODELS = (LINEAR, HYBRID, "wide_cnn", "wide_resnet", "resnet50")


def read(run):
    found = yaml.safe_load((ROOT / f"{run}.yaml").read_text(encoding="utf-8"))
    return found, found["training"], found["training"]["optimizer"]


@pytest.mark.parametrize(("run", "epochs", "batch", "top", "wavelets"), PROTOCOL)
def test_a_published_run_has_the_published_settings(run, epochs, batch, top, wavelets):
    found, training, optimizer = read(run)
    model, data, name = run.split("/")
    fixed = found["model"].get("parameterization") == "fixed"

    assert (found["study"], found["series"]) == ("scattering", "published")
    assert (training["epochs"], training["batch_size"]) == (epochs, batch)
    assert (optimizer["name"], optimizer["learning_rate"]) == ("sgd", top)
    assert (optimizer["weight_decay"], optimizer["schedule"]["name"]) == (5e-4, "one_cycle")
    assert set(optimizer["schedule"]) - {"steps"} == {"name"}  # its defaults are the published
    own = None if wavelets is None or fixed else {"peak": wavelets, "weight_decay": 0.0}
    assert optimizer.get("groups", {}).get("scattering") == own
    assert training["keep"] == "last"
    assert not {"early_stopping", "order"} & set(training)
    assert training.get("objective", {}).get("name") == ("cosine" if name == "cosine" else None)
    for numbers, expected in zip(
        (found["model"]["normalise"][key] for key in ("mean", "std")), NORMAL[data], strict=True
    ):
        assert numbers == pytest.approx(expected, abs=1e-8)
    seeds = [int(one) for one in SEEDS[data].split()]
    assert (
        found["seeds"]
        == seeds[: {"resnet50/cifar10": 5}.get(f"{model}/{data}", 10)][
            : 1 if name.startswith("video") else None
        ]
    )


@pytest.mark.parametrize("run", [row[0] for row in PROTOCOL])
def test_a_published_run_has_the_published_images(run):
    found, training, _ = read(run)
    data = found["dataset"]
    names = [one["name"] for one in training.get("augmentation", ())]
    tail = run.rsplit("_", 1)[-1]
    if data["name"] == "kth_tips2":
        monitored = "monitored" in run
        assert data["sample"] == ("d" if monitored else "a")
        assert monitored or found["sweep"]["dataset.sample"] == ["a", "b", "c", "d"]
        assert not names  # the data set turns, cuts and mirrors
        return
    if data["name"] == "covidx":
        assert data["samples"] == int(tail)
        assert (data["lists"], data["test"], names) == ("published", "published", [])
        return
    assert names == ["crop", "flip", "auto_augment", "cutout"]
    crop, _, policy, cutout = training["augmentation"]
    assert (crop["padding"], policy["flavour"]) == (4, "published")
    assert (cutout["size"], cutout["place"]) == (16, "published")
    if tail == "all":
        assert data["valid_from"] == "test"  # nothing is held out
    else:
        expected = 1000 if "video" in run else int(tail)
        assert (data["samples"], data["pool"]) == (expected, "published")


@pytest.mark.parametrize("run", [row[0] for row in PROTOCOL if row[0].startswith("scattering")])
def test_a_published_transform_has_the_published_flaws_where_they_count(run):
    found, _, _ = read(run)
    model, data, name = run.split("/")
    settings = found["model"]
    scales = {"cifar10": 2, "kth_tips2": 3, "covidx": 3}[data]
    if "monitored" in name and data != "cifar10":
        scales = 4
    expected = {
        "name": model,
        "J": scales,
        "L": 8,
        "parameterization": "canonical",
        "init": "random" if "random" in name else "tight_frame",
        "normalise": settings["normalise"],
    }
    if "fixed" in name:
        expected["parameterization"] = "fixed"
    elif "pixelwise" in name:
        expected["parameterization"] = "pixelwise"
    else:
        expected["theta_grad"] = "published"
    if scales > 2:
        expected["resample"] = "published"
    assert settings == expected
    if scales == 3:
        assert found["sweep"]["model.J"] == [3, 4]
    if "monitored" in name:
        short = [100, 200, 400] if name.endswith("5000") else [1000, 2000, 4000]
        assert found["sweep"]["training.epochs"] == short


def test_no_run_is_called_published_that_is_not():
    found = {
        str(path.relative_to(ROOT).with_suffix(""))
        for model in MODELS
        for path in ROOT.glob(f"{model}/*/*.yaml")
        if read(path.relative_to(ROOT).with_suffix(""))[0]["series"] == "published"
    }
    assert found == {row[0] for row in PROTOCOL}
