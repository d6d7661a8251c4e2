"""Every setting of a scattering network reaches its layer."""

import pytest

from isotrope.models import _scattering_settings
from isotrope.models._scattering_settings import ScatteringParams

CHANGED = {
    "parameterization": "pixelwise",
    "init": "random",
    "max_order": 1,
    "average": "global",
    "resample": "published",
    "theta_grad": "published",
    "tiles": 5,
}


@pytest.mark.parametrize("changed", [{}, *({key: value} for key, value in CHANGED.items())])
def test_the_layer_is_made_as_the_settings_say(changed, monkeypatch):
    monkeypatch.setattr(
        _scattering_settings, "Scattering2d", lambda *sizes, **settings: (sizes, settings)
    )
    params = ScatteringParams(J=3, L=4, **changed)
    sizes, settings = params.transform((1, 32, 24))
    assert sizes == (3, (32, 24), 4)
    assert settings == {key: getattr(params, key) for key in CHANGED}
    assert {"J", "L", *CHANGED} == set(ScatteringParams.model_fields)
