"""cross_entropy: the mean surprise at the right classes, from logits, with label smoothing."""

import torch
import torch.nn.functional as F

from course.student import randn

LIBRARY = ["log_softmax", "nll_loss", "cross_entropy"]
TARGETS = torch.tensor([0, 3, 1, 2, 2, 0, 1])


def with_gradient(loss, logits):
    """A loss and what it sends back to the logits."""
    logits.requires_grad_()
    value = loss(logits * 1)
    return {"loss": value, "gradient": torch.autograd.grad(value, logits)[0]}


def refusal(loss, *args):
    """The name of the error that a loss ends in."""
    try:
        loss(*args)
    except NotImplementedError:
        raise
    except ValueError:
        return "ValueError"
    except Exception as error:
        return type(error).__name__
    return "no error"


def test_is_the_mean_over_the_batch_of_the_surprise_at_the_right_class(student):
    logits = 2 * randn(7, 4, dtype=torch.float64)
    student.returns(
        lambda lesson: lesson.cross_entropy(logits, TARGETS),
        lambda: F.cross_entropy(logits, TARGETS),
        without=LIBRARY,
    )


def test_stays_exact_where_one_images_logits_are_small_and_anothers_large(student):
    logits = torch.tensor([[0.0], [1e4], [-1e4]], dtype=torch.float64) + randn(3, 4, dtype=torch.float64)
    targets = torch.tensor([2, 0, 3])
    student.returns(
        lambda lesson: lesson.cross_entropy(logits, targets, label_smoothing=0.1),
        lambda: F.cross_entropy(logits, targets, label_smoothing=0.1),
        without=LIBRARY,
    )


def test_stays_exact_with_logits_of_ten_thousand(student):
    signs = torch.tensor([[1, 0, -1], [-1, 1, 0], [1, 1, -1], [0.0, -1, 1]])
    logits = (1e4 * signs + randn(4, 3)).double()
    targets = torch.tensor([0, 0, 1, 1])

    def probe(lesson):
        hot = with_gradient(lambda z: lesson.cross_entropy(z, targets), logits.clone())
        low = with_gradient(lambda z: lesson.cross_entropy(z, targets), logits - 1e4)
        return hot, low, lesson.cross_entropy(logits.float(), targets)

    def expected():
        hot = with_gradient(lambda z: F.cross_entropy(z, targets), logits.clone())
        low = with_gradient(lambda z: F.cross_entropy(z, targets), logits - 1e4)
        return hot, low, F.cross_entropy(logits.float(), targets)

    student.returns(probe, expected, without=LIBRARY)


def test_spreads_a_share_of_the_target_evenly_over_all_classes_however_large_the_logits(student):
    logits = 2 * randn(7, 4, dtype=torch.float64)
    large = 1e4 * torch.tensor([[1, 0, -1], [-1, 1, 0]], dtype=torch.float64) + randn(2, 3).double()
    targets = torch.tensor([0, 2])

    def probe(lesson):
        loss = lesson.cross_entropy(logits, TARGETS, label_smoothing=0.3)
        return loss, with_gradient(lambda z: lesson.cross_entropy(z, targets, 0.1), large)

    def expected():
        loss = F.cross_entropy(logits, TARGETS, label_smoothing=0.3)
        return loss, with_gradient(lambda z: F.cross_entropy(z, targets, label_smoothing=0.1), large.clone())

    student.returns(probe, expected, without=LIBRARY)


def test_leaves_the_logits_unchanged(student):
    logits = randn(7, 4)
    student.returns(
        lambda lesson: (lesson.cross_entropy(logits, TARGETS), logits),
        lambda: (F.cross_entropy(logits, TARGETS), logits),
        without=LIBRARY,
    )


def test_gives_a_scalar_in_the_dtype_of_the_logits(student):
    logits = randn(7, 4)

    def probe(lesson):
        kinds = torch.bfloat16, torch.float32, torch.float64
        losses = [lesson.cross_entropy(logits.to(kind), TARGETS, 0.1) for kind in kinds]
        return [(loss.dtype, loss.ndim) for loss in losses]

    student.returns(probe, lambda: [(str(kind), 0) for kind in (torch.bfloat16, torch.float32, torch.float64)])


def test_refuses_another_number_of_targets(student):
    logits = randn(7, 4)
    few, many = torch.tensor([1, 2, 0]), torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0])

    def probe(lesson):
        if (answer := refusal(lesson.cross_entropy, logits, few)) != "ValueError":
            return "too few targets", answer
        return "too many targets", lesson.cross_entropy(logits, many)

    student.raises(probe, ValueError, naming=[(7, 4), (9,)])


def test_refuses_logits_of_three_dimensions(student):
    logits = randn(7, 4, 2)
    student.raises(lambda lesson: lesson.cross_entropy(logits, TARGETS), ValueError, naming=[(7, 4, 2), (7,)])


def test_refuses_targets_in_a_column(student):
    logits, targets = randn(7, 4), TARGETS[:, None]
    student.raises(lambda lesson: lesson.cross_entropy(logits, targets), ValueError, naming=[(7, 4), (7, 1)])
