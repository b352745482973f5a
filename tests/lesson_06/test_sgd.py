"""SGD: step for step what torch.optim.SGD computes."""

import torch
from torch.optim.sgd import sgd

from course.student import randn

RATES = [0.3, 0.1, 0.2, 0.05]


def sgd_of(lesson, params, **settings):
    """A student's optimizer; torch's own, and what inherits from it, is refused."""
    optimizer = lesson.SGD(params, **settings)
    if isinstance(optimizer, torch.optim.SGD):
        raise TypeError("this is torch's own SGD; here you build it from scratch")
    return optimizer


def parameter(values):
    return values.clone().requires_grad_()


def stepped(optimizer, gradients, rates=None):
    """The values of all parameters after each step; `gradients` holds a list of them for each step."""
    path = []
    params = [p for group in optimizer.param_groups for p in group["params"]]
    for number, row in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"] = rates[number] if rates else group["lr"]
        for p, gradient in zip(params, row, strict=True):
            p.grad = None if gradient is None else gradient.clone()
        optimizer.step()
        path.append([p.detach().clone() for p in params])
    return path


def right(starts, gradients, rates, momentum=0.0, weight_decay=0.0, nesterov=False):
    """What torch's own update gives for one parameter, step by step."""
    p, velocity, path = starts.clone(), [None], []
    for gradient, rate in zip(gradients, rates, strict=True):
        if gradient is not None:
            settings = {"momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov, "lr": rate}
            fixed = {"dampening": 0.0, "maximize": False, "foreach": False, "fused": False}
            sgd([p], [gradient], velocity, **settings, **fixed)
        path.append(p.clone())
    return path


def test_gathers_a_velocity_while_the_learning_rate_changes(student):
    start, gradients = randn(3, 2, dtype=torch.float64), randn(4, 3, 2, dtype=torch.float64)

    def probe(lesson):
        optimizer = sgd_of(lesson, [parameter(start)], lr=0.3, momentum=0.7)
        return stepped(optimizer, [[g] for g in gradients], RATES)

    student.returns(probe, lambda: [[p] for p in right(start, gradients, RATES, 0.7)], without=["fused"])


def test_lets_each_groups_decay_be_part_of_the_gradient(student):
    starts, gradients = randn(2, 3, dtype=torch.float64), randn(4, 2, 3, dtype=torch.float64)

    def probe(lesson):
        groups = [{"params": [parameter(starts[0])]}, {"params": [parameter(starts[1])], "weight_decay": 0.1}]
        return stepped(sgd_of(lesson, groups, lr=0.3, momentum=0.7, weight_decay=0.4), gradients, RATES)

    def expected():
        paths = [right(starts[k], gradients[:, k], RATES, 0.7, decay) for k, decay in enumerate((0.4, 0.1))]
        return [list(step) for step in zip(*paths, strict=True)]

    student.returns(probe, expected)


def test_looks_ahead_with_nesterov(student):
    start, gradients = randn(3, 2, dtype=torch.float64), randn(4, 3, 2, dtype=torch.float64)

    def probe(lesson):
        optimizer = sgd_of(lesson, [parameter(start)], lr=0.3, momentum=0.7, weight_decay=0.4, nesterov=True)
        return stepped(optimizer, [[g] for g in gradients], RATES)

    student.returns(probe, lambda: [[p] for p in right(start, gradients, RATES, 0.7, 0.4, True)])


def test_decays_without_momentum_as_well(student):
    starts, gradients = randn(2, 3, dtype=torch.float64), randn(4, 2, 3, dtype=torch.float64)

    def probe(lesson):
        groups = [{"params": [parameter(starts[0])], "momentum": 0.0}, {"params": [parameter(starts[1])]}]
        return stepped(sgd_of(lesson, groups, lr=0.3, momentum=0.7, weight_decay=0.4), gradients, RATES)

    def expected():
        paths = [right(starts[k], gradients[:, k], RATES, momentum, 0.4) for k, momentum in enumerate((0.0, 0.7))]
        return [list(step) for step in zip(*paths, strict=True)]

    student.returns(probe, expected)


def test_gives_every_group_its_own_settings_and_every_parameter_its_own_velocity(student):
    starts, gradients = randn(3, 4, dtype=torch.float64), randn(3, 3, 4, dtype=torch.float64)

    def probe(lesson):
        a, b, c = map(parameter, starts)
        groups = [{"params": [a, b], "lr": 0.3}, {"params": [c], "momentum": 0.2, "nesterov": False}]
        return stepped(sgd_of(lesson, groups, lr=0.1, momentum=0.7, nesterov=True), gradients)

    def expected():
        settings = [(0.3, 0.7, True), (0.3, 0.7, True), (0.1, 0.2, False)]
        paths = [
            right(starts[k], gradients[:, k], [lr] * 3, momentum, nesterov=ahead)
            for k, (lr, momentum, ahead) in enumerate(settings)
        ]
        return [list(step) for step in zip(*paths, strict=True)]

    student.returns(probe, expected)


def test_leaves_a_parameter_without_gradient_alone(student):
    starts, gradients = randn(3, 3, dtype=torch.float64), randn(3, 3, 3, dtype=torch.float64)
    first, second, third = map(list, gradients)
    zeros = torch.zeros(3, dtype=torch.float64)  # the third parameter has a gradient in every step, this one too
    rows = [[first[0], None, first[2]], [None, second[1], zeros], third]

    def probe(lesson):
        params = [parameter(start) for start in starts]
        return stepped(sgd_of(lesson, params, lr=0.3, momentum=0.7), rows)

    def expected():
        paths = [right(starts[k], [row[k] for row in rows], [0.3] * 3, 0.7) for k in range(3)]
        return [list(step) for step in zip(*paths, strict=True)]

    student.returns(probe, expected)


def test_keeps_its_hands_off_the_gradients(student):
    start, gradients = randn(3, dtype=torch.float64), randn(3, 3, dtype=torch.float64)

    def probe(lesson):
        p, seen = parameter(start), []
        p.grad = torch.zeros(3, dtype=torch.float64)
        optimizer = sgd_of(lesson, [p], lr=0.3, momentum=0.7)
        for gradient in gradients:
            p.grad.copy_(gradient)  # always the same tensor
            optimizer.step()
            seen.append((p.grad.clone(), p.detach().clone()))
        after = []
        for settings in ({"weight_decay": 0.4}, {"momentum": 0.7, "nesterov": True}):
            p.grad.copy_(gradients[0])
            sgd_of(lesson, [p], lr=0.3, **settings).step()
            after.append(p.grad.clone())
        return seen, after

    def expected():
        path = right(start, gradients, [0.3] * 3, 0.7)
        return list(zip(gradients, path, strict=True)), [gradients[0]] * 2

    student.returns(probe, expected)


def test_keeps_nothing_without_momentum(student):
    start, gradients = randn(3, dtype=torch.float64), randn(3, 3, dtype=torch.float64)

    def probe(lesson):
        optimizer = sgd_of(lesson, [parameter(start)], lr=0.3)
        path = stepped(optimizer, [[g] for g in gradients])
        held = [values.get("momentum_buffer") for values in optimizer.state_dict()["state"].values()]
        return {"path": path, "velocities": [velocity for velocity in held if velocity is not None]}

    student.returns(probe, lambda: {"path": [[p] for p in right(start, gradients, [0.3] * 3)], "velocities": []})


def test_goes_on_from_a_state_dict_as_if_it_had_never_stopped(student):
    start, gradients = randn(3, dtype=torch.float64), randn(4, 3, dtype=torch.float64)

    def probe(lesson):
        p = parameter(start)
        first = sgd_of(lesson, [p], lr=0.3, momentum=0.7)
        stepped(first, [[g] for g in gradients[:2]])
        second = sgd_of(lesson, [p], lr=0.1, momentum=0.2)
        second.load_state_dict(first.state_dict())
        velocity = first.state_dict()["state"].get(0, {}).get("momentum_buffer")
        velocity = velocity.clone() if isinstance(velocity, torch.Tensor) else "not in the state dict"
        return {"velocity": velocity, "path": stepped(second, [[g] for g in gradients[2:]])}

    def expected():
        path = right(start, gradients, [0.3] * 4, 0.7)
        return {"velocity": 0.7 * gradients[0] + gradients[1], "path": [[p] for p in path[2:]]}

    student.returns(probe, expected)


def test_changes_the_tensor_that_everybody_holds_however_it_lies_in_memory(student):
    start, gradient = randn(2, 3, 2, 2, dtype=torch.float64), randn(2, 3, 2, 2, dtype=torch.float64)

    def probe(lesson):
        moved = {}
        for name, layout in {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}.items():
            p = parameter(start.contiguous(memory_format=layout))
            elsewhere = p.detach()  # the same memory under another name
            stepped(sgd_of(lesson, [p], lr=0.3, momentum=0.7), [[gradient.contiguous(memory_format=layout)]])
            moved[name] = {"parameter": p, "under another name": elsewhere}
        return moved

    def expected():
        moved = {"parameter": start - 0.3 * gradient, "under another name": start - 0.3 * gradient}
        return {"contiguous": moved, "channels last": moved}

    student.returns(probe, expected)


def test_hides_no_gradient_that_is_not_finite(student):
    starts, gradients = randn(2, 3, dtype=torch.float64), randn(2, 3, dtype=torch.float64)
    gradients[0, 1:] = torch.tensor([float("nan"), float("inf")])
    student.returns(
        lambda lesson: stepped(sgd_of(lesson, [*map(parameter, starts)], lr=0.3), [[*gradients]]),
        lambda: [[right(starts[k], [gradients[k]], [0.3])[0] for k in range(2)]],
    )
