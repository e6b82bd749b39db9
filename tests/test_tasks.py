import pytest
import torch
from tiny import DIGITS, tiny_config
from torch.nn.functional import cross_entropy

from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.search import make_task


def made(**changes):
    return make_task(tiny_config(DIGITS, **changes), load_catalog())


def test_scores_are_means_over_the_whole_split():
    task = made()
    task.modules.eval()
    with torch.no_grad():
        scores = task.evaluate("test")
        images = torch.cat([images for images, _ in task_batches(task)])
        labels = torch.cat([labels for _, labels in task_batches(task)])
        logits = task.network(images)
    assert scores["accuracy"] == pytest.approx(float((logits.argmax(1) == labels).double().mean()))
    assert scores["loss"] == pytest.approx(float(cross_entropy(logits.double(), labels)))


def task_batches(task):
    from lthkit import data

    return data.evaluation_batches(task._data.test, task._data, batch_size=7)


def test_the_network_has_a_class_for_each_of_the_datas():
    assert made(data__classes=[3, 5]).network.fc.out_features == 2


def test_there_is_no_validation_where_none_is_asked_for():
    assert made(data__validation=0.0).splits == ("test",)


def test_first_convolution_and_linear_layers_are_prunable_on_request():
    plain = made().prunable
    first = made(model__prune_first=True).prunable
    assert list(first) == ["conv1.weight", *plain]
    assert not any("fc" in name for name in first)


def test_a_built_in_task_takes_no_unknown_option():
    with pytest.raises(LthkitError, match="has no option 'size'"):
        made(task={"name": "classification", "options": {"size": 3}})


def test_narrow_strided_convolutions_keep_the_plain_memory_format(tmp_path):
    """Trained in channels_last they make some builds of torch write out of bounds; here they train, and alike."""
    narrow = made(model__options={"width": 4}, plan__channels_last=True)
    assert narrow.network.layer2[0].conv1.weight.is_contiguous()
    batch = next(narrow.batches(0, 0, 0))
    assert batch[0].is_contiguous()
    narrow.loss(batch).backward()
    wide = made(model__options={"width": 16}, plan__channels_last=True)
    assert wide.network.layer2[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
