"""Rows of attacked networks: what the figures of the table ``adversarial`` share."""

from collections.abc import Iterable, Sequence

import pandas
from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from isotrope.files.tables import Columns
from isotrope.results.series import Tables, joined, seeds
from isotrope.results.style import Style

TABLE = "adversarial"
COLUMNS: Columns = {"attack": "text", "norm": "text", "eps": "number", "about": "text"}
ATTACKS = {  # in the order of panels
    "all": "worst of all attacks",
    "pgd": "PGD",
    "eot_pgd": "EOT-PGD",
    "apgd_ce": "APGD, cross-entropy",
    "apgd_dlr": "APGD, logit ratio",
    "square": "Square",
    "spsa": "SPSA",
    "transfer": "transfer from another network",
    "minimal_norm": "smallest change",
}
NORMS = {"linf": "L∞", "l2": "L2"}
SIGNS = {
    "zero_gradients": "gradients are zero",
    "black_box_wins": "black box beats white box",
    "larger_eps_helps": "a larger eps does not help",
    "unbounded_left": "unbounded attacks leave images",
    "overstated": "one draw overstates success",
    "draws_help": "averaging draws helps the attack",
    "hidden_noise": "noise that is not told",
}


def alarms(tables: Tables) -> list[str]:
    """A sentence on the signs that attacks failed and not that networks are robust."""
    rows = joined(tables, TABLE)
    rows = rows[rows["metric"].eq("alarm") & rows["value"].notna()]
    if rows.empty:
        return []
    raised = rows[rows["value"].gt(0)]
    by_series: dict[str, list[str]] = {}
    for name, about in dict.fromkeys(zip(raised["name"], raised["about"], strict=True)):
        of_it = rows[rows["name"].eq(name) & rows["about"].eq(about)]
        whole, count = of_it["seed"].nunique(), of_it.loc[of_it["value"].gt(0), "seed"].nunique()
        some = f" ({count} of {whole} seeds)" if whole > 1 else ""
        by_series.setdefault(name, []).append(f"{SIGNS.get(about, about)}{some}")
    if not by_series:
        return ["Alarms: none."]
    said = "; ".join(f"{name}: {', '.join(words)}" for name, words in by_series.items())
    return [f"Alarms, which say that an attack may have failed: {said}."]


def in_order(attacks: Iterable[str]) -> list[str]:
    """Attacks in the order of panels, each once; those without a name here come last."""
    order = list(ATTACKS)
    return sorted(
        set(attacks), key=lambda one: (order.index(one) if one in order else len(order), one)
    )


def in_words(place: str, attack: str, norm: str, several: Sequence[bool]) -> str:
    """The title of a panel: the attack, and the data set and the norm where there are several."""
    words = [ATTACKS.get(attack, attack)]
    words += [NORMS.get(norm, norm)] if several[1] else []
    words += [place] if several[0] else []
    return ", ".join(words)


def legend(means: pandas.DataFrame, style: dict[str, Style]) -> list[Artist]:
    """A line for each series."""
    handles: list[Artist] = []
    for name, its in style.items():
        count = seeds(list(means.loc[means["name"].eq(name), "n"]))
        kind = {"color": its.colour, "linestyle": its.line, "marker": its.marker}
        handles.append(Line2D([], [], **kind, label=f"{name} ({count})"))
    return handles
