"""Correct but unusual answers to lesson 7, which every test must let pass."""

from course.diagnosis import Accepted

ACCEPTED = [
    Accepted(
        exercise="topk_accuracy",
        name="sorted in NumPy",
        source="""
import numpy as np


def topk_accuracy(logits, targets, k=1):
    rows, labels = logits.numpy(), targets.numpy()
    if labels.shape != rows.shape[:1]:
        raise ValueError(f"{targets.shape} and {logits.shape}")
    if k < 1 or k > rows.shape[1]:
        raise ValueError(f"k={k}, but there are {rows.shape[1]} classes")
    order = np.argsort(-rows, axis=1)[:, :k]
    return float(np.mean([label in row for label, row in zip(labels, order)]))
""",
    ),
    Accepted(
        exercise="topk_accuracy",
        name="the rank of the right class",
        source="""
def topk_accuracy(logits, targets, k=1):
    if list(targets.shape) != [logits.shape[0]]:
        raise ValueError(f"one target a row, please: {tuple(targets.shape)} for {tuple(logits.shape)}")
    if k not in range(1, logits.shape[1] + 1):
        raise ValueError(f"{k} of {logits.shape[1]} classes")
    own = logits.gather(1, targets.unsqueeze(1))
    first = torch.arange(logits.shape[1]) < targets[:, None]
    rank = ((logits > own) | (logits == own) & first).sum(dim=1)  # how many classes come before it
    return (rank < k).double().mean().item()
""",
    ),
    Accepted(
        exercise="topk_accuracy",
        name="a loop over images",
        source="""
def topk_accuracy(logits, targets, k=1):
    if targets.dim() != 1 or len(targets) != len(logits):
        raise ValueError(f"shapes {tuple(logits.shape)} and {tuple(targets.shape)}")
    classes = logits.size(1)
    if not (0 < k <= classes):
        raise ValueError(f"k is {k} and must be in [1, {classes}]")
    hits = 0
    for row, target in zip(logits.tolist(), targets.tolist()):
        best = sorted(range(classes), key=row.__getitem__, reverse=True)[:k]
        hits += target in best
    return hits / len(targets)
""",
    ),
    Accepted(
        exercise="bootstrap_interval",
        name="binomial draws in NumPy",
        source="""
import numpy as np


def bootstrap_interval(correct, level=0.95, resamples=1000, seed=0):
    if level <= 0 or level >= 1:
        raise ValueError(f"level is {level}")
    generator = np.random.default_rng(seed)
    n = len(correct)
    shares = generator.binomial(n, correct.double().mean().item(), size=resamples) / n
    low, high = np.percentile(shares, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
""",
    ),
    Accepted(
        exercise="bootstrap_interval",
        name="all resamples at once and order statistics",
        source="""
def bootstrap_interval(correct, level=0.95, resamples=1000, seed=0):
    if not 0.0 < level < 1.0:
        raise ValueError("no such level: %g" % level)
    generator = torch.Generator()
    generator.manual_seed(seed + 12345)
    drawn = torch.randint(0, correct.numel(), (resamples, correct.numel()), generator=generator)
    accuracies = correct[drawn].float().mean(dim=1).sort().values
    cut = int((1 - level) / 2 * resamples)
    return accuracies[cut].item(), accuracies[resamples - 1 - cut].item()
""",
    ),
    Accepted(
        exercise="bootstrap_interval",
        name="Python's own random numbers",
        source="""
import random


def bootstrap_interval(correct, level=0.95, resamples=1000, seed=0):
    if level >= 1 or level <= 0:
        raise ValueError(f"a level of {level} is no share")
    draw, answers = random.Random(seed), [float(c) for c in correct.tolist()]
    means = sorted(sum(draw.choices(answers, k=len(answers))) / len(answers) for _ in range(resamples))
    outside = (1 - level) / 2
    return means[round(outside * (resamples - 1))], means[round((1 - outside) * (resamples - 1))]
""",
    ),
    Accepted(
        exercise="confusion_matrix",
        name="a loop over images",
        source="""
def confusion_matrix(predictions, targets, num_classes):
    if predictions.size() != targets.size():
        raise ValueError(f"{tuple(predictions.shape)} against {tuple(targets.shape)}")
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.long)
    for called, true in zip(predictions.tolist(), targets.tolist()):
        for c in (called, true):
            if c not in range(num_classes):
                raise ValueError(f"there is no class {c}")
        matrix[true, called] += 1
    return matrix
""",
    ),
    Accepted(
        exercise="confusion_matrix",
        name="a product of one-hot matrices",
        source="""
def confusion_matrix(predictions, targets, num_classes):
    if predictions.shape != targets.shape:
        raise ValueError(f"{predictions.shape} != {targets.shape}")
    both = torch.cat([predictions, targets])
    if len(both) and (both.min() < 0 or both.max() >= num_classes):
        worst = both.min() if both.min() < 0 else both.max()
        raise ValueError(f"class {int(worst)} of {num_classes}")
    classes = torch.arange(num_classes)
    true = (targets[:, None] == classes).double()
    called = (predictions[:, None] == classes).double()
    return (true.T @ called).round().long()
""",
    ),
    Accepted(
        exercise="confusion_matrix",
        name="index_put_ that accumulates",
        source="""
def confusion_matrix(predictions, targets, num_classes):
    if list(predictions.shape) != list(targets.shape):
        raise ValueError(f"sizes {list(predictions.shape)} and {list(targets.shape)}")
    for name, classes in (("prediction", predictions), ("target", targets)):
        for c in classes.unique().tolist():
            if not 0 <= c < num_classes:
                raise ValueError(f"{name} {c} is not one of {num_classes}")
    matrix = torch.zeros((num_classes, num_classes), dtype=torch.int64)
    return matrix.index_put_((targets, predictions), torch.ones_like(targets), accumulate=True)
""",
    ),
    Accepted(
        exercise="per_class_report",
        name="nan_to_num afterwards",
        source="""
def per_class_report(matrix):
    rows, columns = matrix.shape
    if rows != columns:
        raise ValueError(f"{rows} x {columns} is not square")
    hits = torch.diag(matrix).double()
    precision = (hits / matrix.sum(dim=0)).nan_to_num(0.0)
    recall = (hits / matrix.sum(dim=1)).nan_to_num(0.0)
    f1 = (2 * precision * recall / (precision + recall)).nan_to_num(0.0)
    return {"support": matrix.sum(dim=1), "f1": f1, "recall": recall, "precision": precision}
""",
    ),
    Accepted(
        exercise="per_class_report",
        name="a loop over classes",
        source="""
def per_class_report(matrix):
    if matrix.dim() != 2 or len(matrix) != len(matrix.T):
        raise ValueError(f"bad shape {tuple(matrix.shape)}")
    counts, columns = matrix.tolist(), {"precision": [], "recall": [], "f1": [], "support": []}
    for c, row in enumerate(counts):
        true_positives = row[c]
        false_negatives = sum(row) - true_positives
        false_positives = sum(other[c] for other in counts) - true_positives
        divide = lambda a, b: a / b if b else 0.0
        columns["precision"].append(divide(true_positives, true_positives + false_positives))
        columns["recall"].append(divide(true_positives, true_positives + false_negatives))
        columns["f1"].append(divide(2 * true_positives, 2 * true_positives + false_positives + false_negatives))
        columns["support"].append(sum(row))
    support = torch.tensor(columns.pop("support"))
    return {name: torch.tensor(values, dtype=torch.float64) for name, values in columns.items()} | {"support": support}
""",
    ),
    Accepted(
        exercise="per_class_report",
        name="NumPy with a place to divide",
        source="""
import numpy as np


def per_class_report(matrix):
    m = matrix.numpy()
    if m.ndim != 2 or m.shape[0] != m.shape[1]:
        raise ValueError(f"not square: {m.shape}")
    hits, called, there = np.diag(m).astype(float), m.sum(axis=0), m.sum(axis=1)

    def share(a, b):
        return torch.from_numpy(np.divide(a, b, out=np.zeros(len(m)), where=b != 0))

    return dict(
        precision=share(hits, called), recall=share(hits, there), f1=share(2 * hits, called + there),
        support=torch.from_numpy(there),
    )
""",
    ),
    Accepted(
        exercise="expected_calibration_error",
        name="index_add_ without a loop",
        source="""
def expected_calibration_error(probabilities, targets, bins=15):
    if (probabilities < 0).any() or (probabilities > 1.001).any():
        raise ValueError("these are no probabilities")
    sure, called = probabilities.double().max(dim=1)
    place = torch.ceil(sure * bins).long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=torch.double).index_add_(0, place, (called == targets).double() - sure)
    return float(gaps.abs().sum() / len(targets))
""",
    ),
    Accepted(
        exercise="expected_calibration_error",
        name="edges and comparisons",
        source="""
def expected_calibration_error(probabilities, targets, bins=15):
    if not (probabilities.min() >= 0 and probabilities.sum(1).sub(1).abs().max() < 1e-3):
        raise ValueError("rows must be probabilities that sum to 1")
    confidence, answers = torch.max(probabilities, 1)
    accuracy = answers.eq(targets)
    edges = torch.linspace(0, 1, bins + 1, dtype=confidence.dtype)
    error = torch.zeros((), dtype=torch.float64)
    for low, high in zip(edges[:-1], edges[1:]):
        inside = confidence.gt(low) & confidence.le(high)
        if inside.sum() > 0:
            gap = accuracy[inside].double().mean() - confidence[inside].double().mean()
            error += gap.abs() * inside.double().mean()
    return error.item()
""",
    ),
    Accepted(
        exercise="expected_calibration_error",
        name="bucketize and one image at a time",
        source="""
def expected_calibration_error(probabilities, targets, bins=15):
    if probabilities.max() > 1.0001 or probabilities.min() < 0.0:
        raise ValueError("probabilities lie between 0 and 1")
    rows = probabilities.tolist()
    members = {}
    edges = torch.arange(1, bins, dtype=torch.float64) / bins
    for row, target in zip(rows, targets.tolist()):
        confidence = max(row)
        place = int(torch.bucketize(torch.tensor(confidence, dtype=torch.float64), edges))
        members.setdefault(place, []).append((confidence, float(row.index(confidence) == target)))
    weighted = 0.0
    for images in members.values():
        mean_confidence = sum(c for c, _ in images) / len(images)
        accuracy = sum(r for _, r in images) / len(images)
        weighted += len(images) * abs(accuracy - mean_confidence)
    return weighted / len(rows)
""",
    ),
    Accepted(
        exercise="fit_temperature",
        name="L-BFGS on the logarithm",
        source="""
def fit_temperature(logits, targets):
    logits = logits.detach().clone().double()
    best, found = float("inf"), 1.0
    for start in (-2.0, 0.0, 2.0, 4.0):
        log_t = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([log_t], lr=0.5, max_iter=200, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(logits / log_t.exp().clamp(0.01, 100), targets)
            loss.backward()
            return loss

        optimizer.step(closure)
        loss = closure().item()
        if loss < best:
            best, found = loss, log_t.exp().clamp(0.01, 100).item()
    return found
""",
    ),
    Accepted(
        exercise="fit_temperature",
        name="a fine grid",
        source="""
def fit_temperature(logits, targets):
    rows = logits.double() - logits.double().amax(1, keepdim=True)
    own = rows[torch.arange(len(rows)), targets]
    grid = torch.logspace(-2, 2, 801, dtype=torch.float64)  # 1.16 % apart
    losses = [(torch.logsumexp(rows / t, 1) - own / t).mean() for t in grid]
    return float(grid[torch.stack(losses).argmin()])
""",
    ),
    Accepted(
        exercise="fit_temperature",
        name="golden section on the loss",
        source="""
def fit_temperature(logits, targets):
    def loss(log_t):
        return nn.functional.cross_entropy(logits.double() / math.exp(log_t), targets).item()

    ratio = (math.sqrt(5) - 1) / 2
    low, high = math.log(0.01), math.log(100)
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = loss(a), loss(b)
    while high - low > 1e-3:
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = loss(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = loss(b)
    return math.exp((low + high) / 2)
""",
    ),
    Accepted(
        exercise="most_confident_mistakes",
        name="topk over the mistakes",
        source="""
def most_confident_mistakes(logits, targets, n):
    probabilities = torch.softmax(logits, dim=-1, dtype=torch.float64)
    confidence, predictions = probabilities.max(dim=-1)
    confidence = confidence.masked_fill(predictions == targets, -1.0)
    mistakes = int((confidence >= 0).sum())
    return confidence.topk(min(n, mistakes)).indices
""",
    ),
    Accepted(
        exercise="most_confident_mistakes",
        name="sorted in Python by the log-probability",
        source="""
def most_confident_mistakes(logits, targets, n):
    scores = logits.double().log_softmax(1)
    best = scores.max(1)
    wrong = [i for i in range(len(targets)) if best.indices[i] != targets[i]]
    wrong.sort(key=lambda i: -best.values[i].item())
    return torch.tensor(wrong[:n], dtype=torch.int64)
""",
    ),
    Accepted(
        exercise="most_confident_mistakes",
        name="all sorted then filtered",
        source="""
def most_confident_mistakes(logits, targets, n):
    sure = logits.double().amax(1) - logits.double().logsumexp(1)
    order = torch.argsort(-sure)
    wrong = logits.argmax(1).ne(targets)
    return order[wrong[order]][:n]
""",
    ),
    Accepted(
        exercise="show_predictions",
        name="pyplot with the words below",
        source="""
import numpy as np


def show_predictions(images, logits, targets, names, columns=8):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as pyplot

    probabilities = logits.softmax(dim=1)
    called = probabilities.argmax(dim=1)
    right = [i for i in range(len(targets)) if called[i] == targets[i]][: 2 * columns]
    wrong = most_confident_mistakes(logits, targets, 2 * columns).tolist()
    figure, axes = pyplot.subplots(2, 2 * columns, squeeze=False)
    for row, chosen in zip(axes, (right, wrong)):
        for i, ax in zip(chosen, row):
            ax.imshow(np.transpose(images[i].numpy(), (1, 2, 0)))
            ax.set_xlabel(f"{names[called[i]]} ({100 * probabilities[i].max():.1f} %)")
            if i in wrong:
                ax.set_ylabel("truth: " + names[targets[i]])
    pyplot.close(figure)
    return figure
""",
    ),
    Accepted(
        exercise="show_predictions",
        name="pictures of floats placed by hand",
        source="""
def show_predictions(images, logits, targets, names, columns=8):
    from matplotlib.figure import Figure

    confidence, called = torch.softmax(logits, 1).max(1)
    right = torch.where(called == targets)[0][: 2 * columns].tolist()
    wrong = most_confident_mistakes(logits, targets, 2 * columns).tolist()
    figure = Figure(figsize=(columns, 5))
    for place, i in enumerate(wrong + right):
        ax = figure.add_axes((place % columns / columns, place // columns / 5, 0.9 / columns, 0.15))
        ax.set_axis_off()
        ax.imshow(torch.einsum("chw->hwc", images[i]).float().numpy() / 255)
        percent = int(100 * confidence[i])
        said = f"{percent}% sure: {names[called[i]]}"
        ax.set_title(said if i in right else f"{said}, not {names[targets[i]]}", loc="left")
    return figure
""",
    ),
    Accepted(
        exercise="show_predictions",
        name="text inside the picture",
        source="""
def show_predictions(images, logits, targets, names, columns=8):
    from matplotlib.figure import Figure

    probabilities = logits.double().softmax(1)
    figure = Figure(layout="tight")
    answers = probabilities.max(1)
    chosen = (answers.indices == targets).nonzero()[:, 0].tolist()[: columns * 2]
    chosen += [int(i) for i in most_confident_mistakes(logits, targets, columns * 2)]
    for number, i in enumerate(chosen, start=1):
        ax = figure.add_subplot(4, columns, number)
        ax.imshow(images[i].movedim(0, -1))
        words = [names[answers.indices[i]], f"{answers.values[i]:.0%}"]
        if answers.indices[i] != targets[i]:
            words.append(names[targets[i]])
        ax.text(0, 0, " / ".join(words))
    return figure
""",
    ),
    Accepted(
        exercise="show_predictions",
        name="capital letters and per cent in words",
        source="""
def show_predictions(images, logits, targets, names, columns=8):
    from matplotlib.figure import Figure

    confidence, called = logits.softmax(1).max(1)
    right = [i for i in range(len(targets)) if called[i] == targets[i]][: 2 * columns]
    figure = Figure()
    for number, i in enumerate(right + most_confident_mistakes(logits, targets, 2 * columns).tolist()):
        ax = figure.add_subplot(4, columns, number + 1)
        ax.imshow(images[i].permute(1, 2, 0))
        truth = "" if i in right else f" (is {names[targets[i]].title()})"
        ax.set_title(f"{names[called[i]].title()}, {100 * confidence[i]:.0f} per cent{truth}")
    return figure
""",
    ),
    Accepted(
        exercise="grad_cam",
        name="retain_grad and backward with everything put back",
        source="""
def grad_cam(model, image, target, layer):
    if image.dim() != 3:
        raise ValueError(f"one image, please, not {tuple(image.shape)}")
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(p, p.grad) for p in model.parameters()]
    maps = {}

    def hook(module, given, output):
        maps["kept"] = output.clone()
        maps["kept"].retain_grad()
        return maps["kept"].clone()

    handle = layer.register_forward_hook(hook)
    try:
        model.eval()
        for p, _ in gradients:
            p.grad = None
        start = image.detach().clone().unsqueeze(0).requires_grad_()
        logits = model(start)
        if target < 0 or target >= logits.shape[1]:
            raise ValueError(f"class {target} of {logits.shape[1]}")
        logits[0, target].backward()
    finally:
        handle.remove()
        for module, mode in modes:
            module.training = mode
        for p, grad in gradients:
            p.grad = grad
    weights = maps["kept"].grad[0].mean(dim=(1, 2))
    return torch.einsum("k,khw->hw", weights, maps["kept"].detach()[0]).clamp(min=0)
""",
    ),
    Accepted(
        exercise="grad_cam",
        name="a copy of the model and a hook on the tensor",
        source="""
import copy


def grad_cam(model, image, target, layer):
    if len(image.shape) != 3:
        raise ValueError(f"shape {image.shape} is no (3, H, W)")
    names = {module: name for name, module in model.named_modules()}
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    place = twin.get_submodule(names[layer])
    seen = {}

    def after(module, given, output):
        output = output.clone()
        seen["maps"] = output.clone()
        output.register_hook(lambda gradient: seen.update(gradient=gradient))
        return output * 1

    place.register_forward_hook(after)
    scores = twin(image.clone().detach()[None].requires_grad_())[0]
    if target not in range(len(scores)):
        raise ValueError(f"there is no class {target} among {len(scores)}")
    scores[target].backward()
    weights = seen["gradient"].flatten(2).mean(2)  # (1, K)
    heat = (weights[..., None, None] * seen["maps"].detach()).sum((0, 1))
    return torch.relu(heat)
""",
    ),
    Accepted(
        exercise="grad_cam",
        name="the gradient of zeros that are added to the maps",
        source="""
def grad_cam(model, image, target, layer):
    if image.ndim != 3:
        raise ValueError(f"expected three dimensions, got {list(image.shape)}")
    kept = {}

    def add_zeros(module, given, output):
        kept["maps"] = output.detach().clone()
        kept["zeros"] = torch.zeros_like(kept["maps"]).requires_grad_()
        return output.detach() + kept["zeros"]

    handle = layer.register_forward_hook(add_zeros)
    try:
        with evaluating(model):
            logits = model(image.detach()[None])
    finally:
        handle.remove()
    if not -1 < target < logits.shape[-1]:
        raise ValueError(f"{target} is not among {logits.shape[-1]} classes")
    gradients = torch.autograd.grad(logits[0, target], kept["zeros"])[0]
    heat = 0
    for channel, gradient in zip(kept["maps"][0], gradients[0]):
        heat = heat + gradient.mean() * channel
    return torch.where(heat > 0, heat, torch.zeros_like(heat))
""",
    ),
    Accepted(
        exercise="predict_with_flips",
        name="both looks in one batch",
        source="""
def predict_with_flips(model, images):
    mirrored = torch.flip(images, dims=[3])
    with torch.no_grad(), evaluating(model):
        straight, turned = model(torch.cat([images, mirrored])).chunk(2)
    return 0.5 * straight + 0.5 * turned
""",
    ),
    Accepted(
        exercise="predict_with_flips",
        name="modes kept by hand and columns indexed backwards",
        source="""
@torch.inference_mode()
def predict_with_flips(model, images):
    modes = {name: module.training for name, module in model.named_modules()}
    backwards = torch.arange(images.shape[3] - 1, -1, -1)
    model.eval()
    try:
        looks = torch.stack([model(images), model(images[:, :, :, backwards])])
    finally:
        for name, module in model.named_modules():
            module.training = modes[name]
    return looks.mean(dim=0)
""",
    ),
    Accepted(
        exercise="predict_with_flips",
        name="one image at a time on a copy",
        source="""
import copy


def predict_with_flips(model, images):
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    rows = []
    for image in images.detach():
        look, mirrored = twin(image[None]), twin(image.fliplr()[None] if image.ndim == 2 else image.flip(2)[None])
        rows.append((look[0] + mirrored[0]) / 2)
    return torch.stack(rows)
""",
    ),
]
