"""Checkpoints that must be refused: one sentence, the model as it was, and nothing run."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from test_models_checkpoint import TINY, assert_same, load, saved, start, weights

from lthkit.errors import LthkitError
from lthkit.models import ModelSpec, build, load_checkpoint


def refused(path: str, sentence: str, **settings: Any) -> None:
    spec = ModelSpec(**{**TINY, **settings}, checkpoint=path)
    model = build(spec, 4, 0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(LthkitError, match=sentence) as caught:
        load_checkpoint(model, spec)
    assert "\n" not in str(caught.value)
    assert_same(model, before)


class Bomb:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_code_is_refused_and_never_run(tmp_path: Path, zipped: bool) -> None:
    trace = tmp_path / "it_ran"
    content = {"state_dict": weights(), "args": Bomb(trace)}
    refused(
        saved(tmp_path, content, _use_new_zipfile_serialization=zipped), r"pickled code \(posix.mkdir\).*state dict"
    )
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(content, protocol=2))
    refused(str(tmp_path / "bare.pt"), "is never run|cannot be read")
    assert not trace.exists()


def test_whole_pickled_model_is_refused(tmp_path: Path) -> None:
    refused(saved(tmp_path, start(0)), r"pickled code \(lthkit.models.resnets.CifarResNet\)")


@pytest.mark.parametrize("kept", [0, 10, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_file_is_refused(tmp_path: Path, kept: float, zipped: bool) -> None:
    path = Path(saved(tmp_path, weights(), _use_new_zipfile_serialization=zipped))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    refused(str(path), r"start.pt' cannot be read \(\w+\)")


def test_truncated_safetensors_and_foreign_files_are_refused(tmp_path: Path) -> None:
    save_file(weights(), tmp_path / "a.safetensors")
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[:-5])
    refused(str(tmp_path / "a.safetensors"), r"cannot be read \(SafetensorError\)")
    (tmp_path / "page.pth").write_text("<html>not found</html>")
    refused(str(tmp_path / "page.pth"), "cannot be read")
    refused(str(tmp_path / "absent.pth"), r"absent.pth': there is no such file")
    refused("absent_name", r"'absent_name' is a name, but no catalog was given")


def test_missing_and_wrong_tensors_are_listed_with_both_shapes(tmp_path: Path) -> None:
    state = weights()
    state["layer2.0.conv1.weight"] = torch.ones(4, 2, 1, 1)
    del state["layer3.0.bn1.running_mean"]
    refused(
        saved(tmp_path, state),
        r"1 missing \(layer3.0.bn1.running_mean\); 1 of wrong shape "
        r"\(layer2.0.conv1.weight is \(4, 2, 1, 1\) instead of \(4, 2, 3, 3\)\)",
    )


def test_small_stem_does_not_fit_a_large_one(tmp_path: Path) -> None:
    resnet18: dict[str, Any] = {"name": "resnet18", "options": {}}
    path = saved(tmp_path, weights(**resnet18, small_stem=True))
    refused(path, r"1 of wrong shape \(conv1.weight is \(64, 3, 3, 3\) instead of \(64, 3, 7, 7\)\)", **resnet18)


def test_deeper_and_shallower_networks_are_refused(tmp_path: Path) -> None:
    refused(saved(tmp_path, weights(name="resnet14")), r"that the model lacks \(layer1.1.conv1.weight")
    refused(saved(tmp_path, weights()), r"missing \(layer1.1.conv1.weight.* more\)", name="resnet14")


def test_other_network_and_empty_files_are_refused(tmp_path: Path) -> None:
    refused(saved(tmp_path, {"encoder.patch": torch.ones(2)}), r"holds no tensor of this network .*encoder.patch")
    refused(saved(tmp_path, [1, 2]), "holds no tensor of this network .*no tensor at all")
    refused(saved(tmp_path, weights()), r"under the prefix 'encoder_q.'; it does under ''", prefix="encoder_q")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    state = weights()
    state["layer1.0.bn2.running_var"][1] = value
    refused(saved(tmp_path, state), r"tensor 'layer1.0.bn2.running_var' holds NaN or infinite values")


def test_doubles_too_large_for_the_model_are_refused(tmp_path: Path) -> None:
    state = weights()
    state["conv1.weight"] = torch.full_like(state["conv1.weight"], 1e300, dtype=torch.float64)
    refused(saved(tmp_path, state), "tensor 'conv1.weight' holds NaN or infinite")


@pytest.mark.filterwarnings("ignore:Validating sparse")
@pytest.mark.parametrize("odd", [lambda t: t.to(torch.int8), lambda t: t.to_sparse(), lambda t: t.to("meta")])
def test_tensors_of_another_kind_are_refused(tmp_path: Path, odd: Any) -> None:
    state = weights()
    state["conv1.weight"] = odd(state["conv1.weight"])
    refused(saved(tmp_path, state), "tensor 'conv1.weight' is torch.*save it as plain torch.float32")


def test_two_networks_that_fit_ask_for_a_prefix(tmp_path: Path) -> None:
    path = saved(tmp_path, {"model": weights(1), "ema": weights(2)})
    refused(path, r"equally well under 'model.', 'ema.'; state which by 'prefix'")
    model, _ = load(path, prefix="ema")
    assert_same(model, weights(2))


def test_no_checkpoint_named() -> None:
    with pytest.raises(LthkitError, match="'resnet8' names no checkpoint"):
        load_checkpoint(start(0), ModelSpec(**TINY))
