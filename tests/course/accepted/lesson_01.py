"""Correct but unusual answers to lesson 1, which every test lets pass."""

from course.diagnosis import Accepted

OUTPUT_SIZE = [
    Accepted(
        exercise="output_size",
        name="counts the starts of a range",
        source="""
def output_size(size, kernel_size, stride=1, padding=0):
    last = size + 2 * padding - kernel_size
    if stride < 1 or padding < 0 or last < 0:
        raise ValueError(f"kernel {kernel_size}, padded size {size + 2 * padding}, stride {stride}, padding {padding}")
    return len(range(0, last + 1, stride))
""",
    ),
    Accepted(
        exercise="output_size",
        name="walks from position to position",
        source="""
def output_size(size, kernel_size, stride=1, padding=0):
    padded = size + padding + padding
    if stride <= 0:
        raise ValueError("the stride must be positive")
    if padding < 0:
        raise ValueError("the padding must not be negative")
    if padded < kernel_size:
        raise ValueError(f"kernel {kernel_size} > padded size {padded}")
    count, start = 0, 0
    while start + kernel_size <= padded:
        count, start = count + 1, start + stride
    return count
""",
    ),
    Accepted(
        exercise="output_size",
        name="messages that begin with a capital letter",
        source="""
def output_size(size, kernel_size, stride=1, padding=0):
    if stride < 1:
        raise ValueError(f"Stride must be at least 1, got {stride}.")
    if padding < 0:
        raise ValueError(f"Padding must be at least 0, got {padding}.")
    padded = 2 * padding + size
    if kernel_size > padded:
        raise ValueError(f"Kernel of length {kernel_size} on a padded axis of length {padded}.")
    steps, _ = divmod(padded - kernel_size, stride)
    return 1 + steps
""",
    ),
    Accepted(
        exercise="output_size",
        name="floors with NumPy and returns its integer",
        source="""
def output_size(size, kernel_size, stride=1, padding=0):
    padded = size + 2 * padding
    for wrong, reason in [
        (stride < 1, f"stride {stride}"),
        (padding < 0, f"padding {padding}"),
        (padded < kernel_size, f"a kernel of {kernel_size} on {padded} pixels"),
    ]:
        if wrong:
            raise ValueError(reason)
    return np.int64(np.floor((padded - kernel_size) / stride + 1))
""",
    ),
]

CROSS_CORRELATE = [
    Accepted(
        exercise="cross_correlate",
        name="sliding_window_view and einsum",
        source="""
def cross_correlate(image, kernel):
    if any(k > n for k, n in zip(kernel.shape, image.shape, strict=True)):
        raise ValueError(f"image {image.shape}, kernel {kernel.shape}")
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("ijuv,uv->ij", windows, kernel, dtype=np.float64)
""",
    ),
    Accepted(
        exercise="cross_correlate",
        name="adds shifted images, one per number of the kernel",
        source="""
def cross_correlate(image, kernel):
    rows, columns = (n - k + 1 for n, k in zip(image.shape, kernel.shape, strict=True))
    if rows < 1 or columns < 1:
        raise ValueError(f"kernel {kernel.shape} does not fit into image {image.shape}")
    return sum(
        kernel[u, v] * image[u : u + rows, v : v + columns].astype(float)
        for u in range(kernel.shape[0])
        for v in range(kernel.shape[1])
    )
""",
    ),
    Accepted(
        exercise="cross_correlate",
        name="four loops over plain numbers",
        source="""
def cross_correlate(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    if kh > h or kw > w:
        raise ValueError(f"image {h} x {w}, kernel {kh} x {kw}")
    out = []
    for i in range(h - kh + 1):
        out.append([])
        for j in range(w - kw + 1):
            total = 0.0
            for u in range(kh):
                for v in range(kw):
                    total += float(image[i + u, j + v]) * float(kernel[u, v])
            out[-1].append(total)
    return np.array(out)
""",
    ),
    Accepted(
        exercise="cross_correlate",
        name="PyTorch inside, as one matrix product",
        source="""
def cross_correlate(image, kernel):
    if kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]:
        raise ValueError(f"{image.shape} {kernel.shape}")
    x, k = torch.from_numpy(image.astype(np.float64)), torch.from_numpy(kernel.astype(np.float64))
    return (x.unfold(0, k.shape[0], 1).unfold(1, k.shape[1], 1) * k).sum(dim=(2, 3)).numpy()
""",
    ),
]

PAD2D = [
    Accepted(
        exercise="pad2d",
        name="zeros joined on all four sides",
        source="""
def pad2d(x, padding):
    if padding < 0:
        raise ValueError(f"padding {padding} is negative")
    side = torch.zeros(*x.shape[:3], padding, dtype=x.dtype, device=x.device)
    x = torch.cat([side, x, side], dim=3)
    top = torch.zeros(*x.shape[:2], padding, x.shape[3], dtype=x.dtype, device=x.device)
    return torch.cat([top, x, top], dim=2)
""",
    ),
    Accepted(
        exercise="pad2d",
        name="products with shifted identity matrices",
        source="""
def pad2d(x, padding):
    if not padding >= 0:
        raise ValueError(padding)
    def shift(n):
        return torch.eye(n + 2 * padding, dtype=x.dtype, device=x.device)[:, padding : padding + n]
    return shift(x.shape[2]) @ x @ shift(x.shape[3]).T
""",
    ),
    Accepted(
        exercise="pad2d",
        name="an early return and an index_put",
        source="""
def pad2d(x, padding):
    if padding < 0:
        raise ValueError("padding = %d" % padding)
    if padding == 0:
        return x
    n, c, h, w = x.size()
    rows = torch.arange(padding, padding + h)[:, None]
    columns = torch.arange(padding, padding + w)[None, :]
    frame = torch.zeros((n, c, h + 2 * padding, w + 2 * padding), dtype=x.dtype, device=x.device)
    frame[:, :, rows, columns] = x
    return frame
""",
    ),
]

CHECKS = """
def checked(x, weight, bias):
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"{list(x.shape)} and {list(weight.shape)}")
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise ValueError(f"{bias.shape} and {weight.shape}")
"""

CONV2D = [
    Accepted(
        exercise="conv2d",
        name="einsum over strided windows",
        source=CHECKS
        + """
def conv2d(x, weight, bias=None, stride=1, padding=0):
    checked(x, weight, bias)
    x = pad2d(x, padding)
    n, c, h, w = x.shape
    kh, kw = weight.shape[2:]
    sn, sc, sh, sw = x.stride()
    shape = (n, c, output_size(h, kh, stride), output_size(w, kw, stride), kh, kw)
    windows = x.as_strided(shape, (sn, sc, sh * stride, sw * stride, sh, sw))
    out = torch.einsum("nchwuv,ocuv->nohw", windows, weight)
    return out if bias is None else out + bias.view(1, -1, 1, 1)
""",
    ),
    Accepted(
        exercise="conv2d",
        name="F.unfold",
        source=CHECKS
        + """
def conv2d(x, weight, bias=None, stride=1, padding=0):
    checked(x, weight, bias)
    o, _, kh, kw = weight.shape
    columns = nn.functional.unfold(x, (kh, kw), padding=padding, stride=stride)
    out = torch.matmul(weight.flatten(1), columns)
    out = out.unflatten(2, (output_size(x.shape[2], kh, stride, padding), -1))
    return out if bias is None else out + bias[None, :, None, None]
""",
    ),
    Accepted(
        exercise="conv2d",
        name="a sum over the places of the kernel",
        source=CHECKS
        + """
def conv2d(x, weight, bias=None, stride=1, padding=0):
    checked(x, weight, bias)
    kh, kw = weight.shape[2:]
    h, w = (output_size(n, k, stride, padding) for n, k in zip(x.shape[2:], (kh, kw), strict=True))
    x, total = pad2d(x, padding), 0
    for u in range(kh):
        for v in range(kw):
            met = x[:, :, u : u + (h - 1) * stride + 1 : stride, v : v + (w - 1) * stride + 1 : stride]
            total = total + torch.einsum("nchw,oc->nohw", met, weight[:, :, u, v])
    if bias is not None:
        total += bias.reshape(-1, 1, 1)
    return total
""",
    ),
    Accepted(
        exercise="conv2d",
        name="loops over pixels, in float64, the bias as one more weight",
        source=CHECKS
        + """
def conv2d(x, weight, bias=None, stride=1, padding=0):
    checked(x, weight, bias)
    o, _, kh, kw = weight.shape
    padded, bias = pad2d(x.double(), padding), weight.new_zeros(o) if bias is None else bias
    matrix = torch.cat([weight.double().reshape(o, -1), bias.double()[:, None]], dim=1).T
    rows = []
    for i in range(0, padded.shape[2] - kh + 1, stride):
        row = []
        for j in range(0, padded.shape[3] - kw + 1, stride):
            window = padded[:, :, i : i + kh, j : j + kw].flatten(1)
            row.append(torch.cat([window, window.new_ones(len(x), 1)], dim=1) @ matrix)
        rows.append(torch.stack(row, dim=2))
    return torch.stack(rows, dim=2).to(x.dtype)
""",
    ),
]

CONV2D_BACKWARD = [
    Accepted(
        exercise="conv2d_backward",
        name="transposed matrix products and F.fold",
        source="""
def conv2d_backward(grad_output, x, weight, stride=1, padding=0):
    o, c, kh, kw = weight.shape
    h, w = output_size(x.shape[2], kh, stride, padding), output_size(x.shape[3], kw, stride, padding)
    if tuple(grad_output.shape) != (len(x), o, h, w):
        raise ValueError(f"got {tuple(grad_output.shape)}, need {(len(x), o, h, w)}")
    options = {"kernel_size": (kh, kw), "stride": stride, "padding": padding}
    columns, grad = nn.functional.unfold(x, **options), grad_output.flatten(2)
    grad_weight = (grad @ columns.transpose(1, 2)).sum(0).view(weight.shape)
    grad_x = nn.functional.fold(weight.flatten(1).T @ grad, x.shape[2:], **options)
    return grad_x, grad_weight, grad.sum((0, 2))
""",
    ),
    Accepted(
        exercise="conv2d_backward",
        name="the turned kernel slides over the spread gradient",
        source="""
def conv2d_backward(grad_output, x, weight, stride=1, padding=0):
    n, c, h, w = x.shape
    o, _, kh, kw = weight.shape
    need = (n, o, output_size(h, kh, stride, padding), output_size(w, kw, stride, padding))
    if grad_output.shape != need:
        raise ValueError(f"{grad_output.shape} is not {need}")
    height, width = h + 2 * padding - kh + 1, w + 2 * padding - kw + 1
    spread = grad_output.new_zeros(n, o, height, width)
    spread[:, :, ::stride, ::stride] = grad_output
    framed = grad_output.new_zeros(n, o, height + 2 * (kh - 1), width + 2 * (kw - 1))
    framed[:, :, kh - 1 : kh - 1 + height, kw - 1 : kw - 1 + width] = spread
    grad_padded = conv2d(framed, weight.flip((2, 3)).transpose(0, 1))
    grad_weight = conv2d(pad2d(x, padding).transpose(0, 1), spread.transpose(0, 1)).transpose(0, 1)
    grad_bias = torch.einsum("nohw->o", grad_output)
    return grad_padded[:, :, padding : h + padding, padding : w + padding], grad_weight, grad_bias
""",
    ),
    Accepted(
        exercise="conv2d_backward",
        name="loops over output pixels",
        source="""
def conv2d_backward(grad_output, x, weight, stride=1, padding=0):
    n, c, h, w = x.shape
    o, _, kh, kw = weight.shape
    sizes = output_size(h, kh, stride, padding), output_size(w, kw, stride, padding)
    if list(grad_output.shape) != [n, o, *sizes]:
        raise ValueError(f"grad_output is {tuple(grad_output.shape)}, the output {(n, o, *sizes)}")
    padded = pad2d(x, padding)
    grad_padded, grad_weight = torch.zeros_like(padded), weight.new_zeros(weight.shape)
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            place = (..., slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw))
            grad = grad_output[:, :, i, j]
            grad_weight += torch.tensordot(grad, padded[place], dims=([0], [0]))
            grad_padded[place] += torch.tensordot(grad, weight, dims=1)
    grad_x = grad_padded[:, :, padding : grad_padded.shape[2] - padding, padding : grad_padded.shape[3] - padding]
    return grad_x, grad_weight, grad_output.sum(3).sum(2).sum(0)
""",
    ),
]

CONV2D_MODULE = [
    Accepted(
        exercise="Conv2d",
        name="kaiming_uniform and registered parameters, bias first",
        source="""
class Conv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self._options = {"stride": stride, "padding": padding}
        values = torch.empty(out_channels).uniform_(-1, 1) / (in_channels * kernel_size * kernel_size) ** 0.5
        self.register_parameter("bias", nn.Parameter(values) if bias else None)
        weight = torch.empty(out_channels, in_channels, kernel_size, kernel_size)
        self.register_parameter("weight", nn.Parameter(weight))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, input):
        return conv2d(input, self.weight, bias=self.bias, **self._options)
""",
    ),
    Accepted(
        exercise="Conv2d",
        name="a subclass of nn.Conv2d with its own forward",
        source="""
class Conv2d(nn.Conv2d):
    def forward(self, x):
        return conv2d(x, self.weight, self.bias, self.stride[0], self.padding[0])
""",
    ),
    Accepted(
        exercise="Conv2d",
        name="a base class, torch.rand, and the bias added in forward",
        source="""
class Layer(nn.Module):
    def reset_parameters(self):
        fan_in = self.weight[0].numel()
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_((2 * torch.rand_like(parameter) - 1) / fan_in**0.5)


class Conv2d(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.calls = stride, padding, 0
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = None
        if bias:
            self.bias = nn.Parameter(torch.zeros(out_channels))
        self.reset_parameters()

    def forward(self, x):
        self.calls += 1
        out = conv2d(x, self.weight, None, self.stride, self.padding)
        return out if self.bias is None else out.add_(self.bias.view(-1, 1, 1))
""",
    ),
]

ACCEPTED = [*OUTPUT_SIZE, *CROSS_CORRELATE, *PAD2D, *CONV2D, *CONV2D_BACKWARD, *CONV2D_MODULE]
