"""receptive_field: how many input pixels one output value can see."""

import torch
import torch.nn.functional as F


def seen(layers):
    """How far the inputs reach that the first output depends on, by its gradient through convolutions of ones."""
    x = torch.zeros(1, 1, 2000, requires_grad=True)
    out = x
    for kernel_size, stride in layers:
        out = F.conv1d(out, torch.ones(1, 1, kernel_size), stride=stride)
    out[0, 0, 0].backward()
    return int(x.grad.nonzero().max()) + 1


def test_grows_by_the_strides_of_all_layers_before(student):
    layers = [(7, 2), (3, 2), (3, 1), (5, 3), (2, 1)]
    student.returns(lambda lesson: lesson.receptive_field(layers), lambda: seen(layers))


def test_grows_by_a_kernel_less_one_where_nothing_strides(student):
    stacks = [[(3, 1), (3, 1), (6, 1)], [(5, 3)], []]
    student.returns(lambda lesson: [lesson.receptive_field(layers) for layers in stacks], lambda: [10, 5, 1])


def test_counts_the_stride_of_a_one_by_one_convolution(student):
    layers = [(3, 3), (1, 2), (3, 1)]
    student.returns(lambda lesson: lesson.receptive_field(layers), lambda: seen(layers))


def test_leaves_the_list_of_layers_as_it_was(student):
    layers = [(2, 3), (3, 2)]

    def probe(lesson):
        found = [lesson.receptive_field(layers) for _ in range(2)]
        return {"found": found, "layers": layers}

    student.returns(probe, lambda: {"found": [seen(layers)] * 2, "layers": layers})


def test_refuses_a_kernel_below_one(student):
    student.raises(lambda lesson: lesson.receptive_field([(3, 1), (0, 2)]), ValueError, naming=[0, 2])
    student.raises(lambda lesson: lesson.receptive_field([(3, 1), (-3, 2)]), ValueError, naming=[-3, 2])


def test_refuses_a_stride_below_one(student):
    layers = [(3, 2), (5, 0)]
    student.raises(lambda lesson: lesson.receptive_field(layers), ValueError, naming=[5, 0])
    student.raises(lambda lesson: lesson.receptive_field([(3, 2), (5, -1)]), ValueError, naming=[5, -1])
