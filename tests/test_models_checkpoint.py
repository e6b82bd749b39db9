"""Starting weights from checkpoints of every shape in use, and from files that must be refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.models import LoadReport, ModelSpec, build, load_checkpoint
from lthkit.models.files import flatten
from lthkit.models.prefix import choose_prefix

TINY: dict[str, Any] = {"name": "resnet8", "options": {"width": 2}}


def start(seed: int, classes: int = 4, **settings: Any) -> nn.Module:
    return build(ModelSpec(**{**TINY, **settings}), classes, seed)


def weights(seed: int = 7, classes: int = 4, **settings: Any) -> dict[str, Tensor]:
    state = start(seed, classes, **settings).state_dict()
    for name, tensor in state.items():
        if "running" in name:
            tensor += 0.5
    return state


def under(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def body(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def saved(folder: Path, content: Any, name: str = "start.pt", **options: Any) -> str:
    path = folder / name
    torch.save(content, path, **options)
    return str(path)


def load(path: str, classes: int = 4, **settings: Any) -> tuple[nn.Module, LoadReport]:
    spec = ModelSpec(**{**TINY, **settings}, checkpoint=path)
    model = build(spec, classes, 0)
    return model, load_checkpoint(model, spec)


def assert_same(model: nn.Module, expected: dict[str, Tensor]) -> None:
    own = model.state_dict()
    for name, tensor in expected.items():
        assert torch.equal(own[name], tensor.to(own[name].dtype)), name


# --- forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("wrap", "prefix"),
    [
        (lambda state: state, ""),
        (lambda state: under("module.", state), "module."),
        (lambda state: {"epoch": 3, "arch": "resnet", "state_dict": under("module.", state)}, "state_dict.module."),
        (lambda state: {"model": state, "optimizer": {"state": {0: {"step": torch.ones(1)}}}}, "model."),
        (lambda state: nn.ParameterDict({"x": torch.ones(1)}).state_dict() | state, ""),
    ],
)
def test_common_forms_load_whole(tmp_path: Path, wrap: Any, prefix: str, zipped: bool) -> None:
    state = weights()
    model, report = load(saved(tmp_path, wrap(state), _use_new_zipfile_serialization=zipped))
    assert_same(model, state)
    assert report.prefix == prefix
    assert set(report.matched) == state.keys()
    assert report.new == ()


def test_moco_takes_the_query_encoder_and_draws_the_head(tmp_path: Path) -> None:
    query, key = weights(1), weights(2)
    mlp = {"fc.0.weight": torch.ones(8, 8), "fc.2.weight": torch.ones(3, 8)}
    content = under("module.encoder_k.", {**body(key), **mlp}) | under("module.encoder_q.", {**body(query), **mlp})
    content["module.queue"] = torch.ones(3, 5)
    model, report = load(saved(tmp_path, {"epoch": 200, "arch": "r", "state_dict": content}, "moco.pth.tar"))
    assert_same(model, body(query))
    fresh = start(0).state_dict()
    assert_same(model, {name: fresh[name] for name in ("fc.weight", "fc.bias")})
    assert report.prefix == "state_dict.module.encoder_q."
    assert report.new == ("fc.weight", "fc.bias")
    assert "state_dict.module.queue" in report.unused
    assert "state_dict.module.encoder_q.fc.0.weight" in report.unused
    assert len(report.unused) == len(content) - len(body(query))


@pytest.mark.parametrize(
    "stated", ["module.encoder_k", "module.encoder_k.", "state_dict.module.encoder_k", "encoder_k"]
)
def test_stated_prefix_wins(tmp_path: Path, stated: str) -> None:
    query, key = weights(1), weights(2)
    content = {"state_dict": under("module.encoder_q.", query) | under("module.encoder_k.", key)}
    model, _ = load(saved(tmp_path, content), prefix=stated)
    assert_same(model, key)


def test_simclr_form_with_a_separate_head(tmp_path: Path) -> None:
    state = weights()
    path = saved(tmp_path, {"resnet": body(state), "head": {"layers.0.weight": torch.ones(2, 2)}})
    model, report = load(path, classes=9)
    assert_same(model, body(state))
    assert report.prefix == "resnet."
    assert report.new == ("fc.weight", "fc.bias")
    assert report.unused == ("head.layers.0.weight",)


def test_safetensors_load(tmp_path: Path) -> None:
    state = weights()
    save_file(under("backbone.", state), tmp_path / "start.safetensors")
    model, report = load(str(tmp_path / "start.safetensors"))
    assert_same(model, state)
    assert report.prefix == "backbone."


def test_half_precision_is_cast(tmp_path: Path) -> None:
    half = {name: t.half() if t.is_floating_point() else t for name, t in weights().items()}
    model, _ = load(saved(tmp_path, half))
    assert model.get_parameter("conv1.weight").dtype == torch.float32
    assert_same(model, half)


def test_old_files_without_num_batches_tracked_load(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in weights().items() if "num_batches" not in name}
    model, report = load(saved(tmp_path, state))
    assert_same(model, state)
    assert not any("num_batches" in name for name in report.matched + report.new)


def test_weight_saved_under_one_of_its_two_names_is_enough(tmp_path: Path) -> None:
    name = f"{__name__}:tied"
    state = start(1, name=name, options={}).state_dict()
    del state["1.weight"]
    model, _ = load(saved(tmp_path, state), name=name, options={})
    assert torch.equal(model.state_dict()["1.weight"], state["0.weight"])


def tied(num_classes: int) -> nn.Module:
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1), nn.Flatten(), nn.Linear(2, num_classes))
    model[1].weight = model[0].weight
    return model


def test_loading_through_a_wrapper_fills_the_plain_model(tmp_path: Path) -> None:
    state = weights()
    model = start(0)
    spec = ModelSpec(**TINY, checkpoint=saved(tmp_path, state))
    wrapped: Any = torch.compile(nn.DataParallel(model))
    load_checkpoint(wrapped, spec)
    assert_same(model, state)


def test_model_does_not_keep_the_file_open_as_its_memory(tmp_path: Path) -> None:
    state = weights()
    path = saved(tmp_path, state)
    model, _ = load(path)
    with torch.no_grad():
        model.get_parameter("conv1.weight").zero_()
    again, _ = load(path)
    assert_same(again, state)


# --- head and stem --------------------------------------------------------------------------------------------


def test_other_number_of_classes_draws_a_new_head(tmp_path: Path) -> None:
    state = weights(classes=4)
    model, report = load(saved(tmp_path, state), classes=6)
    assert_same(model, body(state))
    assert_same(model, {"fc.weight": start(0, 6).state_dict()["fc.weight"]})
    assert report.new == ("fc.weight", "fc.bias")
    assert report.unused == ("fc.weight", "fc.bias")


def test_new_head_is_drawn_even_where_the_old_one_fits(tmp_path: Path) -> None:
    state = weights()
    model, report = load(saved(tmp_path, state), head="new")
    assert_same(model, body(state) | {"fc.weight": start(0).state_dict()["fc.weight"]})
    assert report.new == ("fc.weight", "fc.bias")


def test_half_a_head_is_not_kept(tmp_path: Path) -> None:
    state = weights()
    del state["fc.bias"]
    _, report = load(saved(tmp_path, state))
    assert report.new == ("fc.weight", "fc.bias")


def within(num_classes: int) -> nn.Module:
    """A network whose body and head are children of one module."""
    layers = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Flatten(), nn.Linear(2, num_classes))
    return nn.Sequential(layers)


def test_head_of_another_make_within_the_bodys_scope_is_drawn_anew(tmp_path: Path) -> None:
    name = f"{__name__}:within"
    state = start(1, name=name, options={}).state_dict()
    del state["0.2.weight"], state["0.2.bias"]
    path = saved(tmp_path, state | {"0.2.0.weight": torch.ones(3, 2), "0.2.2.weight": torch.ones(2, 3)})
    _, report = load(path, name=name, options={})
    assert (report.matched, report.new) == (("0.0.weight", "0.0.bias"), ("0.2.weight", "0.2.bias"))


def test_small_stem_is_drawn_anew_beside_imagenet_weights(tmp_path: Path) -> None:
    resnet18: dict[str, Any] = {"name": "resnet18", "options": {}}
    state = weights(classes=3, **resnet18)
    path = saved(tmp_path, state)
    model, report = load(path, **resnet18, small_stem=True)
    fresh = start(0, **resnet18, small_stem=True).state_dict()
    assert report.new == ("conv1.weight", "fc.weight", "fc.bias")
    assert_same(model, {name: t for name, t in body(state).items() if name != "conv1.weight"})
    assert torch.equal(model.get_parameter("conv1.weight"), fresh["conv1.weight"])
    small = saved(tmp_path, weights(classes=3, **resnet18, small_stem=True), "small.pt")
    assert "conv1.weight" in load(small, **resnet18, small_stem=True)[1].matched


# --- catalog --------------------------------------------------------------------------------------------------


def test_catalog_gives_file_prefix_and_hash(tmp_path: Path) -> None:
    student, teacher = weights(1), weights(2)
    saved(tmp_path, under("student.", student) | under("teacher.", teacher), "dino.pt")
    entry = "{type: file, root: ., file: dino.pt, prefix: teacher., licence: MIT, get: ask"
    (tmp_path / "c.yaml").write_text(
        f"checkpoints:\n  dino: {entry}}}\n  other: {entry}, sha256: {'f' * 64}}}\n", encoding="utf-8"
    )
    catalog = load_catalog(tmp_path / "c.yaml")
    model = start(0)
    report = load_checkpoint(model, ModelSpec(**TINY, checkpoint="dino"), catalog)
    assert_same(model, teacher)
    assert (report.source, report.prefix) == ("dino", "teacher.")
    load_checkpoint(model, ModelSpec(**TINY, checkpoint="dino", prefix="student"), catalog)
    assert_same(model, student)
    with pytest.raises(LthkitError, match="ffff"):
        load_checkpoint(model, ModelSpec(**TINY, checkpoint="other"), catalog)
    with pytest.raises(LthkitError, match="dino"):
        load_checkpoint(model, ModelSpec(**TINY, checkpoint="dinoo"), catalog)


def test_report_reads_well(tmp_path: Path) -> None:
    _, report = load(saved(tmp_path, {"state_dict": weights()}), classes=6)
    lines = str(report).split("\n")
    assert f"(sha256 {report.sha256[:12]}…, prefix 'state_dict.'): {len(report.matched)} tensors" in lines[0]
    assert lines[1:] == [
        "drawn anew: fc.weight, fc.bias",
        "in the checkpoint, not used: state_dict.fc.weight, state_dict.fc.bias",
    ]


# --- prefixes -------------------------------------------------------------------------------------------------

PARTS = st.lists(st.sampled_from(["state_dict", "module", "net", "encoder_q", "conv1", "0"]), max_size=4)
WANTED = {"conv1.weight": (2, 3), "conv1.bias": (2,), "layer.0.weight": (4,)}


@given(PARTS, st.sets(st.text("abc.", max_size=6), max_size=4))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_any_prefix_is_found_among_other_names(parts: list[str], noise: set[str]) -> None:
    prefix = "".join(f"{part}." for part in parts)
    found = dict.fromkeys(noise, (9, 9)) | {prefix + name: shape for name, shape in WANTED.items()}
    assert choose_prefix(found, WANTED, None, "x") == prefix


def test_shapes_go_before_names_and_a_query_encoder_before_others() -> None:
    found = {f"a.{name}": shape for name, shape in WANTED.items()}
    wrong = {name: (*shape, 1) for name, shape in WANTED.items()}
    assert choose_prefix(found | wrong, WANTED, None, "x") == "a."
    del found["a.conv1.bias"]
    assert choose_prefix(found | wrong, WANTED, None, "x") == "a."
    found["a.conv1.bias"] = (2,)
    with pytest.raises(LthkitError, match=r"equally well under '', 'a.'; state which by 'prefix'"):
        choose_prefix(WANTED | found, WANTED, None, "x")
    key = {f"encoder_k.{name}": shape for name, shape in WANTED.items()}
    query = {f"deep.module.encoder_q.{name}": shape for name, shape in WANTED.items()}
    assert choose_prefix(key | query, WANTED, None, "x") == "deep.module.encoder_q."


def test_flatten_survives_a_mapping_inside_itself() -> None:
    loop: dict[Any, Any] = {"a": {"b": torch.ones(1)}, 3: [torch.ones(1)], "n": 1}
    loop["self"] = loop
    assert list(flatten(loop, "x")) == ["a.b"]
