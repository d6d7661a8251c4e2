"""What is left alone when bugs are planted, since no test should notice it."""

import re

# calls whose words are for people, or about types
SAID = re.compile(
    r"(\w*Error|\w*Mistake\w*|log|_log|warn|warning|info|debug|print|say|echo|secho|cast|TypeVar"
    r"|NewType|getLogger|ArgumentParser|add_argument)$"
)
IN_ANY_ORDER = {"isinstance", "getattr", "hasattr", "min", "max", "gcd", "partial", "suppress"}
UNTOUCHED_NAMES = {"REVISION", "REVISIONS", "__all__", "__version__", "model_config", "LOOK"}
# keywords and variables that change speed, patience or looks alone
SECONDS = re.compile(
    r"(?i)(seconds|timeout|interval|^every$|patience_s|indent|width|colou?r|size_inches|alpha)"
)
MOMENT = re.compile(r"\btime\.|monotonic|\bnow\b")  # never equal to another moment
TUNED = re.compile(r"#.*\b(seconds|tries|bytes at once)\b|#.*so (often|many)")  # of constants
WORDS = """
    help description title json_schema_extra metavar examples encoding stacklevel strict name daemon
    repr slots frozen compare check non_blocking pin_memory memory_format flush show_default
    rich_help_panel transient indent
"""
LOOKS = """
    color colors linewidth linewidths lw alpha fontsize size s zorder dpi pad labelpad markersize
    edgecolor facecolor linestyle ls marker fontweight figsize wspace hspace ha va rotation loc
    bbox_to_anchor capsize width ncol frameon handlelength columnspacing borderaxespad fontfamily
    horizontalalignment verticalalignment hatch xytext textcoords transform elinewidth
    markeredgewidth markeredgecolor markerfacecolor clip_on height_ratios
"""
NEVER_SEEN = {*WORDS.split(), *LOOKS.split()}
