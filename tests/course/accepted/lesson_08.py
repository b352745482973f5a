"""Correct but unusual answers to lesson 8, which every test must let pass."""

from course.diagnosis import Accepted

ACCEPTED = [
    Accepted(
        exercise="pick_device",
        name="a chain of conditions",
        source="""
def pick_device(name="auto"):
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"{name} is no device")
    if device.type == "cuda":
        if not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
            raise ValueError(f"no {name} here")
    elif device.index or device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"no {name} here")
    elif device.type not in ("cpu", "mps"):
        raise ValueError(f"no {name} here")
    return device
""",
    ),
    Accepted(
        exercise="pick_device",
        name="a list of all names",
        source="""
def pick_device(name="auto"):
    names = ["cpu"]
    if torch.backends.mps.is_available():
        names = ["mps", *names]
    if torch.cuda.is_available():
        names = ["cuda", *(f"cuda:{k}" for k in range(torch.cuda.device_count())), *names]
    if name == "auto":
        name = names[0]
    if name not in names:
        raise ValueError(f"{name!r} is none of {names}")
    return torch.device(name)
""",
    ),
    Accepted(
        exercise="pick_device",
        name="auto tries one after the other",
        source="""
def pick_device(name="auto"):
    if name == "auto":
        for kind in ("cuda", "mps", "cpu"):
            try:
                return pick_device(kind)
            except ValueError:
                pass
    there = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    kind, *number = name.split(":")
    if (number or ["0"]) not in [[str(k)] for k in range(there.get(kind, 0))]:
        raise ValueError("This machine lacks " + name)
    return torch.device(kind, int(number[0])) if number else torch.device(kind)
""",
    ),
    Accepted(
        exercise="pick_device",
        name="the questions imported by their names",
        source="""
from torch.backends import mps
from torch.cuda import device_count, is_available


def pick_device(name="auto"):
    gpus = ["cuda", *map("cuda:{}".format, range(device_count()))] if is_available() else []
    there = [*gpus, *["mps", "mps:0"] * mps.is_available(), "cpu", "cpu:0"]
    if name != "auto" and name not in there:
        raise ValueError(f"no device {name!r} among {there}")
    return torch.device(there[0] if name == "auto" else name)
""",
    ),
    Accepted(
        exercise="step_flops",
        name="a copy of the model",
        source="""
import copy


def step_flops(model, images):
    model, total = copy.deepcopy(model).eval(), 0

    def count(layer, inputs, output):
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            height, width = layer.kernel_size
            total += 6 * output.numel() * layer.in_channels // layer.groups * height * width
        else:
            total += 6 * output.numel() * layer.in_features

    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        model(images)
    return total
""",
    ),
    Accepted(
        exercise="step_flops",
        name="a hook for all modules, and the buffers put back",
        source="""
def step_flops(model, images):
    counts = []

    def count(layer, inputs, output):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            counts.append(output.numel() * (layer.weight.numel() // layer.weight.size(0)))

    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    handle = nn.modules.module.register_module_forward_hook(count)
    try:
        with torch.no_grad():
            model(images)
    finally:
        handle.remove()
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(kept[name])
    return sum(counts) * 6
""",
    ),
    Accepted(
        exercise="step_flops",
        name="one image counted and multiplied",
        source="""
from contextlib import ExitStack


def step_flops(model, images):
    found = []
    with ExitStack() as stack:
        for module in model.modules():
            stack.callback(setattr, module, "training", module.training)
            if isinstance(module, nn.Conv2d) or isinstance(module, nn.Linear):
                hook = module.register_forward_hook(lambda layer, _, out: found.append((layer.weight.shape, out.shape)))
                stack.callback(hook.remove)
        model.eval()
        with torch.no_grad():
            model(images[:1])
    one = 0
    for weight, out in found:
        each, values = 1, 1
        for side in weight[1:]:
            each *= side
        for side in out:
            values *= side
        one += each * values
    return 6 * one * images.shape[0]
""",
    ),
    Accepted(
        exercise="train_step",
        name="gradients of a sum, divided at the end",
        source="""
def train_step(model, optimizer, images, labels, precision="float32", scaler=None, label_smoothing=0.0, accumulate=1):
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None
    total, right = torch.zeros((), device=images.device), torch.zeros((), dtype=torch.int64, device=images.device)
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    scaler = scaler or torch.amp.GradScaler(images.device.type, enabled=False)
    for x, y in zip(torch.chunk(images, accumulate), torch.chunk(labels, accumulate)):
        with torch.autocast(images.device.type, dtypes[precision], enabled=precision != "float32"):
            logits = model(x)
        loss = F.cross_entropy(logits.float(), y, label_smoothing=label_smoothing, reduction="sum") / len(images)
        scaler.scale(loss).backward()
        total += loss.detach()
        right += logits.detach().argmax(dim=1).eq(y).sum()
    scaler.step(optimizer)
    scaler.update()
    return total, right
""",
    ),
    Accepted(
        exercise="train_step",
        name="logits in float32 by another name",
        source="""
from contextlib import nullcontext


def train_step(model, optimizer, images, labels, precision="float32", scaler=None, label_smoothing=0.0, accumulate=1):
    optimizer.zero_grad()
    context = nullcontext() if precision == "float32" else torch.autocast(images.device.type, getattr(torch, precision))
    losses, right = [], 0
    for x, y in zip(images.chunk(accumulate), labels.chunk(accumulate)):
        with context:
            logits = model(x)
            share = x.shape[0] / images.shape[0]
            loss = share * F.cross_entropy(logits.to(torch.float32), y, label_smoothing=label_smoothing)
            right = right + (logits.max(1).indices == y).sum()
        if scaler is None:
            loss.backward()
        else:
            scaler.scale(loss).backward()
        losses.append(loss.detach())
    if scaler is None:
        optimizer.step()
    else:
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
    return sum(losses), right
""",
    ),
    Accepted(
        exercise="train_step",
        name="gradients added up by hand",
        source="""
def train_step(model, optimizer, images, labels, precision="float32", scaler=None, label_smoothing=0.0, accumulate=1):
    params = [p for p in model.parameters() if p.requires_grad]
    sums = [torch.zeros_like(p) for p in params]
    loss, right = 0.0, 0
    for x, y in zip(images.chunk(accumulate), labels.chunk(accumulate)):
        with torch.autocast(x.device.type, getattr(torch, precision), enabled=not precision == "float32"):
            logits = model(x)
        part = cross_entropy(logits.float(), y, label_smoothing) * len(x) / len(images)
        scaled = scaler.scale(part) if scaler is not None else part
        for total, gradient in zip(sums, torch.autograd.grad(scaled, params)):
            total += gradient
        loss, right = loss + part.detach(), right + (logits.argmax(1) == y).sum()
    for p, total in zip(params, sums):
        p.grad = total
    if scaler is not None:
        scaler.step(optimizer)
        scaler.update()
    else:
        optimizer.step()
    return loss, right
""",
    ),
    Accepted(
        exercise="images_per_second",
        name="a running minimum",
        source="""
def images_per_second(step, images, steps=5):
    step()
    best = float("inf")
    for _ in range(steps):
        before = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - before)
    return images / best
""",
    ),
    Accepted(
        exercise="images_per_second",
        name="the largest of the speeds",
        source="""
def images_per_second(step, images, steps=5):
    def speed():
        start = time.perf_counter()
        step()
        return images / (time.perf_counter() - start)

    step()
    return max(speed() for _ in range(steps))
""",
    ),
    Accepted(
        exercise="images_per_second",
        name="differences of clock times",
        source="""
def images_per_second(step, images, steps=5):
    clock = []
    for _ in range(steps + 1):
        step()
        clock.append(time.perf_counter())
    return images / min(after - before for before, after in zip(clock, clock[1:]))
""",
    ),
    Accepted(
        exercise="images_per_second",
        name="the clock imported by its name",
        source="""
from time import perf_counter


def images_per_second(step, images, steps=5):
    step()
    times = []
    for _ in range(steps):
        began = perf_counter()
        step()
        times.append(perf_counter() - began)
    return images / min(times)
""",
    ),
    Accepted(
        exercise="images_per_second",
        name="the clock as a default of a function beside it",
        source="""
def seconds_of(step, clock=time.perf_counter):
    began = clock()
    step()
    return clock() - began


def images_per_second(step, images, steps=5):
    step()
    return images / min(seconds_of(step) for _ in range(steps))
""",
    ),
    Accepted(
        exercise="images_per_second",
        name="the clock as a default argument",
        source="""
def images_per_second(step, images, steps=5, clock=time.perf_counter):
    step()
    times = []
    for _ in range(steps):
        began = clock()
        step()
        times.append(clock() - began)
    return images / min(times)
""",
    ),
    Accepted(
        exercise="DeviceBatches",
        name="shares taken from the batch that one process would see",
        source="""
Given = DeviceBatches


class DeviceBatches(Given):
    def whole(self, epoch, start):
        for k, (images, labels) in enumerate(self.batches.epoch(epoch, start)):
            x = (images.float() / 255 - self.mean[:, None, None]) / self.std[:, None, None]
            if self.augment:
                x = random_crop(x, self.padding, seeded(self.seed, epoch, start + k, device=x.device))
                dealt = range(epoch * self.epoch_size + (start + k) * self.batches.batch_size, 10**9)
                turned = [number // self.count % 2 for number, _ in zip(dealt, x)]
                x = torch.stack([image.flip(-1) if odd else image for odd, image in zip(turned, x)])
            yield x, labels

    def epoch(self, epoch, start=0):
        size = list(self.sizes)[epoch] if epoch < len(self.sizes) else self.sizes[-1]
        for x, y in self.whole(epoch, start):
            x, y = x[self.shard[0] :: self.shard[1]], y[self.shard[0] :: self.shard[1]]
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
            yield x.to(memory_format=torch.channels_last), y
""",
    ),
    Accepted(
        exercise="DeviceBatches",
        name="its own order of chance",
        source="""
Given = DeviceBatches


class DeviceBatches(Given):
    def epoch(self, epoch, start=0):
        rank, world = self.shard
        side = self.sizes[-1] if epoch >= len(self.sizes) else self.sizes[epoch]
        number, size = start, self.batches.batch_size
        for images, labels in self.batches.epoch(epoch, start):
            x = normalize(images, self.mean, self.std)
            if self.augment:
                generator = torch.Generator(x.device).manual_seed(hash((self.seed, epoch, number)) % 2**31)
                pad = self.padding
                wide = F.pad(x, [pad] * 4)
                for i in range(len(x)):
                    down, right = torch.randint(2 * pad + 1, (2,), generator=generator, device=x.device).tolist()
                    window = wide[i, :, down : down + x.shape[2], right : right + x.shape[3]]
                    pack, _ = divmod(epoch * self.epoch_size + number * size + i, self.count)
                    x[i] = window.flip(2) if pack & 1 else window
            x, labels = x[rank::world], labels[rank::world]
            if side != x.shape[2]:
                x = F.interpolate(x, size=side, mode="bilinear", antialias=True)
            yield x.contiguous(memory_format=torch.channels_last), labels
            number += 1
""",
    ),
    Accepted(
        exercise="DeviceBatches",
        name="a list made at once",
        source="""
Given = DeviceBatches


class DeviceBatches(Given):
    def epoch(self, epoch, start=0):
        made = []
        for step, (images, labels) in list(enumerate(self.batches.epoch(epoch)))[start:]:
            made.append(self.ready(images, labels, epoch, step))
        return made

    def ready(self, images, labels, epoch, step):
        x = normalize(images, self.mean, self.std)
        if self.augment:
            place = torch.arange(len(x), device=x.device) + epoch * self.epoch_size + step * self.batches.batch_size
            odd = place.remainder(2 * self.count) >= self.count
            x[odd] = x[odd].flip(-1)
            if self.padding > 0:
                x = random_crop(x, self.padding, seeded("crop", self.seed, epoch, step, device=x.device))
        mine = torch.arange(self.shard[0], len(labels), self.shard[1], device=labels.device)
        x, labels = x[mine], labels[mine]
        side = self.sizes[min(len(self.sizes) - 1, epoch)]
        if x.shape[-1] > side or x.shape[-1] < side:
            x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
        return x.contiguous(memory_format=torch.channels_last), labels
""",
    ),
    Accepted(
        exercise="orthogonalize",
        name="in float64, by singular values",
        source="""
def orthogonalize(matrix, steps=3):
    u, s, vt = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / max(float(s.norm()), 1e-7)
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u @ torch.diag(s) @ vt).float()
""",
    ),
    Accepted(
        exercise="orthogonalize",
        name="in float32, from the other side",
        source="""
def orthogonalize(matrix, steps=3):
    x = matrix.float() / matrix.float().square().sum().sqrt().clamp(min=1e-7)
    for _ in range(steps):
        gram = x.T @ x
        x = 3.4445 * x - 4.7750 * x @ gram + 2.0315 * x @ (gram @ gram)
    return x
""",
    ),
    Accepted(
        exercise="orthogonalize",
        name="transposed by recursion, with fused products",
        source="""
def orthogonalize(matrix, steps=3):
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalize(matrix.mT, steps).mT
    x = matrix.to(torch.bfloat16) / (torch.linalg.matrix_norm(matrix.float()).to(torch.bfloat16) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        mixed = torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315)
        x = torch.addmm(x, mixed, x, beta=3.4445)
    return x.to(torch.float32)
""",
    ),
    Accepted(
        exercise="Muon",
        name="a subclass of torch's optimizer",
        source="""
class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.6):
        defaults = {"lr": lr, "momentum": momentum, "orthogonal": False, "factor": 1.0, "weight_decay": 0.0}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in filter(lambda p: p.grad is not None, group["params"]):
                g = p.grad + group["weight_decay"] * p
                v = self.state[p].get("velocity")
                v = g.clone() if v is None else group["momentum"] * v + g
                self.state[p]["velocity"] = v
                u = g + group["momentum"] * v
                if group["orthogonal"]:
                    u = orthogonalize(u.reshape(p.shape[0], -1)).reshape(p.shape)
                    p *= p.shape[0] ** 0.5 / torch.linalg.vector_norm(p)
                p -= group["lr"] * group["factor"] * u
""",
    ),
    Accepted(
        exercise="Muon",
        name="the rescaling and the step in one",
        source="""
class Muon(Optimizer):
    def __init__(self, params, lr, momentum=0.6):
        settings = {"lr": lr, "momentum": momentum, "orthogonal": False, "factor": 1.0, "weight_decay": 0.0}
        super().__init__(params, settings)

    def step(self):
        with torch.no_grad():
            for group in self.param_groups:
                rate = group["lr"] * group["factor"]
                for p in group["params"]:
                    if p.grad is not None:
                        self.move(p, group, rate)

    def move(self, p, group, rate):
        gradient = p.grad + p * group["weight_decay"]
        old = self.state[p].setdefault("velocity", torch.zeros_like(p))
        new = torch.stack([old * group["momentum"], gradient]).sum(dim=0)
        self.state[p]["velocity"] = new
        step = gradient + group["momentum"] * new
        if not group["orthogonal"]:
            p.copy_(p - rate * step)
            return
        rows = torch.stack([row.flatten() for row in step])
        length = p.square().sum().sqrt()
        p.copy_(p / length * len(p) ** 0.5 - rate * orthogonalize(rows).view(p.shape))
""",
    ),
    Accepted(
        exercise="Muon",
        name="two passes over the parameters",
        source="""
class Muon(Optimizer):
    def __init__(self, params, lr, momentum=0.6):
        super().__init__(params, {"lr": lr, "momentum": momentum, "orthogonal": False, "factor": 1, "weight_decay": 0})

    @torch.no_grad()
    def step(self):
        todo = [(p, g) for g in self.param_groups for p in g["params"] if p.grad is not None]
        updates = []
        for p, group in todo:
            state, decayed = self.state[p], torch.add(p.grad, p, alpha=group["weight_decay"])
            if not state:
                state["velocity"] = torch.zeros_like(p, memory_format=torch.preserve_format)
            state["velocity"].mul_(group["momentum"])
            state["velocity"].add_(decayed)
            updates.append(decayed + state["velocity"] * group["momentum"])
        for (p, group), update in zip(todo, updates):
            if group["orthogonal"]:
                p.data *= p.shape[0] ** 0.5 / p.data.norm()
                update = orthogonalize(update.reshape(len(p), -1)).reshape(p.shape)
            p.data.add_(update, alpha=-group["lr"] * group["factor"])
""",
    ),
    Accepted(
        exercise="ShiftedConv2d",
        name="einsum over unfolded windows, by autograd",
        source="""
class ShiftedConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        super().__init__()
        self.size, self.stride, self.padding = kernel_size, stride, padding
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != self.weight.shape[1] or min(x.shape[2:]) < self.size - 2 * self.padding:
            raise ValueError(f"{tuple(x.shape)} and {tuple(self.weight.shape)} don't fit")
        x = F.pad(x, [self.padding] * 4)
        windows = x.unfold(2, self.size, self.stride).unfold(3, self.size, self.stride)
        return torch.einsum("nchwij,ocij->nohw", windows, self.weight)
""",
    ),
    Accepted(
        exercise="ShiftedConv2d",
        name="a sum over taps of whole maps, by autograd",
        source="""
import math


class ShiftedConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        super().__init__()
        bound = 1 / math.sqrt(in_channels * kernel_size * kernel_size)
        shape = out_channels, in_channels, kernel_size, kernel_size
        self.weight = nn.Parameter(2 * bound * torch.rand(shape) - bound)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        channels, size, s = self.weight.shape[1], self.weight.shape[2], self.stride
        if x.dim() != 4 or x.size(1) != channels or any(side + 2 * self.padding < size for side in x.shape[2:]):
            raise ValueError(f"weight {tuple(self.weight.shape)}, images {tuple(x.shape)}")
        x = F.pad(x, [self.padding] * 4)
        high, wide = ((side - size) // s + 1 for side in x.shape[2:])
        out = 0
        for i in range(size):
            for j in range(size):
                part = x[:, :, i : i + s * high : s, j : j + s * wide : s][:, :, :high, :wide]
                weight = self.weight[:, :, i, j].to(part.dtype)
                out = out + torch.tensordot(part, weight, dims=([1], [1]))
        return out.permute(0, 3, 1, 2)
""",
    ),
    Accepted(
        exercise="ShiftedConv2d",
        name="the given layer with gradients by autograd",
        source="""
Given = ShiftedConv2d


class ShiftedConv2d(Given):
    @staticmethod
    def product(x, weight, stride, padding):
        size = weight.shape[-1]
        patches = F.pad(x, (padding, padding, padding, padding)).unfold(2, size, stride).unfold(3, size, stride)
        n, channels, high, wide = patches.shape[:4]
        rows = patches.permute(0, 2, 3, 1, 4, 5).reshape(n * high * wide, -1)
        return (rows @ weight.flatten(1).T).view(n, high, wide, -1).permute(0, 3, 1, 2)

    @staticmethod
    def gradients(grad, x, weight, stride, padding):
        with torch.enable_grad():
            x, weight = x.detach().requires_grad_(), weight.detach().requires_grad_()
            out = ShiftedConv2d.product(x, weight, stride, padding)
        return torch.autograd.grad(out, (x, weight), grad)
""",
    ),
]
