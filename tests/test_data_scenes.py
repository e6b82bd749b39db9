"""Images with boxes or masks: Pascal VOC's layout, the digits pasted on photographs, augmentation, batches."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from voc_made import annotation, write_boxes, write_catalog, write_masks

from lthkit import data
from lthkit.catalog import load_catalog
from lthkit.data import DataSpec, Scene, SceneAugmentation
from lthkit.data.scene_augment import augmented
from lthkit.data.scene_mixing import mixed, mosaic, training_scene
from lthkit.errors import LthkitError
from lthkit.tasks import TaskContext

CPU = torch.device("cpu")
BALL, BOX = ("ball", 3, 5, 10, 12), ("box", 20, 1, 40, 20, 1)


def load(path, **spec):
    return data.load(DataSpec(name="shapes", size=32, validation=0.0, **spec), load_catalog(path), CPU)


@pytest.fixture
def boxes(tmp_path):
    """A folder of four images with boxes, and its catalog."""
    root = write_boxes(
        tmp_path / "voc",
        {
            "trainval": {"one": annotation(BALL, BOX), "two": annotation(BALL), "none": annotation()},
            "test": {"three": annotation(BOX)},
        },
    )
    return root, write_catalog(tmp_path, "boxes", root)


def test_boxes_are_read_as_voc_counts_pixels_and_stretched_with_their_image(boxes):
    _, catalog = boxes
    splits = load(catalog)
    assert (len(splits.train), len(splits.test), splits.classes) == (3, 1, ("ball", "box"))
    # VOC's pixels 3…10 of 40 lie between 2 and 10; the image of 40×20 becomes 32×32
    one = splits.train.scene(0)
    assert one.boxes.numpy() == pytest.approx(np.array([[1.6, 6.4, 8.0, 19.2], [15.2, 0, 32, 32]]))
    assert (one.labels.tolist(), one.difficult.tolist(), one.mask) == ([0, 1], [False, True], None)
    assert one.image.shape == (3, 32, 32)
    assert len(splits.train.scene(2).labels) == 0


def test_degenerate_boxes_are_dropped_others_cut_and_all_of_it_counted(tmp_path):
    text = annotation(
        BALL,
        ("ball", 7, 7, 7, 9),
        ("ball", 9, 8, 4, 12),
        ("ball", 30, 10, 55, 18),
        ("box", 60, 2, 70, 9),
        ("box", 0, 1, 5, 5),
    )
    root = write_boxes(tmp_path / "voc", {"trainval": {"a": text}, "test": {"b": annotation()}})
    splits = load(write_catalog(tmp_path, "boxes", root))
    assert splits.dropped == {
        "boxes without area": 2,
        "boxes outside the image": 1,
        "boxes cut at the image's edge": 2,
    }
    assert splits.train.scenes.objects[0].boxes.tolist() == [[2, 4, 10, 12], [29, 9, 40, 18], [0, 0, 5, 5]]


def broken(boxes, do):
    root, catalog = boxes
    do(root / "VOC2007")
    with pytest.raises(LthkitError) as raised:
        load(catalog)
    sentence = str(raised.value)
    assert "\n" not in sentence
    return sentence


ENTITIES = '<!DOCTYPE a [<!ENTITY b "cc">]><annotation><size><width>&b;</width></size></annotation>'


def rewritten(name, text):
    return lambda folder: (folder / name).write_text(text)


def removed(name):
    return lambda folder: os.remove(folder / name)


@pytest.mark.parametrize(
    ("do", "told"),
    [
        (removed("JPEGImages/one.jpg"), "one.jpg is missing"),
        (removed("Annotations/one.xml"), "one.xml is missing"),
        (removed("ImageSets/Main/test.txt"), "test.txt is missing"),
        (rewritten("Annotations/one.xml", annotation(("cat", 1, 1, 5, 5))), "one.xml has an object of class 'cat'"),
        (rewritten("Annotations/one.xml", ENTITIES), "one.xml is no plain XML"),
        (rewritten("Annotations/one.xml", "<annotation><size>"), "one.xml cannot be read"),
        (rewritten("Annotations/one.xml", "<annotation/>"), "one.xml has nothing as size width"),
        (rewritten("Annotations/one.xml", annotation(("ball", "x", 1, 5, 5))), "'x' as bndbox xmin"),
        (rewritten("Annotations/one.xml", annotation(("ball", "nan", 1, 5, 5))), "'nan' as bndbox xmin"),
        (rewritten("Annotations/one.xml", annotation(width=0)), "0×20 pixels"),
        (rewritten("ImageSets/Main/trainval.txt", "\n"), "trainval.txt names no image"),
        (rewritten("ImageSets/Main/trainval.txt", "one\none\n"), "names 'one' twice"),
        (rewritten("ImageSets/Main/trainval.txt", "one 1\n"), "'one 1'"),
        (rewritten("ImageSets/Main/trainval.txt", "../one\n"), "'../one'"),
        (rewritten("ImageSets/Main/trainval.txt", "three\n"), "three.jpg is in train and in test"),
        (rewritten("JPEGImages/one.jpg", "no picture"), "one.jpg cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(boxes, do, told):
    assert told in broken(boxes, do)


def test_a_billion_laughs_are_not_expanded(boxes):
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    text = f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><annotation><name>&l9;</name></annotation>'
    told = broken(boxes, lambda folder: (folder / "Annotations/two.xml").write_text(text))
    assert "two.xml is no plain XML" in told


def test_a_link_that_leads_out_of_the_root_is_refused(boxes, tmp_path):
    (tmp_path / "secret.xml").write_text(annotation())

    def link(folder):
        os.remove(folder / "Annotations/one.xml")
        os.symlink(tmp_path / "secret.xml", folder / "Annotations/one.xml")

    assert "one.xml" in broken(boxes, link)


def test_the_union_of_two_years_and_a_class_left_out(tmp_path):
    root = write_boxes(tmp_path / "voc", {"trainval": {"a": annotation(BALL, BOX)}, "test": {"t": annotation(BALL)}})
    write_boxes(root, {"trainval": {"a": annotation(BOX)}}, year="VOC2012")
    path = write_catalog(tmp_path, "boxes", root, classes="[ball]\n    leave_out: [box]")
    path.write_text(path.read_text().replace("[VOC2007/trainval]", "[VOC2007/trainval, VOC2012/trainval]"))
    splits = load(path)
    assert [len(each) for each in splits.train.scenes.objects] == [1, 0]


def test_masks_are_class_numbers_of_a_palette_with_void(tmp_path):
    mask = np.zeros((20, 40), np.uint8)
    mask[:, 20:] = 1
    mask[0] = 255
    root = write_masks(tmp_path / "voc", {"trainval": {"a": mask}, "test": {"b": mask}})
    catalog = write_catalog(tmp_path, "masks", root, classes="[floor, wall]")
    splits = load(catalog)
    assert (splits.mask_classes, splits.classes) == (("floor", "wall"), ())
    assert torch.equal(splits.train.published_mask(0), torch.from_numpy(mask))
    small = splits.train.scene(0).mask
    assert (small[0] == 255).all()
    assert (small[2:, :16] == 0).all()
    assert (small[2:, 16:] == 1).all()

    colours = np.repeat(mask[..., None], 3, 2)
    for pixels, told in (
        (mask[:10], "a.png has 40×10 pixels and its image 40×20"),
        ((mask + 3 * (mask < 2)).astype(np.uint8), "a.png holds the class number 4"),
        (colours, "a.png has colours"),
    ):
        Image.fromarray(pixels).save(root / "VOC2007/SegmentationClass/a.png")
        with pytest.raises(LthkitError, match=told):
            load(catalog)
    os.remove(root / "VOC2007/SegmentationClass/a.png")
    with pytest.raises(LthkitError, match=r"a\.png is missing"):
        load(catalog)


def test_streamed_scenes_are_those_decoded_beforehand(boxes):
    _, catalog = boxes
    now, later = load(catalog), load(catalog, stream=True)
    for index in range(3):
        one, other = now.train.scene(index), later.train.scene(index)
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.boxes, other.boxes)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"classes": ("ball",)}, "data.classes is not for 'shapes'"),
        ({"channels": 1}, "data.channels"),
        ({"pad": 2}, "data.pad"),
        ({"count": 4}, "count 4 is more than its 3 images"),
    ],
)
def test_settings_for_labelled_images_are_refused(boxes, wrong, told):
    with pytest.raises(LthkitError, match=told):
        load(boxes[1], **wrong)


def test_images_that_are_not_square_ask_for_a_size(boxes):
    with pytest.raises(LthkitError, match="40×20 pixels; set `size`"):
        data.load(DataSpec(name="shapes", validation=0.0), load_catalog(boxes[1]), CPU)


def test_draws_are_part_of_larger_ones_and_split_nothing_twice():
    catalog = load_catalog()
    few = data.load(DataSpec(name="pasted-digits", count=20, validation=0.2, test_share=0.1), catalog, CPU)
    assert (len(few.train), len(few.validation), len(few.test)) == (16, 4, 20)
    both = torch.cat([few.train.images, few.validation.images]).flatten(1)
    assert len(both.unique(dim=0)) == 20
    with pytest.raises(LthkitError, match=r"validation 0\.001 of 20 images is none"):
        data.load(DataSpec(name="pasted-digits", count=20, validation=0.001), catalog, CPU)


def test_pasted_digits_have_boxes_just_around_their_masks():
    found = load_catalog().dataset("pasted-digits").read(load_catalog().root)
    assert (len(found.train), len(found.test)) == (1600, 200)
    for objects, mask in list(zip(found.train.objects, found.train.masks, strict=True))[:50]:
        total = 0
        for (left, top, right, bottom), label in zip(objects.boxes.astype(int), objects.labels, strict=True):
            inside = mask[top:bottom, left:right] == label + 1
            assert inside.any(0)[[0, -1]].all()
            assert inside.any(1)[[0, -1]].all()
            total += inside.sum()
        assert total == (mask > 0).sum()
    again = load_catalog().dataset("pasted-digits").read(load_catalog().root)
    assert np.array_equal(found.test.images, again.test.images)


def painted(box, size=48):
    """A black scene whose one object is white, so that its pixels say where the box belongs."""
    left, top, right, bottom = box
    image = torch.zeros(3, size, size, dtype=torch.uint8)
    image[:, top:bottom, left:right] = 255
    mask = (image[0] > 0).to(torch.uint8)
    return Scene(image, torch.tensor([box]).float(), torch.tensor([0]), torch.tensor([False]), torch.ones(1), mask)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), flip=st.booleans(), low=st.sampled_from([0.5, 0.8, 1.0]))
def test_boxes_and_masks_go_with_their_pixels(seed, flip, low):
    scene = painted((20, 8, 36, 30))
    changed = augmented(scene, SceneAugmentation(flip, (low, 1.6)), seed)
    assert changed.image.shape == scene.image.shape
    white = (changed.image[0] > 200).nonzero()
    if not len(changed.boxes):
        assert len(white) < 48 * 4  # nothing, or a strip too narrow to keep
        return
    left, top, right, bottom = changed.boxes[0].tolist()
    inside = (changed.mask == 1).nonzero()
    for found in (white, inside):
        (first_row, first_column), (last_row, last_column) = found.min(0).values.tolist(), found.max(0).values.tolist()
        assert (first_column, first_row) == pytest.approx((left, top), abs=1.1)
        assert (last_column + 1, last_row + 1) == pytest.approx((right, bottom), abs=1.1)


def test_outside_the_image_masks_are_void_and_the_callers_random_state_stays():
    state = torch.random.get_rng_state()
    changed = augmented(painted((20, 8, 36, 30)), SceneAugmentation(False, (0.5, 0.5)), 3)
    assert (changed.mask == 255).sum() == 48 * 48 - 24 * 24
    assert torch.equal(state, torch.random.get_rng_state())


def test_colours_change_pixels_alone_and_nothing_changes_without_being_asked():
    scene = painted((20, 8, 36, 30))
    assert augmented(scene, SceneAugmentation(), 1) is scene
    coloured = augmented(scene, SceneAugmentation(colours=1.0), 1)
    assert torch.equal(coloured.boxes, scene.boxes)
    assert torch.equal(coloured.mask, scene.mask)
    assert not torch.equal(coloured.image, scene.image)


def scene_of(number, size=32):
    """An image of one grey, its mask of one class, and a box on each quarter."""
    half = size // 2
    corners = [(0, 0), (half, 0), (0, half), (half, half)]
    boxes = torch.tensor([[x + 2, y + 2, x + half - 2, y + half - 2] for x, y in corners]).float()
    return Scene(
        torch.full((3, size, size), number, dtype=torch.uint8),
        boxes,
        torch.full((4,), number),
        torch.zeros(4, dtype=torch.bool),
        torch.ones(4),
        torch.full((size, size), number, dtype=torch.uint8),
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), x=st.floats(0.25, 0.75), y=st.floats(0.25, 0.75))
def test_a_mosaic_is_four_windows_around_its_centre_with_what_is_seen_there(seed, x, y):
    made = mosaic([scene_of(number) for number in range(4)], (x, y), seed)
    column, row = int(x * 32), int(y * 32)
    areas = {0: (0, 0, column, row), 1: (column, 0, 32, row), 2: (0, row, column, 32), 3: (column, row, 32, 32)}
    for number, (left, top, right, bottom) in areas.items():
        assert (made.image[:, top:bottom, left:right] == number).all()
        assert (made.mask[top:bottom, left:right] == number).all()
        own = made.boxes[made.labels == number]
        assert ((own >= torch.tensor([left, top, left, top])) & (own <= torch.tensor([right, bottom] * 2))).all()
    assert ((made.boxes[:, 2:] - made.boxes[:, :2]) >= 2).all()
    assert len(made.boxes) == len(made.labels) == len(made.weights) == len(made.difficult)


def test_a_mosaic_moves_boxes_with_their_pixels():
    four = [painted((4, 4, 44, 44)) for _ in range(4)]
    made = mosaic(four, (0.5, 0.5), 5)
    for (left, top, right, bottom), quarter in zip(made.boxes.int().tolist(), range(4), strict=True):
        y, x = divmod(quarter, 2)
        area = made.image[0, 24 * y : 24 * y + 24, 24 * x : 24 * x + 24]
        rows, columns = ((area > 0).any(axis).nonzero().flatten() for axis in (1, 0))
        assert (left - 24 * x, right - 24 * x) == (int(columns[0]), int(columns[-1]) + 1)
        assert (top - 24 * y, bottom - 24 * y) == (int(rows[0]), int(rows[-1]) + 1)


def test_two_images_over_each_other_share_pixels_and_weights():
    one, other = (replace(scene_of(number), mask=None) for number in (100, 200))
    made = mixed(one, other, 0.25)
    assert (made.image == 175).all()
    assert made.weights.tolist() == [0.25] * 4 + [0.75] * 4
    assert made.labels.tolist() == [100] * 4 + [200] * 4
    assert made.mask is None


def test_mixing_happens_as_often_as_told_and_the_same_way_again(digits):
    source = replace(digits.train, masks=None, scenes=replace(digits.train.scenes, masks=None))

    def made(**chances):
        return [training_scene(source, 3, SceneAugmentation(**chances), seed) for seed in range(40)]

    alone = source.scene(3)
    assert all(torch.equal(scene.image, alone.image) for scene in made())
    assert not any(torch.equal(scene.image, alone.image) for scene in made(mosaic=1.0))
    shares = [scene.weights.min() < 1 for scene in made(mixup=0.5)]
    assert 8 < sum(shares) < 32
    for one, other in zip(made(mosaic=0.5, mixup=0.5), made(mosaic=0.5, mixup=0.5), strict=True):
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.boxes, other.boxes)


def test_all_boxes_are_those_of_the_scenes_streamed_or_not(boxes):
    for stream in (False, True):
        train = load(boxes[1], stream=stream).train
        assert torch.equal(train.boxes(), torch.cat([train.scene(index).boxes for index in range(len(train))]))


@pytest.fixture(scope="module")
def digits():
    return data.load(DataSpec(name="pasted-digits", count=24, validation=0.25), load_catalog(), CPU)


def batches(splits, **given):
    arguments = {"batch_size": 6, "seed": 1, "epoch": 0, "device": CPU} | given
    return list(data.training_scenes(splits, SceneAugmentation(True, (0.7, 1.4), 0.3), **arguments))


def test_any_batch_can_be_made_again_alone_by_any_number_of_workers(digits):
    whole = batches(digits)
    assert len(whole) == 3
    assert sorted(sum((batch.index for batch in whole), ())) == list(range(18))
    for again in (batches(digits, start=2)[0], batches(digits, workers=2)[2]):
        assert torch.equal(again.images, whole[2].images)
        assert torch.equal(again.boxes, whole[2].boxes)
        assert torch.equal(again.masks, whole[2].masks)
        assert torch.equal(again.image, whole[2].image)
    assert not torch.equal(batches(digits, epoch=1)[0].images, whole[0].images)


def test_processes_share_each_batch(digits):
    whole, parts = batches(digits)[0], [batches(digits, part=(number, 2))[0] for number in (0, 1)]
    assert torch.equal(torch.stack([part.images for part in parts], 1).flatten(0, 1), whole.images)
    with pytest.raises(LthkitError, match="cannot be shared equally among 4 processes"):
        batches(digits, part=(0, 4))


def test_boxes_of_a_batch_know_their_image(digits):
    batch = next(data.evaluation_scenes(digits.test, digits, batch_size=5, device=CPU))
    for number in range(5):
        scene = digits.test.scene(number)
        assert torch.equal(batch.boxes[batch.image == number], scene.boxes)
        assert torch.equal(batch.labels[batch.image == number], scene.labels)
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (digits.normalisation.mean, digits.normalisation.std))
    torch.testing.assert_close(batch.images[2], (digits.test.scene(2).image / 255 - mean) / std)


def test_the_hash_of_the_samples_knows_boxes_masks_and_pixels(boxes, digits):
    _, catalog = boxes
    before = data.fingerprint(load(catalog))
    assert data.fingerprint(load(catalog)) == before
    path = catalog.parent / "voc/VOC2007/Annotations/two.xml"
    path.write_text(annotation(("ball", 3, 5, 10, 13)))
    assert data.fingerprint(load(catalog)) != before
    path.write_text(annotation((*BALL, 1)))
    assert data.fingerprint(load(catalog)) != before
    path.write_text(annotation(BALL))
    assert data.fingerprint(load(catalog)) == before
    shutil.copy(path.parents[1] / "JPEGImages/three.jpg", path.parents[1] / "JPEGImages/none.jpg")
    assert data.fingerprint(load(catalog)) != before


def context(name, **changes):
    from lthkit.models import ModelSpec

    given = {"batch_size": 4, "seed": 0, "device": CPU, "channels_last": False, "workers": 0, "options": {}}
    return TaskContext(
        model=ModelSpec(name="resnet18"), data=DataSpec(name=name), catalog=load_catalog(), **(given | changes)
    )


def test_labelled_images_and_scenes_are_not_taken_for_each_other():
    with pytest.raises(LthkitError, match="'pasted-digits' has boxes or masks, not one label per image"):
        context("pasted-digits").splits()
    with pytest.raises(LthkitError, match="'digits' has one label per image, no boxes or masks"):
        context("digits").scenes()
