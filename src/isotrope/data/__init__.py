"""Data sets, one file each, found by the name of the file.

The classes that read published archives stand here, too, under the names that their users know.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isotrope.data._stir_reader import STIRDataset

__all__ = ["STIRDataset"]


def __getattr__(name: str) -> object:
    """Import a reader when it is first asked for: torch costs two seconds."""
    if name == "STIRDataset":
        from isotrope.data._stir_reader import STIRDataset

        return STIRDataset
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
