"""What a user reads. The only module that prints."""

import sys


def say(text: str) -> None:
    """One line to standard output, at once."""
    print(text, flush=True)


def complain(*sentences: str) -> None:
    """Sentences to standard error."""
    print(*sentences, sep="\n", file=sys.stderr, flush=True)
