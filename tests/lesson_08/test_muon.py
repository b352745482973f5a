"""Muon: exactly what it says without orthogonal steps, and to the precision of bfloat16 with them."""

import torch

from course.student import randn

RATES = [0.3, 0.1, 0.2]


def parameter(values):
    return values.clone().requires_grad_()


def stepped(optimizer, p, gradients, rates=RATES):
    """The values of one parameter after each step."""
    path = []
    for gradient, rate in zip(gradients, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        p.grad = None if gradient is None else gradient.clone()
        optimizer.step()
        path.append(p.detach().clone())
    return path


def polynomial(matrix):
    """Three steps of the iteration in float64, by the singular values alone."""
    u, s, vt = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / s.square().sum().sqrt()
    for _ in range(3):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u * s @ vt


def right(start, gradients, rates=RATES, momentum=0.6, factor=1.0, weight_decay=0.0, orthogonal=False):
    """The same in float64, by the formula."""
    p, velocity, path = start.double(), torch.zeros_like(start, dtype=torch.float64), []
    for gradient, rate in zip(gradients, rates, strict=True):
        g = gradient + weight_decay * p
        velocity = momentum * velocity + g
        update = g + momentum * velocity
        if orthogonal:
            update = polynomial(update.reshape(len(p), -1)).reshape(p.shape)
            p = p * len(p) ** 0.5 / p.norm()
        p = p - rate * factor * update
        path.append(p)
    return path


def test_moves_with_momentum_that_looks_ahead(student):
    start, gradients = randn(3, 2, dtype=torch.float64), randn(3, 3, 2, dtype=torch.float64)

    def probe(lesson):
        p = parameter(start)
        optimizer = lesson.Muon([{"params": [p], "factor": 0.5, "weight_decay": 0.4}], lr=1.0, momentum=0.7)
        return stepped(optimizer, p, gradients)

    student.returns(probe, lambda: right(start, gradients, momentum=0.7, factor=0.5, weight_decay=0.4))


def test_takes_orthogonal_steps_of_rescaled_kernels(student):
    kernels = (3 * randn(4, 3, 2, 2), *randn(3, 4, 3, 2, 2))
    start, *gradients = (kernel.contiguous(memory_format=torch.channels_last) for kernel in kernels)
    high, slope = randn(2, 8, 2, 1, 1)  # as a matrix more rows than columns

    def probe(lesson):
        p, q, tall = parameter(start), parameter(start), parameter(high)  # q is no kernel
        q.grad, tall.grad = torch.ones_like(start), slope.clone()
        groups = (
            {"params": [p], "orthogonal": True, "factor": 0.5, "weight_decay": 0.4},
            {"params": [q], "weight_decay": 0.4},
            {"params": [tall], "orthogonal": True},
        )
        optimizer = lesson.Muon(groups, lr=1.0)
        return [(step / 2).bfloat16() for step in (*stepped(optimizer, p, gradients, [0.4, 0.2, 0.3]), q, tall)]

    def expected():
        path = right(start, gradients, [0.4, 0.2, 0.3], factor=0.5, weight_decay=0.4, orthogonal=True)
        other = right(start, torch.ones(3, 4, 3, 2, 2), [0.4, 0.2, 0.3], weight_decay=0.4)[-1]
        tall = right(high, [slope] * 3, [0.4, 0.2, 0.3], orthogonal=True)[-1]
        return [(step / 2).bfloat16() for step in (*path, other, tall)]

    student.returns(probe, expected)


def test_rescales_a_kernel_before_its_step(student):
    start = randn(4, 3, 2, 2)

    def probe(lesson):
        p = parameter(start)
        in_place = p.detach()  # the same memory
        optimizer = lesson.Muon([{"params": [p], "orthogonal": True}], lr=1.0)
        return {"kernel": stepped(optimizer, p, [torch.zeros_like(start)], [0.5])[-1], "in its place": in_place}

    student.returns(probe, lambda: dict.fromkeys(("kernel", "in its place"), start * 2 / start.norm()))


def test_leaves_gradients_and_what_has_none_alone(student):
    start, gradients = randn(2, 2, dtype=torch.float64), randn(2, 2, 2, dtype=torch.float64)
    slope = randn(2, 2, dtype=torch.float64)

    def probe(lesson):
        p, q, other = parameter(start), parameter(start), parameter(start)
        optimizer = lesson.Muon([q, p, other], lr=0.1)  # q never has a gradient
        p.grad, other.grad = torch.zeros_like(start), slope.clone()
        seen = []
        for gradient in gradients:
            p.grad.copy_(gradient)  # always the same tensor
            optimizer.step()
            seen.append((p.grad.clone(), p.detach().clone()))
        p.grad = None  # its velocity is still there
        optimizer.step()
        return seen, p, q, other

    def expected():
        path = right(start, gradients, [0.1] * 2)
        return list(zip(gradients, path, strict=True)), path[-1], start, right(start, [slope] * 3, [0.1] * 3)[-1]

    student.returns(probe, expected)


def test_goes_on_from_a_state_dict_as_if_it_had_never_stopped(student):
    start, gradients = randn(3, dtype=torch.float64), randn(4, 3, dtype=torch.float64)

    def probe(lesson):
        p = parameter(start)
        first = lesson.Muon([p], lr=1.0, momentum=0.7)
        stepped(first, p, gradients[:2], RATES[:2])
        second = lesson.Muon([p], lr=1.0)
        second.load_state_dict(first.state_dict())
        velocity = first.state_dict()["state"][0]["velocity"].clone()
        return {"velocity": velocity, "path": stepped(second, p, gradients[2:], RATES[:2])}

    def expected():
        path = right(start, gradients, [*RATES[:2], *RATES[:2]], momentum=0.7)
        return {"velocity": 0.7 * gradients[0] + gradients[1], "path": path[2:]}

    student.returns(probe, expected)


def test_takes_learning_rate_and_momentum_from_each_group(student):
    starts, gradients = randn(2, 3, dtype=torch.float64), randn(2, 2, 3, dtype=torch.float64)
    settings = {"lr": 0.3, "momentum": 0.5}, {"lr": 0.1, "momentum": 0.9}

    def probe(lesson):
        both = [parameter(start) for start in starts]
        optimizer = lesson.Muon([{"params": [p], **own} for p, own in zip(both, settings, strict=True)], lr=1.0)
        for step in range(2):
            for p, mine in zip(both, gradients, strict=True):
                p.grad = mine[step].clone()
            optimizer.step()
        return both

    def expected():
        groups = zip(starts, gradients, settings, strict=True)
        return [right(start, mine, [own["lr"]] * 2, own["momentum"])[-1] for start, mine, own in groups]

    student.returns(probe, expected)
