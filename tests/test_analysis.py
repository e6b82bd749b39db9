import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit.analysis import curve, kernels_left, layer_density, sparsity, weights_left
from lthkit.errors import StoreError
from lthkit.store import Store, create, open_store

SHAPES = {"conv.weight": (4, 3, 2, 2), "fc.weight": (5, 3)}
COLUMNS = ("step", "learning_rate", "train_loss", "wall_time", "validation_accuracy", "test_accuracy")
NAN = float("nan")


def stored(path, codes, *, planned, rounds, scores=None, selection="validation", higher=True) -> Store:
    scores = scores or {}
    provenance = {"metric": "accuracy", "higher_is_better": higher} if selection else {}
    config = {"plan": {"selection": selection}}
    evaluations = 4
    with create(
        path,
        parameters={name: code.shape for name, code in codes.items()},
        config=config,
        provenance=provenance,
        metrics=COLUMNS,
        rounds=planned,
        evaluations=evaluations,
    ) as writer:
        writer.commit(codes, rounds=rounds, scored=len(scores), scores=scores)
    return open_store(path)


def scored(validation, test, steps=(10, 20, 30, 40)):
    count = len(validation)
    rest = {name: np.arange(1.0, count + 1) for name in ("learning_rate", "train_loss", "wall_time")}
    return rest | {
        "step": np.array(steps[:count], float),
        "validation_accuracy": np.array(validation),
        "test_accuracy": np.array(test),
    }


def some_codes(seed, rounds, shapes=SHAPES):
    draw = np.random.RandomState(seed)
    return {name: draw.choice([*range(1, rounds + 1), 255], shape).astype(np.uint8) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@settings(derandomize=True, max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), rounds=st.integers(1, 6), ahead=st.integers(0, 2))
def test_counts_are_those_of_a_loop_over_rounds_also_with_uncommitted_codes(folder, seed, rounds, ahead):
    codes = some_codes(seed, rounds + ahead)
    path = folder / f"{seed}-{rounds}-{ahead}.zarr"
    if path.exists():
        return
    committed = {name: np.where(code > rounds, 255, code).astype(np.uint8) for name, code in codes.items()}
    store = stored(path, committed, planned=rounds + ahead, rounds=rounds)
    for name, code in codes.items():  # as a writer killed before its commit leaves them
        zarr.open_group(path / "masks")[name][...] = code
    left, density, removed = weights_left(store), layer_density(store), sparsity(store)
    assert left.dims == density.dims == ("layer", "round")
    for round_ in range(rounds + 1):
        alive = {name: code > round_ for name, code in codes.items()}
        for name, mask in alive.items():
            assert left.sel(layer=name, round=round_) == mask.sum()
            assert density.sel(layer=name, round=round_) == mask.mean()
        total = sum(mask.sum() for mask in alive.values())
        assert removed.sel(round=round_).item() == pytest.approx(1 - total / (48 + 15), abs=1e-15)
    kernels = kernels_left(store, "conv.weight", rounds)
    alive = codes["conv.weight"] > rounds
    assert kernels.values.tolist() == [[int(kernel.sum()) for kernel in row] for row in alive]


def test_kernels_of_a_linear_layer_are_single_weights(tmp_path):
    codes = some_codes(1, 3)
    kernels = kernels_left(stored(tmp_path / "a.zarr", codes, planned=3, rounds=3), "fc.weight", 2)
    assert kernels.dtype == np.uint16
    said = {"long_name": "weights left", "units": "weights"}
    assert kernels.attrs == {"layer": "fc.weight", "round": 2, "kernel_size": 1} | said
    np.testing.assert_array_equal(kernels.values, codes["fc.weight"] > 2)


def test_unknown_layer_and_uncommitted_round_are_refused(tmp_path):
    store = stored(tmp_path / "a.zarr", some_codes(1, 2), planned=5, rounds=2)
    with pytest.raises(StoreError, match=r"no layer 'conv'; it has conv.weight, fc.weight"):
        kernels_left(store, "conv", 1)
    with pytest.raises(StoreError, match="no round 3"):
        kernels_left(store, "conv.weight", 3)


def test_score_is_the_test_metric_at_the_first_best_validation(tmp_path):
    scores = {
        0: scored([0.5, 0.9, 0.9, 0.1], [0.1, 0.2, 0.3, 0.4]),
        1: scored([0.5, NAN, 0.7], [0.1, 0.2, 0.6]),
    }
    line = curve(stored(tmp_path / "a.zarr", some_codes(1, 2), planned=2, rounds=2, scores=scores))
    assert isinstance(line, xr.Dataset)
    assert line["score"].values.tolist() == [0.2, 0.6]
    assert line["validation"].values.tolist() == [0.9, 0.7]
    assert line["best_step"].values.tolist() == [20, 30]
    assert line["wall_time"].values.tolist() == [4.0, 3.0]
    assert line["round"].values.tolist() == [0, 1]
    assert line["density"].values[0] == 1
    assert {key: line.attrs[key] for key in ("metric", "selection", "higher_is_better")} == {
        "metric": "accuracy",
        "selection": "validation",
        "higher_is_better": True,
    }


def test_lowest_wins_where_lower_is_better(tmp_path):
    scores = {0: scored([0.5, 0.2, 0.2], [0.1, 0.7, 0.3])}
    line = curve(stored(tmp_path / "a.zarr", some_codes(1, 1), planned=1, rounds=1, scores=scores, higher=False))
    assert line["score"].values.tolist() == [0.7]


def test_another_metric_is_that_of_the_evaluation_that_the_first_one_chose(tmp_path):
    more = {"validation_loss": np.array([3.0, 2.0]), "test_loss": np.array([3.5, 2.5])}
    codes = some_codes(1, 1)
    shapes = {name: code.shape for name, code in codes.items()}
    provenance = {"metric": "accuracy", "higher_is_better": True}
    settings = {"config": {"plan": {"selection": "validation"}}, "provenance": provenance}
    columns = (*COLUMNS, *more)
    with create(tmp_path / "a.zarr", parameters=shapes, metrics=columns, rounds=1, evaluations=2, **settings) as writer:
        writer.commit(codes, rounds=1, scored=1, scores={0: scored([0.9, 0.5], [0.1, 0.2]) | more})
    line = curve(tmp_path / "a.zarr", metric="loss")
    assert (line["score"].item(), line["validation"].item(), line["best_step"].item()) == (3.5, 3.0, 10)
    assert (line.attrs["metric"], line.attrs["higher_is_better"]) == ("loss", False)
    with pytest.raises(StoreError, match="has no metric 'AP'; choose one of accuracy, loss"):
        curve(tmp_path / "a.zarr", metric="AP")


@pytest.mark.parametrize("higher", [True, False])
def test_last_selection_takes_the_last_evaluation_of_a_short_round(tmp_path, higher):
    scores = {0: scored([NAN, NAN, NAN], [0.3, 0.9, 0.4]), 1: scored([NAN] * 4, [0.3, 0.9, 0.4, 0.5])}
    codes = some_codes(1, 1)
    store = stored(tmp_path / "a.zarr", codes, planned=1, rounds=1, scores=scores, selection="last", higher=higher)
    assert curve(store)["score"].values.tolist() == [0.4, 0.5]


def test_round_without_validation_is_named(tmp_path):
    scores = {0: scored([0.5], [0.3]), 1: scored([NAN, NAN], [0.3, 0.9])}
    store = stored(tmp_path / "a.zarr", some_codes(1, 1), planned=1, rounds=1, scores=scores)
    with pytest.raises(StoreError, match="no validation accuracy in round 1"):
        curve(store)


def test_store_that_names_no_metric_is_refused(tmp_path):
    store = stored(tmp_path / "a.zarr", some_codes(1, 1), planned=1, rounds=1, selection=None)
    with pytest.raises(StoreError, match="does not say which metric counts"):
        curve(store)


def test_curve_of_a_search_without_trainings_is_empty(tmp_path):
    line = curve(stored(tmp_path / "a.zarr", some_codes(1, 1), planned=1, rounds=1))
    assert line.sizes["round"] == 0
