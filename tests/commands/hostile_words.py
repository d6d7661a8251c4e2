"""Calls of every command with words that no user should write, each call made from a number."""

import random
from collections.abc import Callable

RUN = "tiny/stripes/one"
FILE = f"param-files/{RUN}.yaml"
PACK = f"out/runs/{RUN}/base/seeds-1-2"
MANIFEST = "out/data/stripes/size=12.manifest.json"

# taken for something by a shell, by Snakemake, by Python, by YAML, by Rich, HTML, LaTeX, CSV
SIGNS = r"""
~ - -- -1 * ** ? [ [a] [!a] { } {x} {{run}} {0.__class__} % %s %(x)s \ ' " `x` $x # !x ^ @ , ,, a,b
: a:b = a=b <script>alert(1)</script> &amp; a|b \input{x} =cmd() [red]x[/] [/] null true
runs=x series=
"""
NUMBERS = """
nan inf -inf 1e400 0 1 -5 1.5 0x10 1-2 2-1 1- -2 1,2 1,,2 1-2-3 list-1 1-1000000 1-9999999999999
"""
PATHS = """
. .. / // ../x ../../x ../outside /etc/passwd /dev/null /dev/full /dev/zero /proc/self/mem
out out/runs param-files Snakefile __init__ os .hidden a.yaml param-files/a/b/c.yaml a/b
a/b/c */*/* demo
"""
WORDS = (
    *SIGNS.split(),
    *("", " ", "$(touch pwned)", "; touch pwned", "| touch pwned", "& touch pwned"),
    *("!!python/object/apply:os.system [touch pwned]", "{a: &x [1], b: [*x, *x]}", "&a [*a]"),
    *('["a", "b"]', '[["a"]]', '{"a": 1}'),
    *("a\nb", "\n", "\r", "\t", "a\0b", "\x1b[31mred", "\a", "\u202eabc", "\u2028", "\ud800"),
    *("\xe9", "\u540d", "\U0001f600", "e\u0301", "\uff11\uff10"),
    *NUMBERS.split(),
    *("9" * 30, "9" * 5000),
    *PATHS.split(),
    *("../" * 40 + "etc/passwd", "x" * 70 + "/y/z", "a" * 256, "a/" * 300, "a" * 100_000),
    *("[" * 5000, "{" * 5000, "{a: " * 900),
)
FITTING = """
tiny stripes scale scale-demo accuracy runs base selected channels=5 tiny/stripes/two 1 2 1-2
size=12 published own done failed none tiny/*/* cpu mlflow tensorboard pgd square linf run model
figure evaluation smoke local debug scattering log_polar glimpse shift run_folders original
predictions 45m
"""
RIGHT = (RUN, FILE, PACK, MANIFEST, *FITTING.split())
OUTPUTS = (  # names of files and folders that are written as they are asked for, inside the project
    *("new", "a b", "it's", '"x"', "$(touch pwned)", "{x}", "[a]", "%s", "a\nb", "\xe9", "-x", "*"),
    *("out", "Snakefile", "Snakefile/x", "x" * 300, "\x1b[31m", "deep/er/st", "out/index.json/x"),
)

Word = Callable[[], str]


def call_of(number: int) -> list[str]:
    """The words of a call; the same number makes the same call."""
    chance = random.Random(number)

    def word() -> str:
        kind = chance.random()
        if kind < 0.35:
            return chance.choice(RIGHT)
        if kind < 0.9:
            return chance.choice(WORDS)
        one, other = chance.choice(WORDS), chance.choice(RIGHT)
        return chance.choice((f"{one}{other}", f"{other}{one}", f"{other},{one}", f"{other}/{one}"))

    def output() -> str:
        return chance.choice(OUTPUTS)

    def rather(right: str) -> str:
        """What fits, in most cases: so that the words beside it are looked at."""
        return right if chance.random() < 0.7 else word()

    def some(*options: tuple[str, Word]) -> list[str]:
        chosen = chance.sample(options, chance.randint(0, min(2, len(options))))
        return [part for name, value in chosen for part in (name, value())]

    def flags(*names: str) -> list[str]:
        return [name for name in names if chance.random() < 0.3]

    def several(of: Word, most: int = 3) -> list[str]:
        return [of() for _ in range(chance.randint(1, most))]

    named = (("--runs", word), ("--studies", word), ("--series", word))
    seeds = (("--point", word), ("--pack", word), ("--seeds", word), ("--threads", word))
    on_cpu = (*seeds, ("--device", lambda: rather("cpu")))
    calls: dict[str, Callable[[], list[str]]] = {
        "check": lambda: [*several(word, 2), *flags("--write-index", "--quiet")],
        "build": lambda: [rather("stripes"), *flags(word(), word()), *some(("--key", word))],
        "download": lambda: [rather("mnist"), word()],
        "pin": lambda: [rather("stripes"), "--api", chance.choice(("", "x", "file:///etc", "a b"))],
        "train": lambda: [rather(FILE), *some(*on_cpu, ("--save-every", word)), *flags("--eager")],
        "choose": lambda: [rather(FILE)],
        "evaluate": lambda: [rather(FILE), *some(*on_cpu, ("--table", word))],
        "ship": lambda: [rather(FILE), rather("1"), *some(("--point", word))],
        "import-weights": lambda: [rather(FILE), rather("3"), word(), *some(("--point", word))],
        "keep": lambda: [*several(word), "--why", word()],
        "import-param-file": lambda: [word(), *some(("--study", word), ("--to", output))],
        "attack": lambda: [
            *(rather(PACK), *flags(word())),
            *some(
                *((f"--{name}", word) for name in ("point", "seed", "label", "by", "norm", "eps"))
            ),
            *some(
                *((f"--{name}", word) for name in ("tier", "steps", "step-size", "draws", "around"))
            ),
            *some(("--like", word), ("--fixations", word), ("--output", output)),
        ],
        "challenge": lambda: [
            word(),
            *some(("--samples", word), ("--initialisations", word), ("--baseline", word)),
            *some(("--study", word)),
        ],
        "submit": lambda: [
            *(*several(word), "--dry-run"),
            *some(("--point", word), ("--seeds", word), ("--executor", word), ("--time", word)),
            *some(("--partition", word), ("--account", word), ("--parallel", word)),
        ],
        "cost": lambda: some(*named),
        "collect": lambda: [rather("scale"), *some(("--table", word)), *flags("--arrays")],
        "export": lambda: [
            *(output(), "--as", rather("published")),
            *some(("--group", word), ("--with", word), ("--device", word)),
        ],
        "track": lambda: [rather("tensorboard"), *some(("--config", word)), *flags("--weights")],
        "summarize": lambda: [word()],
        "report": list,
        "compare": lambda: [
            rather("scale"),
            *some(("--series", lambda: rather("own")), ("--csv", output), ("--markdown", output)),
        ],
        "sample": lambda: [rather("scale"), *several(lambda: rather(MANIFEST))],
        "draw": lambda: [
            *(rather("accuracy"), *flags(word())),
            *some(
                ("--group", lambda: rather("scale")), ("--published", word), ("--settings", word)
            ),
            *some(("--weights", lambda: rather(PACK)), ("--output", output), ("--device", word)),
        ],
        "typeset": lambda: [rather("accuracy"), "--group", rather("scale")],
        "status": lambda: [
            *some(*named, ("--state", word)),
            *flags("--all", "--packs", "--json", "--watch", word()),
        ],
        "new": lambda: [
            *(rather(chance.choice(("model", "run", "figure", "dataset"))), word()),
            *some(("--study", word), ("--series", word)),
        ],
        "schema": lambda: ["--check", *flags(word())],
        "start": lambda: [*flags("--wait", "--beside", "--cancel"), *several(word)],
    }
    name = chance.choice(list(calls))
    words = [name, *calls[name]()]
    if chance.random() < 0.1:
        words.insert(chance.randint(0, len(words)), word())
    return words
