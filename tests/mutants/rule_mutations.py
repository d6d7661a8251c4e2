"""Bugs for rules: a resource, an input or a part of a command left out or changed.

A rule's message, log and report are left alone; so is what a rule cannot do without to be read.
"""

import re

from source_text import Mutation, SourceText

DIRECTIVE = re.compile(r"^( *)(\w+):(?: *#.*| *(.+))?$")
RULE = re.compile(r"^ *(?:rule|checkpoint) (\w+):")
NAMED = re.compile(r"^ +\w+=.*,$")
LEFT_ALONE = {"message", "log", "benchmark", "conda", "output", "report"}
PATTERNS = (  # directives, pattern, what stands in the place of `cut`, kind
    ({"resources"}, r"=(?P<cut>[\w.]+),", "1", "resource changed"),
    ({"threads"}, r": (?P<cut>[\w.]+)$", "1", "resource changed"),
    ({"input"}, r"(?P<cut>ancient\((?P<kept>[^)]+)\))", r"\g<kept>", "reason to rerun added"),
    ({"shell"}, r"(?P<cut>:q)\}", "", "word not quoted"),
    ({"shell"}, r"(?P<cut> 2>&1)", "", "part of a command left out"),
    ({"shell"}, r"(?P<cut>exec )", "", "part of a command left out"),
    ({"shell"}, r"(?P<cut> --[\w-]+(?: \{[^}]+\})?)", "", "part of a command left out"),
    ({"output"}, r"non_empty=(?P<cut>True)", "False", "constant changed"),
    ({"localrule", "default_target"}, r": (?P<cut>True)", "False", "constant changed"),
    ({""}, r"^\s*if (?P<cut>[^:]+):", r"not (\g<cut>)", "condition negated"),
    ({""}, r"^\s*(?P<cut>[a-z][\w.]*\(.*\))$", "pass", "call left out"),
    (
        {"onstart", "onsuccess", "onerror"},
        r"^\s*(?P<cut>[a-z][\w.]*\(.*\))$",
        "pass",
        "call left out",
    ),
)


def mutations(path: str, source: bytes) -> list[Mutation]:
    """All bugs that can be planted in a file of rules, in the order of their places."""
    text = SourceText(path, source)
    found, start, scope, directive, indent = [], 0, "", "", -1
    for raw in source.splitlines(keepends=True):
        line = raw.decode().rstrip("\n")
        if rule := RULE.match(line):
            scope, directive, indent = rule[1], "", -1
        elif head := DIRECTIVE.match(line):
            if len(head[1]) <= indent or indent < 0 or not directive:
                directive, indent = head[2], len(head[1])
        elif line and not line.startswith((" ", "#")):
            directive, indent, scope = "", -1, ""
        if directive not in LEFT_ALONE or directive == "output":
            for place, new, kind in _in_line(line, directive):
                at = tuple(start + len(line[:column].encode()) for column in place)
                found.append(text.mutation(*at, new, kind, scope))
        start += len(raw)
    return found


def _in_line(line: str, directive: str) -> list[tuple[tuple[int, int], str, str]]:
    found = []
    code = line.split("  #")[0].rstrip()
    named = directive in {"input", "params", "resources"} and NAMED.match(code)
    if named and code.count("(") == code.count(")"):
        found.append(((0, len(line)), "", f"{directive} left out"))
    plain = directive == "input" and re.match(r"^ +plan\.\w+,$", code)
    if plain:
        found.append(((0, len(line)), "", "input left out"))
    if directive == "wildcard_constraints" and NAMED.match(code):
        found.append(((0, len(line)), "", "constraint left out"))
    for directives, pattern, new, kind in PATTERNS:
        if directive in directives:
            for match in re.finditer(pattern, code):
                found.append((match.span("cut"), match.expand(new), kind))
    return found
