import pytest

from lthkit import masks
from lthkit.errors import LthkitError
from lthkit.papers import CHEN, MEHTA, TEMPERATURE, outcomes


def only(**labels):
    (found,) = outcomes(**labels)
    return found


def test_numbers_of_the_papers_are_found_by_their_labels():
    assert only(source="moco", target="svhn", found_on="source").highest == 0.9313
    assert only(source="imagenet", target="cifar10", found_on="target").highest == 0.982
    assert only(source="simclr", target="simclr").label == "Chen et al. 2021, Fig. 2"
    assert only(source="moco", setting="SSD", metric="AP50").runs == 1
    assert only(source="imagenet", setting="Faster R-CNN", metric="AP").highest is None
    norb = only(where="Fig. 7", weights="source")
    assert (norb.highest, norb.best_score, norb.best_sparsity) == (0.945, 0.902, 0.738)


def test_every_sparsity_of_chen_is_that_of_a_round():
    rounds = {round(1 - masks.weights_left(10**9, 0.2, r) / 10**9, 4) for r in range(1, 19)}
    reached = [one.highest for one in outcomes(paper=CHEN) if one.highest is not None]
    assert len(reached) == 3 * 24 - 14
    assert set(reached) <= rounds


def test_no_ticket_of_mehta_wins_from_random_weights_nor_in_vgg():
    assert all(one.highest is None for one in outcomes(paper=MEHTA) if one.weights != "source" or "VGG" in one.setting)
    assert sum(one.highest is not None for one in outcomes(paper=MEHTA)) == 6


def test_temperatures_are_those_of_table_2():
    assert max(TEMPERATURE, key=TEMPERATURE.get) == 0.5
    assert TEMPERATURE[20.0] == 0.8018


def test_unknown_labels_are_refused():
    with pytest.raises(LthkitError, match="no 'task'; choose by paper, where, source"):
        outcomes(task="cifar10")
