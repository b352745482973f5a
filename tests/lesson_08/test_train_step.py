"""train_step: one step in three precisions, whole and in parts; what torch's own pieces give is written down here."""

import torch
import torch.nn.functional as F
from torch import nn

from course.student import fill_, randn


class Descent:
    """A plain optimizer that notes the gradients of each step, so that a mistake elsewhere costs no points here."""

    def __init__(self, params, lr=0.1):
        self.param_groups = [{"params": list(params), "lr": lr}]
        self.steps = []

    def parameters(self):
        return self.param_groups[0]["params"]

    def zero_grad(self, set_to_none=True):
        for p in self.param_groups[0]["params"]:
            p.grad = None

    @torch.no_grad()
    def step(self):
        gradients = [p.grad for p in self.param_groups[0]["params"]]
        self.steps.append([None if g is None else g.detach().clone() for g in gradients])
        for p, g in zip(self.param_groups[0]["params"], gradients, strict=True):
            if g is not None:
                p -= self.param_groups[0]["lr"] * g


class Watched(nn.Module):
    """A small net without norms, which notes the precision that it computes in; `faint` shrinks all gradients."""

    def __init__(self, faint=1.0):
        super().__init__()
        self.conv, self.fc, self.faint, self.seen = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), faint, []
        fill_(self)

    def forward(self, x):
        hidden = self.conv(x)
        self.seen.append(str(hidden.dtype))
        return self.fc(hidden.float().mean((2, 3)) * self.faint + self.fc.bias.detach()[:4])


def data(count=7):
    return randn(count, 3, 6, 6), torch.arange(count) % 5


def scaler(scale=2.0**16):
    return torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=1)


def record(lesson, model, images, labels, *settings, scaler=None, **others):
    """What a step of the lesson gives and leaves; there are old gradients before it."""
    optimizer = Descent(model.parameters())
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    loss, right = lesson.train_step(model, optimizer, images, labels, *settings, scaler=scaler, **others)
    return outcome(model, optimizer, loss, right, scaler)


def outcome(model, optimizer, loss, right, scaler):
    first = optimizer.steps[0] if optimizer.steps else []
    faint = [g / model.faint for g in first[:2]]
    weights = [p.detach() for p in model.parameters()]
    if model.seen[0] != "torch.float32":  # sums in another order round to other numbers of 16 bits
        faint, weights = [(64 * g).bfloat16() for g in faint], [w.bfloat16() for w in weights]
    return {
        "loss": loss,
        "right answers": right,
        "graphs": [loss.requires_grad, right.requires_grad],
        "steps": len(optimizer.steps),
        "gradients of the convolution": faint,
        "gradients of the last layer": first[2:],
        "weights": weights,
        "precision": sorted(set(model.seen)),
        "scale": scaler.get_scale() if scaler else None,
    }


def written_down(model, images, labels, precision=torch.float32, scaler=None, label_smoothing=0.0):
    """The same of the whole batch at once, in plain torch."""
    optimizer = Descent(model.parameters())
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        logits = model(images)
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=label_smoothing)
    if scaler:
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    else:
        loss.backward()
        optimizer.step()
    return outcome(model, optimizer, loss.detach(), (logits.argmax(1) == labels).sum(), scaler)


def test_steps_in_float32_and_forgets_old_gradients(student):
    images, labels = data()
    student.returns(
        lambda lesson: record(lesson, Watched(), images, labels, label_smoothing=0.3),
        lambda: written_down(Watched(), images, labels, label_smoothing=0.3),
    )


def test_counts_one_answer_an_image_of_a_network_that_cannot_decide(student):
    images, labels = data(10)  # two of each class, so whichever class it says, it is right twice

    def probe(lesson):
        model = Watched()
        nn.init.zeros_(model.fc.weight)
        nn.init.zeros_(model.fc.bias)
        return {"right answers": lesson.train_step(model, Descent(model.parameters()), images, labels)[1]}

    student.returns(probe, lambda: {"right answers": torch.tensor(2)})


def test_adds_up_unequal_parts_to_the_whole_batch(student):
    images, labels = data()  # 7 images in parts of 3, 3 and 1
    student.returns(
        lambda lesson: record(lesson, Watched(), images, labels, accumulate=3),
        lambda: written_down(Watched(), images, labels),
    )


def test_computes_the_model_in_bfloat16_and_the_loss_in_float32(student):
    images, labels = data()
    student.returns(
        lambda lesson: record(lesson, Watched(), images, labels, "bfloat16"),
        lambda: written_down(Watched(), images, labels, torch.bfloat16),
    )


def test_saves_faint_gradients_in_float16_by_the_scaler(student):
    images, labels = data()
    student.returns(
        lambda lesson: record(lesson, Watched(2.0**-19), images, labels, "float16", scaler=scaler()),
        lambda: written_down(Watched(2.0**-19), images, labels, torch.float16, scaler=scaler()),
    )


def test_steps_in_float16_without_a_scaler_as_well(student):
    images, labels = data()
    student.returns(
        lambda lesson: record(lesson, Watched(), images, labels, "float16"),
        lambda: written_down(Watched(), images, labels, torch.float16),
    )


def test_leaves_a_step_out_whose_gradients_overflow(student):
    images, labels = data()

    def probe(lesson):
        gave = record(lesson, Watched(2.0**12), images, labels, "float16", scaler=scaler(2.0**24))
        return {name: gave[name] for name in ("steps", "weights", "scale")}

    def expected():
        return {"steps": 0, "weights": [p.detach().bfloat16() for p in Watched().parameters()], "scale": 2.0**23}

    student.returns(probe, expected)


def test_steps_through_the_scaler_once_after_all_parts(student):
    images, labels = data()

    def probe(lesson):
        gave = record(lesson, Watched(), images, labels, "float16", scaler=scaler(2.0**8), accumulate=3)
        return {name: gave[name] for name in ("steps", "scale")}

    student.returns(probe, lambda: {"steps": 1, "scale": 2.0**9})


def test_leaves_the_mode_of_every_part_of_the_model(student):
    images, labels = data()

    def probe(lesson):
        after = {}
        for mode in (True, False):
            convolution, head = nn.Conv2d(3, 4, 3), nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
            frozen, norm = nn.BatchNorm2d(4).eval(), nn.BatchNorm2d(4).train(mode)
            model = nn.Sequential(convolution.train(mode), frozen, norm, head.train(mode))
            model.training = mode
            lesson.train_step(model, Descent(model.parameters()), images, labels)
            after["training" if mode else "evaluation"] = {
                "model": model.training,
                "norms": [frozen.training, norm.training],
                "batches that they took part in": [int(part.num_batches_tracked) for part in (frozen, norm)],
            }
        return after

    student.returns(
        probe,
        lambda: {
            "training": {"model": True, "norms": [False, True], "batches that they took part in": [0, 1]},
            "evaluation": {"model": False, "norms": [False, False], "batches that they took part in": [0, 0]},
        },
    )


def test_takes_fewer_parts_where_the_images_are_few(student):
    batches = [(*data(), 5), (*data(2), 3)]  # 7 images make 4 parts of at most 2, 2 images make 2 of 1
    student.returns(
        lambda lesson: [record(lesson, Watched(), x, y, accumulate=parts) for x, y, parts in batches],
        lambda: [written_down(Watched(), x, y) for x, y, _ in batches],
    )
