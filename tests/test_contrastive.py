"""simCLR and MoCo v2 as tasks: losses against lightly, scores against loops, states, masks and starts by value."""

import math
from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from killed import in_process, search
from lightly.loss import NTXentLoss
from lightly.models.utils import update_momentum
from test_ranks import near_in_scores, near_in_weights, score_columns, two_processes
from test_search import bits
from tiny import DIGITS, tiny_config
from torch import nn
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

from lthkit import masks as masking
from lthkit.catalog import Normalisation, load_catalog
from lthkit.errors import LthkitError
from lthkit.search import find_ticket, kept_state, make_task, train_once
from lthkit.store import open_store, trained_file
from lthkit.tasks.moco import contrast, enqueue, follow
from lthkit.tasks.retrieval import retrieval_accuracy, retrieval_chance
from lthkit.tasks.simclr import nt_xent
from lthkit.tasks.views import ViewOptions, make_views

VIEWS = {"crop": 0.4, "flip": 0.0, "blur": 0.0, "inputs": 24, "projection": 16}
# views that are the image itself draw nothing
STILL = VIEWS | {"crop": 1.0, "jitter": 0.0, "grey": 0.0}
OPTIONS = {"simclr": VIEWS, "moco": VIEWS | {"queue": 96, "momentum": 0.9}}


def contrastive(task, options=None, **changes):
    values = {**DIGITS, "task": {"name": task, "options": OPTIONS[task] | (options or {})}}
    return tiny_config(values, **changes)


def made(task, options=None, **changes):
    return make_task(contrastive(task, options, **changes), load_catalog())


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# losses


@pytest.mark.parametrize("temperature", [0.1, 0.2, 0.5, 1.0, 2.0, 10.0, 20.0])
@pytest.mark.parametrize("shape", [(2, 3), (16, 8), (33, 64)])
def test_nt_xent_is_that_of_an_independent_library(shape, temperature):
    first, second = drawn(2, *shape)
    expected = NTXentLoss(temperature=temperature)(first, second).item()
    assert nt_xent(first, second, temperature).item() == pytest.approx(expected, abs=1e-6, rel=2e-7)


def test_nt_xent_is_the_mean_of_minus_log_p():
    first, second = drawn(2, 5, 4).double()
    views, terms = torch.cat([first, second]), []
    for index in range(10):
        similarity = cosine_similarity(views[index], views) / 0.3
        others = [place for place in range(10) if place != index]
        terms.append(-similarity[(index + 5) % 10] + torch.logsumexp(similarity[others], 0))
    assert nt_xent(first, second, 0.3).item() == pytest.approx(torch.stack(terms).mean().item(), abs=1e-5)


def test_the_temperatures_limits():
    first, second = drawn(2, 8, 6)
    assert nt_xent(first, second, 1e6).item() == pytest.approx(math.log(15), abs=1e-4)  # all views alike
    apart = torch.eye(8)
    assert nt_xent(apart, apart, 0.01).item() == pytest.approx(0, abs=1e-6)  # only the pair counts


@pytest.mark.parametrize("temperature", [0.1, 0.2, 1.0])
def test_the_queues_loss_is_that_of_an_independent_library(temperature):
    queries, keys, queue = drawn(6, 8), drawn(6, 8, seed=1), normalize(drawn(24, 8, seed=2))
    theirs = NTXentLoss(temperature=temperature, memory_bank_size=(24, 8))
    theirs.memory_bank.bank.copy_(queue)
    logits = contrast(normalize(queries), normalize(keys), queue, temperature)
    ours = cross_entropy(logits, torch.zeros(6, dtype=torch.int64))
    assert ours.item() == pytest.approx(theirs(queries, keys).item(), abs=1e-6)


def test_the_key_encoder_follows_as_in_an_independent_library():
    torch.manual_seed(0)
    query, ours, theirs = (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)) for _ in range(3))
    theirs.load_state_dict(ours.state_dict())
    follow(query, ours, 0.99)
    update_momentum(query, theirs, 0.99)
    for mine, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-6)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 12))
def test_the_queue_is_first_in_first_out(batch, batches, rounds):
    queue, queued, expected = torch.zeros(batch * batches, 1), torch.tensor(0), deque(maxlen=batch * batches)
    for number in range(rounds):
        keys = torch.arange(number * batch, (number + 1) * batch).float()[:, None]
        enqueue(queue, queued, keys)
        expected.extend(keys[:, 0].tolist())
    filled = min(int(queued), len(queue))
    oldest = int(queued) % len(queue) if filled == len(queue) else 0
    assert queue[:filled, 0].roll(-oldest).tolist() == list(expected)


# retrieval


@settings(deadline=None)
@given(st.integers(2, 9), st.integers(1, 5), st.integers(0, 1000))
def test_retrieval_is_that_of_a_loop(count, width, seed):
    first, second = drawn(2, count, width, seed=seed)
    views, right = torch.cat([first, second]).double(), 0
    for index in range(2 * count):
        others = [place for place in range(2 * count) if place != index]
        nearest = max(others, key=lambda place: float(cosine_similarity(views[index], views[place], dim=0)))
        right += nearest == (index + count) % (2 * count)
    if width > 1:  # of one number the cosine is ±1, and ties are not right
        assert retrieval_accuracy(first, second) == right / (2 * count)


def test_retrieval_of_many_rows_at_once(monkeypatch):
    first, second = drawn(2, 50, 3)
    whole = retrieval_accuracy(first, second)
    monkeypatch.setattr("lthkit.tasks.retrieval._ROWS", 7)
    assert retrieval_accuracy(first, second) == whole


def test_retrieval_of_equal_and_of_collapsed_features():
    features = drawn(20, 8)
    assert retrieval_accuracy(features, 3 * features) == 1
    assert retrieval_accuracy(torch.ones(20, 8), torch.ones(20, 8)) == 0
    assert retrieval_chance(20) == 1 / 39


def test_random_features_score_as_chance():
    scores = [retrieval_accuracy(*drawn(2, 50, 16, seed=seed)) for seed in range(40)]
    assert np.mean(scores) == pytest.approx(retrieval_chance(50), abs=3 * np.std(scores) / 40**0.5)


# views


def test_views_are_drawn_per_image_from_the_seed():
    task = made("simclr")
    images = drawn(1, 3, 8, 8).sigmoid().expand(6, 3, 8, 8).contiguous()
    first, second = task.views.pair(images, 7)
    again, _ = task.views.pair(images, 7)
    other, _ = task.views.pair(images, 8)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    views = torch.cat([first, second])
    assert len({view.numpy().tobytes() for view in views}) == 12


def test_views_leave_the_global_random_state_alone():
    task = made("simclr")
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    task.views.pair(torch.rand(2, 3, 8, 8, generator=torch.Generator()), 0)
    assert torch.equal(torch.rand(2), expected)


def test_views_without_draws_are_the_normalised_images():
    task = made("simclr", STILL)
    images, _ = next(iter(task.batches(0, 0, 0)))
    mean, std = task.views.mean, task.views.std
    pixels = task.data.train.images.permute(0, 3, 1, 2).float() / 255
    for image in images * std + mean:
        assert ((image - pixels).abs().amax((1, 2, 3)) < 1e-6).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_all_kinds_of_views_keep_shape_and_differ(channels):
    options = ViewOptions(crop=0.3, flip=0.5, jitter=1.0, grey=0.5, blur=0.5, size=12)
    scaling = Normalisation(mean=(0.5,) * channels, std=(0.25,) * channels)
    views = make_views(options, (channels, 8, 8), scaling, torch.device("cpu"), channels_last=channels == 3)
    first, second = views.pair(drawn(4, channels, 8, 8).sigmoid(), 0)
    assert first.shape == second.shape == (4, channels, 12, 12)
    assert torch.isfinite(first).all()
    assert not torch.equal(first, second)


def test_labels_are_not_looked_at():
    task = made("simclr")
    batch = next(iter(task.batches(0, 0, 0)))
    task.data.train.labels.zero_()
    for one, other in zip(batch, next(iter(task.batches(0, 0, 0))), strict=True):
        assert torch.equal(one, other)


# the two tasks


def step(task, optimizer):
    for batch in task.batches(0, 0, 0):
        task.loss(batch).backward()
        optimizer.step()
        optimizer.zero_grad()
        task.after_step(1)


def test_simclrs_scores_are_those_of_its_features():
    task = made("simclr")
    task.modules.eval()
    with torch.no_grad():
        scores = task.evaluate("validation")
        pairs = list(task.scored_pairs("validation"))
        network = task.network
        head, network.fc = network.fc, nn.Identity()
        features = [torch.cat([network(views) for views in side]) for side in zip(*pairs, strict=True)]
        network.fc = head
        loss = NTXentLoss(temperature=0.1)(*(head(each) for each in features))
    assert scores["retrieval"] == retrieval_accuracy(*features)
    assert task.chance == 1 / (2 * 24 - 1)
    assert scores["loss"] == pytest.approx(loss.item(), abs=0.2)  # in batches of 32 there, of 24 here


def test_no_gradient_flows_into_the_key_encoder():
    task = made("moco")
    before = {name: each.clone() for name, each in task.encoders.encoder_k.named_parameters()}
    task.modules.train()
    task.loss(next(iter(task.batches(0, 0, 0)))).backward()
    assert all(each.grad is None for each in task.encoders.encoder_k.parameters())
    # beside no key in the queue nothing can be learned
    assert all((each.grad == 0).all() for each in task.encoders.encoder_q.parameters())
    task.after_step(1)
    task.loss(next(iter(task.batches(0, 0, 1)))).backward()
    assert any((each.grad != 0).any() for each in task.encoders.encoder_q.parameters())
    for name, each in task.encoders.encoder_k.named_parameters():
        torch.testing.assert_close(each, before[name])  # it followed an encoder that did not move


def test_mocos_keys_are_those_of_their_images_whatever_the_order():
    task = made("moco", {"norm_groups": 1})
    task.modules.eval()  # without statistics of the batch a key depends on its image alone
    images, order = drawn(8, 3, 8, 8), torch.randperm(8, generator=torch.Generator().manual_seed(0))
    expected = normalize(task.encoders.encoder_k(images))
    torch.testing.assert_close(task.keys(images, order), expected, atol=1e-5, rtol=0)


def test_key_and_query_are_not_normalised_with_the_same_statistics():
    task = made("moco", {"norm_groups": 2})
    task.modules.train()
    images = drawn(8, 3, 8, 8)
    straight, shuffled = (
        task.keys(images, order) for order in (torch.arange(8), torch.tensor([0, 2, 4, 6, 1, 3, 5, 7]))
    )
    assert not torch.allclose(straight, shuffled, atol=1e-3)
    halves = torch.cat([normalize(task.encoders.encoder_k(half)) for half in images.chunk(2)])
    torch.testing.assert_close(straight, halves, atol=1e-5, rtol=0)


def test_mocos_evaluation_fills_its_queue_from_training_images():
    task = made("moco", STILL)
    task.modules.eval()
    task.encoders.queue.fill_(float("nan"))  # that of the training is not looked at
    views = torch.cat(list(task.queue_views())) * task.views.std + task.views.mean
    pixels = task.data.train.images.permute(0, 3, 1, 2).float() / 255
    assert len(views) == 96
    found = [int((view - pixels).abs().amax((1, 2, 3)).argmin()) for view in views]
    assert len(set(found)) == 96
    with torch.no_grad():
        scores = task.evaluate("test")
        queue = normalize(task.encoders.encoder_k(torch.cat(list(task.queue_views()))))
        first, second = (torch.cat(side) for side in zip(*task.scored_pairs("test"), strict=True))
        queries, keys = normalize(task.encoders.encoder_q(first)), normalize(task.encoders.encoder_k(second))
    right = [float(query @ key) > float((queue @ query).max()) for query, key in zip(queries, keys, strict=True)]
    assert scores["accuracy"] == pytest.approx(np.mean(right))
    assert task.chance == 1 / 97


def test_a_network_that_has_collapsed_scores_nothing():
    task = made("moco")
    task.modules.eval()
    for parameter in task.modules.parameters():
        parameter.data.zero_()
    task.encoders.encoder_q.fc[2].bias.data.fill_(1.0)
    task.encoders.encoder_k.fc[2].bias.data.fill_(1.0)
    with torch.no_grad():
        scores = task.evaluate("test")
    assert scores["accuracy"] == 0
    assert scores["retrieval"] == 0


# searches


@pytest.fixture(scope="module")
def moco_search(tmp_path_factory):
    path = tmp_path_factory.mktemp("moco") / "moco.zarr"
    return find_ticket(contrastive("moco", rewind__to="step", rewind__step=2, keep_weights="all"), path)


@pytest.fixture(scope="module")
def simclr_search(tmp_path_factory):
    return find_ticket(contrastive("simclr"), tmp_path_factory.mktemp("simclr") / "simclr.zarr")


@pytest.fixture(scope="module")
def classified(tmp_path_factory):
    return find_ticket(tiny_config(DIGITS), tmp_path_factory.mktemp("classified") / "classified.zarr")


def test_masks_bind_both_encoders(moco_search):
    state = kept_state(moco_search, 2, "last").state
    for name, alive in masking.as_tensors(moco_search.masks(2)).items():
        for encoder in ("encoder_q", "encoder_k"):
            weight = state[f"{encoder}.{name}"]
            assert (weight[~alive] == 0).all(), f"{encoder}.{name}"
            assert (weight[alive] != 0).any(), f"{encoder}.{name}"


def test_rewinding_restores_key_encoder_and_queue(moco_search):
    rewound = kept_state(moco_search, 1, "rewind").state
    assert int(rewound["queued"]) == 2 * 32
    assert (rewound["queue"][:64] != 0).any()
    trained = kept_state(moco_search, 1, "last").state
    assert int(trained["queued"]) == 2 * 3 * 32
    assert not torch.equal(rewound["encoder_k.conv1.weight"], rewound["encoder_q.conv1.weight"])
    assert not torch.equal(rewound["encoder_k.conv1.weight"], trained["encoder_k.conv1.weight"])


@pytest.mark.parametrize("task", ["simclr", "moco"])
def test_killed_and_resumed_it_ends_in_the_same_bits(tmp_path, task):
    values = contrastive(task, pruning__rounds=1).plain()
    whole = search(values, str(tmp_path / "whole.zarr"), None)
    for number, at in enumerate([1, whole["step"] // 2, whole["step"] - 1]):
        path = tmp_path / f"killed{number}.zarr"
        assert in_process(values, path, ("step", at)) != 0
        search(values, str(path), None)
        assert bits(path) == bits(tmp_path / "whole.zarr")


def test_a_contrastive_ticket_starts_a_classification(moco_search, simclr_search, tmp_path):
    for number, source in enumerate((moco_search, simclr_search)):
        for weights, which in ({"kind": "random"}, "start"), ({"kind": "source"}, "best"):
            config = tiny_config(
                DIGITS,
                mask={"kind": "ticket", "source": str(source.path), "round": 2},
                weights=weights,
                pruning__rounds=0,
            )
            started = find_ticket(config, tmp_path / f"{number}-{which}.zarr")
            state = kept_state(started, 2, "start").network
            kept = kept_state(source, 0, which)
            assert kept.address == ("encoder_q." if source is moco_search else "")
            for name, tensor in kept.network.items():
                if not name.startswith("fc."):
                    assert torch.equal(state[name], tensor), name
            assert state["fc.weight"].shape == (10, 32)
            for name, mask in source.masks(2).items():
                assert (started.masks(2)[name] == mask).all()


@pytest.mark.parametrize("task", ["simclr", "moco"])
def test_a_classification_ticket_starts_a_contrastive_search(classified, tmp_path, task):
    config = contrastive(task, mask=f"{classified.path}@1", weights={"kind": "source"}, pruning__rounds=1)
    found = find_ticket(config, tmp_path / "found.zarr")
    kept, start = kept_state(classified, 0, "best").network, kept_state(found, 1, "start")
    encoders = ("encoder_q.", "encoder_k.") if task == "moco" else ("",)
    for name, tensor in kept.items():
        if not name.startswith("fc."):
            for encoder in encoders:
                assert torch.equal(start.state[encoder + name], tensor), encoder + name
    assert found.rounds == 2
    assert found.parameters == classified.parameters
    codes = {name: codes.copy() for name, codes in found.codes().items()}
    assert all((codes[name][classified.codes()[name] == 1] == 1).all() for name in codes)


def test_a_one_shot_mask_ranks_the_query_encoders_weights(moco_search, tmp_path):
    recipe = {"kind": "one_shot_trained", "source": str(moco_search.path), "round": 2, "weights": "source"}
    config = tiny_config(DIGITS, mask=recipe, weights={"kind": "random"}, pruning__rounds=0)
    started = find_ticket(config, tmp_path / "shot.zarr")
    ranked = kept_state(moco_search, 0, "best").state
    weights = {name: ranked[f"encoder_q.{name}"] for name in moco_search.parameters}
    dense = masking.dense(moco_search.parameters)
    expected = masking.prune(weights, dense, masking.left(masking.as_tensors(moco_search.masks(2))))
    for name, mask in started.masks(started.first_round).items():
        assert (torch.as_tensor(mask) == expected[name]).all()


def test_a_trained_contrastive_network_is_a_checkpoint(moco_search, simclr_search):
    """What a search keeps is read as a checkpoint, from the query encoder."""
    for source in (moco_search, simclr_search):
        task = make_task(tiny_config(DIGITS, model__checkpoint=str(trained_file(source, 0, "best"))), load_catalog())
        expected = kept_state(source, 0, "best").network
        assert all(
            torch.equal(each, expected[name]) for name, each in task.network.state_dict().items() if "fc" not in name
        )


PLAIN = {"name": "tiny:plain_network"}


@pytest.mark.parametrize("task", ["simclr", "moco"])
def test_two_processes_gather_negatives_from_both(tmp_path, task):
    """Without normalisation and with views that draw nothing they train as one process at the same global batch."""
    still = STILL | ({"norm_groups": 1, "queue": 64} if task == "moco" else {})
    config = contrastive(task, still, model=PLAIN, pruning__rounds=0, plan__learning_rate=0.02)
    assert two_processes(config.plain(), tmp_path / "two.zarr") == [0, 0]
    search(config.plain(), str(tmp_path / "one.zarr"), None)
    one, two = (open_store(tmp_path / f"{name}.zarr") for name in ("one", "two"))
    if task == "moco":  # the queue is in the order of the ranks there
        queues = [kept_state(store, 0, "last").state for store in (one, two)]
        one_queue, two_queue = (each.pop("queue") for each in queues)
        assert one_queue.shape == two_queue.shape
    else:
        near_in_weights(one, two, 0, 2e-3)
    near_in_scores(score_columns(one), score_columns(two), 0.02)


# nonsense

CROPPED = {"data__stream": True, "data__size": 8, "data__resized_crop": True, "data__pad": 0}


@pytest.mark.parametrize(
    ("task", "options", "changes", "sentence"),
    [
        ("simclr", {}, {"plan__batch_size": 1}, "its batches hold 1; set plan.batch_size"),
        ("simclr", {"temperature": 0}, {}, "'temperature' is 0: Input should be greater than 0"),
        ("moco", {"temperature": -0.2}, {}, "'temperature' is -0.2"),
        ("moco", {"queue": 40}, {}, "40 keys is not a multiple of the batch of 32; set task.options.queue to 32"),
        ("moco", {"queue": 320}, {}, "larger than the 96 training images"),
        ("moco", {"norm_groups": 3}, {}, "cannot be normalised in 3 equal groups"),
        ("moco", {"momentum": 1}, {}, "'momentum' is 1"),
        ("moco", {"metric": "AP"}, {}, "'metric' is 'AP'"),
        ("simclr", {"temprature": 1}, {}, "unknown key 'temprature'"),
        ("simclr", {"crop": 0}, {}, "'crop' is 0"),
        ("simclr", {}, {"model__heads": []}, "must be one linear layer; name it by model.heads"),
        (
            "simclr",
            {},
            {"data__stream": True, "data__size": 8, "data__resized_crop": True, "data__pad": 0},
            "data.resized_crop to false",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(tmp_path, task, options, changes, sentence):
    with pytest.raises(LthkitError) as refused:
        train_once(contrastive(task, options, pruning__rounds=0, **changes), tmp_path / "none.json")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_streamed_images_have_the_same_views(tmp_path):
    """Decoded while training, in as many processes as there are: nothing of the views depends on it."""
    task, streamed = made("moco", data__size=8), made("moco", data__size=8, data__stream=True, plan__workers=1)
    for one, other in zip(next(iter(task.batches(3, 1, 1))), next(iter(streamed.batches(3, 1, 1))), strict=True):
        torch.testing.assert_close(one, other)
    for each in (task, streamed):
        each.modules.eval()
    with torch.no_grad():
        assert task.evaluate("test") == pytest.approx(streamed.evaluate("test"))
