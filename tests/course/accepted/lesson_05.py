"""Correct but unusual answers to lesson 5, which every test must let pass."""

from course.diagnosis import Accepted

ACCEPTED = [
    Accepted(
        exercise="load_batch",
        name="a copy in numpy with a plane at a time",
        source="""
import numpy as np


def load_batch(path):
    content = unpickle(path)
    rows = np.array(content[b"data"])
    labels = np.array(content[b"labels"])
    if rows.ndim != 2 or rows.shape[1] != 3072 or len(rows) != len(labels):
        raise ValueError(f"{rows.shape} and {len(labels)} labels")
    planes = [rows[:, 1024 * c : 1024 * (c + 1)].reshape(-1, 32, 32) for c in range(3)]
    return torch.as_tensor(np.stack(planes, axis=1)), torch.as_tensor(labels, dtype=torch.long)
""",
    ),
    Accepted(
        exercise="load_batch",
        name="unflatten",
        source="""
def load_batch(path):
    content = unpickle(path)
    data, labels = torch.tensor(content[b"data"]), torch.LongTensor(content[b"labels"])
    if tuple(data.shape) != (labels.numel(), 3072):
        raise ValueError(f"data {tuple(data.shape)}, {labels.numel()} labels")
    return data.unflatten(1, (3, 32, 32)), labels
""",
    ),
    Accepted(
        exercise="load_batch",
        name="an unpickler of its own, image after image",
        source="""
import pickle


class Careful(pickle.Unpickler):
    def find_class(self, module, name):
        if module.split(".")[0] != "numpy" or name not in ("_reconstruct", "ndarray", "dtype"):
            raise pickle.UnpicklingError(f"{module}.{name} is not welcome")
        return super().find_class(module, name)


def load_batch(path):
    with open(path, "rb") as file:
        content = Careful(file, encoding="bytes").load()
    shape, count = content[b"data"].shape, len(content[b"labels"])
    if shape != (count, 3072):
        raise ValueError(f"shape {shape}, labels {count}")
    images = torch.empty(count, 3, 32, 32, dtype=torch.uint8)
    for i, row in enumerate(content[b"data"]):
        images[i].view(-1).copy_(torch.from_numpy(row))
    return images, torch.tensor([int(label) for label in content[b"labels"]])
""",
    ),
    Accepted(
        exercise="load_cifar10",
        name="filled from file to file",
        source="""
def load_cifar10(root, train=True):
    root = Path(root)
    if (root / "cifar-10-batches-py").exists():
        root = root / "cifar-10-batches-py"
    if not train:
        return load_batch(root / "test_batch")
    images, labels = load_batch(root / "data_batch_1")
    for name in ("data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"):
        more, their = load_batch(str(root / name))
        images, labels = torch.cat((images, more)), torch.hstack((labels, their))
    return images, labels
""",
    ),
    Accepted(
        exercise="load_cifar10",
        name="sorted names of what lies there",
        source="""
def load_cifar10(root, train=True):
    found = sorted(Path(root).rglob("data_batch_?" if train else "test_batch"))
    if len(found) < (5 if train else 1):
        raise FileNotFoundError(f"found no more than {found} in {root}")
    parts = [load_batch(path) for path in found]
    return tuple(torch.concatenate(column) for column in zip(*parts))
""",
    ),
    Accepted(
        exercise="load_cifar10",
        name="os.path and numpy",
        source="""
import numpy as np
import os


def load_cifar10(root, train=True):
    inner = os.path.join(root, "cifar-10-batches-py")
    here = inner if os.path.isdir(inner) else root
    pattern = "data_batch_%d" if train else "test_batch"
    names = [pattern % i for i in (1, 2, 3, 4, 5)] if train else [pattern]
    read = [load_batch(os.path.join(here, name)) for name in names]
    images = np.concatenate([images.numpy() for images, _ in read])
    labels = np.concatenate([labels.numpy() for _, labels in read])
    return torch.from_numpy(images), torch.from_numpy(labels)
""",
    ),
    Accepted(
        exercise="channel_stats",
        name="everything in float64 at once",
        source="""
def channel_stats(images):
    std, mean = torch.std_mean(images.double() / 255, dim=(0, 2, 3), correction=0)
    return mean.float(), std.float()
""",
    ),
    Accepted(
        exercise="channel_stats",
        name="a loop over channels in float32",
        source="""
def channel_stats(images):
    mean, std = torch.zeros(images.shape[1]), torch.zeros(images.shape[1])
    for c in range(images.shape[1]):
        values = images[:, c].float() / 255
        mean[c] = values.mean()
        std[c] = (values - mean[c]).square().mean().sqrt()
    return mean, std
""",
    ),
    Accepted(
        exercise="channel_stats",
        name="whole numbers summed image by image",
        source="""
def channel_stats(images):
    total = squares = count = 0
    for image in images.long():
        total = total + image.sum((1, 2))
        squares = squares + (image * image).sum((1, 2))
        count += image[0].numel()
    mean = total.double() / count
    var = squares.double() / count - mean * mean
    return (mean / 255).float(), (var.sqrt() / 255).float()
""",
    ),
    Accepted(
        exercise="stratified_split",
        name="numpy's generator, class by class",
        source="""
import numpy as np


def stratified_split(labels, fraction, seed):
    if fraction < 0 or fraction > 1:
        raise ValueError(f"a fraction of {fraction}")
    rng = np.random.default_rng(seed)
    held_out = []
    for label in set(labels.tolist()):
        members = np.flatnonzero(labels.numpy() == label)
        held_out.append(rng.choice(members, size=round(len(members) * fraction), replace=False))
    held_out = np.sort(np.concatenate(held_out))
    kept = np.setdiff1d(np.arange(len(labels)), held_out)
    return torch.from_numpy(kept), torch.from_numpy(held_out)
""",
    ),
    Accepted(
        exercise="stratified_split",
        name="the lowest of random numbers in each class",
        source="""
def stratified_split(labels, fraction, seed):
    if not 0.0 <= fraction <= 1.0:
        raise ValueError("fraction: " + str(fraction))
    lot = torch.rand(len(labels), generator=torch.Generator().manual_seed(seed))
    same = labels[:, None] == labels[None, :]
    rank = (same & (lot[None, :] < lot[:, None])).sum(1)  # in its class
    quota = torch.tensor([round(fraction * int(row.sum())) for row in same])
    out = rank < quota
    return torch.where(~out)[0], torch.where(out)[0]
""",
    ),
    Accepted(
        exercise="stratified_split",
        name="the random module and lists",
        source="""
import random


def stratified_split(labels, fraction, seed):
    if not 0 <= fraction <= 1:
        raise ValueError(f"{fraction=}")
    shuffler, by_class = random.Random(seed), {}
    for index, label in enumerate(labels.tolist()):
        by_class.setdefault(label, []).append(index)
    kept, held_out = [], []
    for members in by_class.values():
        shuffler.shuffle(members)
        cut = len(members) - int(fraction * len(members) + 0.5)
        kept += members[:cut]
        held_out += members[cut:]
    return tuple(torch.tensor(sorted(side), dtype=torch.int64) for side in (kept, held_out))
""",
    ),
    Accepted(
        exercise="normalize",
        name="as the formula says",
        source="""
def normalize(images, mean, std):
    c = images.shape[1]
    if mean.shape != (c,) or std.shape != (c,):
        raise ValueError(f"{mean.shape} and {std.shape} for {images.shape}")
    return (images / 255 - mean.view(1, c, 1, 1)) / std.view(1, c, 1, 1)
""",
    ),
    Accepted(
        exercise="normalize",
        name="a table of 256 values a channel",
        source="""
def normalize(images, mean, std):
    if not tuple(mean.shape) == tuple(std.shape) == (images.shape[1],):
        raise ValueError(f"{tuple(images.shape)} needs other statistics than {mean.shape} and {std.shape}")
    table = (torch.arange(256) / 255 - mean[:, None]) / std[:, None]  # (C, 256)
    return torch.stack([row[channel.long()] for row, channel in zip(table, images.unbind(1))], dim=1)
""",
    ),
    Accepted(
        exercise="normalize",
        name="channels last in float64",
        source="""
def normalize(images, mean, std):
    for vector in (mean, std):
        if list(vector.shape) != [images.size(1)]:
            raise ValueError(f"{images.shape} does not go with {vector.shape}")
    last = images.movedim(1, -1).double().div(255)
    return last.sub(mean).div(std).movedim(-1, 1).float()
""",
    ),
    Accepted(
        exercise="random_flip",
        name="where",
        source="""
def random_flip(images, generator):
    heads = torch.randint(2, (images.shape[0], 1, 1, 1), generator=generator).bool()
    return torch.where(heads, images.fliplr() if images.dim() == 3 else images.flip(-1), images)
""",
    ),
    Accepted(
        exercise="random_flip",
        name="a loop over the images",
        source="""
def random_flip(images, generator):
    out = torch.empty_like(images)
    for i, image in enumerate(images):
        out[i] = image.flip(2) if torch.rand((), generator=generator) >= 0.5 else image
    return out
""",
    ),
    Accepted(
        exercise="random_flip",
        name="columns gathered",
        source="""
def random_flip(images, generator):
    n, c, h, w = images.shape
    mirrored = torch.empty(n).bernoulli_(0.5, generator=generator).long()
    columns = torch.stack([torch.arange(w), torch.arange(w - 1, -1, -1)])[mirrored]  # (N, W)
    return images.gather(3, columns[:, None, None, :].expand(n, c, h, w))
""",
    ),
    Accepted(
        exercise="random_crop",
        name="unfolded windows",
        source="""
def random_crop(images, padding, generator):
    n, _, h, w = images.shape
    padded = torch.nn.functional.pad(images, [padding] * 4)
    windows = padded.unfold(2, h, 1).unfold(3, w, 1)
    place = torch.randint((2 * padding + 1) ** 2, (n,), generator=generator)
    return windows[torch.arange(n), :, place // (2 * padding + 1), place % (2 * padding + 1)]
""",
    ),
    Accepted(
        exercise="random_crop",
        name="a loop over the images",
        source="""
def random_crop(images, padding, generator):
    out = torch.zeros_like(images)
    h, w = images.shape[-2:]
    for target, image in zip(out, images):
        dy = int(torch.randint(-padding, padding + 1, (1,), generator=generator))
        dx = int(torch.randint(-padding, padding + 1, (1,), generator=generator))
        if abs(dy) < h and abs(dx) < w:
            target[:, max(dy, 0) : h + min(dy, 0), max(dx, 0) : w + min(dx, 0)] = image[
                :, max(-dy, 0) : h + min(-dy, 0), max(-dx, 0) : w + min(-dx, 0)
            ]
    return out
""",
    ),
    Accepted(
        exercise="random_crop",
        name="rows and columns by index",
        source="""
def random_crop(images, padding, generator):
    n, c, h, w = images.shape
    canvas = images.new_zeros(n, c, h + 2 * padding, w + 2 * padding)
    canvas[..., padding : padding + h, padding : padding + w] = images
    right = torch.randint(0, 2 * padding + 1, (n,), generator=generator)
    down = torch.randint(0, 2 * padding + 1, (n,), generator=generator)
    rows = (down[:, None] + torch.arange(h))[:, None, :, None]
    columns = (right[:, None] + torch.arange(w))[:, None, None, :]
    return canvas[torch.arange(n)[:, None, None, None], torch.arange(c)[:, None, None], rows, columns]
""",
    ),
    Accepted(
        exercise="cutout",
        name="a loop over the images with clipped corners",
        source="""
def cutout(images, size, generator):
    out = images.clone()
    height, width = images.shape[2], images.shape[3]
    for image in out:
        x = int(torch.randint(width, (), generator=generator))
        y = int(torch.randint(height, (), generator=generator))
        top, left = y - size // 2, x - size // 2
        image[:, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = 0
    return out
""",
    ),
    Accepted(
        exercise="cutout",
        name="multiplied by a mask",
        source="""
def cutout(images, size, generator):
    n, c, h, w = images.shape
    place = torch.randint(h * w, (n, 1), generator=generator)
    row, column = place // w, place % w
    away_y, away_x = torch.arange(h) - row, torch.arange(w) - column
    in_y = (away_y >= -(size // 2)) * (away_y <= size - size // 2 - 1)
    in_x = (away_x >= -(size // 2)) * (away_x <= size - size // 2 - 1)
    keep = 1 - torch.einsum("nh,nw->nhw", in_y.int(), in_x.int())
    return images * keep[:, None].to(images.dtype)
""",
    ),
    Accepted(
        exercise="cutout",
        name="a window of a larger mask",
        source="""
def cutout(images, size, generator):
    n, c, h, w = images.shape
    mask = torch.zeros(2 * h + size, 2 * w + size, dtype=torch.bool)
    mask[h : h + size, w : w + size] = True
    out = images.clone()
    ys = torch.randint(h, (n,), generator=generator).tolist()
    xs = torch.randint(w, (n,), generator=generator).tolist()
    for i, (y, x) in enumerate(zip(ys, xs)):
        top, left = h - y + size // 2, w - x + size // 2
        out[i, :, mask[top : top + h, left : left + w]] = 0
    return out
""",
    ),
    Accepted(
        exercise="Batches",
        name="one image at a time with numpy's generator",
        source="""
import numpy as np


class Batches:
    def __init__(self, images, labels, batch_size, shuffle=False, seed=0, epoch_size=None):
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images, {len(labels)} labels")
        self.epoch_size = epoch_size if epoch_size is not None else len(images)
        if batch_size <= 0 or self.epoch_size <= 0:
            raise ValueError(f"{batch_size} and {self.epoch_size} must be positive")
        self.data, self.batch_size, self.shuffle, self.seed = (images, labels), batch_size, shuffle, seed

    def __len__(self):
        return (self.epoch_size + self.batch_size - 1) // self.batch_size

    def pack(self, number):
        n = len(self.data[0])
        return np.random.default_rng([self.seed, number]).permutation(n) if self.shuffle else np.arange(n)

    def order(self, epoch):
        n, cards = len(self.data[0]), []
        for place in range(epoch * self.epoch_size, (epoch + 1) * self.epoch_size):
            if place % n == 0 or not cards:
                pack = self.pack(place // n)
            cards.append(int(pack[place % n]))
        return torch.tensor(cards)

    def epoch(self, epoch, start=0):
        order = self.order(epoch)
        for first in range(start * self.batch_size, self.epoch_size, self.batch_size):
            index = order[first : first + self.batch_size]
            yield tuple(torch.stack([part[i] for i in index]) for part in self.data)

    def __iter__(self):
        return self.epoch(0)
""",
    ),
    Accepted(
        exercise="Batches",
        name="a list of finished batches",
        source="""
class Batches:
    def __init__(self, images, labels, batch_size, shuffle=False, seed=0, epoch_size=None):
        sizes = {"images": len(images), "labels": len(labels)}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"not one for each: {sizes}")
        self.images, self.labels, self.n = images, labels, len(images)
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.epoch_size = self.n if epoch_size is None else epoch_size
        if self.batch_size < 1 or self.epoch_size < 1:
            raise ValueError(f"batch_size {batch_size}, epoch_size {epoch_size}")

    def __len__(self):
        return -(-self.epoch_size // self.batch_size)

    def order(self, epoch):
        places = torch.arange(self.epoch_size) + epoch * self.epoch_size
        out = torch.empty_like(places)
        for number in (places // self.n).unique().tolist():
            pack = torch.arange(self.n)
            if self.shuffle:
                pack = torch.rand(self.n, generator=seeded("pack", self.seed, number)).argsort()
            mine = places // self.n == number
            out[mine] = pack[places[mine] % self.n]
        return out

    def epoch(self, epoch, start=0):
        order = self.order(epoch)
        chunks = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        return [(self.images[chunk], self.labels[chunk]) for chunk in chunks[start:]]

    def __iter__(self):
        return iter(self.epoch(0))
""",
    ),
    Accepted(
        exercise="Batches",
        name="torch's own sampler and loader inside",
        source="""
class Batches:
    def __init__(self, images, labels, batch_size, shuffle=False, seed=0, epoch_size=None):
        if images.shape[0] != labels.shape[0]:
            raise ValueError(f"{images.shape[0]} != {labels.shape[0]}")
        if batch_size < 1 or len(images) < 1 or epoch_size is not None and epoch_size < 1:
            raise ValueError(f"batch size of {batch_size}, epoch size of {epoch_size}, {len(images)} images")
        self.data = torch.utils.data.TensorDataset(images, labels)
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.epoch_size = epoch_size or len(images)

    def __len__(self):
        full, rest = divmod(self.epoch_size, self.batch_size)
        return full + bool(rest)

    def order(self, epoch):
        deck, number = [], 0
        while len(deck) < (epoch + 1) * self.epoch_size:
            if self.shuffle:
                deck += torch.utils.data.RandomSampler(self.data, generator=seeded(self.seed, number))
            else:
                deck += torch.utils.data.SequentialSampler(self.data)
            number += 1
        return torch.tensor(deck[epoch * self.epoch_size : (epoch + 1) * self.epoch_size])

    def epoch(self, epoch, start=0):
        left = self.order(epoch).tolist()[start * self.batch_size :]
        batches = [left[i : i + self.batch_size] for i in range(0, len(left), self.batch_size)]
        generator = seeded("not used")
        loader = torch.utils.data.DataLoader(self.data, batch_sampler=batches, generator=generator)
        return iter(loader)

    def __iter__(self):
        return self.epoch(0)
""",
    ),
]
