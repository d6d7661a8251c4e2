"""Standard output for tables that Rich draws."""

import sys

from rich.console import Console

from isotrope.console.printing import nobody_reads


class Output(Console):
    """Rich's console; where nobody reads the output any more, the program ends as by ``say``."""

    def on_broken_pipe(self) -> None:
        """End with the status of a broken pipe; Rich ends with 1.

        Raises:
            SystemExit: always.
        """
        nobody_reads(sys.stdout)
