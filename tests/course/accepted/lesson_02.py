"""Correct but unusual answers to lesson 2, which every test must let pass."""

from course.diagnosis import Accepted

ACCEPTED = [
    Accepted(
        exercise="batch_statistics",
        name="channels first and flattened",
        source="""
def batch_statistics(x):
    if x.ndim != 4:
        raise ValueError(f"need a 4-D batch, this is {x.shape}")
    rows = x.transpose(0, 1).flatten(1)  # (C, N * H * W)
    var, mean = torch.var_mean(rows, dim=1, correction=0)
    return mean, var
""",
    ),
    Accepted(
        exercise="batch_statistics",
        name="a loop over channels",
        source="""
def batch_statistics(x):
    if len(x.shape) != 4:
        raise ValueError("x must be (N, C, H, W) but is " + " x ".join(map(str, x.shape)))
    channels = [x[:, c] for c in range(x.shape[1])]
    means = [channel.sum() / channel.numel() for channel in channels]
    variances = [((channel - mean) ** 2).sum() / channel.numel() for channel, mean in zip(channels, means)]
    return torch.stack(means), torch.stack(variances)
""",
    ),
    Accepted(
        exercise="batch_statistics",
        name="mean of squares in float64",
        source="""
def batch_statistics(x):
    try:
        n, c, h, w = x.shape
    except ValueError:
        raise ValueError(f"cannot take {tuple(x.shape)} for a batch of images") from None
    wide = x.double()
    mean = torch.einsum("nchw->c", wide) / (n * h * w)
    square = torch.einsum("nchw,nchw->c", wide, wide) / (n * h * w)
    return mean.to(x.dtype), (square - mean**2).to(x.dtype)
""",
    ),
    Accepted(
        exercise="batch_statistics",
        name="one pass over the values in float32",
        source="""
def batch_statistics(x):
    if x.dim() != 4:
        raise ValueError(f"{tuple(x.shape)} is no (N, C, H, W)")
    values = x.transpose(0, 1).flatten(1).unbind(1)  # Welford 1962
    mean, squares = torch.zeros_like(values[0]), torch.zeros_like(values[0])
    for count, value in enumerate(values, start=1):
        delta = value - mean
        mean = mean + delta / count
        squares = squares + delta * (value - mean)
    return mean, squares / len(values)
""",
    ),
    Accepted(
        exercise="batch_norm",
        name="one affine map per channel",
        source="""
def batch_norm(x, mean, var, weight, bias, eps=1e-5):
    shapes = [tuple(v.shape) for v in (mean, var, weight, bias)]
    if shapes != [(x.size(1),)] * 4:
        raise ValueError(f"mean, var, weight, bias {shapes} against x {list(x.shape)}")
    scale = weight * (var + eps).rsqrt()
    shift = bias - mean * scale
    return torch.addcmul(shift.view(1, -1, 1, 1), x, scale.view(1, -1, 1, 1))
""",
    ),
    Accepted(
        exercise="batch_norm",
        name="channels moved last",
        source="""
def batch_norm(x, mean, var, weight, bias, eps=1e-5):
    for name, vector in dict(mean=mean, var=var, weight=weight, bias=bias).items():
        if list(vector.shape) != [x.shape[1]]:
            raise ValueError(f"{name} has shape {vector.shape}, x has {x.shape}")
    last = x.movedim(1, -1)  # (N, H, W, C)
    return (((last - mean) / (var + eps) ** 0.5) * weight + bias).movedim(-1, 1)
""",
    ),
    Accepted(
        exercise="batch_norm",
        name="in place on a copy of its own in float64",
        source="""
def batch_norm(x, mean, var, weight, bias, eps=1e-5):
    channels = x.shape[1]
    for vector in (mean, var, weight, bias):
        if vector.dim() != 1 or len(vector) != channels:
            raise ValueError(f"{tuple(vector.shape)} does not go with {tuple(x.shape)}")
    out = []
    for c in range(channels):
        channel = x[:, c].double().clone()
        channel -= mean[c]
        channel /= (var[c].double() + eps).sqrt()
        out.append((channel * weight[c]).add_(bias[c]))
    return torch.stack(out, dim=1).to(x.dtype)
""",
    ),
    Accepted(
        exercise="batch_norm_backward",
        name="step by step through the graph",
        source="""
def batch_norm_backward(grad_output, x, weight, eps=1e-5):
    if grad_output.shape != x.shape or weight.shape != (x.shape[1],):
        raise ValueError(f"shapes {grad_output.shape}, {x.shape} and {weight.shape} do not go together")
    n = x.shape[0] * x.shape[2] * x.shape[3]
    over = dict(dim=(0, 2, 3), keepdim=True)
    centred = x - x.mean(**over)
    var = (centred * centred).sum(**over) / n
    std = (var + eps).sqrt()
    x_hat = centred / std
    grad_bias = grad_output.sum((0, 2, 3))
    grad_weight = (grad_output * x_hat).sum((0, 2, 3))
    grad_x_hat = grad_output * weight[None, :, None, None]
    grad_std = -(grad_x_hat * centred).sum(**over) / (var + eps)
    grad_var = grad_std / (2 * std)
    grad_centred = grad_x_hat / std + grad_var * 2 * centred / n
    grad_mean = -grad_centred.sum(**over)
    return grad_centred + grad_mean / n, grad_weight, grad_bias
""",
    ),
    Accepted(
        exercise="batch_norm_backward",
        name="a projection of each channel",
        source="""
def batch_norm_backward(grad_output, x, weight, eps=1e-5):
    if grad_output.shape != x.shape:
        raise ValueError(f"{tuple(grad_output.shape)} is not {tuple(x.shape)}")
    if weight.shape != (x.shape[1],):
        raise ValueError(f"{tuple(weight.shape)} is no weight for {tuple(x.shape)}")
    g, rows = (t.transpose(0, 1).reshape(x.shape[1], -1) for t in (grad_output, x))  # (C, N * H * W)
    std = torch.sqrt(rows.var(dim=1, unbiased=False, keepdim=True) + eps)
    x_hat = (rows - rows.mean(dim=1, keepdim=True)) / std
    along = torch.einsum("ci,ci->c", g, x_hat)
    rest = g - g.mean(dim=1, keepdim=True) - x_hat * along[:, None] / rows.shape[1]
    grad_x = (rest * weight[:, None] / std).reshape(x.shape[1], x.shape[0], *x.shape[2:]).transpose(0, 1)
    return grad_x, along, g.sum(dim=1)
""",
    ),
    Accepted(
        exercise="batch_norm_backward",
        name="a loop over channels with the whole Jacobian",
        source="""
def batch_norm_backward(grad_output, x, weight, eps=1e-5):
    if grad_output.shape != x.shape:
        raise ValueError(f"grad_output {grad_output.shape}, x {x.shape}")
    if tuple(weight.shape) != (x.shape[1],):
        raise ValueError(f"weight {weight.shape}, x {x.shape}")
    grad_x, grad_weight, grad_bias = torch.zeros_like(x), torch.zeros_like(weight), torch.zeros_like(weight)
    for c in range(x.shape[1]):
        values, g = x[:, c].flatten(), grad_output[:, c].flatten()
        n, std = len(values), torch.sqrt(values.var(correction=0) + eps)
        x_hat = (values - values.mean()) / std
        jacobian = (torch.eye(n).to(x) - 1 / n - torch.outer(x_hat, x_hat) / n) / std
        grad_x[:, c] = weight[c] * (jacobian @ g).view_as(x[:, c])
        grad_weight[c], grad_bias[c] = g @ x_hat, g.sum()
    return grad_x, grad_weight, grad_bias
""",
    ),
    Accepted(
        exercise="BatchNorm2d",
        name="everything in one place with lerp and rebinding",
        source="""
class BatchNorm2d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.weight = nn.Parameter(torch.ones(num_features))
        self.momentum, self.eps, self.num_features = momentum, eps, num_features
        self._last_batch = None

    def forward(self, x):
        if x.dim() != 4 or x.size(1) != len(self.weight):
            raise ValueError(f"{x.shape} has not {len(self.weight)} channels")
        mean, var = self.running_mean[:, None, None], self.running_var[:, None, None]
        if self.training:
            n = x.shape[0] * x.shape[2] * x.shape[3]
            if n < 2:
                raise ValueError(f"cannot train on {x.shape}")
            var, mean = torch.var_mean(x, dim=(0, 2, 3), keepdim=True, correction=0)
            self.running_mean = self.running_mean.lerp(mean.detach().flatten(), self.momentum)
            self.running_var = torch.lerp(self.running_var, var.detach().flatten() * (n / (n - 1)), self.momentum)
            self.num_batches_tracked = self.num_batches_tracked + 1
            self._last_batch = tuple(x.shape)
        return (x - mean) * torch.rsqrt(var + self.eps) * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)
""",
    ),
    Accepted(
        exercise="BatchNorm2d",
        name="an autograd function of its own",
        source="""
class Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        return batch_norm(x, *batch_statistics(x), weight, bias, eps)

    @staticmethod
    def backward(ctx, grad_output):
        return *batch_norm_backward(grad_output, *ctx.saved_tensors, ctx.eps), None


class BatchNorm2d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.full((num_features,), 1.0))
        self.bias = nn.Parameter(torch.full((num_features,), 0.0))
        for name, value in {"running_mean": 0.0, "running_var": 1.0}.items():
            self.register_buffer(name, torch.full((num_features,), value))
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.int64))

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != self.num_features:
            raise ValueError(f"expected {self.num_features} channels, x has the shape {tuple(x.shape)}")
        if not self.training:
            return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.eps)
        if x[:, 0].numel() == 1:
            raise ValueError(f"more than one value per channel needed, got {tuple(x.shape)}")
        self._remember(x.detach())
        return Normalise.apply(x, self.weight, self.bias, self.eps)

    def _remember(self, x):
        self.num_batches_tracked.add_(1)
        self.running_mean.mul_(1 - self.momentum).add_(self.momentum * x.mean(dim=(0, 2, 3)))
        self.running_var.mul_(1 - self.momentum).add_(self.momentum * x.var(dim=(0, 2, 3)))
""",
    ),
    Accepted(
        exercise="BatchNorm2d",
        name="a subclass of torch's own layer with its own forward",
        source="""
class BatchNorm2d(nn.modules.batchnorm._BatchNorm):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps=eps, momentum=momentum)

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != self.num_features:
            raise ValueError(f"expected (N, {self.num_features}, H, W), x is {tuple(x.shape)}")
        rows = x.transpose(0, 1).reshape(self.num_features, -1).double()  # (C, N * H * W)
        if self.training:
            count = rows.shape[1]
            if count == 1:
                raise ValueError(f"one value a channel: {tuple(x.shape)}")
            mean, var = rows.mean(dim=1), rows.var(dim=1, correction=0)
            with torch.no_grad():
                keep = 1 - self.momentum
                self.running_mean.copy_(keep * self.running_mean + self.momentum * mean)
                self.running_var.copy_(keep * self.running_var + self.momentum * rows.var(dim=1))
                self.num_batches_tracked.add_(1)
        else:
            mean, var = self.running_mean.double(), self.running_var.double()
        scale = self.weight / torch.sqrt(var + self.eps)
        out = (x - mean.view(1, -1, 1, 1)) * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return out.to(x.dtype)
""",
    ),
    Accepted(
        exercise="fold_batch_norm",
        name="a new convolution filled in place",
        source="""
def fold_batch_norm(conv, bn):
    if conv.out_channels != bn.num_features:
        raise ValueError(f"{conv.weight.shape} and {bn.weight.shape} differ in channels")
    folded = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups,
        bias=True, padding_mode=conv.padding_mode, device=conv.weight.device, dtype=conv.weight.dtype,
    )
    std = (bn.running_var + bn.eps).sqrt()
    gamma = bn.weight.detach()
    folded.weight.data.copy_(torch.einsum("o,oihw->oihw", gamma / std, conv.weight.detach()))
    folded.bias.data.copy_(bn.bias.detach() - gamma * bn.running_mean / std)
    if conv.bias is not None:
        folded.bias.data += conv.bias.detach() * gamma / std
    return folded
""",
    ),
    Accepted(
        exercise="fold_batch_norm",
        name="scale and shift read off the norm itself",
        source="""
@torch.no_grad()
def fold_batch_norm(conv, bn):
    channels = conv.weight.size(0)
    if len(bn.weight) != channels:
        raise ValueError(f"conv {tuple(conv.weight.shape)}, norm {tuple(bn.weight.shape)}")
    probe = torch.stack([torch.zeros(channels), torch.ones(channels)]).to(conv.weight).view(2, channels, 1, 1)
    at_zero, at_one = batch_norm(probe, bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.eps).flatten(1)
    scale = at_one - at_zero
    folded = copy.deepcopy(conv)
    folded.weight.mul_(scale.view(-1, 1, 1, 1))
    shift = at_zero if conv.bias is None else at_zero + scale * conv.bias
    folded.register_parameter("bias", nn.Parameter(shift.to(conv.weight.dtype)))
    return folded
""",
    ),
    Accepted(
        exercise="fold_batch_norm",
        name="a loop over channels in a subclass of Conv2d",
        source="""
class FoldedConv2d(nn.Conv2d):
    pass


def fold_batch_norm(conv, bn):
    if bn.weight.numel() != conv.weight.shape[0]:
        raise ValueError(f"a norm {list(bn.weight.shape)} behind a convolution {list(conv.weight.shape)}")
    folded = FoldedConv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, stride=conv.stride, padding=conv.padding,
        dilation=conv.dilation, groups=conv.groups, padding_mode=conv.padding_mode,
    ).to(conv.weight)
    state = {"weight": conv.weight.detach().clone(), "bias": bn.bias.detach().clone()}
    for c in range(conv.out_channels):
        scale = bn.weight[c].item() / (bn.running_var[c].item() + bn.eps) ** 0.5
        state["weight"][c] *= scale
        offset = 0.0 if conv.bias is None else conv.bias[c].item()
        state["bias"][c] += (offset - bn.running_mean[c].item()) * scale
    folded.load_state_dict(state)
    return folded
""",
    ),
]
