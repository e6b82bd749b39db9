"""Others' masks that cannot be used: one sentence each, and nothing written."""

import os

import pytest
import torch
from stacks import PARAMETERS, imported, nested, saved, spec

from lthkit.errors import LthkitError, StoreError
from lthkit.exchange import import_masks
from lthkit.store import Writer


class Code:
    def __reduce__(self):
        return os.getpid, ()


WRONG_SHAPE = {"0.weight": torch.ones(3, 2, 3, 3), "1.weight": torch.ones(2, 3, 1, 1)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"0.weight": torch.full((3, 2, 3, 3), 0.5), "1.weight": torch.ones(2, 3, 3, 3)},
            "'0.weight' holds 0.5; a mask",
        ),
        (
            {"0.weight_mask": torch.full((3, 2, 3, 3), -1.0), "1.weight_mask": torch.ones(2, 3, 3, 3)},
            "holds -1; a mask",
        ),
        ({"0.weight": torch.full((3, 2, 3, 3), torch.nan), "1.weight": torch.ones(2, 3, 3, 3)}, "'0.weight' holds nan"),
        ({"0.weight": torch.full((3, 2, 3, 3), torch.inf), "1.weight": -torch.ones(2, 3, 3, 3)}, "NaN or infinite"),
        (WRONG_SHAPE, r"'1.weight' is \(2, 3, 1, 1\) but the model's is \(2, 3, 3, 3\)"),
        ({"conv.weight": torch.ones(2)}, "holds no tensor of this network"),
        ({}, "holds no tensor of this network"),
        (
            {name: torch.ones(shape).to_sparse() for name, shape in PARAMETERS.items()},
            "save it as a plain dense tensor",
        ),
        ({name: torch.ones(shape) for name, shape in PARAMETERS.items()}, "none of the 1 files removes a weight"),
        ({"0.weight": Code()}, "holds pickled code .*never run"),
        (nested(1)[0] | {"more.weight": torch.zeros(2)}, "removes weights of 'more.weight', .*name the model"),
        (nested(1)[0] | {"fc.weight": torch.eye(2)}, "removes weights of 'fc.weight', .*allow it by prune_head"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path, content, message):
    with pytest.raises(LthkitError, match=message):
        imported(tmp_path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["mask1.pt"]


def test_a_pruned_first_convolution_must_be_allowed(tmp_path):
    masks = nested(1)[0]
    with pytest.raises(LthkitError, match=r"removes weights of '0.weight', .*allow it by prune_first \(--first\)"):
        imported(tmp_path, masks, model=spec(prune_first=False))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0.2}, "mask1.pt' leaves 5. of 108 weights as round 1, but rate 0.2 leaves 86; correct the rate"),
        ({"rate": 1.5}, "rate 1.5 lies outside"),
        ({"model": spec(checkpoint="a.pt")}, r"takes no checkpoint \('a.pt'\)"),
        ({"model": spec(options={"depth": 3})}, "has no option 'depth'"),
    ],
)
def test_settings_that_do_not_fit_are_told(tmp_path, arguments, message):
    with pytest.raises(LthkitError, match=message):
        imported(tmp_path, *nested(2), **arguments)
    assert not (tmp_path / "a.zarr").exists()


def test_paths_that_do_not_fit_are_told(tmp_path):
    (path,) = saved(tmp_path, nested(1)[0])
    twin = tmp_path / "twin.pt"
    twin.write_bytes(path.read_bytes())
    (tmp_path / "there.zarr").mkdir()
    for files, out, message in [
        ([path], "a", "must end in .zarr"),
        ([path], "there.zarr", "exists already"),
        ([path], "twin.pt/a.zarr", "cannot be written"),
        ([], "a.zarr", "no mask files"),
        ([path, twin], "a.zarr", "are the same file; give each round once"),
        ([tmp_path / "none.pt"], "a.zarr", "there is no file"),
    ]:
        with pytest.raises(LthkitError, match=message):
            import_masks(files, spec(), tmp_path / out)
    assert not list((tmp_path / "there.zarr").iterdir())


def test_a_store_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    first, second = nested(2)

    def fail(*_):
        raise StoreError("disk full")

    monkeypatch.setattr(Writer, "write_extra", fail)
    with pytest.raises(StoreError, match="disk full"):
        imported(tmp_path, second, first)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mask1.pt", "mask2.pt"]
