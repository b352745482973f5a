"""PlainBlock: two convolutions, norms and ReLUs without a shortcut."""

import torch.nn.functional as F

from course.student import randn


def reference(x, stride, state):
    x = F.conv2d(x, state["conv1.weight"], stride=stride, padding=1)
    x = F.batch_norm(x, None, None, state["bn1.weight"], state["bn1.bias"], training=True).relu()
    x = F.conv2d(x, state["conv2.weight"], padding=1)
    return F.batch_norm(x, None, None, state["bn2.weight"], state["bn2.bias"], training=True).relu()


def test_halves_a_non_square_input_with_stride_two(student):
    x = randn(2, 3, 9, 7)
    student.returns(lambda lesson: lesson.PlainBlock(3, 5, stride=2)(x).shape, lambda: (2, 5, 5, 4))


def test_keeps_the_input_unchanged(student):
    x = randn(2, 3, 5, 6)

    def probe(lesson):
        lesson.PlainBlock(3, 3)(x)
        return x

    student.returns(probe, lambda: x)
