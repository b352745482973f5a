"""gradient_norms: how strongly the loss depends on what each block of a stack puts out."""

import torch
from torch import nn

from course.student import fill_, randn


def stack():
    """Three unlike blocks in float64 whose outputs differ in size."""
    return [
        fill_(block).double()
        for block in (
            nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh()),
            nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 5, 1)),
            nn.Sequential(nn.Conv2d(5, 4, 2), nn.Sigmoid()),
        )
    ]


def norms(blocks, x):
    first = blocks[0](x).detach().requires_grad_()
    second = blocks[1](first).detach().requires_grad_()
    third = blocks[2](second).detach().requires_grad_()
    (to_third,) = torch.autograd.grad(third.square().mean(), third)
    (to_second,) = torch.autograd.grad(blocks[2](second), second, to_third)
    (to_first,) = torch.autograd.grad(blocks[1](first), first, to_second)
    return [torch.linalg.vector_norm(gradient).item() for gradient in (to_first, to_second, to_third)]


def test_gives_the_norm_of_the_gradient_at_every_output_in_order(student):
    x = randn(2, 2, 7, 6, dtype=torch.float64)
    student.returns(lambda lesson: lesson.gradient_norms(stack(), x), lambda: norms(stack(), x))


def test_leaves_gradients_modes_and_blocks_as_they_were(student):
    x, before = randn(2, 2, 7, 6, dtype=torch.float64), randn(3, dtype=torch.float64)

    def probe(lesson):
        blocks = nn.Sequential(*stack())
        blocks[2].eval()
        blocks[1][0].bias.grad = before.clone()
        blocks[2][0].weight.requires_grad_(False)
        found = lesson.gradient_norms(list(blocks), x)
        return {name: parameter.grad for name, parameter in blocks.named_parameters()} | {
            "norms": found,
            "x": x.grad,
            "x.requires_grad": x.requires_grad,
            "training": [block.training for block in blocks],
            "frozen": [name for name, parameter in blocks.named_parameters() if not parameter.requires_grad],
            "hooks": sum(len(module._forward_hooks) for module in blocks.modules()),
        }

    def expected():
        grads = {name: None for name, _ in nn.Sequential(*stack()).named_parameters()}
        after = {"norms": norms(stack(), x), "x": None, "x.requires_grad": False, "training": [True, True, False]}
        return grads | {"1.0.bias": before} | after | {"frozen": ["2.0.weight"], "hooks": 0}

    student.returns(probe, expected)


def test_gives_the_same_again_for_an_input_that_asks_for_a_gradient(student):
    x = randn(2, 2, 7, 6, dtype=torch.float64).requires_grad_()

    def probe(lesson):
        blocks = stack()
        x.grad = torch.ones_like(x)
        twice = [lesson.gradient_norms(blocks, x), lesson.gradient_norms(blocks, x)]
        return {"norms": twice, "x": x.grad, "x.requires_grad": x.requires_grad}

    student.returns(probe, lambda: {"norms": [norms(stack(), x)] * 2, "x": torch.ones_like(x), "x.requires_grad": True})


def test_takes_blocks_without_parameters_and_one_block_twice_where_the_input_asks_for_a_gradient(student):
    x = randn(2, 2, 7, 6, dtype=torch.float64).requires_grad_()
    blocks = [tanh := nn.Tanh(), nn.Sigmoid(), tanh]
    student.returns(lambda lesson: lesson.gradient_norms(blocks, x), lambda: norms(blocks, x))


def test_names_the_shape_of_x_where_there_is_no_block(student):
    x = randn(2, 3, 9, 7)
    student.raises(lambda lesson: lesson.gradient_norms([], x), ValueError, naming=[(2, 3, 9, 7)])
