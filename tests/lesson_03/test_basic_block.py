"""BasicBlock: two convolutions and a shortcut, part for part torchvision's."""

import copy
import sys

import torch
from torch import nn
from torch.autograd import gradcheck

from course.student import fill_, randn, refuses


def parts(in_channels, out_channels, stride=1):
    """What a basic block holds, under torchvision's names and with the weights that `fill_` gives it."""
    block = nn.ModuleDict(
        {
            "conv1": nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            "bn1": nn.BatchNorm2d(out_channels),
            "conv2": nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            "bn2": nn.BatchNorm2d(out_channels),
        }
    )
    if (in_channels, stride) != (out_channels, 1):
        block["downsample"] = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
        )
    return fill_(block)


def forward(block, x):
    out = block["bn1"](block["conv1"](x)).relu()
    out = block["bn2"](block["conv2"](out))
    return (out + (block["downsample"](x) if "downsample" in block else x)).relu()


def basic_block(lesson, *args, **kwargs):
    """A block of the lesson; one that is torchvision's, inherits from it or holds it is refused."""
    block = lesson.BasicBlock(*args, **kwargs)
    if any(kind.__module__.startswith("torchvision.") for part in block.modules() for kind in type(part).__mro__):
        raise TypeError("this is built on torchvision's own block; here you build it from scratch")
    return block


def shapes(block):
    return {name: tensor.shape for name, tensor in block.state_dict().items()}


def test_adds_a_strided_shortcut_before_the_last_relu(student):
    x = randn(4, 4, 4, 3)
    student.returns(
        lambda lesson: [fill_(basic_block(lesson, 4, 4, stride=stride))(x) for stride in (2, 3)],
        lambda: [forward(parts(4, 4, stride=stride), x) for stride in (2, 3)],
    )


def test_adds_the_input_itself_where_the_shapes_agree_and_leaves_it_as_it_was(student):
    x = randn(3, 4, 6, 5, dtype=torch.float64)

    def probe(lesson):
        return {"output": fill_(basic_block(lesson, 4, 4)).double()(x), "input afterwards": x}

    student.returns(probe, lambda: {"output": forward(parts(4, 4).double(), x), "input afterwards": x})


def test_has_the_same_parts_as_torchvision(student):
    cases = [(4, 4, 1), (4, 6, 1), (6, 4, 1), (4, 4, 2), (4, 6, 2)]

    def probe(lesson):
        blocks = {case: basic_block(lesson, *case) for case in cases}
        found = {case: shapes(block) for case, block in blocks.items()}
        return found | {"without a projection": blocks[4, 4, 1].downsample}

    student.returns(probe, lambda: {case: shapes(parts(*case)) for case in cases} | {"without a projection": None})


def test_remembers_nothing_but_running_statistics_from_one_call_to_the_next(student):
    first, second, x = randn(2, 1, 9, 7), randn(2, 1, 9, 7) + 2, randn(2, 1, 9, 7)

    def can_be_copied(block):
        try:
            return copy.deepcopy(block) is not block
        except RuntimeError:  # of a tensor that autograd has made
            return False

    def probe(lesson):
        block = fill_(basic_block(lesson, 1, 5))
        block(first), block(second)
        return {"can be copied": can_be_copied(block), "output": block.eval()(x)}

    def expected():
        block = parts(1, 5)
        forward(block, first), forward(block, second)
        return {"can be copied": True, "output": forward(block.eval(), x)}

    student.returns(probe, expected)


def test_passes_gradients_along_both_paths_and_counts_a_step_once_in_its_running_statistics(student):
    x = randn(2, 3, 4, 3, dtype=torch.float64)
    cases = {(3, 3, 1): randn(2, 3, 4, 3, dtype=torch.float64), (3, 4, 2): randn(2, 4, 2, 2, dtype=torch.float64)}

    def gradients(block, run, grad_output):
        block.double()
        image = x.clone().requires_grad_()
        run(image).backward(grad_output)
        after = {name: parameter.grad for name, parameter in block.named_parameters()}
        after |= {name: tensor.clone() for name, tensor in block.state_dict().items() if "running" in name}
        return after | {"x": image.grad, "gradcheck": gradcheck(run, image, fast_mode=True, raise_exception=False)}

    def probe(lesson):
        blocks = {case: fill_(basic_block(lesson, *case)) for case in cases}
        return {case: gradients(block, block, cases[case]) for case, block in blocks.items()}

    def expected():
        blocks = {case: parts(*case) for case in cases}
        return {case: gradients(b, lambda image, b=b: forward(b, image), cases[case]) for case, b in blocks.items()}

    student.returns(probe, expected)


def test_names_both_shapes_where_the_input_does_not_fit(student):
    too_wide, no_batch = randn(2, 4, 9, 7), randn(3, 3, 7)
    student.raises(lambda lesson: basic_block(lesson, 3, 5)(too_wide), ValueError, naming=[(2, 4, 9, 7), (5, 3, 3, 3)])
    student.raises(lambda lesson: basic_block(lesson, 3, 5)(no_batch), ValueError, naming=[(3, 3, 7), (5, 3, 3, 3)])


def test_refuses_five_dimensions_as_it_refuses_a_wrong_number_of_channels(student):
    given = {"four channels": randn(2, 4, 9, 7), "five dimensions": randn(2, 3, 4, 9, 7)}

    def probe(lesson):
        block = basic_block(lesson, 3, 5)
        return {name: refuses(block, x) for name, x in given.items()}

    student.returns(probe, lambda: dict.fromkeys(given, True))


def test_starts_from_norms_of_one_and_zero_and_from_random_weights_of_its_own(student):
    def start(block):
        return {name: parameter for name, parameter in block.named_parameters() if parameter.dim() == 1}

    def probe(lesson):
        states = []
        for _ in range(2):
            block = basic_block(lesson, 2, 3)
            states.append(torch.get_rng_state())
        return {"the second block draws what the first drew": states[0].equal(states[1]), **start(block)}

    def expected():
        norms = {name: torch.full_like(norm, name.endswith("weight")) for name, norm in start(parts(2, 3)).items()}
        return {"the second block draws what the first drew": False, **norms}

    student.returns(probe, expected)


def test_is_built_without_torchvision(student):
    x = randn(2, 3, 5, 6)

    def probe(lesson):
        borrowed, before = set(), sys.getprofile()

        def note(frame, event, argument):
            if frame.f_globals.get("__name__", "").startswith("torchvision."):
                borrowed.add(frame.f_globals["__name__"])

        sys.setprofile(note)
        try:
            output = fill_(basic_block(lesson, 3, 5, stride=2))(x)
        finally:
            sys.setprofile(before)
        return {"modules of torchvision that ran": sorted(borrowed), "output": output}

    student.returns(probe, lambda: {"modules of torchvision that ran": [], "output": forward(parts(3, 5, stride=2), x)})
