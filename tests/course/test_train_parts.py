"""The parts of training agree with PyTorch's own, and the numbers of a report with what can be counted by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course.lesson import Lesson

cifar10, training, evaluation, gpu_run = (Lesson.from_solution(f"lesson_0{number}") for number in (5, 6, 7, 8))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs_with_its_gradient_and_large_logits(label_smoothing):
    logits = (1000 * torch.randn(6, 4, dtype=torch.float64)).requires_grad_()
    targets = torch.tensor([0, 3, 1, 2, 2, 0])
    own = training.cross_entropy(logits, targets, label_smoothing)
    reference = F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
    torch.testing.assert_close(own, reference, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (own, reference)))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
        {"weight_decay": 0.1},
    ],
)
def test_sgd_takes_the_steps_of_torchs(settings):
    own, reference = (nn.Linear(5, 3).double() for _ in range(2))
    own.load_state_dict(reference.state_dict())
    optimizers = [
        training.SGD(own.parameters(), lr=0.1, **settings),
        torch.optim.SGD(reference.parameters(), lr=0.1, **settings),
    ]
    for step in range(4):
        x = torch.randn(7, 5, dtype=torch.float64)
        for model, optimizer in zip((own, reference), optimizers, strict=True):
            optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    for a, b in zip(own.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_norms_and_biases_do_not_decay():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    decaying, free = training.parameter_groups(model, 0.1)
    assert [p.ndim for p in decaying["params"]] == [4, 2]
    assert (len(free["params"]), free["weight_decay"]) == (4, 0.0)


@pytest.mark.parametrize("total", [1, 2, 5, 100])
def test_the_learning_rate_climbs_to_its_peak_and_comes_down(total):
    rates = [training.learning_rate(step, total, peak=2.0) for step in range(total)]
    assert all(0 < rate <= 2 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    if total == 100:
        assert (top, rates[top], rates[0], rates[-1]) == (19, 2.0, 0.1, pytest.approx(2 / 80))


def test_evaluation_weighs_every_image_the_same_and_restores_the_mode():
    model = nn.Sequential(nn.Dropout(0.9), nn.Linear(4, 3))
    x, y = torch.randn(7, 4), torch.randint(3, (7,))
    model.train()
    loss, accuracy = training.evaluate(model, [(x[:5], y[:5]), (x[5:], y[5:])])
    logits = model[1](x)
    assert loss == pytest.approx(F.cross_entropy(logits, y).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == y).double().mean().item())
    assert model.training


def test_an_epoch_deals_out_every_image_once_and_the_next_goes_on_where_a_short_one_ended():
    images = torch.arange(10)
    whole = cifar10.Batches(images, images, 4, shuffle=True)
    assert [len(x) for x, _ in whole] == [4, 4, 2]
    assert torch.cat([x for x, _ in whole]).sort().values.equal(images)
    assert not torch.cat([x for x, _ in whole.epoch(1)]).equal(torch.cat([x for x, _ in whole]))
    short = cifar10.Batches(images, images, 2, shuffle=True, epoch_size=4)
    dealt = torch.cat([short.order(epoch) for epoch in range(5)])
    assert dealt[:10].equal(whole.order(0))
    assert dealt[10:].equal(whole.order(1))


def test_a_batch_does_not_depend_on_where_its_epoch_was_entered():
    images, labels = torch.randint(256, (40, 3, 32, 32), dtype=torch.uint8), torch.arange(40)
    stats = cifar10.channel_stats(images)
    batches = gpu_run.DeviceBatches(images, labels, 8, torch.device("cpu"), stats, [16], augment=True, padding=2)
    whole = list(batches.epoch(3))
    late = list(batches.epoch(3, start=2))
    assert len(late) == 3
    for (x, y), (late_x, late_y) in zip(whole[2:], late, strict=True):
        assert x.equal(late_x)
        assert y.equal(late_y)


def test_the_first_kernels_see_what_has_nothing_to_do_with_each_other():
    images = F.avg_pool2d(torch.randn(50, 3, 10, 10, dtype=torch.float64), 2, stride=1)  # neighbours are alike
    before = torch.randn(64, 3, 3, 3, dtype=torch.float64)
    weight = before.clone()
    gpu_run.start_with_principal_patches(weight, images)
    seen = F.conv2d(images, weight[:54:2]).transpose(0, 1).flatten(1)  # (27, places)
    moments = seen @ seen.T
    assert (moments - moments.diag().diag()).abs().max() < 1e-9 * moments.diag().max()
    assert moments.diag().diff().max() <= 0  # the largest first
    assert weight[1:54:2].equal(-weight[:54:2])
    assert weight[54:].equal(before[54:])
    lengths = weight[:54].flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, before.square().sum((1, 2, 3)).mean().sqrt().expand(54))


def test_the_first_layer_is_found_wherever_the_network_defines_it():
    net = nn.ModuleDict({"late": nn.Conv2d(8, 8, 3), "stem": nn.Conv2d(3, 8, 3), "fc": nn.Linear(8, 2)})
    orthogonal, plain, _ = (group["params"] for group in gpu_run.muon_groups(net, 0.0))
    assert orthogonal == [net["late"].weight]
    assert plain == [net["stem"].weight, net["fc"].weight]


def test_the_shards_of_a_batch_are_the_batch():
    images, labels = torch.zeros(20, 3, 32, 32, dtype=torch.uint8), torch.arange(20)
    stats = (torch.zeros(3), torch.ones(3))
    shards = [
        gpu_run.DeviceBatches(images, labels, 8, torch.device("cpu"), stats, shard=(rank, 3)) for rank in range(3)
    ]
    for step, parts in enumerate(zip(*shards, strict=True)):
        assert sorted(torch.cat([y for _, y in parts]).tolist()) == labels[8 * step : 8 * step + 8].tolist()


def test_the_numbers_of_the_channels_are_those_of_all_pixels():
    images = torch.randint(256, (5, 3, 8, 6), dtype=torch.uint8)
    mean, std = cifar10.channel_stats(images)
    pixels = images.double() / 255
    torch.testing.assert_close(mean.double(), pixels.mean((0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(std.double(), pixels.std((0, 2, 3), correction=0), rtol=1e-6, atol=0)


def test_a_split_holds_out_the_same_share_of_each_class():
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)
    kept, held_out = cifar10.stratified_split(labels, 0.1, seed=4)
    assert labels[held_out].bincount().tolist() == [5, 3, 2]
    assert torch.cat([kept, held_out]).sort().values.equal(torch.arange(100))
    assert cifar10.stratified_split(labels, 0.1, seed=4)[1].equal(held_out)
    assert not cifar10.stratified_split(labels, 0.1, seed=5)[1].equal(held_out)


def test_every_image_draws_its_own_flip_and_shift():
    column = torch.arange(1.0, 9).expand(64, 1, 8, 8)  # its values grow to the right
    generator = torch.Generator().manual_seed(0)
    flipped = cifar10.random_flip(column, generator)[:, 0, 0, 0] == 8
    assert 16 < flipped.sum() < 48
    cropped = cifar10.random_crop(column, 2, generator)
    assert cropped.shape == column.shape
    middle = cropped[:, 0, 4]  # (64, 8): a row that no vertical shift can empty
    shifts = {tuple(row.tolist()) for row in middle}
    assert shifts == {tuple(float(x) if 1 <= x <= 8 else 0.0 for x in range(1 + d, 9 + d)) for d in range(-2, 3)}


def test_the_numbers_of_a_report_are_those_counted_by_hand():
    predictions, targets = torch.tensor([0, 1, 1, 2, 0]), torch.tensor([0, 1, 0, 2, 2])
    matrix = evaluation.confusion_matrix(predictions, targets, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    report = evaluation.per_class_report(matrix)
    assert report["precision"].tolist() == [0.5, 0.5, 1.0, 0.0]
    assert report["recall"].tolist() == [0.5, 1.0, 0.5, 0.0]
    assert report["f1"].tolist() == pytest.approx([0.5, 2 / 3, 2 / 3, 0.0])
    assert report["support"].tolist() == [2, 1, 2, 0]
    logits = torch.tensor([[3.0, 2, 1], [1, 2, 3], [3, 2, 1]])
    assert evaluation.topk_accuracy(logits, torch.tensor([0, 1, 2])) == pytest.approx(1 / 3)
    assert evaluation.topk_accuracy(logits, torch.tensor([0, 1, 2]), k=2) == pytest.approx(2 / 3)


def test_the_calibration_error_is_the_gap_of_each_bin():
    confidence = torch.tensor([0.9, 0.9, 0.9, 0.9, 0.6, 0.6])
    probabilities = torch.stack([confidence, 1 - confidence], 1)
    targets = torch.tensor([0, 0, 0, 1, 1, 1])  # 3 of 4 right at 0.9, none of 2 at 0.6
    error = evaluation.expected_calibration_error(probabilities, targets, bins=10)
    assert error == pytest.approx((4 * abs(0.75 - 0.9) + 2 * abs(0 - 0.6)) / 6, abs=1e-6)


def test_the_pictures_show_right_answers_and_the_surest_mistakes_first():
    targets = torch.arange(40) % 4
    logits = F.one_hot((targets + (torch.arange(40) >= 20)) % 4).float() * torch.arange(1, 41)[:, None] / 8
    assert evaluation.most_confident_mistakes(logits, targets, 3).tolist() == [39, 38, 37]
    images = torch.zeros(40, 3, 32, 32, dtype=torch.uint8)
    figure = evaluation.show_predictions(images, logits, targets, "abcd", columns=4)
    right, wrong = ([ax for ax in part.axes if ax.images] for part in figure.subfigs)
    assert (len(right), len(wrong)) == (8, 8)
    assert all("is" not in ax.get_title() for ax in right)
    assert wrong[0].get_title().split() == ["a", "98%", "is", "d"]
