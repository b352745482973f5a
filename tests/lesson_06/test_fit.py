"""fit: the whole run. A flight recorder of twenty steps holds everything that a mistake in the loop can touch."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from course.student import fill_, randn

STEPS, EPOCHS, PEAK = 5, 4, 0.2


class Descent:
    """Momentum and decay; the tests bring their own optimizer, so that a mistake in SGD costs no points here."""

    def __init__(self, params, lr=0.1, momentum=0.5, weight_decay=0.1):
        self.param_groups = [{"params": list(params), "lr": lr, "momentum": momentum, "weight_decay": weight_decay}]
        self.velocities = {}

    def parameters(self):
        return self.param_groups[0]["params"]

    def zero_grad(self, set_to_none=True):
        for p in self.param_groups[0]["params"]:
            p.grad = None if set_to_none else torch.zeros_like(p)

    @torch.no_grad()
    def step(self):
        group = self.param_groups[0]
        for k, p in enumerate(group["params"]):
            if p.grad is not None:
                gradient = p.grad + group["weight_decay"] * p
                self.velocities[k] = group["momentum"] * self.velocities.get(k, 0) + gradient
                p -= group["lr"] * self.velocities[k]


class Stream:
    """Batches as lesson 5 deals them: each is a function of epoch and number, and the last may be smaller."""

    def __init__(self, images, labels, batch_size, shuffle=True):
        self.images, self.labels, self.batch_size, self.shuffle = images, labels, batch_size, shuffle
        self.epoch_size = len(images)

    def __len__(self):
        return -(-self.epoch_size // self.batch_size)

    def epoch(self, epoch, start=0):
        generator = torch.Generator().manual_seed(epoch)
        count = self.epoch_size
        order = torch.randperm(count, generator=generator) if self.shuffle else torch.arange(count)
        for index in order.split(self.batch_size)[start:]:
            yield self.images[index], self.labels[index]

    def __iter__(self):
        return self.epoch(0)


def network():
    """A convolution, a norm, a linear layer: small enough for twenty steps in a few milliseconds."""
    layers = nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3)
    return fill_(nn.Sequential(*layers)).double()


def stripes(count, batch_size, shuffle=True):
    """Stripes in three directions under noise, float64 (count, 3, 8, 8): the stand-in of a stand-in."""
    labels = torch.arange(count) % 3
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    patterns = torch.stack([x % 2, y % 2, (x + y) % 2]).double() - 0.5  # (3, 8, 8)
    images = patterns[labels][:, None] + 0.5 * randn(count, 3, 8, 8, dtype=torch.float64)
    return Stream(images, labels, batch_size, shuffle)


def data():
    """Batches for training, of 8 and a last one of 6, and for validation, of 6 and 4."""
    return stripes(38, 8), stripes(10, 6, shuffle=False)


def told(state):
    """What a state says, without the times, which no two runs share."""
    rows = [{k: row[k] for k in row if k not in ("seconds", "images_per_second")} for row in state["history"]]
    for row in rows:  # float32 is enough for what was measured
        row |= {k: torch.tensor(float(row[k])) for k in ("validation_loss", "validation_accuracy") if k in row}
    noted = {name: state[name].clone() for name in ("losses", "right")}
    return {"step": state["step"], "total": state["total"], "history": rows, **noted}


def written_down(train, validation):
    """What a right run gives, in plain torch: the state at its end, what was saved on the way, and the network."""
    model = network()
    optimizer = Descent(model.parameters())
    total = EPOCHS * STEPS
    state = {"step": 0, "total": total, "history": [], "losses": torch.zeros(total), "right": torch.zeros(total)}
    saved, step = [told(state)], 0
    for epoch in range(EPOCHS):
        for images, labels in train.epoch(epoch):
            rate = PEAK * min((step + 1) / 4, (total - step) / 16)
            optimizer.param_groups[0]["lr"] = rate
            logits = model(images)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            state["losses"][step], state["right"][step] = loss.detach(), (logits.argmax(1) == labels).sum()
            step += 1
        with torch.no_grad():
            logits = model.eval()(validation.images)
            loss = F.cross_entropy(logits.float(), validation.labels).item()
            hits = (logits.argmax(1) == validation.labels).double().mean().item()
        model.train()
        last = slice(step - STEPS, step)
        row = {
            "epoch": epoch + 1,
            "train_loss": state["losses"][last].mean().item(),
            "train_accuracy": state["right"][last].sum().item() / train.epoch_size,
            "learning_rate": rate,
            "validation_loss": loss,
            "validation_accuracy": hits,
        }
        state["history"].append(row)
        state["step"] = step
        saved.append(told(state))
    watched = list(enumerate(state["losses"], 1))
    return {"saved": saved, "network": model.state_dict(), "state": told(state), "watched": watched}


def recorded(lesson, train, validation, stops=()):
    """What a run of the lesson gives; it is stopped after these steps, and gone on with from what was saved last."""
    model = network()
    optimizer = Descent(model.parameters())
    saved, kept = [], {}

    def save(state):
        saved.append(told(state))
        kept.update(copy.deepcopy({"state": state, "model": model.state_dict(), "velocities": optimizer.velocities}))

    ends, watched = [], []
    for stop in [*stops, None]:

        def watch(state, stop=stop):
            watched.append((state["step"], state["losses"][state["step"] - 1].clone()))
            return state["step"] == stop or None  # as a function without a return does

        if kept:  # as after a new start of the computer: nothing is left but what was saved
            model = network()
            model.load_state_dict(kept["model"])
            optimizer = Descent(model.parameters())
            optimizer.velocities = kept["velocities"]
        state = lesson.fit(
            model, optimizer, train, validation, EPOCHS, PEAK,
            evaluate=lesson.evaluate, state=copy.deepcopy(kept.get("state")), save=save, watch=watch,
        )  # fmt: skip
        ends.append((state["step"], state["stopped"]))
    return {"saved": saved, "network": model.state_dict(), "state": told(state), "ends": ends, "watched": watched}


def test_flight_recorder_of_twenty_steps(student):
    train, validation = data()
    student.returns(
        lambda lesson: recorded(lesson, train, validation),
        lambda: written_down(train, validation) | {"ends": [(20, False)]},
    )


def test_goes_on_bit_for_bit_where_it_was_stopped(student):
    train, validation = data()

    def probe(lesson):
        whole = recorded(lesson, train, validation)
        parts = recorded(lesson, train, validation, stops=(2, 8, 10, 20))
        equal = {name: value.equal(parts["network"][name]) for name, value in whole["network"].items()}
        equal |= {name: whole["state"][name].equal(parts["state"][name]) for name in ("losses", "right")}
        saved = [(state["step"], len(state["history"])) for state in parts["saved"]]
        return {"saved": saved, "ends": parts["ends"], "equal": equal}

    def expected():
        saved = [(0, 0), (2, 0), (5, 1), (8, 1), (10, 2), (15, 3), (20, 4)]
        ends = [(2, True), (8, True), (10, True), (20, True), (20, False)]
        return {
            "saved": saved,
            "ends": ends,
            "equal": dict.fromkeys([*network().state_dict(), "losses", "right"], True),
        }

    student.returns(probe, expected)


def test_times_every_epoch_with_what_it_took_before_a_stop(student):
    train, validation = data()

    def probe(lesson):
        model = network()
        run, clock = (model, Descent(model.parameters()), train, validation, EPOCHS, PEAK), []

        def watch(state):
            clock.append(state["seconds"])
            return len(clock) == 2

        state = lesson.fit(*run, watch=watch)
        stopped = state["step"]
        state["seconds"] += 1000
        first, second, *_ = (row["seconds"] for row in lesson.fit(*run, state=state, watch=watch)["history"])
        return {
            "stopped after": stopped,
            "steps in all": len(clock),
            "the clock runs": 0 < clock[0] < clock[1],
            "it goes on after a stop": 1000 <= first < 2000,
            "it starts anew in the next epoch": second < 1000,
        }

    student.returns(
        probe,
        lambda: {
            "stopped after": 2,
            "steps in all": 20,
            "the clock runs": True,
            "it goes on after a stop": True,
            "it starts anew in the next epoch": True,
        },
    )


def test_stops_at_a_loss_that_is_not_finite_and_saves_nothing_broken(student):
    train, validation = data()

    def run(lesson, loss):
        """What becomes of a run with this loss at its seventh step."""
        model, saved, steps, seen = network(), [], [], []

        def update(model, optimizer, images, labels):
            steps.append(len(steps) + 1)
            return torch.tensor(loss if len(steps) == 7 else 1.0), torch.tensor(3)

        try:
            optimizer = Descent(model.parameters())
            lesson.fit(
                model,
                optimizer,
                train,
                validation,
                EPOCHS,
                PEAK,
                update,
                save=lambda state: saved.append(state["step"]),
                watch=lambda state: seen.append(state["step"]),
            )
            ending = "no error"
        except FloatingPointError:
            ending = "FloatingPointError"
        return {"ending": ending, "steps": len(steps), "watched": len(seen), "saved": saved}

    def expected():
        end = {"ending": "FloatingPointError", "steps": 7, "watched": 6, "saved": [0, 5]}
        return {"nan": end, "inf": end}

    student.returns(
        lambda lesson: {"nan": run(lesson, float("nan")), "inf": run(lesson, float("inf"))},
        expected,
    )


def test_saves_no_weights_that_are_not_finite(student):
    train, validation = data()

    def run(lesson, broken, stop=None):
        """What becomes of a run whose weights break at a step, and which is stopped at one or not."""
        model, saved, steps = network(), [], []

        def update(model, optimizer, images, labels):
            steps.append(len(steps) + 1)
            if len(steps) == broken:
                model[4].bias.data[1] = float("inf")
            return torch.tensor(1.0), torch.tensor(3)

        def evaluate(model, batches):
            return 1.0, len(steps) / 100

        try:
            lesson.fit(
                model, Descent(model.parameters()), train, validation, EPOCHS, PEAK, update, evaluate,
                save=lambda state: saved.append(state["step"]), watch=lambda state: state["step"] == stop,
            )  # fmt: skip
            ending = "no error"
        except FloatingPointError:
            ending = "FloatingPointError"
        return {"ending": ending, "steps": len(steps), "saved": saved}

    student.returns(
        lambda lesson: {"at an epoch's end": run(lesson, 10), "on stopping": run(lesson, 7, stop=7)},
        lambda: {
            "at an epoch's end": {"ending": "FloatingPointError", "steps": 10, "saved": [0, 5]},
            "on stopping": {"ending": "FloatingPointError", "steps": 7, "saved": [0, 5]},
        },
    )


def test_lets_a_run_that_is_too_slow_come_down_within_one_more_epoch_for_good(student):
    train, validation = data()

    def probe(lesson):
        def described(state):
            rates = [row["learning_rate"] for row in state["history"]]
            return {"step": state["step"], "total": state["total"], "rates": rates}

        model = network()
        run = model, Descent(model.parameters()), train, validation, EPOCHS, PEAK
        state = lesson.fit(*run, seconds=[1e-9] * EPOCHS)
        return {"at its end": described(state), "gone on with": described(lesson.fit(*run, state=copy.deepcopy(state)))}

    def expected():
        end = {"step": 10, "total": 10, "rates": [PEAK, PEAK / 8]}
        return {"at its end": end, "gone on with": end}

    student.returns(probe, expected)
