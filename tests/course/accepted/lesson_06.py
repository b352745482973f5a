"""Correct but unusual answers to lesson 6, which every test must let pass."""

from course.diagnosis import Accepted

ACCEPTED = [
    Accepted(
        exercise="cross_entropy",
        name="logsumexp and fancy indexing",
        source="""
def cross_entropy(logits, targets, label_smoothing=0.0):
    if logits.dim() != 2 or list(targets.shape) != [len(logits)]:
        raise ValueError(f"{targets.shape} targets for logits of {logits.shape}")
    log_p = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    n, classes = logits.shape
    right = log_p[torch.arange(n), targets]
    return -((1 - label_smoothing) * right.sum() + label_smoothing / classes * log_p.sum()) / n
""",
    ),
    Accepted(
        exercise="cross_entropy",
        name="one-hot targets and einsum",
        source="""
def cross_entropy(logits, targets, label_smoothing=0.0):
    if logits.ndim != 2 or targets.ndim != 1 or len(targets) != len(logits):
        raise ValueError(f"logits {list(logits.shape)}, targets {list(targets.shape)}")
    n, classes = logits.shape
    q = torch.full_like(logits, label_smoothing / classes)
    q[torch.arange(n), targets] += 1 - label_smoothing
    top = logits.detach().amax(dim=1, keepdim=True)
    log_p = logits - top - (logits - top).exp().sum(dim=1, keepdim=True).log()
    return torch.einsum("nc,nc->", q, -log_p).div(n)
""",
    ),
    Accepted(
        exercise="cross_entropy",
        name="a loop over images in float64",
        source="""
def cross_entropy(logits, targets, label_smoothing=0.0):
    if logits.ndim != 2 or targets.shape != (logits.shape[0],):
        raise ValueError(" and ".join(str(tuple(t.shape)) for t in (logits, targets)))
    losses = []
    for row, target in zip(logits.double(), targets):
        surprise = torch.log(torch.exp(row - row.max()).sum()) + row.max() - row
        losses.append((1 - label_smoothing) * surprise[target] + label_smoothing * surprise.mean())
    return torch.stack(losses).mean().to(logits.dtype)
""",
    ),
    Accepted(
        exercise="SGD",
        name="on torch's own base class",
        source="""
class SGD(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
        if nesterov and not momentum:
            raise ValueError("nesterov without momentum")
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    g = p.grad + group["weight_decay"] * p
                    if group["momentum"] != 0:
                        v = self.state[p].get("momentum_buffer")
                        v = g if v is None else group["momentum"] * v + g
                        self.state[p]["momentum_buffer"] = v
                        g = g + group["momentum"] * v if group["nesterov"] else v
                    p -= group["lr"] * g
""",
    ),
    Accepted(
        exercise="SGD",
        name="through data in place, with a velocity that starts at zero",
        source="""
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov))

    def step(self):
        for group in self.param_groups:
            mu = group["momentum"]
            for p in filter(lambda p: p.grad is not None, group["params"]):
                g = p.grad.data.clone()
                g += group["weight_decay"] * p.data
                if mu:
                    v = self.state[p].setdefault("momentum_buffer", torch.zeros_like(g))
                    v *= mu
                    v += g
                    g = g + mu * v if group["nesterov"] else v
                p.data -= group["lr"] * g
""",
    ),
    Accepted(
        exercise="SGD",
        name="all tensors of a group at once",
        source="""
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            updates = torch._foreach_add([p.grad for p in params], params, alpha=group["weight_decay"])
            if group["momentum"]:
                velocities = []
                for p, update in zip(params, updates):
                    old = self.state[p].get("momentum_buffer")
                    velocities.append(update.clone() if old is None else old * group["momentum"] + update)
                    self.state[p]["momentum_buffer"] = velocities[-1]
                if group["nesterov"]:
                    torch._foreach_add_(updates, velocities, alpha=group["momentum"])
                else:
                    updates = velocities
            torch._foreach_add_(params, updates, alpha=-group["lr"])
""",
    ),
    Accepted(
        exercise="learning_rate",
        name="an if for each side",
        source="""
def learning_rate(step, total_steps, peak, warmup_fraction=0.2):
    if step < 0 or step >= total_steps:
        raise ValueError(f"step {step} of {total_steps}")
    climb = warmup_fraction * total_steps
    if climb < 1:
        climb = 1
    left = total_steps - climb
    if left < 1:
        left = 1
    if step + 1 <= climb:
        rate = peak * (step + 1) / climb
        return rate if total_steps - step >= left else min(rate, peak * (total_steps - step) / left)
    return peak * min(1, (total_steps - step) / left)
""",
    ),
    Accepted(
        exercise="learning_rate",
        name="numpy",
        source="""
import numpy as np

def learning_rate(step, total_steps, peak, warmup_fraction=0.2):
    if step not in range(total_steps):
        raise ValueError(f"there is no step {step}")
    up, down = warmup_fraction * total_steps, (1 - warmup_fraction) * total_steps
    lines = [(step + 1) / max(up, 1), (total_steps - step) / max(total_steps - max(up, 1), 1), 1]
    return np.float64(peak) * np.min(lines)
""",
    ),
    Accepted(
        exercise="learning_rate",
        name="clamped tensors",
        source="""
def learning_rate(step, total_steps, peak, warmup_fraction=0.2):
    if not (0 <= step <= total_steps - 1):
        raise ValueError("no step number " + str(step))
    w = max(1.0, total_steps * warmup_fraction)
    lines = torch.tensor([(step + 1) / w, (total_steps - step) / max(1.0, total_steps - w)], dtype=torch.float64)
    return peak * lines.clamp(max=1).amin().item()
""",
    ),
    Accepted(
        exercise="update",
        name="gradients forgotten by the model, first of all",
        source="""
def update(model, optimizer, images, labels):
    model.zero_grad()
    logits = model(images)
    loss = cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        right = torch.eq(logits.max(dim=-1).indices, labels).long().sum()
    return loss.clone().detach(), right
""",
    ),
    Accepted(
        exercise="update",
        name="gradients assigned by autograd.grad",
        source="""
def update(model, optimizer, images, labels):
    with torch.enable_grad():
        logits = model(images)
        loss = cross_entropy(logits, labels)
    params = [p for group in optimizer.param_groups for p in group["params"]]
    for p, gradient in zip(params, torch.autograd.grad(loss, params)):
        p.grad = gradient
    optimizer.step()
    return loss.detach(), (logits.detach().argmax(dim=1) == labels).count_nonzero()
""",
    ),
    Accepted(
        exercise="train_epoch",
        name="an index and an early return",
        source="""
def train_epoch(model, batches, optimizer, rates, update=update):
    model.train(True)
    rates = list(rates)
    for number, batch in enumerate(batches):
        if number == len(rates):
            return
        for g in range(len(optimizer.param_groups)):
            optimizer.param_groups[g].update(lr=rates[number])
        result = update(model, optimizer, *batch)
        yield result
""",
    ),
    Accepted(
        exercise="train_epoch",
        name="a helper for the rate, rates first",
        source="""
def set_rate(optimizer, rate):
    for group in optimizer.param_groups:
        group["lr"] = rate

def train_epoch(model, batches, optimizer, rates, update=update):
    for rate, (x, y) in zip(rates, batches):
        model.train()
        set_rate(optimizer, rate)
        yield update(model, optimizer, x, y)
""",
    ),
    Accepted(
        exercise="train_epoch",
        name="a generator expression",
        source="""
def train_epoch(model, batches, optimizer, rates, update=update):
    def one(batch, rate):
        [group.__setitem__("lr", rate) for group in optimizer.param_groups]
        images, labels = batch
        return update(model, optimizer, images, labels)

    model.train()
    return (one(batch, rate) for batch, rate in zip(batches, rates))
""",
    ),
    Accepted(
        exercise="evaluate",
        name="on the model's own device",
        source="""
def evaluate(model, batches):
    device = next(model.parameters()).device
    was, sums = model.training, torch.zeros(3, dtype=torch.float64)
    model.eval()
    with torch.no_grad():
        for images, labels in batches:
            images, labels = images.to(device), labels.to(device)
            logits = model(images).float()
            loss = cross_entropy(logits, labels).item()
            sums += torch.tensor([loss * len(labels), (logits.argmax(1) == labels).sum().item(), len(labels)])
    model.train(was)
    return (sums[0] / sums[2]).item(), (sums[1] / sums[2]).item()
""",
    ),
    Accepted(
        exercise="evaluate",
        name="all logits gathered first",
        source="""
def all_logits(model, batches):
    pairs = [(model(images), labels) for images, labels in batches]
    return [torch.cat(parts) for parts in zip(*pairs)]

def evaluate(model, batches):
    was_training = model.training
    with torch.inference_mode():
        logits, labels = all_logits(model.eval(), batches)
    model.train(was_training)
    logits = logits.float()
    return cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).double().mean().item()
""",
    ),
    Accepted(
        exercise="evaluate",
        name="floats of Python and no_grad",
        source="""
@torch.no_grad()
def evaluate(model, batches):
    mode = model.training
    try:
        model.train(False)
        total, hits, images = 0.0, 0, 0
        for x, y in batches:
            z = model(x).float()
            total += float(cross_entropy(z, y)) * y.numel()
            hits += int((z.max(1)[1] == y).sum())
            images += y.numel()
        return total / images, hits / images
    finally:
        model.train(mode)
""",
    ),
    Accepted(
        exercise="evaluate",
        name="weighted means in float64",
        source="""
import numpy as np

def evaluate(model, batches):
    before = {name: module.training for name, module in model.named_modules()}
    model.eval()
    rows = []
    with torch.set_grad_enabled(False):
        for x, y in batches:
            z = model(x).double()
            rows.append((float(cross_entropy(z, y)), float((z.argmax(1) == y).double().mean()), len(y)))
    for name, module in model.named_modules():
        module.training = before[name]
    losses, shares, sizes = zip(*rows)
    return float(np.average(losses, weights=sizes)), float(np.average(shares, weights=sizes))
""",
    ),
    Accepted(
        exercise="evaluate",
        name="numpy's floats, which are floats of Python",
        source="""
import numpy as np

def evaluate(model, batches):
    was = model.training
    model.eval()
    losses, hits, sizes = [], [], []
    with torch.no_grad():
        for x, y in batches:
            z = model(x).float()
            losses.append(cross_entropy(z, y).numpy())
            hits.append((z.argmax(1) == y).numpy().mean())
            sizes.append(len(y))
    model.train(was)
    return np.average(np.float64(losses), weights=sizes), np.average(hits, weights=sizes)
""",
    ),
    Accepted(
        exercise="evaluate",
        name="a copy of the model does the work",
        source="""
import copy

def evaluate(model, batches):
    twin = copy.deepcopy(model).eval()
    loss, right, count = 0.0, 0, 0
    with torch.inference_mode():
        for images, labels in batches:
            logits = twin(images).float()
            loss += cross_entropy(logits, labels).item() * len(labels)
            right += (logits.argmax(1) == labels).sum().item()
            count += len(labels)
    return loss / count, right / count
""",
    ),
    Accepted(
        exercise="save_checkpoint",
        name="a temporary file of the system's naming",
        source="""
import tempfile

def save_checkpoint(path, **values):
    folder, name = os.path.split(str(path))
    leftover = str(path) + ".unfinished"
    buffer = io.BytesIO()
    torch.save(dict(values, format=FORMAT), buffer)
    handle, temporary = tempfile.mkstemp(dir=folder or ".", prefix=name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getvalue())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    if os.path.exists(leftover):
        os.unlink(leftover)
""",
    ),
    Accepted(
        exercise="save_checkpoint",
        name="torch.save straight into the second file, with the disk's trouble told apart",
        source="""
def save_checkpoint(path, **values):
    path = Path(path)
    second = path.parent / f"{path.name}.unfinished"
    try:
        with open(second, "wb") as file:
            try:
                torch.save({**values, "format": FORMAT}, file)
            except RuntimeError as error:  # torch's own for a write that fails
                if "inline_container" not in str(error):
                    raise
                raise OSError(f"{second} can't be written") from error
            file.flush()
            os.fsync(file.fileno())
        second.replace(path)
    finally:
        if second.exists():
            second.unlink()
""",
    ),
    Accepted(
        exercise="save_checkpoint",
        name="renamed by os.rename",
        source="""
def save_checkpoint(path, **values):
    values["format"] = FORMAT
    memory = io.BytesIO()
    torch.save(values, memory)
    path = os.fspath(path)
    unfinished = path + ".unfinished"
    file = open(unfinished, "wb")
    try:
        with file:
            file.write(memory.getvalue())
        os.rename(unfinished, path)
    except OSError as error:
        os.remove(unfinished)
        raise OSError(f"{path} can't be written") from error
    except KeyboardInterrupt:
        os.remove(unfinished)
        raise
""",
    ),
    Accepted(
        exercise="save_checkpoint",
        name="bytes for names, moved by os.replace within an open folder",
        source="""
def save_checkpoint(path, **values):
    memory = io.BytesIO()
    torch.save({"format": FORMAT} | values, memory)
    directory, name = os.path.split(os.fsencode(path))
    folder = os.open(directory or b".", os.O_RDONLY)
    second = name + b".unfinished"
    try:
        handle = os.open(second, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(memory.getvalue())
            os.replace(second, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(second, dir_fd=folder)
            raise
    finally:
        os.close(folder)
""",
    ),
    Accepted(
        exercise="save_checkpoint",
        name="a path of bytes",
        source="""
def save_checkpoint(path, **values):
    memory = io.BytesIO()
    torch.save({"format": FORMAT} | values, memory)
    path = os.fsencode(path)
    second = path + b".unfinished"
    try:
        with open(second, "wb") as file:
            file.write(memory.getvalue())
        os.replace(second, path)
    finally:
        if os.path.lexists(second):
            os.unlink(second)
""",
    ),
    Accepted(
        exercise="load_checkpoint",
        name="from memory, with the checks in a helper",
        source="""
def checked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for part in archive.namelist():
            archive.read(part)

def load_checkpoint(path, device="cpu"):
    try:
        data = Path(path).read_bytes()
        checked(data)
        values = torch.load(io.BytesIO(data), weights_only=True, map_location=torch.device(device))
        if values["format"] != FORMAT:
            raise ValueError("another format")
    except Exception as error:
        raise ValueError(f"{path}: {error!r}") from error
    return values
""",
    ),
    Accepted(
        exercise="load_checkpoint",
        name="checked step by step",
        source="""
class BadCheckpoint(ValueError):
    pass

def load_checkpoint(path, device="cpu"):
    if not os.path.isfile(path):
        raise BadCheckpoint(f"no file {path}")
    if not zipfile.is_zipfile(path):
        raise BadCheckpoint(f"no archive: {path}")
    try:
        if zipfile.ZipFile(path).testzip() is not None:
            raise BadCheckpoint(f"damaged: {path}")
        loaded = torch.load(str(path), device, weights_only=True)
    except BadCheckpoint:
        raise
    except Exception:
        raise BadCheckpoint(f"unreadable: {path}")
    if type(loaded) is not dict or "format" not in loaded or loaded["format"] != FORMAT:
        raise BadCheckpoint(f"foreign: {path}")
    return loaded
""",
    ),
    Accepted(
        exercise="load_checkpoint",
        name="moved after loading",
        source="""
def moved(value, device):
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return type(value)((key, moved(item, device)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)(moved(item, device) for item in value)
    return value

def load_checkpoint(path, device="cpu"):
    try:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None, "a checksum is wrong"
        values = torch.load(path, map_location="cpu", weights_only=True)
        assert isinstance(values, dict) and values.get("format") == FORMAT, "it is something else"
    except Exception as error:
        raise ValueError(f"can't use {path} as a checkpoint: {error}") from None
    return moved(values, device)
""",
    ),
    Accepted(
        exercise="fit",
        name="a loop over epochs with early returns",
        source="""
def fit(model, optimizer, train, validation, epochs, peak, update=update, evaluate=evaluate, seconds=None,
        state=None, save=lambda state: None, watch=lambda state: None):
    per_epoch = len(train)
    if state is None:
        state = new_state(model, epochs * per_epoch)
        save(state)
    state["stopped"] = False

    def finished(model, started):
        state["seconds"] = time.perf_counter() - started
        must_be_finite(state, per_epoch)
        state["stopped"] = bool(watch(state))
        return state["stopped"]

    def close():
        if state["step"] % per_epoch == 0:
            end_epoch(state, train, optimizer.param_groups[0]["lr"], evaluate(model, validation), seconds)
        must_be_finite(state, per_epoch, model)
        save(state)

    for epoch in range(state["step"] // per_epoch, epochs):
        if state["step"] >= state["total"]:
            return state
        start = state["step"] - epoch * per_epoch
        rates = (learning_rate(epoch * per_epoch + k, state["total"], peak) for k in range(start, per_epoch))
        started = time.perf_counter() - state["seconds"]
        for result in train_epoch(model, train.epoch(epoch, start), optimizer, rates, update):
            for name, value in zip(("losses", "right"), result):
                state[name][state["step"]] = value
            state["step"] += 1
            if time_to_look(state, per_epoch) and finished(model, started):
                close()
                return state
        close()
    return state
""",
    ),
    Accepted(
        exercise="fit",
        name="without train_epoch and without the helpers",
        source="""
def fit(model, optimizer, train, validation, epochs, peak, update=update, evaluate=evaluate, seconds=None,
        state=None, save=lambda state: None, watch=lambda state: None):
    n = len(train)
    if not state:
        device = next(model.parameters()).device
        state = {"step": 0, "total": epochs * n, "seconds": 0.0, "history": [], "stopped": False}
        state["losses"] = torch.zeros(epochs * n, device=device)
        state["right"] = torch.zeros(epochs * n, device=device)
        save(state)
    state["stopped"] = stopped = False
    while not stopped and state["step"] < state["total"]:
        epoch, first = state["step"] // n, state["step"] % n
        model.train()
        clock = time.perf_counter() - state["seconds"]
        for images, labels in train.epoch(epoch, start=first):
            s = state["step"]
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(s, state["total"], peak)
            loss, right = update(model, optimizer, images, labels)
            state["losses"][s] = loss
            state["right"][s] = right
            state["step"] = s + 1
            state["seconds"] = time.perf_counter() - clock
            if not torch.isfinite(torch.as_tensor(loss)):
                raise FloatingPointError(f"loss {loss} at step {s + 1}")
            state["stopped"] = stopped = bool(watch(state))
            if stopped:
                break
        if state["step"] == (epoch + 1) * n:
            end_epoch(state, train, optimizer.param_groups[-1]["lr"], evaluate(model, validation), seconds)
        for p in model.parameters():
            if not torch.isfinite(p).all():
                raise FloatingPointError("a weight is infinite")
        save(state)
    return state
""",
    ),
    Accepted(
        exercise="fit",
        name="the epoch in a function of its own",
        source="""
def one_epoch(model, optimizer, train, peak, update, state, watch):
    steps = len(train)
    epoch, done = state["step"] // steps, state["step"] % steps
    rates = [learning_rate(epoch * steps + k, state["total"], peak) for k in range(done, steps)]
    began = time.perf_counter() - state["seconds"]
    for loss, right in train_epoch(model, train.epoch(epoch, done), optimizer, rates, update):
        state["losses"][state["step"]] = loss
        state["right"][state["step"]] = right
        state["step"] += 1
        state["seconds"] = time.perf_counter() - began
        must_be_finite(state, steps)
        if watch(state):
            return True
    return False

def fit(model, optimizer, train, validation, epochs, peak, update=update, evaluate=evaluate, seconds=None,
        state=None, save=lambda state: None, watch=lambda state: None):
    if state is None:
        save(state := new_state(model, epochs * len(train)))
    state.update(stopped=False)
    while state["step"] != state["total"]:
        state["stopped"] = one_epoch(model, optimizer, train, peak, update, state, watch)
        if not state["step"] % len(train):
            end_epoch(state, train, optimizer.param_groups[0]["lr"], evaluate(model, validation), seconds)
        must_be_finite(state, len(train), model)
        save(state)
        if state["stopped"]:
            return state
    return state
""",
    ),
]
