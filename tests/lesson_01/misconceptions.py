"""Wrong beliefs about convolution, executable: each is the reference edited as little as it takes to hold it."""

from course.diagnosis import Misconception

OUTPUT_SIZE = [
    Misconception(
        id="first-position-not-counted",
        exercise="output_size",
        belief="The number of positions is the number of steps.",
        edits=(("// stride + 1", "// stride"),),
        question="How many positions has a kernel that is exactly as long as the axis? How many steps does it make?",
        explanation="The kernel stands somewhere before it takes its first step, so there is one position more than "
        "there are steps. See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="padding-counted-once",
        exercise="output_size",
        belief="A padding of 1 makes the axis longer by 1.",
        edits=(("2 * padding", "padding"),),
        question="At how many ends of the axis are zeros added?",
        explanation="Padding is added at both ends: the axis grows by 2 * padding. "
        "See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="remainder-rounded-up",
        exercise="output_size",
        belief="A last step that runs over the end still counts.",
        edits=(("(padded - kernel_size) // stride", "-((kernel_size - padded) // stride)"),),
        question="Draw 10 pixels, a kernel of 3 and a stride of 2. What would the last window read?",
        explanation="A window that sticks out is not computed, so the division rounds down. Pooling has a `ceil_mode`; "
        "convolution has none. See section 2, 'How large is the output?'.",
        seen_in="Caffe's pooling, unlike its convolution: BVLC/caffe issue 3656",
    ),
    Misconception(
        id="remainder-rounded-to-nearest",
        exercise="output_size",
        belief="The number of steps is rounded to the nearest integer.",
        edits=(("(padded - kernel_size) // stride", "round((padded - kernel_size) / stride)"),),
        question="Can a kernel make half a step, or two thirds of one?",
        explanation="Only whole steps are made, however close the next one is: the division rounds down. "
        "See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="plus-one-inside-the-division",
        exercise="output_size",
        belief="The 1 for the first position can be added before dividing by the stride.",
        edits=(("(padded - kernel_size) // stride + 1", "(padded - kernel_size + 1) // stride"),),
        question="Draw 7 pixels, a kernel of 3 and a stride of 2. How many positions are there? What do you return?",
        explanation="The first position costs no step, so the stride must not divide it. "
        "See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="true-division",
        exercise="output_size",
        belief="Dividing by the stride with `/` gives a size.",
        edits=(("(padded - kernel_size) // stride", "(padded - kernel_size) / stride"),),
        question="What type does Python's `/` give, even for 6 / 2? Can a tensor have 4.0 rows?",
        explanation="`/` always gives a float; a size is a whole number, and `//` rounds down to one. "
        "See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="same-assumed-in-the-size",
        exercise="output_size",
        belief="A convolution keeps the size of its input, up to the stride.",
        edits=(("return (padded - kernel_size) // stride + 1", "return -(-size // stride)"),),
        question="Where do the kernel's size and the padding appear in your formula?",
        explanation="Only a matching padding, (K - 1) / 2, keeps the size. All layers of ResNet18 happen to have it, "
        "so this shorter formula works there, but not in general. See section 2, 'How large is the output?'.",
        seen_in="TensorFlow's padding='SAME' gives ceil(size / stride)",
    ),
    Misconception(
        id="padding-before-stride",
        exercise="output_size",
        belief="The padding is handed over before the stride.",
        edits=(("stride: int = 1, padding: int = 0", "padding: int = 0, stride: int = 1"),),
        question="In which order do the arguments stand in the signature that you were given?",
        explanation="PyTorch's order is kernel size, stride, padding, and your conv2d may hand them over by position. "
        "See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="kernel-that-does-not-fit",
        exercise="output_size",
        belief="A kernel longer than the padded axis has no position, which is no error.",
        edits=(("if kernel_size > padded:", "if False:"),),
        question="What would a tensor with 0 or -1 rows do three layers later?",
        explanation="Say early what is wrong: a `ValueError` with both lengths costs a second, an empty tensor deep in "
        "a net an hour. See the docstring of output_size.",
    ),
    Misconception(
        id="stride-below-one",
        exercise="output_size",
        belief="A stride below 1 needs no check.",
        edits=(("stride < 1 or padding < 0", "padding < 0"),),
        question="What does your function say to a stride of 0, and to one of -1?",
        explanation="A `ZeroDivisionError` doesn't say what was wrong, and a negative count says nothing at all. "
        "See the docstring of output_size.",
    ),
    Misconception(
        id="negative-padding",
        exercise="output_size",
        belief="A negative padding is fine: it cuts pixels off.",
        edits=(("stride < 1 or padding < 0", "stride < 1"),),
        question="Who would ask a convolution for a padding of -1 on purpose?",
        explanation="A negative padding is nearly always a slip in somebody's arithmetic, so it is refused. "
        "See the docstring of output_size.",
    ),
    Misconception(
        id="int-rounds-down",
        exercise="output_size",
        belief="int() rounds down.",
        edits=(
            ("if kernel_size > padded:", "count = int((padded - kernel_size) / stride) + 1\n    if count < 1:"),
            ("return (padded - kernel_size) // stride + 1", "return count"),
        ),
        question="What are int(-0.5) and -1 // 2?",
        explanation="int() rounds towards 0 and lets a kernel slip through that sticks out a little; // rounds down.\n"
        "See the docstring of output_size.",
    ),
    Misconception(
        id="padding-at-most-half-the-kernel",
        exercise="output_size",
        belief="A padding of more than half the kernel is an error.",
        edits=(("stride < 1 or padding < 0", "stride < 1 or padding < 0 or padding > kernel_size / 2"),),
        question="Which errors does the docstring list, and is a wide frame of zeros among them?",
        explanation="In pooling no window may lie wholly in padding, hence the rule; a convolution may pad freely.\n"
        "See the docstring of output_size.",
        seen_in="torch.nn.MaxPool2d: pad should be at most half of effective kernel size",
    ),
]

CROSS_CORRELATE = [
    Misconception(
        id="kernel-flipped-numpy",
        exercise="cross_correlate",
        belief="The kernel is turned by 180° before it slides.",
        edits=(("(window * kernel)", "(window * kernel[::-1, ::-1])"),),
        question="Which number of the kernel meets the window's top left pixel in the formula of section 1?",
        explanation="Mathematics' convolution turns the kernel; deep learning's does not and should be called "
        "cross-correlation. See section 3, 'Predict, then run: turn the kernel'.",
        seen_in="pytorch/pytorch issue 117534; Goodfellow et al. 2016, section 9.1",
    ),
    Misconception(
        id="mean-instead-of-sum",
        exercise="cross_correlate",
        belief="The output is the mean of the products in a window.",
        edits=(("(window * kernel).sum()", "(window * kernel).mean()"),),
        question="What does a 3x3 kernel of ones make of an image of ones, by the formula?",
        explanation="The products are summed. Who wants a mean puts the 1 / 9 into the kernel. "
        "See section 1, 'A window that slides'.",
    ),
    Misconception(
        id="width-before-height",
        exercise="cross_correlate",
        belief="An array's shape is (width, height).",
        edits=(
            ("(height, width), (kernel_height, kernel_width) =", "(width, height), (kernel_width, kernel_height) ="),
        ),
        question="A photo of 600 rows and 512 columns: what is its `shape`?",
        explanation="Rows come first: shape is (height, width), and index i runs down. "
        "See section 1, 'A window that slides'.",
    ),
    Misconception(
        id="column-before-row",
        exercise="cross_correlate",
        belief="The output is indexed with the column first, as x comes before y.",
        edits=(("out[i, j] =", "out[j, i] ="),),
        question="If i moves the window down, in which direction must out's i move?",
        explanation="Input and output share their order: row, then column. See section 1, 'A window that slides'.",
    ),
    Misconception(
        id="last-position-missing",
        exercise="cross_correlate",
        belief="The output has H - KH rows and W - KW columns.",
        edits=(
            (
                "(output_size(height, kernel_height), output_size(width, kernel_width))",
                "(height - kernel_height, width - kernel_width)",
            ),
        ),
        question="How many positions has a kernel that is as large as the image?",
        explanation="The last row and column of positions are missing: it is H - KH + 1. "
        "See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="same-padding-numpy",
        exercise="cross_correlate",
        belief="The image is padded with zeros, so that the output is as large as the image.",
        edits=(
            (
                "(output_size(height, kernel_height), output_size(width, kernel_width))",
                "(output_size(height, kernel_height, 1, kernel_height // 2), "
                "output_size(width, kernel_width, 1, kernel_width // 2))",
            ),
            (
                "    for i in",
                "    image = np.pad(image, ((kernel_height // 2,) * 2, (kernel_width // 2,) * 2))\n    for i in",
            ),
        ),
        question="Does the docstring promise any padding?",
        explanation="'Valid' means that the kernel stays inside the image, which shrinks by K - 1. Padding comes as a "
        "step of its own in section 4.",
        seen_in="scipy.ndimage.correlate keeps the size",
    ),
    Misconception(
        id="integer-output",
        exercise="cross_correlate",
        belief="The output has the dtype of the image.",
        edits=(("np.zeros((output_size(height", "np.zeros_like(image, shape=(output_size(height"),),
        question="What happens to -3.7 when it is stored in an array of uint8?",
        explanation="uint8 holds neither fractions nor anything below 0 or above 255, but edges have both signs. "
        "See section 3, 'Loops first'.",
        seen_in="the usual surprise with numpy.zeros_like on a photo",
    ),
    Misconception(
        id="product-in-small-integers",
        exercise="cross_correlate",
        belief="A product of two small integers, such as uint8 or int16, is exact.",
        edits=(("kernel = kernel.astype(np.float64)", "pass"),),
        question="What does `np.uint8([200]) * np.uint8([2])` print?",
        explanation="The product has the dtype of its factors and wraps around, before it is ever summed or "
        "stored. See section 3, 'Loops first'.",
        seen_in="NumPy's user guide, 'Data types', on overflow",
    ),
    Misconception(
        id="window-overwritten",
        exercise="cross_correlate",
        belief="A slice of an array is a copy that may be overwritten.",
        edits=(("(window * kernel).sum()", "np.multiply(window, kernel, out=window).sum()"),),
        question="Which memory does `image[i:i + 3, j:j + 3]` point to? Print the image after the first window.",
        explanation="A basic slice is a view: `window *= kernel` changes the image, and the next window reads the "
        "changed pixels. See section 3, 'Loops first'.",
    ),
    Misconception(
        id="empty-when-it-does-not-fit",
        exercise="cross_correlate",
        belief="A kernel larger than the image gives an empty array.",
        edits=(
            (
                "if kernel_height > height or kernel_width > width:",
                "if kernel_height > height or kernel_width > width:\n        return np.zeros((0, 0))",
            ),
        ),
        question="Would you rather hear of swapped arguments here or three functions later?",
        explanation="Most often image and kernel were swapped; a `ValueError` with both shapes shows it at once. "
        "See the docstring of cross_correlate.",
    ),
    Misconception(
        id="only-integers-are-cast",
        exercise="cross_correlate",
        belief="Floats are precise enough as they are; only integers need to become float64.",
        edits=(("return out", "return out if image.dtype.kind in 'iu' else out.astype(image.dtype)"),),
        question="Which dtype does your function give for a float32 image, and which does the docstring promise?",
        explanation="The output is float64 for every image, so that what follows need not ask where it came from.\n"
        "See “Returns” in the docstring of cross_correlate.",
    ),
    Misconception(
        id="rows-follow-one-another",
        exercise="cross_correlate",
        belief="The next row of an array begins where the last one ends.",
        edits=(
            (
                "image[i : i + kernel_height, j : j + kernel_width]",
                "np.lib.stride_tricks.as_strided(\n"
                "                image, out.shape + kernel.shape, (width * image.itemsize, image.itemsize) * 2\n"
                "            )[i, j]",
            ),
        ),
        question="What do `image.strides` and `image.T.strides` print?",
        explanation="A transpose and a slice are views with strides of their own; `as_strided` has to take these.\n"
        "See “Args” in the docstring of cross_correlate.",
    ),
]

PAD2D = [
    Misconception(
        id="all-zeros-at-the-end",
        exercise="pad2d",
        belief="All zeros go below and to the right of the image.",
        edits=(("padding : padding + h, padding : padding + w", ":h, :w"),),
        question="Where in the padded image does the pixel x[0, 0, 0, 0] belong?",
        explanation="The image sits in the middle, `padding` rows down and `padding` columns in. "
        "See section 4, 'Padding'.",
    ),
    Misconception(
        id="padding-at-one-end",
        exercise="pad2d",
        belief="Zeros are added above and to the left only.",
        edits=(("h + 2 * padding, w + 2 * padding", "h + padding, w + padding"),),
        question="By how many rows does an image grow if there is one row above and one below?",
        explanation="Padding is per side: each axis grows by 2 * padding. See section 4, 'Padding'.",
    ),
    Misconception(
        id="padding-shared-by-both-ends",
        exercise="pad2d",
        belief="The padding is the total, shared by both ends.",
        edits=(
            ("h + 2 * padding, w + 2 * padding", "h + padding, w + padding"),
            (
                "padding : padding + h, padding : padding + w",
                "padding // 2 : padding // 2 + h, padding // 2 : padding // 2 + w",
            ),
        ),
        question="Which padding does a 3x3 kernel need to keep the size, and on how many sides is it added?",
        explanation="`padding` counts the zeros of one side, not of both together. See section 4, 'Padding'.",
    ),
    Misconception(
        id="edge-repeated",
        exercise="pad2d",
        belief="The border is filled with the nearest pixel.",
        edits=(
            (
                "return padded",
                "rows, columns = torch.arange(-padding, h + padding), torch.arange(-padding, w + padding)\n"
                "    return x[:, :, rows.clamp(0, h - 1)][:, :, :, columns.clamp(0, w - 1)]",
            ),
        ),
        question="Which value does the docstring ask for outside the image?",
        explanation="Convolution layers pad with zeros, whatever the image looks like at its border. "
        "See section 4, 'Padding'.",
        seen_in="numpy.pad(mode='edge'), torch's padding_mode='replicate'",
    ),
    Misconception(
        id="only-the-width",
        exercise="pad2d",
        belief="Padding the last axis is enough.",
        edits=(
            ("h + 2 * padding, w + 2 * padding", "h, w + 2 * padding"),
            ("padding : padding + h, padding", ":, padding"),
        ),
        question="Which axis runs from top to bottom: the last one or the last but one?",
        explanation="Both H and W grow. `F.pad(x, (p, p))` pads the last axis only, a common slip. "
        "See section 4, 'Padding'.",
        seen_in="torch.nn.functional.pad(x, (p, p))",
    ),
    Misconception(
        id="every-axis",
        exercise="pad2d",
        belief="Every axis of the tensor gets zeros.",
        edits=(
            ("new_zeros(n, c, h", "new_zeros(n + 2 * padding, c + 2 * padding, h"),
            ("padded[:, :, padding", "padded[padding : padding + n, padding : padding + c, padding"),
        ),
        question="Should there be more images in the batch after padding? More channels?",
        explanation="Only H and W are padded. `numpy.pad(x, 1)` pads all four axes. See section 4, 'Padding'.",
        seen_in="numpy.pad(x, padding) with a single number",
    ),
    Misconception(
        id="empty-slice-at-zero",
        exercise="pad2d",
        belief="The slice [p:-p] cuts the border off, also when p is 0.",
        edits=(("padding : padding + h, padding : padding + w", "padding:-padding, padding:-padding"),),
        question="What is `[1, 2, 3][0:-0]`?",
        explanation="-0 is 0, so [0:-0] is empty. Count from the front: [p:p + h]. See section 4, 'Padding'.",
    ),
    Misconception(
        id="default-dtype",
        exercise="pad2d",
        belief="torch.zeros gives zeros of the right dtype.",
        edits=(
            (
                "x.new_zeros(n, c, h + 2 * padding, w + 2 * padding)",
                "torch.zeros(n, c, h + 2 * padding, w + 2 * padding, device=x.device)",
            ),
        ),
        question="Which dtype has `torch.zeros(3)`? How would it know about x?",
        explanation="torch.zeros makes float32 on the CPU; `x.new_zeros(shape)` takes dtype and device from x. "
        "See section 4, 'Padding'.",
    ),
    Misconception(
        id="padding-cuts-the-graph",
        exercise="pad2d",
        belief="Values copied without autograd are as good as the tensor itself.",
        edits=(("] = x", "] = x.detach()"),),
        question="How would the loss learn that it depends on x?",
        explanation="detach, .data and a detour through NumPy cut the graph: x never gets a gradient. "
        "See section 4, 'Padding'.",
    ),
    Misconception(
        id="negative-padding-crops",
        exercise="pad2d",
        belief="A negative padding crops the image.",
        edits=(
            (
                'raise ValueError(f"padding must be at least 0, got {padding}")',
                "return x[:, :, -padding:padding, -padding:padding]",
            ),
        ),
        question="What does the docstring say about a padding below 0?",
        explanation="F.pad crops then; a convolution layer refuses, because it is nearly always a slip. "
        "See the docstring of pad2d.",
        seen_in="torch.nn.functional.pad crops where the padding is negative",
    ),
    Misconception(
        id="default-device",
        exercise="pad2d",
        belief="With the right dtype, torch.zeros is as good as x.new_zeros.",
        edits=(
            (
                "x.new_zeros(n, c, h + 2 * padding, w + 2 * padding)",
                "torch.zeros(n, c, h + 2 * padding, w + 2 * padding, dtype=x.dtype)",
            ),
        ),
        question="Where do the zeros lie if x is on a GPU?",
        explanation="torch.zeros makes them on the CPU; `x.new_zeros(shape)` takes the device of x as well.\n"
        "See section 4, 'Padding'.",
    ),
    Misconception(
        id="padding-assumes-contiguous-memory",
        exercise="pad2d",
        belief="Images and channels can always be merged into one axis by a view.",
        edits=(("] = x", "] = x.view(n * c, h, w).view(n, c, h, w)"),),
        question="What does `is_contiguous()` say after a transpose or a permute?",
        explanation="view never moves a number, so it refuses where the axes don't follow one another in memory;\n"
        "reshape copies then. See “Args” in the docstring of pad2d.",
    ),
]

CONV2D = [
    Misconception(
        id="kernel-flipped",
        exercise="conv2d",
        belief="Convolution turns the kernel by 180°.",
        edits=(("weight.reshape(out_channels, -1)", "weight.flip(2, 3).reshape(out_channels, -1)"),),
        question="Which weight meets a window's top left pixel in the formula of section 5?",
        explanation="What deep learning calls convolution is cross-correlation: nothing is turned. "
        "See section 3, 'Predict, then run: turn the kernel'.",
        seen_in="pytorch/pytorch issue 117534; Goodfellow et al. 2016, section 9.1",
    ),
    Misconception(
        id="first-channel-only",
        exercise="conv2d",
        belief="Each output channel looks at the first input channel only.",
        edits=(
            ("pad2d(x, padding)", "pad2d(x[:, :1], padding)"),
            ("weight.reshape(out_channels, -1)", "weight[:, :1].reshape(out_channels, -1)"),
        ),
        question="Over which indices does the sum in section 5 run? Is c one of them?",
        explanation="Every output channel sums over all input channels. See section 5, 'Channels and batches'.",
    ),
    Misconception(
        id="one-kernel-for-all-channels",
        exercise="conv2d",
        belief="An output channel slides one and the same 2-D kernel over all input channels.",
        edits=(("weight.reshape(out_channels, -1)", "weight[:, :1].expand_as(weight).reshape(out_channels, -1)"),),
        question="How many 2-D kernels does a weight of shape (O, C, KH, KW) hold?",
        explanation="There are O * C of them: every pair of channels has its own. "
        "See section 5, 'Channels and batches'.",
    ),
    Misconception(
        id="mean-over-channels",
        exercise="conv2d",
        belief="The results of the input channels are averaged.",
        edits=(("@ columns", "@ columns / channels"),),
        question="Does a 1 / C stand anywhere in the formula of section 5?",
        explanation="The channels' results are added. The initial weights are small instead. "
        "See section 5, 'Channels and batches', and section 7, 'A layer'.",
    ),
    Misconception(
        id="weight-is-in-out",
        exercise="conv2d",
        belief="The weight's shape is (in_channels, out_channels, KH, KW).",
        edits=(
            ("(out_channels, in_channels, kernel_h, kernel_w) =", "(in_channels, out_channels, kernel_h, kernel_w) ="),
        ),
        question="What is the shape of torch.nn.Conv2d(2, 3, 1).weight?",
        explanation="PyTorch puts the output channels first: (O, C, KH, KW). TensorFlow stores (KH, KW, C, O). "
        "See section 5, 'Channels and batches'.",
        seen_in="TensorFlow's layout; torch.nn.ConvTranspose2d",
    ),
    Misconception(
        id="kernel-width-first",
        exercise="conv2d",
        belief="The kernel's width stands before its height.",
        edits=(("kernel_h, kernel_w) = x.shape", "kernel_w, kernel_h) = x.shape"),),
        question="Which axis of a weight of shape (3, 2, 3, 2) runs down the image?",
        explanation="Height before width, in x, in weight and in the output. See section 5, 'Channels and batches'.",
        seen_in="the kW, kH order of Lua Torch's SpatialConvolution",
    ),
    Misconception(
        id="output-width-first",
        exercise="conv2d",
        belief="The output's width stands before its height.",
        edits=(
            ("return out.reshape(n, out_channels, out_h, out_w)", "return out.reshape(n, out_channels, out_w, out_h)"),
        ),
        question="After an output pixel, which one comes next in your product's last axis: to its right, or below it?",
        explanation="Height before width, in x, in weight and in the output. See section 5, 'Channels and batches'.",
    ),
    Misconception(
        id="windows-not-permuted",
        exercise="conv2d",
        belief="reshape sorts the axes of the windows by itself.",
        edits=(("windows.permute(0, 1, 4, 5, 2, 3)", "windows"),),
        question="In which order does reshape read the numbers of a tensor?",
        explanation="reshape keeps the order in which numbers are read; only permute changes it. The shapes fit and "
        "the numbers are scrambled. See section 5, 'From windows to one matrix product'.",
    ),
    Misconception(
        id="weight-reshaped-instead-of-transposed",
        exercise="conv2d",
        belief="A reshape to the transposed shape is a transpose.",
        edits=(("weight.reshape(out_channels, -1)", "weight.reshape(-1, out_channels).T"),),
        question="Which numbers of the weight belong to output channel 0, and do they stay together?",
        explanation="Row o of the weight matrix must hold all C * KH * KW weights of output channel o: "
        "weight.reshape(O, -1). See section 5, 'From windows to one matrix product'.",
    ),
    Misconception(
        id="bias-forgotten",
        exercise="conv2d",
        belief="The bias makes no difference.",
        edits=(("out = out + bias[:, None]", "out = out + 0"),),
        question="What should come out where x is all zeros?",
        explanation="Every pixel of output channel o gets bias[o] once. See section 5, 'Channels and batches'.",
    ),
    Misconception(
        id="bias-inside-the-sum",
        exercise="conv2d",
        belief="The bias is added to every product before they are summed.",
        edits=(("out + bias[:, None]", "out + bias[:, None] * columns.shape[1]"),),
        question="What should come out where x is all zeros, and what does your code give there?",
        explanation="The bias stands outside the sum and is added once per output pixel. "
        "See section 5, 'Channels and batches'.",
        seen_in="Kulbear/deep-learning-coursera pull request 48",
    ),
    Misconception(
        id="bias-along-the-width",
        exercise="conv2d",
        belief="A bias of shape (O,) finds the channel axis by itself.",
        edits=(
            (
                "out = out + bias[:, None]",
                "out = (out.reshape(n, out_channels, out_h, out_w) + bias).reshape(out.shape)",
            ),
        ),
        question="With which axis of a (N, O, H', W') tensor does broadcasting line up a vector?",
        explanation="Broadcasting starts at the last axis, so a bare bias lies along the width, silently where W' "
        "equals O. Give it its place: bias[:, None, None]. See section 5, 'Channels and batches'.",
    ),
    Misconception(
        id="stride-only-down",
        exercise="conv2d",
        belief="The stride moves the kernel faster downwards only.",
        edits=(
            ("output_size(w, kernel_w, stride, padding)", "output_size(w, kernel_w, 1, padding)"),
            ("unfold(3, kernel_w, stride)", "unfold(3, kernel_w, 1)"),
        ),
        question="How many columns should come out with a stride of 2?",
        explanation="One number for the stride stands for both axes. See section 5, 'Channels and batches'.",
    ),
    Misconception(
        id="stride-as-dilation",
        exercise="conv2d",
        belief="The stride is the distance between the pixels under the kernel.",
        edits=(
            (
                "output_size(h, kernel_h, stride, padding), output_size(w, kernel_w, stride, padding)",
                "output_size(h, kernel_h * stride - stride + 1, 1, padding), "
                "output_size(w, kernel_w * stride - stride + 1, 1, padding)",
            ),
            (
                ".unfold(2, kernel_h, stride).unfold(3, kernel_w, stride)",
                ".unfold(2, kernel_h * stride - stride + 1, 1).unfold(3, kernel_w * stride - stride + 1, 1)"
                "[..., ::stride, ::stride]",
            ),
        ),
        question="Does a stride of 2 change which pixels the first window reads?",
        explanation="A stride spaces the windows, a dilation the pixels inside one. "
        "See section 2, 'How large is the output?'; Dumoulin & Visin 2016, section 5.1.",
    ),
    Misconception(
        id="stride-crops",
        exercise="conv2d",
        belief="A stride of 2 keeps the first half of the positions.",
        edits=(
            (
                ".unfold(2, kernel_h, stride).unfold(3, kernel_w, stride)",
                ".unfold(2, kernel_h, 1).unfold(3, kernel_w, 1)[:, :, :out_h, :out_w]",
            ),
        ),
        question="Where does the second window of a row begin with a stride of 2?",
        explanation="The shape is right but neighbouring windows are only one pixel apart: start at i * stride. "
        "See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="padding-ignored",
        exercise="conv2d",
        belief="The padding changes nothing.",
        edits=(("    if channels != in_channels:", "    padding = 0\n    if channels != in_channels:"),),
        question="How many rows should come out with a padding of 2?",
        explanation="The zeros are part of what the kernel slides over. See section 4, 'Padding'.",
    ),
    Misconception(
        id="same-assumed",
        exercise="conv2d",
        belief="A convolution pads by half its kernel, whatever it is told.",
        edits=(("    if channels != in_channels:", "    padding = kernel_h // 2\n    if channels != in_channels:"),),
        question="How many rows should come out with a 3x3 kernel and a padding of 0?",
        explanation="Padding is the caller's choice, 0 unless given. See section 4, 'Padding'.",
        seen_in="Keras' padding='same'",
    ),
    Misconception(
        id="output-padded",
        exercise="conv2d",
        belief="Padding may as well be added after the convolution.",
        edits=(
            (
                "output_size(h, kernel_h, stride, padding), output_size(w, kernel_w, stride, padding)",
                "output_size(h, kernel_h, stride), output_size(w, kernel_w, stride)",
            ),
            ("pad2d(x, padding)", "x"),
            (
                "return out.reshape(n, out_channels, out_h, out_w)",
                "return pad2d(out.reshape(n, out_channels, out_h, out_w), padding)",
            ),
        ),
        question="May an output pixel at the border be anything but zero?",
        explanation="A window that overlaps the border still sees some pixels: pad the input, then slide. "
        "See section 4, 'Padding'.",
    ),
    Misconception(
        id="float32-output",
        exercise="conv2d",
        belief="The output is always float32.",
        edits=(("return out.reshape", "return out.float().reshape"),),
        question="Which dtype should come out for float64 input? Which does gradcheck need?",
        explanation="A layer computes in the dtype of its input: float64 for checks, bfloat16 for speed. "
        "See the docstring of conv2d.",
    ),
    Misconception(
        id="bias-reshaped-in-place",
        exercise="conv2d",
        belief="Reshaping the caller's bias in place is harmless.",
        edits=(("bias[:, None]", "bias.unsqueeze_(1)"),),
        question="What does the second call of your function get as its bias?",
        explanation="Methods that end in _ change the caller's tensor; the next call sees a bias of shape (O, 1). "
        "Index or view instead. See the docstring of conv2d.",
    ),
    Misconception(
        id="graph-cut",
        exercise="conv2d",
        belief="A result computed outside autograd can still be trained through.",
        edits=(("return out.reshape", "return out.detach().reshape"),),
        question="What is the `grad_fn` of your output?",
        explanation="detach, .data and NumPy cut the graph: the parameters never get a gradient and the loss stays "
        "where it is. See section 8, 'What broke, what it means'.",
    ),
    Misconception(
        id="contiguous-assumed",
        exercise="conv2d",
        belief="A tensor's numbers always lie in memory in the order of its axes.",
        edits=(("weight.reshape(out_channels, -1)", "weight.view(out_channels, -1)"),),
        question="What does `is_contiguous()` say after a transpose?",
        explanation="view refuses where the axes don't follow one another in memory; reshape copies then. "
        "Channels-last nets hand you such tensors all the time. See section 5, 'From windows to one matrix product'.",
    ),
    Misconception(
        id="channels-not-checked",
        exercise="conv2d",
        belief="PyTorch's own error is enough when the channels don't match.",
        edits=(("if channels != in_channels:", "if False:"),),
        question="Which shapes does the error name: those that the caller gave, or those of a matrix inside?",
        explanation="Name what the caller knows: the shapes of x and weight. With one channel, broadcasting may even "
        "hide the mistake. See the docstring of conv2d.",
    ),
    Misconception(
        id="bias-length-not-checked",
        exercise="conv2d",
        belief="A bias of the wrong length raises an error by itself.",
        edits=(("bias.shape != (out_channels,)", "False"),),
        question="What does adding a bias of shape (1,) do to three channels?",
        explanation="Broadcasting turns a bias of length 1 into the same number for all channels, silently. "
        "See the docstring of conv2d.",
    ),
    Misconception(
        id="one-pixel-is-one-matrix-product",
        exercise="conv2d",
        belief="A 1x1 convolution is a matrix product at every pixel, whatever stride and padding are.",
        edits=(
            (
                "    out_h, out_w =",
                "    if kernel_h == kernel_w == 1:\n"
                "        out = torch.einsum('nchw,oc->nohw', x, weight[:, :, 0, 0])\n"
                "        return out if bias is None else out + bias[:, None, None]\n"
                "    out_h, out_w =",
            ),
        ),
        question="How many rows should a 1x1 kernel give with a stride of 2, as in ResNet's shortcuts?",
        explanation="A 1x1 kernel takes stride and padding like any other; ResNet18's 1x1 shortcuts have stride 2.\n"
        "See section 2, 'How large is the output?'.",
    ),
    Misconception(
        id="storage-begins-with-the-tensor",
        exercise="conv2d",
        belief="A tensor's first number is the first one of its memory.",
        edits=(
            (
                "windows = pad2d(x, padding).unfold(2, kernel_h, stride).unfold(3, kernel_w, stride)",
                "x = pad2d(x, padding) if padding else x\n"
                "    steps = (*x.stride()[:2], stride * x.stride(2), stride * x.stride(3), x.stride(2), x.stride(3))\n"
                "    windows = torch.as_strided(x, (n, channels, out_h, out_w, kernel_h, kernel_w), steps, 0)",
            ),
        ),
        question="What does `x[1:].storage_offset()` print? Where does your code start to read?",
        explanation="A slice shares the memory of the whole and begins somewhere inside; 0 as offset reads the\n"
        "wrong images. Leave the offset to unfold. See section 5, 'From windows to one matrix product'.",
    ),
]

CONV2D_BACKWARD = [
    Misconception(
        id="grad-x-kernel-turned",
        exercise="conv2d_backward",
        belief="The gradient of the input is a plain correlation of grad_output with the kernel as it is.",
        edits=(("grad_output, weight[:, :, u, v])", "grad_output, weight[:, :, kernel_h - 1 - u, kernel_w - 1 - v])"),),
        question="With which weight did output pixel (0, 0) meet input pixel (u, v)? Which takes its gradient back?",
        explanation="The gradient goes back through the same weight that the pixel came through. "
        "Written as a correlation, that turns the kernel by 180°. See section 6, 'Gradients on paper'.",
        seen_in="Dumoulin & Visin 2016, section 4",
    ),
    Misconception(
        id="grad-x-channels-not-swapped",
        exercise="conv2d_backward",
        belief="The weight's channel axes keep their roles on the way back.",
        edits=(("nohw,oc->nchw", "nohw,co->nchw"),),
        question="From which channels to which does the gradient flow on the way back?",
        explanation="Backwards, the O output channels are the input: sum over o, keep c. "
        "See section 6, 'Gradients on paper'.",
    ),
    Misconception(
        id="grad-x-overwritten",
        exercise="conv2d_backward",
        belief="Each input pixel gets its gradient from one window.",
        edits=(("grad_padded[:, :, rows, columns] +=", "grad_padded[:, :, rows, columns] ="),),
        question="How many windows of a 3x3 kernel look at a pixel in the middle of the image?",
        explanation="A pixel that was used several times gets the sum of all its gradients: += and not =. "
        "See section 6, 'Gradients on paper'.",
    ),
    Misconception(
        id="grad-x-averaged",
        exercise="conv2d_backward",
        belief="The gradients of the windows that share a pixel are averaged.",
        edits=(
            (
                "grad_x = grad_padded[:, :,",
                "grad_x = (grad_padded / (kernel_h * kernel_w))[:, :,",
            ),
        ),
        question="If a number is used nine times, how much does the loss change when it grows a little?",
        explanation="All effects add up; nothing in the chain rule divides. See section 6, 'Gradients on paper'.",
    ),
    Misconception(
        id="crop-by-minus-padding",
        exercise="conv2d_backward",
        belief="The slice [p:-p] cuts the border off, also when p is 0.",
        edits=(("padding : padding + h, padding : padding + w", "padding:-padding, padding:-padding"),),
        question="What is `[1, 2, 3][0:-0]`?",
        explanation="-0 is 0, so without padding nothing is left. Count from the front: [p:p + h]. "
        "See section 4, 'Padding'.",
    ),
    Misconception(
        id="grad-weight-reversed",
        exercise="conv2d_backward",
        belief="The gradient of the weight comes out turned by 180°.",
        edits=(("grad_weight[:, :, u, v] =", "grad_weight[:, :, kernel_h - 1 - u, kernel_w - 1 - v] ="),),
        question="grad_weight correlates x and grad_output. Which of them slides over the other? Does it matter?",
        explanation="weight[u, v] gets the sum of grad_output times the pixels it met, x shifted by (u, v); swapping "
        "the two arguments of the correlation turns the result. See section 6, 'Gradients on paper'.",
        seen_in="End-to-End Machine Learning, courses 321 and 322, postscripts to the backward pass",
    ),
    Misconception(
        id="grad-weight-averaged",
        exercise="conv2d_backward",
        belief="The gradient of the weight is the mean over the batch.",
        edits=(('"nohw,nchw->oc", grad_output, seen)', '"nohw,nchw->oc", grad_output, seen) / n'),),
        question="Where would a 1 / N come from? Who has already divided by N, if anybody?",
        explanation="The loss decides about means: its 1 / N is inside grad_output. The layer sums. "
        "See section 6, 'Gradients on paper'.",
        seen_in="heyxhh/nnet-numpy issue 1",
    ),
    Misconception(
        id="grad-bias-averaged-over-the-batch",
        exercise="conv2d_backward",
        belief="The gradient of the bias is the mean over the batch.",
        edits=(("grad_output.sum(dim=(0, 2, 3))", "grad_output.sum(dim=(0, 2, 3)) / n"),),
        question="How often is the bias added in one forward pass? How much does the loss grow with it?",
        explanation="It is added N * H' * W' times, and each time counts in full. The loss decides about means. "
        "See section 6, 'Gradients on paper'.",
        seen_in="dengfy/cs231n issue 1",
    ),
    Misconception(
        id="grad-bias-averaged-over-everything",
        exercise="conv2d_backward",
        belief="The gradient of the bias is the mean of grad_output per channel.",
        edits=(("grad_output.sum(dim=(0, 2, 3))", "grad_output.mean(dim=(0, 2, 3))"),),
        question="How often is the bias added in one forward pass? How much does the loss grow with it?",
        explanation="It is added N * H' * W' times, and each time counts in full: sum, don't average. "
        "See section 6, 'Gradients on paper'.",
    ),
    Misconception(
        id="grad-bias-per-pixel",
        exercise="conv2d_backward",
        belief="Only the batch is summed in the gradient of the bias, as in a linear layer.",
        edits=(("grad_output.sum(dim=(0, 2, 3))", "grad_output.sum(dim=0)"),),
        question="What is the shape of the bias? What must be the shape of its gradient?",
        explanation="One bias serves every pixel of its channel, so rows and columns are summed, too. "
        "See section 6, 'Gradients on paper'.",
    ),
    Misconception(
        id="stride-ignored-on-the-way-back",
        exercise="conv2d_backward",
        belief="The stride plays no role on the way back.",
        edits=(
            (
                "slice(u, u + stride * out_h, stride), slice(v, v + stride * out_w, stride)",
                "slice(u, u + out_h), slice(v, v + out_w)",
            ),
        ),
        question="Which input pixels did output pixel (1, 0) read with a stride of 2?",
        explanation="Output pixel i stood at i * stride, so its gradient returns there. "
        "See section 6, 'Gradients on paper'.",
        seen_in="Kulbear/deep-learning-coursera pull request 34; enggen/Deep-Learning-Coursera issue 7",
    ),
    Misconception(
        id="unreached-pixels-dropped",
        exercise="conv2d_backward",
        belief="grad_x ends with the last pixel that a window reached.",
        edits=(
            (
                "padding : padding + h, padding : padding + w",
                "padding : min(padding + h, stride * (out_h - 1) + kernel_h), "
                "padding : min(padding + w, stride * (out_w - 1) + kernel_w)",
            ),
        ),
        question="What is the gradient of a pixel that no window looked at, and has it a place in grad_x?",
        explanation="A gradient has the shape of its tensor: pixels left over by the stride get a zero. "
        "See section 6, 'Gradients on paper'.",
        seen_in="f-dangel/backpack issue 30; PKUFlyingPig/CMU10-714 issue 6",
    ),
    Misconception(
        id="padding-not-cropped",
        exercise="conv2d_backward",
        belief="grad_x is the gradient of the padded input.",
        edits=(("grad_padded[:, :, padding : padding + h, padding : padding + w]", "grad_padded"),),
        question="What is the shape of x? What must be the shape of grad_x?",
        explanation="The zeros of the border are nobody's variables; cut their gradients off. "
        "See section 6, 'Gradients on paper'.",
    ),
    Misconception(
        id="float32-gradients",
        exercise="conv2d_backward",
        belief="Gradients are always float32.",
        edits=(
            (
                "torch.zeros_like(padded), torch.zeros_like(weight)",
                "torch.zeros(padded.shape), torch.zeros(weight.shape)",
            ),
        ),
        question="Which dtype has `torch.zeros(3)`? Which has x?",
        explanation="A gradient has the dtype and device of its tensor: zeros_like and new_zeros take both from it. "
        "See the docstring of conv2d_backward.",
    ),
    Misconception(
        id="gradients-in-another-order",
        exercise="conv2d_backward",
        belief="The gradient of the weight is returned first.",
        edits=(("return grad_x, grad_weight,", "return grad_weight, grad_x,"),),
        question="In which order does conv2d take its arguments?",
        explanation="Gradients come back in the order of the inputs: x, weight, bias. "
        "See the docstring of conv2d_backward.",
    ),
    Misconception(
        id="autograd-asked",
        exercise="conv2d_backward",
        belief="Asking autograd for the gradients is deriving them.",
        edits=(
            (
                "    padded = pad2d(x, padding)",
                "    leaves = [x.clone().requires_grad_(), weight.clone().requires_grad_()]\n"
                "    leaves.append(x.new_zeros(out_channels).requires_grad_())\n"
                "    return torch.autograd.grad(conv2d(*leaves, stride, padding), leaves, grad_output)\n"
                "    padded = pad2d(x, padding)",
            ),
        ),
        question="Could you compute these gradients in NumPy, or on paper?",
        explanation="autograd needs formulas like these to exist. Write them down once, and it holds no more "
        "secrets. See section 6, 'Gradients on paper'.",
    ),
    Misconception(
        id="input-overwritten-by-its-gradient",
        exercise="conv2d_backward",
        belief="The memory of x may be used for its gradient.",
        edits=(("grad_x = grad_padded[", "grad_x = x.copy_(grad_padded["), ("padding + w]", "padding + w])")),
        question="Who else holds this tensor? Might a shortcut still need it?",
        explanation="In a residual block the same x feeds two paths; overwriting it spoils the other one. "
        "See the docstring of conv2d_backward.",
    ),
    Misconception(
        id="grad-output-not-checked",
        exercise="conv2d_backward",
        belief="A grad_output of the wrong shape raises a readable error by itself.",
        edits=(("if grad_output.shape != (n, out_channels, out_h, out_w):", "if False:"),),
        question="Which shape does the error name, and is it one that the caller has seen?",
        explanation="Name the shape that came and the one that conv2d gives. See the docstring of conv2d_backward.",
    ),
    Misconception(
        id="what-is-over-is-outside",
        exercise="conv2d_backward",
        belief="What the stride leaves over are pixels of the image, never of the padding: their gradient is zero.",
        edits=(
            (
                "grad_x = grad_padded[:, :, padding : padding + h, padding : padding + w]",
                "reach = [stride * (o - 1) + k - padding for o, k in ((out_h, kernel_h), (out_w, kernel_w))]\n"
                "    inner = grad_padded[:, :, padding : reach[0], padding : reach[1]]\n"
                "    grad_x = torch.zeros_like(x)\n"
                "    grad_x[:, :, : inner.shape[2], : inner.shape[3]] = inner",
            ),
        ),
        question="Image of 8 rows, padding 1, kernel 3, stride 3: which rows of the image does the last window see?",
        explanation="Where the leftover lies in the padding, the last rows of the image were seen and get a gradient.\n"
        "See section 6: in the end cut off the frame of zeros, and nothing else.",
    ),
    Misconception(
        id="padding-is-less-than-the-kernel",
        exercise="conv2d_backward",
        belief="Nobody pads by more than the kernel less one.",
        edits=(
            (
                "padded = pad2d(x, padding)",
                "pad2d(grad_output, min(kernel_h, kernel_w) - 1 - padding)\n    padded = pad2d(x, padding)",
            ),
        ),
        question="With a kernel of 2 and a padding of 2, by how much do you frame the gradient?",
        explanation="K - 1 - p may be negative. Section 6's loop over u and v needs no such frame.\nSee its hint 2.",
    ),
    Misconception(
        id="autograd-switched-back-on",
        exercise="conv2d_backward",
        belief="Where autograd is off, it may be switched on again for a moment.",
        edits=(
            (
                "    padded = pad2d(x, padding)",
                "    with torch.inference_mode(False), torch.enable_grad():\n"
                "        leaves = [x.clone(), weight.clone(), x.new_zeros(out_channels)]\n"
                "        out = conv2d(*(leaf.requires_grad_() for leaf in leaves), stride, padding)\n"
                "        return torch.autograd.grad(out, leaves, grad_output.clone())\n"
                "    padded = pad2d(x, padding)",
            ),
        ),
        question="Who computes the three gradients in your code, and from which formulas?",
        explanation="Whatever mode it runs in, autograd would do the very work that this exercise is about.\n"
        "See section 6, 'Gradients on paper'.",
    ),
    Misconception(
        id="inference-mode-for-good",
        exercise="conv2d_backward",
        belief="A function that needs no autograd is best put under inference mode.",
        edits=(("def conv2d_backward(", "@torch.inference_mode()\ndef conv2d_backward("),),
        question="What does `grad_x.is_inference()` say, and what may autograd do with such a tensor?",
        explanation="Autograd refuses inference tensors for ever, and gradients may be needed in another graph.\n"
        "torch.no_grad() has no such effect. See “Returns” in the docstring of conv2d_backward.",
    ),
    Misconception(
        id="channels-of-the-gradient-not-checked",
        exercise="conv2d_backward",
        belief="A grad_output that fits in its batch and its pixels fits.",
        edits=(
            (
                "if grad_output.shape != (n, out_channels, out_h, out_w):",
                "if (len(grad_output), *grad_output.shape[2:]) != (n, out_h, out_w):",
            ),
        ),
        question="What becomes of a grad_output of one channel if the weight has three?",
        explanation="It broadcasts to all three, and wrong gradients come back silently: compare all four sizes.\n"
        "See “Raises” in the docstring of conv2d_backward.",
    ),
    Misconception(
        id="gradient-assumed-contiguous",
        exercise="conv2d_backward",
        belief="A gradient's numbers always lie in memory in the order of its axes.",
        edits=(("grad_output.sum(dim=(0, 2, 3))", "grad_output.view(n, out_channels, -1).sum(dim=(0, 2))"),),
        question="What is the memory layout of a gradient that comes back through a transpose?",
        explanation="view refuses where the axes don't follow one another in memory; reshape copies then.\n"
        "See “Args” in the docstring of conv2d_backward.",
    ),
]

CONV2D_MODULE = [
    Misconception(
        id="weight-is-a-plain-tensor",
        exercise="Conv2d",
        belief="A tensor as an attribute is a weight that the module knows.",
        edits=(
            (
                "self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))",
                "weight = torch.empty(out_channels, in_channels, kernel_size, kernel_size)\n"
                "        self.weight = weight.uniform_(-bound, bound)",
            ),
        ),
        question="What does `list(layer.parameters())` show? What would the optimizer see?",
        explanation="Only nn.Parameter is registered: optimizer, state_dict and .to() pass a bare tensor by. "
        "See section 7, 'A layer'.",
    ),
    Misconception(
        id="bias-is-a-plain-tensor",
        exercise="Conv2d",
        belief="A bias that is a plain attribute is trained along with the weight.",
        edits=(
            (
                "nn.Parameter(torch.empty(out_channels)) if bias",
                "torch.empty(out_channels).uniform_(-bound, bound) if bias",
            ),
        ),
        question="What does `list(layer.parameters())` show? What would the optimizer see?",
        explanation="Only nn.Parameter is registered: a bare bias is neither trained nor saved. "
        "See section 7, 'A layer'.",
    ),
    Misconception(
        id="weight-registered-as-a-buffer",
        exercise="Conv2d",
        belief="register_buffer is how a module gets a weight.",
        edits=(
            (
                "self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))",
                "weight = torch.empty(out_channels, in_channels, kernel_size, kernel_size).uniform_(-bound, bound)\n"
                '        self.register_buffer("weight", weight)',
            ),
        ),
        question="Which does the optimizer get: `parameters()` or `buffers()`?",
        explanation="Buffers are saved and moved but not trained; batch normalisation's statistics are such, a weight "
        "is not. See section 7, 'A layer'.",
    ),
    Misconception(
        id="channels-swapped-in-the-weight",
        exercise="Conv2d",
        belief="The weight's first axis is the input channels.",
        edits=(("torch.empty(out_channels, in_channels,", "torch.empty(in_channels, out_channels,"),),
        question="What is the shape of torch.nn.Conv2d(2, 3, 1).weight?",
        explanation="Output channels come first: (O, C, K, K). See section 5, 'Channels and batches'.",
    ),
    Misconception(
        id="bias-always-there",
        exercise="Conv2d",
        belief="A layer has a bias even with bias=False.",
        edits=((" if bias else None", ""),),
        question="Which names should the state dict of a ResNet's convolution hold? Its bias is False.",
        explanation="With bias=False there is no such parameter: batch normalisation would cancel it anyway. "
        "See section 7, 'A layer'.",
    ),
    Misconception(
        id="bias-of-zeros",
        exercise="Conv2d",
        belief="A layer without a bias keeps a bias of zeros.",
        edits=(("if bias else None", "if bias else torch.zeros(out_channels)"),),
        question="How does code that is given your layer find out whether it has a bias?",
        explanation="It asks `layer.bias is None`, as lesson 2's folding does. Zeros are added to every pixel for "
        "nothing. See hint 2 of section 7, 'A layer'.",
    ),
    Misconception(
        id="layer-pads-by-itself",
        exercise="Conv2d",
        belief="A layer keeps the size of its input unless told otherwise.",
        edits=(("= stride, padding", "= stride, padding or kernel_size // 2"),),
        question="What size comes out of torch.nn.Conv2d(1, 1, 3) for a 5x5 image?",
        explanation="The default padding is 0, so a 3x3 kernel takes a pixel off every side. See section 7, 'A layer'.",
        seen_in="Keras' padding='same'",
    ),
    Misconception(
        id="stride-and-padding-swapped",
        exercise="Conv2d",
        belief="conv2d takes the padding before the stride.",
        edits=(("self.stride, self.padding)", "self.padding, self.stride)"),),
        question="In which order do the arguments stand in conv2d's signature?",
        explanation="x, weight, bias, stride, padding. Naming them in the call costs nothing. "
        "See section 7, 'A layer'.",
    ),
    Misconception(
        id="layer-ignores-its-stride",
        exercise="Conv2d",
        belief="The stride need not be handed on to conv2d.",
        edits=(("self.stride, self.padding)", "1, self.padding)"),),
        question="How many rows should come out with a stride of 2?",
        explanation="What __init__ remembers, forward must use. See section 7, 'A layer'.",
    ),
    Misconception(
        id="layer-ignores-its-padding",
        exercise="Conv2d",
        belief="The padding need not be handed on to conv2d.",
        edits=(("self.stride, self.padding)", "self.stride)"),),
        question="How many rows should come out with a padding of 1?",
        explanation="What __init__ remembers, forward must use. See section 7, 'A layer'.",
    ),
    Misconception(
        id="standard-normal-weights",
        exercise="Conv2d",
        belief="Weights start as standard normal numbers.",
        edits=(("nn.init.uniform_(parameter, -bound, bound)", "nn.init.normal_(parameter)"),),
        question="How large does the sum of 144 products of standard normal numbers get?",
        explanation="Its spread is the root of their number, 12: after 17 such layers the values are near 10^18. "
        "Weights start small, within 1 / sqrt(fan-in). See section 7, 'A layer'.",
    ),
    Misconception(
        id="bell-within-the-bound",
        exercise="Conv2d",
        belief="Weights start from a normal distribution that is cut off at ± 1 / sqrt(fan-in).",
        edits=(
            (
                "nn.init.uniform_(parameter, -bound, bound)",
                "nn.init.trunc_normal_(parameter, 0.0, bound / 2, -bound, bound)",
            ),
        ),
        question="Should a weight near the bound be any rarer than one near zero?",
        explanation="nn.Conv2d draws uniformly: all values within the bound are equally likely, and the variance is a "
        "third of 1 / fan-in. See section 7, 'A layer'.",
        seen_in="TensorFlow's truncated_normal initializers",
    ),
    Misconception(
        id="only-positive-weights",
        exercise="Conv2d",
        belief="Weights start between 0 and 1, as torch.rand gives them.",
        edits=(("nn.init.uniform_(parameter, -bound, bound)", "nn.init.uniform_(parameter)"),),
        question="What is the sign of the output if all weights and all pixels are positive?",
        explanation="Then every channel is a blur, and all of them look alike. Weights start around 0, within "
        "± 1 / sqrt(fan-in). See section 7, 'A layer'.",
    ),
    Misconception(
        id="zero-weights",
        exercise="Conv2d",
        belief="Weights start at zero.",
        edits=(
            (
                "nn.init.uniform_(parameter, -bound, bound)",
                "nn.init.uniform_(parameter, -bound, bound) if parameter.dim() == 1 else nn.init.zeros_(parameter)",
            ),
        ),
        question="If all output channels start alike, what could ever make them differ?",
        explanation="Equal channels get equal gradients and stay equal. Randomness breaks the tie. "
        "See section 7, 'A layer'.",
    ),
    Misconception(
        id="fan-in-without-the-kernel",
        exercise="Conv2d",
        belief="A convolution's fan-in is its number of input channels.",
        edits=(("(in_channels * kernel_size**2)", "in_channels"),),
        question="How many products are summed for one output pixel?",
        explanation="C * K * K of them: fan-in counts the kernel's pixels, too. See section 7, 'A layer'.",
    ),
    Misconception(
        id="fan-out-for-fan-in",
        exercise="Conv2d",
        belief="The initial weights depend on the number of output channels.",
        edits=(("(in_channels * kernel_size**2)", "(out_channels * kernel_size**2)"),),
        question="How many products are summed for one output pixel?",
        explanation="C * K * K of them; O does not enter. See section 7, 'A layer'.",
        seen_in="He et al. 2015b, section 2.2, discusses both; nn.Conv2d takes fan-in",
    ),
    Misconception(
        id="root-of-fan-in-forgotten",
        exercise="Conv2d",
        belief="The initial weights lie within 1 / fan-in.",
        edits=(("** -0.5", "** -1"),),
        question="How does the spread of a sum of n random numbers grow: with n or with its root?",
        explanation="With the root. A bound of 1 / fan-in makes outputs sqrt(fan-in) times too small, in every layer. "
        "See section 7, 'A layer'.",
    ),
    Misconception(
        id="he-gain-in-the-default",
        exercise="Conv2d",
        belief="nn.Conv2d starts from He's distribution.",
        edits=(("** -0.5", "** -0.5 * 6**0.5"),),
        question="What does nn.Conv2d's documentation say about the range of its weight?",
        explanation="Its bound, 1 / sqrt(fan-in), gives a sixth of He's variance, for historical reasons. Lesson 4 "
        "replaces it by He's. See section 7, 'A layer'.",
        seen_in="pytorch/pytorch issue 15314",
    ),
    Misconception(
        id="zero-bias",
        exercise="Conv2d",
        belief="nn.Conv2d's bias starts at zero.",
        edits=(
            (
                "nn.init.uniform_(parameter, -bound, bound)",
                "nn.init.uniform_(parameter, -bound, bound) if parameter.dim() > 1 else nn.init.zeros_(parameter)",
            ),
        ),
        question="What does nn.Conv2d's documentation say about the range of its bias?",
        explanation="A zero bias is a fine choice, but not that of nn.Conv2d, which draws it from the weight's "
        "distribution. See section 7, 'A layer'.",
    ),
    Misconception(
        id="images-cast-to-float32",
        exercise="Conv2d",
        belief="A layer's input is always float32.",
        edits=(("conv2d(x, ", "conv2d(x.float(), "),),
        question="What happens to `layer.double()(x.double())`?",
        explanation="Leave the dtype to the caller: .double() and autocast change it. See section 7, 'A layer'.",
    ),
    Misconception(
        id="weight-data-in-forward",
        exercise="Conv2d",
        belief="In forward, weight.data is as good as the weight itself.",
        edits=(("self.weight, self.bias,", "self.weight.data, self.bias,"),),
        question="What is `layer.weight.grad` after a backward pass?",
        explanation=".data is the tensor without its history: no gradient finds the way back. "
        "See section 8, 'What broke, what it means'.",
    ),
    Misconception(
        id="every-layer-from-the-same-seed",
        exercise="Conv2d",
        belief="A layer sets the seed itself, so that its start can be repeated.",
        edits=(
            ("self.stride, self.padding = stride", "torch.manual_seed(0)\n        self.stride, self.padding = stride"),
        ),
        question="How do two layers of the same size that your class has made differ?",
        explanation="A seed is set once, by whoever runs the experiment; in a layer it makes all layers alike,\n"
        "and dropout and shuffling repeat themselves. See section 7, 'A layer'.",
    ),
    Misconception(
        id="output-kept-on-the-layer",
        exercise="Conv2d",
        belief="A layer may keep its input or its output as an attribute.",
        edits=(
            (
                "return conv2d(x, self.weight, self.bias, self.stride, self.padding)",
                "self.out = conv2d(x, self.weight, self.bias, self.stride, self.padding)\n        return self.out",
            ),
        ),
        question="How long does a tensor live that the layer holds, and what does copy.deepcopy say to it?",
        explanation="The output holds its graph, and the graph all of its inputs: memory stays taken, and a copy of\n"
        "the layer is refused. See the docstring of Conv2d.",
    ),
]

MISCONCEPTIONS = [*OUTPUT_SIZE, *CROSS_CORRELATE, *PAD2D, *CONV2D, *CONV2D_BACKWARD, *CONV2D_MODULE]
