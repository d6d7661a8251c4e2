"""Networks under the evaluation `adversarial`, and what its rows say."""

import torch

from isotrope.evaluation import adversarial
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")
QUICK = {
    "tier": "smoke",
    "images": 60,
    "attacks": ["pgd", "apgd_ce", "square"],
    "eps": [0.02, 0.1],
    "queries": 40,
}
SIGNS = {
    "zero_gradients",
    "black_box_wins",
    "larger_eps_helps",
    "unbounded_left",
    "overstated",
    "draws_help",
    "hidden_noise",
}


def measured(network, data, against=None, **settings):
    networks = Networks({1: network}, CPU)
    if against is not None:
        networks.against = Networks({1: against}, CPU)
    return adversarial.evaluate(networks, data, adversarial.Params(**QUICK | settings))


def value(rows, metric, **settings):
    """The one value of a metric that has these settings and no others."""
    fixed = {"seed", "norm", "metric", "value", "n"}
    found = [
        row["value"]
        for row in rows
        if row["metric"] == metric
        and set(row) - fixed == set(settings)
        and all(row[key] == value for key, value in settings.items())
    ]
    assert len(found) == 1, (metric, settings)
    return found[0]


def alarms(rows):
    """The signs that are raised."""
    known = {row["about"]: row["value"] for row in rows if row["metric"] == "alarm"}
    assert set(known) == SIGNS
    return {about for about, raised in known.items() if raised == 1}
