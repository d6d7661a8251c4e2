import subprocess
import sys

import pytest

import isotrope


def test_importing_the_package_does_not_import_torch():
    code = "import isotrope, isotrope.models, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_interface_is_listed_and_imported_when_asked_for():
    from isotrope.params.modelling import build_model

    assert {"build_model", "load_model"} <= set(dir(isotrope))
    assert isotrope.build_model is build_model


def test_other_names_are_unknown():
    with pytest.raises(AttributeError, match="module 'isotrope' has no attribute 'bild_model'"):
        isotrope.bild_model  # noqa: B018
