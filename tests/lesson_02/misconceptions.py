"""The wrong beliefs about batch norm, executable."""

from course.diagnosis import Misconception

D2L = "Zhang et al., Dive into Deep Learning, section 8.5, the implementation from scratch"
LABML = "labml.ai, annotated deep learning paper implementations, normalization/batch_norm"
MAKEMORE = "Karpathy, makemore part 3, BatchNorm1d"

MEAN, VAR = "mean = x.mean(dim=(0, 2, 3))", "var = (x - mean[:, None, None]).square().mean(dim=(0, 2, 3))"
BATCH_MEAN = "self.running_mean += self.momentum * (mean - self.running_mean)"
BATCH_VAR = "self.running_var += self.momentum * (var * (count / (count - 1)) - self.running_var)"
RETURNED = "return batch_norm(x, mean, var, self.weight, self.bias, self.eps)"
GRAD_X = "(grad_output - through_mean - through_var)"


def over(dim: str) -> tuple[tuple[str, str], ...]:
    """The edits that take both statistics over other dimensions."""
    return (MEAN, f"mean = x.mean(dim={dim})"), (VAR, f"var = x.var(dim={dim}, unbiased=False)")


STATISTICS = [
    Misconception(
        id="statistics-over-the-batch-only",
        exercise="batch_statistics",
        belief="The statistics are taken over the batch alone, so that every pixel position has its own mean.",
        edits=over("0"),
        question="A convolution treats every pixel of a channel alike. How many means does one channel then need?",
        explanation="A channel's values share one filter wherever they stand, and so one mean and one variance.\n"
        "See the picture in “The idea”: the framed column is averaged as a whole, N, H and W together.",
        seen_in="Ioffe & Szegedy 2015, section 3.2, sets this per-activation form apart from the convolutional one",
    ),
    Misconception(
        id="statistics-per-image",
        exercise="batch_statistics",
        belief="Every image is normalised by itself, so the statistics are taken over height and width only.",
        edits=over("(2, 3)"),
        question="What is the shape of your mean, and which of its dimensions should a whole batch share?",
        explanation="Statistics over H and W for every image and channel are instance norm (Ulyanov et al. 2016).\n"
        "Batch norm shares one mean among all images, see “The idea”.",
        seen_in="Ulyanov et al. 2016, instance normalization",
    ),
    Misconception(
        id="statistics-per-sample",
        exercise="batch_statistics",
        belief="The statistics are taken over channel, height and width of every image.",
        edits=over("(1, 2, 3)"),
        question="How many values should your mean have: one for each image, or one for each channel?",
        explanation="One mean per image is layer norm (Ba et al. 2016); it mixes channels and needs no batch.\n"
        "Batch norm keeps channels apart and mixes images, see “The idea”.",
        seen_in="Ba, Kiros & Hinton 2016, layer normalization",
    ),
    Misconception(
        id="channels-last",
        exercise="batch_statistics",
        belief="The channels are the last dimension.",
        edits=over("(0, 1, 2)"),
        question="In (N, C, H, W), which number is the position of the channels?",
        explanation="torch keeps images as (N, C, H, W): the channel is dimension 1, so 0, 2 and 3 are averaged.\n"
        "See the shapes under the formula in “The idea”.",
        seen_in="TensorFlow's images are (N, H, W, C) by default",
    ),
    Misconception(
        id="one-mean-for-everything",
        exercise="batch_statistics",
        belief="The whole batch has one mean and one variance, shared by all channels.",
        edits=over("(0, 1, 2, 3)"),
        question="If one channel is a hundred times as large as the others, what does a shared variance do to these?",
        explanation="Each channel is a feature with a scale of its own and gets its own mean and variance.\n"
        "See the picture in “The idea”: one column, one pair of statistics.",
    ),
    Misconception(
        id="keeps-the-reduced-dimensions",
        exercise="batch_statistics",
        belief="The statistics keep the dimensions of the input, with shape (1, C, 1, 1).",
        edits=over("(0, 2, 3), keepdim=True"),
        question="What shape does the docstring promise, and which shape have torch's running_mean and running_var?",
        explanation="Statistics are vectors of shape (C,), which is also how a state dict keeps them.\n"
        "The axes come back where they are needed, by mean[:, None, None]; see exercise 2.",
        seen_in=D2L,
    ),
    Misconception(
        id="unbiased-variance",
        exercise="batch_statistics",
        belief="A batch is normalised with the unbiased variance, divided by one less than the number of values.",
        edits=((VAR, "var = x.var(dim=(0, 2, 3))"),),
        question="torch's x.var() divides by n - 1 unless told otherwise. Which divisor makes the output's variance 1?",
        explanation="The variance that normalises divides by n = N * H * W: the output's is then 1, but for eps.\n"
        "The n - 1 comes in later, for the running variance; see “By hand”.",
        seen_in=MAKEMORE,
    ),
    Misconception(
        id="deviation-for-variance",
        exercise="batch_statistics",
        belief="The second statistic is the standard deviation.",
        edits=((VAR, VAR + ".sqrt()"),),
        question="Where does the formula take the square root, before eps is added or after?",
        explanation="The variance is handed on, because eps is added to it under the root: sqrt(var + eps).\n"
        "See the formula in “The idea”.",
    ),
    Misconception(
        id="mean-square-for-variance",
        exercise="batch_statistics",
        belief="The variance is the mean of the squares, as the mean is zero anyway.",
        edits=((VAR, "var = x.square().mean(dim=(0, 2, 3))"),),
        question="What does your variance give for a channel that is 5 everywhere?",
        explanation="The variance is measured from the mean, and nothing makes a convolution's output average to 0.\n"
        "See “By hand”: subtract 3 first, then square.",
        seen_in="right for RMS norm (Zhang & Sennrich 2019), which has no mean",
    ),
    Misconception(
        id="average-of-the-images-variances",
        exercise="batch_statistics",
        belief="The batch's variance is the average of its images' variances.",
        edits=((VAR, "var = x.var(dim=(2, 3), unbiased=False).mean(dim=0)"),),
        question="Two images, one all black and one all white: what variance does each have, and what does the batch?",
        explanation="An average of the images' variances misses how far apart the images' means lie.\n"
        "“By hand” has the numbers: two images that differ in their means.",
    ),
    Misconception(
        id="variance-before-mean",
        exercise="batch_statistics",
        belief="The variance comes first and the mean second.",
        edits=(("return mean, var", "return var, mean"),),
        question="Which of your two results can be negative, and which of them did the docstring name first?",
        explanation="batch_statistics gives (mean, var). torch.var_mean gives them the other way round.\n"
        "See “Returns” in the docstring of exercise 1.",
        seen_in="the order of torch.var_mean",
    ),
    Misconception(
        id="mean-of-squares-minus-square-of-mean",
        exercise="batch_statistics",
        belief="The variance may be computed as E[x²] - E[x]² in any precision.",
        edits=((VAR, "var = x.square().mean(dim=(0, 2, 3)) - mean.square()"),),
        question="With a mean of 1000 and a deviation of 1, how many of float32's seven digits does the result keep?",
        explanation="Two numbers near a million are subtracted to give one near 1: the digits that matter are gone.\n"
        "Subtract the mean before squaring; see hint 3 of exercise 1.",
        seen_in=LABML,
    ),
    Misconception(
        id="statistics-in-float32",
        exercise="batch_statistics",
        belief="Statistics are always float32.",
        edits=((MEAN, "x = x.float(); " + MEAN),),
        question="What dtype do your results have when the input is float64?",
        explanation="The dtype follows the input, so that a check in float64 stays in float64.\n"
        "See “Returns” in the docstring of exercise 1.",
    ),
    Misconception(
        id="centres-the-input-in-place",
        exercise="batch_statistics",
        belief="The input may be centred in place, as only the statistics are asked for.",
        edits=((VAR, "x -= mean[:, None, None]; var = x.square().mean(dim=(0, 2, 3))"),),
        question="Who else still needs x after your function has returned?",
        explanation="x belongs to the caller: the normalisation that follows would subtract the mean a second time.\n"
        "See “left unchanged” in the docstring of exercise 1.",
    ),
    Misconception(
        id="statistics-are-constants",
        exercise="batch_statistics",
        belief="Mean and variance are constants of the batch, so no gradient goes through them.",
        edits=(("return mean, var", "return mean.detach(), var.detach()"),),
        question="If one pixel of x grows, does the mean stay where it was?",
        explanation="Both are functions of every value of x; a gradient that ignores them lets the weights\n"
        "grow unchecked. See “What broke, what it means”, the curve with detached statistics.",
        seen_in="Ioffe & Szegedy 2015, section 2, shows what happens when the gradient ignores the normalisation",
    ),
    Misconception(
        id="no-check-of-the-input",
        exercise="batch_statistics",
        belief="Whatever torch raises for an input of the wrong shape is clear enough.",
        edits=(("if x.dim() != 4:", "if False:"),),
        question="Does the message say which shape was expected, and which came?",
        explanation="A ValueError with the shape in it saves the reader of a long traceback a search.\n"
        "See “Raises” in the docstring of exercise 1.",
    ),
    Misconception(
        id="one-image-is-a-batch",
        exercise="batch_statistics",
        belief="An input of three dimensions is one image, and is taken for a batch of one.",
        edits=(("if x.dim() != 4:", "if x.dim() == 3:\n        x = x[None]\n    if x.dim() != 4:"),),
        question="How does your function tell an image (C, H, W) from a batch (N, C, L) of sound?",
        explanation="A forgotten dimension is a mistake more often than a wish, and guessing hides it.\n"
        "See “Raises” in the docstring of exercise 1.",
    ),
    Misconception(
        id="squeezes-every-dimension",
        exercise="batch_statistics",
        belief="squeeze() takes away the dimensions that were averaged, and no others.",
        edits=(("return mean, var", "return mean.squeeze(), var.squeeze()"),),
        question="What shape does torch.ones(1, 1, 1, 1).squeeze() have?",
        explanation="squeeze() drops every dimension of length 1, that of a single channel, too.\n"
        "Average without keepdim, or flatten; see “Returns” in the docstring of exercise 1.",
    ),
    Misconception(
        id="statistics-of-contiguous-memory",
        exercise="batch_statistics",
        belief="Height and width can always be merged by a view.",
        edits=((MEAN, "mean = x.view(x.shape[0], x.shape[1], -1).mean(dim=(0, 2))"),),
        question="What does x.is_contiguous() say after a transpose?",
        explanation="view never moves a number, so it refuses where axes don't follow one another in memory;\n"
        "reshape copies then. See “Args” in the docstring of exercise 1.",
    ),
]

NORMALISE = [
    Misconception(
        id="eps-outside-the-root",
        exercise="batch_norm",
        belief="eps is added to the standard deviation, outside the root.",
        edits=(("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)"),),
        question="Which of the two does the formula enlarge by eps, the variance or its root?",
        explanation="The denominator is sqrt(var + eps). Outside, it hardly protects a small variance: a constant\n"
        "channel would be divided by 1e-5, not by 0.003, and the root's gradient at 0 is infinite. "
        "See “The idea”.",
    ),
    Misconception(
        id="eps-left-out",
        exercise="batch_norm",
        belief="eps is a detail of the library that the formula can do without.",
        edits=(("torch.sqrt(var + eps)", "torch.sqrt(var)"),),
        question="What does your formula give for a channel that is constant, as behind a dead ReLU?",
        explanation="A constant channel has variance 0; without eps it turns into 0 / 0 = nan and the net is lost.\n"
        "See the formula in “The idea”.",
    ),
    Misconception(
        id="eps-hard-coded",
        exercise="batch_norm",
        belief="eps is always 1e-5, so the argument needn't be used.",
        edits=(("torch.sqrt(var + eps)", "torch.sqrt(var + 1e-5)"),),
        question="What changes in your output when the caller passes eps=0.5?",
        explanation="Published nets use other values (TensorFlow's default is 1e-3), and theirs must be honoured.\n"
        "See the signature in exercise 2.",
    ),
    Misconception(
        id="eps-as-a-floor",
        exercise="batch_norm",
        belief="eps is the smallest variance allowed: anything below it is raised to it.",
        edits=(("torch.sqrt(var + eps)", "torch.sqrt(var.clamp(min=eps))"),),
        question="Does the formula change a variance that is much larger than eps?",
        explanation="eps is added to every variance, small or large, so that the function stays smooth.\n"
        "See the formula in “The idea”.",
    ),
    Misconception(
        id="divides-by-the-variance",
        exercise="batch_norm",
        belief="The centred input is divided by the variance.",
        edits=(("torch.sqrt(var + eps)", "(var + eps)"),),
        question="If x is measured in metres, in what unit is the variance, and in what unit should the result be?",
        explanation="Dividing by the standard deviation, the root of the variance, makes the result free of units.\n"
        "See “By hand”: variance 4, but division by 2.",
    ),
    Misconception(
        id="gamma-before-normalising",
        exercise="batch_norm",
        belief="gamma scales the input, before the mean is subtracted.",
        edits=(("(x - mean) /", "(weight * x - mean) /"), ("return weight * x_hat + bias", "return x_hat + bias")),
        question="Which variable stands beside gamma in the formula, x or the normalised x?",
        explanation="gamma and beta come last: they give a normalised channel the scale and\n"
        "the place that the net learns. See the formula in “The idea”.",
    ),
    Misconception(
        id="shifts-before-scaling",
        exercise="batch_norm",
        belief="The channel is shifted first and scaled afterwards, so that gamma scales beta too.",
        edits=(("return weight * x_hat + bias", "return weight * (x_hat + bias)"),),
        question="With gamma = 0, what should be left of the channel?",
        explanation="y = gamma * x_hat + beta: with gamma = 0 the channel is beta everywhere, not 0.\n"
        "See the formula in “The idea”.",
    ),
    Misconception(
        id="vectors-line-up-by-themselves",
        exercise="batch_norm",
        belief="A vector of shape (C,) lines up with the channels of (N, C, H, W) by itself.",
        edits=(("(vector[:, None, None].to", "(vector.to"),),
        question="Broadcasting compares shapes from the right. Which dimension of x does a (C,) vector meet first?",
        explanation="From the right, (C,) meets W: an error as a rule, and silently wrong where W happens to equal C.\n"
        "See hint 1 of exercise 2.",
    ),
    Misconception(
        id="always-the-statistics-of-the-batch",
        exercise="batch_norm",
        belief="The input is always normalised with its own mean and variance.",
        edits=(
            ("x_hat = (x - mean)", "mean, var = (s[:, None, None] for s in batch_statistics(x)); x_hat = (x - mean)"),
        ),
        question="Which mean should an image be normalised with when it comes alone, in eval mode?",
        explanation="The function takes its statistics as arguments: the batch's in\n"
        "training, the running ones in eval. See the first lines of exercise 2.",
    ),
    Misconception(
        id="normalises-in-float32",
        exercise="batch_norm",
        belief="Normalisation always happens in float32.",
        edits=(("return weight * x_hat + bias", "return (weight * x_hat + bias).float()"),),
        question="What dtype does your output have when the input is float64?",
        explanation="The output's dtype is the input's, so that a check in float64 stays in float64.\n"
        "See “Returns” in the docstring of exercise 2.",
    ),
    Misconception(
        id="normalises-in-float64",
        exercise="batch_norm",
        belief="The output is float64, as float32 is not precise enough for a normalisation.",
        edits=(("return weight * x_hat + bias", "return (weight * x_hat + bias).double()"),),
        question="What dtype does your output have when the input is float32, and what would the next layer say to it?",
        explanation="Compute in float64 if you like, but give back the dtype of x: a float32 layer refuses another.\n"
        "See “Returns” in the docstring of exercise 2.",
    ),
    Misconception(
        id="normalises-in-place",
        exercise="batch_norm",
        belief="The input may be normalised in place, as it isn't needed any more.",
        edits=(("x_hat = (x - mean) / torch.sqrt(var + eps)", "x_hat = x.sub_(mean).div_(torch.sqrt(var + eps))"),),
        question="Does anything behind your function still read x, the backward pass for instance?",
        explanation="A shortcut around the block, and the backward pass, read x again after you have overwritten it.\n"
        "See “left unchanged” in the docstring of exercise 2.",
    ),
    Misconception(
        id="no-gradient-for-the-statistics",
        exercise="batch_norm",
        belief="mean and var are numbers to normalise with, so their gradient is cut off.",
        edits=(
            (
                "(vector[:, None, None].to(x.dtype) for vector in (mean, var,",
                "(v[:, None, None].to(x.dtype) for v in (mean.detach(), var.detach(),",
            ),
        ),
        question="In training the mean is computed from x. Which path does the gradient take from the output to it?",
        explanation="In training, two of the three paths from the output back to x lead through mean and var.\n"
        "See the three paths in “The way back”.",
        seen_in="Ioffe & Szegedy 2015, section 2, shows what happens when the gradient ignores the normalisation",
    ),
    Misconception(
        id="no-check-of-the-vectors",
        exercise="batch_norm",
        belief="Vectors of the wrong length needn't be checked, as broadcasting would raise an error.",
        edits=(("if vector.shape != x.shape[1:2]:", "if False:"),),
        question="What does broadcasting do with a vector of length 1?",
        explanation="A vector of length 1 fits everything: one mean would silently serve all channels.\n"
        "See “Raises” in the docstring of exercise 2.",
    ),
    Misconception(
        id="numbers-are-all-that-counts",
        exercise="batch_norm",
        belief="A tensor with one number per channel will do, whatever its shape.",
        edits=(
            ("if vector.shape != x.shape[1:2]:", "if vector.numel() != x.shape[1]:"),
            ("(vector[:, None, None].to", "(vector.reshape(-1, 1, 1).to"),
        ),
        question="Which shape do the docstring and a state dict give to a mean, and which do you accept?",
        explanation="Whoever hands over (C, 1, 1) has mixed up something that will show later and further off.\n"
        "See “Raises” in the docstring of exercise 2.",
    ),
    Misconception(
        id="default-eps-of-another-framework",
        exercise="batch_norm",
        belief="eps is 0.001 unless told otherwise.",
        edits=(("eps: float = 1e-5", "eps: float = 1e-3"),),
        question="Which default stands in the signature that you were given?",
        explanation="torch's default is 1e-5, and weights trained with it expect it.\nSee the signature in exercise 2.",
        seen_in="Keras' BatchNormalization(epsilon=0.001)",
    ),
    Misconception(
        id="normalises-contiguous-memory",
        exercise="batch_norm",
        belief="The pixels of a channel can always be lined up by a view.",
        edits=(("x_hat = (x - mean)", "x = x.view(*x.shape[:2], -1).view(x.shape)\n    x_hat = (x - mean)"),),
        question="What does x.is_contiguous() say after a transpose?",
        explanation="view never moves a number, so it refuses where axes don't follow one another in memory;\n"
        "reshape copies then. See “Args” in the docstring of exercise 2.",
    ),
]

BACKWARD = [
    Misconception(
        id="backward-with-constant-statistics",
        exercise="batch_norm_backward",
        belief="Mean and variance are constants in the backward pass, so grad_x is the gradient times gamma / sigma.",
        edits=((GRAD_X, "grad_output"),),
        question="What must grad_x add up to over a channel, if adding 1 to all of x changes nothing in the output?",
        explanation="The output can't feel a shift or a stretch of x, so the gradient has no part along\n"
        "these directions. Two paths lead through mean and variance; see “The way back”.",
        seen_in="Ioffe & Szegedy 2015, section 2, shows what happens when the gradient ignores the normalisation",
    ),
    Misconception(
        id="backward-ignores-the-variance",
        exercise="batch_norm_backward",
        belief="Only the mean depends on x in the backward pass, the variance is a constant.",
        edits=((GRAD_X, "(grad_output - through_mean)"),),
        question="The output doesn't feel it when x is stretched. Does your gradient know that?",
        explanation="Every x moves the variance as well: the third path, which takes off the part along x_hat.\n"
        "See the three paths in “The way back”.",
    ),
    Misconception(
        id="backward-ignores-the-mean",
        exercise="batch_norm_backward",
        belief="Only the variance depends on x in the backward pass, the mean is a constant.",
        edits=((GRAD_X, "(grad_output - through_var)"),),
        question="What does your gradient add up to over a channel, and what should it?",
        explanation="Every x moves the mean as well: that is the second path, which takes off the gradient's average.\n"
        "See the three paths in “The way back”.",
    ),
    Misconception(
        id="backward-adds-the-variances-share",
        exercise="batch_norm_backward",
        belief="The share that goes through the variance is added.",
        edits=((GRAD_X, "(grad_output - through_mean + through_var)"),),
        question="When x moves away from the mean, does the denominator grow or shrink? What does that do to x_hat?",
        explanation="A larger variance makes a larger denominator and a smaller x_hat, so its share is subtracted.\n"
        "See the third path in “The way back”: sigma stands in the denominator.",
    ),
    Misconception(
        id="backward-counts-images",
        exercise="batch_norm_backward",
        belief="The averages of the backward pass are over the N images.",
        edits=(("count = x.numel() // x.shape[1]", "count = x.shape[0]"),),
        question="Over how many values was the mean taken in the forward pass?",
        explanation="Each of the N * H * W values of a channel has a share of 1 / n in the mean: n counts them all.\n"
        "See the definition of n in “The way back”.",
    ),
    Misconception(
        id="backward-counts-one-less",
        exercise="batch_norm_backward",
        belief="The averages of the backward pass are divided by n - 1, as for an unbiased variance.",
        edits=(("count = x.numel() // x.shape[1]", "count = x.numel() // x.shape[1] - 1"),),
        question="By what was the variance divided in the forward pass?",
        explanation="The forward pass normalises with the biased variance, divided by n, and\n"
        "the backward pass follows it. See the definition of n in “The way back”.",
    ),
    Misconception(
        id="backward-without-eps",
        exercise="batch_norm_backward",
        belief="eps drops out of the derivative, as it is a constant.",
        edits=(("torch.sqrt(var + eps)", "torch.sqrt(var)"),),
        question="Where does sigma come from in the forward pass, and does it hold eps?",
        explanation="sigma is sqrt(var + eps) throughout; eps is constant, but the root's derivative still holds it.\n"
        "See the definition of sigma in “The way back”.",
    ),
    Misconception(
        id="backward-divides-by-the-variance",
        exercise="batch_norm_backward",
        belief="The gradient is divided by the variance.",
        edits=(("* (grad_output - through_mean", "* inv_std[:, None, None] * (grad_output - through_mean"),),
        question="If x is stretched tenfold, by what factor should its gradient shrink?",
        explanation="x_hat = (x - mean) / sigma, and its derivative with respect to x holds sigma once.\n"
        "See the first of the three paths in “The way back”.",
    ),
    Misconception(
        id="backward-without-gamma",
        exercise="batch_norm_backward",
        belief="gamma only matters for its own gradient, not for that of x.",
        edits=(("(weight * inv_std)[:, None, None]", "inv_std[:, None, None]"),),
        question="With gamma = 0 the output is the same whatever x is. What must grad_x be then?",
        explanation="The gradient passes the multiplication by gamma on its way to x_hat, and is multiplied by it.\n"
        "See the first formula of “The way back”.",
    ),
    Misconception(
        id="grad-weight-from-the-raw-input",
        exercise="batch_norm_backward",
        belief="The gradient of gamma is the sum of the gradient times the input.",
        edits=(
            ("return grad_x, grad_weight, grad_bias", "return grad_x, (grad_output * x).sum(dim=(0, 2, 3)), grad_bias"),
        ),
        question="What is gamma multiplied by in the forward pass, x or x_hat?",
        explanation="y = gamma * x_hat + beta: in gamma's gradient, each value of grad_output is multiplied by x_hat.\n"
        "See “The way back”.",
    ),
    Misconception(
        id="grad-weight-times-gamma",
        exercise="batch_norm_backward",
        belief="The gradient of gamma holds gamma itself as a factor.",
        edits=(("return grad_x, grad_weight, grad_bias", "return grad_x, weight * grad_weight, grad_bias"),),
        question="What is the derivative of gamma * x_hat with respect to gamma?",
        explanation="y is linear in gamma, so gamma drops out of its own derivative.\nSee “The way back”.",
    ),
    Misconception(
        id="grad-weight-averaged",
        exercise="batch_norm_backward",
        belief="The gradient of gamma is averaged over batch and pixels.",
        edits=(("return grad_x, grad_weight, grad_bias", "return grad_x, grad_weight / count, grad_bias"),),
        question="One gamma is used N * H * W times. How do the gradients of several uses come together?",
        explanation="Gradients of all uses of a parameter add up; an average, if any, is already part of the loss.\n"
        "See “The way back”.",
    ),
    Misconception(
        id="grad-bias-averaged",
        exercise="batch_norm_backward",
        belief="The gradient of beta is averaged over batch and pixels.",
        edits=(("return grad_x, grad_weight, grad_bias", "return grad_x, grad_weight, grad_bias / count"),),
        question="One beta is added N * H * W times. How do the gradients of several uses come together?",
        explanation="Gradients of all uses of a parameter add up; an average, if any, is already part of the loss.\n"
        "See “The way back”.",
    ),
    Misconception(
        id="grad-bias-over-the-batch-only",
        exercise="batch_norm_backward",
        belief="The gradient of beta is summed over the batch and averaged over the pixels.",
        edits=(
            (
                "return grad_x, grad_weight, grad_bias",
                "return grad_x, grad_weight, grad_output.mean(dim=(2, 3)).sum(dim=0)",
            ),
        ),
        question="Is a beta used any less at the second pixel of an image than in the second image?",
        explanation="beta is added at every pixel of every image, so its gradient is summed over N, H and W alike.\n"
        "See “The way back”.",
    ),
    Misconception(
        id="backward-in-float32",
        exercise="batch_norm_backward",
        belief="Gradients are always float32.",
        edits=(
            ("return grad_x, grad_weight, grad_bias", "return grad_x.float(), grad_weight.float(), grad_bias.float()"),
        ),
        question="What dtype do your gradients have when the input is float64?",
        explanation="A gradient has the dtype of what it belongs to; checking gradients needs float64.\n"
        "See “Returns” in the docstring of exercise 3.",
    ),
    Misconception(
        id="backward-in-float64",
        exercise="batch_norm_backward",
        belief="Gradients are float64, as they are checked in float64.",
        edits=(
            (
                "return grad_x, grad_weight, grad_bias",
                "return grad_x.double(), grad_weight.double(), grad_bias.double()",
            ),
        ),
        question="What dtype do your gradients have when the input is float32?",
        explanation="A gradient has the dtype of what it belongs to, float32 in training; only checks use float64.\n"
        "See “Returns” in the docstring of exercise 3.",
    ),
    Misconception(
        id="backward-overwrites-the-gradient",
        exercise="batch_norm_backward",
        belief="grad_output may be overwritten, as it has been used up.",
        edits=((GRAD_X, "grad_output.sub_(through_mean + through_var)"),),
        question="If the output was used twice, who else holds this very gradient?",
        explanation="A gradient may be shared, for instance with the shortcut around the block, which still needs it.\n"
        "See “left unchanged” in the docstring of exercise 3.",
    ),
    Misconception(
        id="autograd-does-it",
        exercise="batch_norm_backward",
        belief="The backward pass may be left to autograd.",
        edits=(
            (
                "grad_x = (weight * inv_std)[:, None, None] * (grad_output - through_mean - through_var)",
                "leaf = x.detach().requires_grad_()\n"
                "    out = batch_norm(leaf, *batch_statistics(leaf), weight, torch.zeros_like(weight), eps)\n"
                "    grad_x = torch.autograd.grad(out, leaf, grad_output)[0]",
            ),
        ),
        question="What would you do if you had to write the kernel that autograd calls?",
        explanation="This is the one time you do autograd's work; afterwards it is yours to use.\n"
        "See hints 1 to 3 of exercise 3.",
    ),
    Misconception(
        id="grad-output-broadcasts",
        exercise="batch_norm_backward",
        belief="A grad_output that broadcasts to the shape of x is as good as one of that shape.",
        edits=(("if grad_output.shape != x.shape:", "if False:"),),
        question="Over how many values does your sum for grad_bias go, if grad_output is (N, C, 1, 1)?",
        explanation="The sum for grad_bias counts each value once instead of H * W times: silently too small.\n"
        "See “Raises” in the docstring of exercise 3.",
    ),
    Misconception(
        id="weight-broadcasts",
        exercise="batch_norm_backward",
        belief="A weight of length 1 is as good as one per channel.",
        edits=(("if weight.shape != x.shape[1:2]:", "if False:"),),
        question="What shape does your grad_weight have, and what shape has the weight?",
        explanation="A single gamma for all channels would need a single gradient; (C,) against\n"
        "(1,) is a caller's mistake. See “Raises” in the docstring of exercise 3.",
    ),
    Misconception(
        id="autograd-switched-back-on",
        exercise="batch_norm_backward",
        belief="Where autograd is off, it may be switched on again for a moment.",
        edits=(
            (
                "    mean, var = batch_statistics(x)",
                "    with torch.inference_mode(False), torch.enable_grad():\n"
                "        leaves = [x.clone(), weight.clone(), torch.zeros(len(weight), dtype=x.dtype)]\n"
                "        x_leaf, *affine = (leaf.requires_grad_() for leaf in leaves)\n"
                "        out = batch_norm(x_leaf, *batch_statistics(x_leaf), *affine, eps)\n"
                "        return torch.autograd.grad(out, leaves, grad_output.clone())\n"
                "    mean, var = batch_statistics(x)",
            ),
        ),
        question="Who computes the three gradients in your code, and from which formulas?",
        explanation="Whatever mode it runs in, autograd would do the very work that this exercise is about.\n"
        "See “The way back”.",
    ),
    Misconception(
        id="inference-mode-for-good",
        exercise="batch_norm_backward",
        belief="A function that needs no autograd is best put under inference mode.",
        edits=(("def batch_norm_backward(", "@torch.inference_mode()\ndef batch_norm_backward("),),
        question="What does grad_x.is_inference() say, and what may autograd do with such a tensor?",
        explanation="Autograd refuses inference tensors for ever, and gradients may be needed in another graph;\n"
        "torch.no_grad() has no such effect. See “Returns” in the docstring of exercise 3.",
    ),
    Misconception(
        id="backward-takes-the-mean-of-squares",
        exercise="batch_norm_backward",
        belief="On the way back, the variance may be computed as E[x²] - E[x]².",
        edits=(
            (
                "mean, var = batch_statistics(x)",
                "mean = x.mean(dim=(0, 2, 3))\n    var = x.square().mean(dim=(0, 2, 3)) - mean.square()",
            ),
        ),
        question="With a mean of 1000 and a deviation of 1, how many of float32's seven digits does the result keep?",
        explanation="Two numbers near a million are subtracted to give one near 1: the digits that matter are gone.\n"
        "batch_statistics is at hand; see hint 3 of exercise 1.",
    ),
    Misconception(
        id="backward-with-another-default-eps",
        exercise="batch_norm_backward",
        belief="eps is 0.001 on the way back unless told otherwise.",
        edits=(("eps: float = 1e-5", "eps: float = 1e-3"),),
        question="Which default has the function whose gradient this is?",
        explanation="Forward and backward belong together, and so do their defaults: 1e-5.\n"
        "See the signatures in exercises 2 and 3.",
        seen_in="Keras' BatchNormalization(epsilon=0.001)",
    ),
    Misconception(
        id="gradients-squeezed",
        exercise="batch_norm_backward",
        belief="A gradient may be squeezed, as only dimensions without meaning go.",
        edits=(("return grad_x, grad_weight, grad_bias", "return grad_x, grad_weight.squeeze(), grad_bias.squeeze()"),),
        question="What shape has your grad_weight if x has a single channel, and what shape has the weight?",
        explanation="squeeze() drops every dimension of length 1, that of a single channel, too.\n"
        "A gradient has the shape of its tensor; see “Returns” in the docstring of exercise 3.",
    ),
    Misconception(
        id="backward-of-contiguous-memory",
        exercise="batch_norm_backward",
        belief="A gradient's numbers always lie in memory in the order of its axes.",
        edits=(
            (
                "grad_bias = grad_output.sum(dim=(0, 2, 3))",
                "grad_bias = grad_output.view(*x.shape[:2], -1).sum(dim=(0, 2))",
            ),
        ),
        question="What is the memory layout of a gradient that comes back through a transpose?",
        explanation="view never moves a number, so it refuses where axes don't follow one another in memory;\n"
        "reshape copies then. See “Args” in the docstring of exercise 3.",
    ),
]

LAYER = [
    Misconception(
        id="plain-attributes",
        exercise="BatchNorm2d",
        belief="The running statistics may be plain attributes of the module.",
        edits=(
            (
                'self.register_buffer("running_mean", torch.zeros(num_features))',
                "self.running_mean = torch.zeros(num_features)",
            ),
            (
                'self.register_buffer("running_var", torch.ones(num_features))',
                "self.running_var = torch.ones(num_features)",
            ),
            (
                'self.register_buffer("num_batches_tracked", torch.tensor(0))',
                "self.num_batches_tracked = torch.tensor(0)",
            ),
        ),
        question="What do layer.state_dict() and layer.to(device) know of your running statistics?",
        explanation="Only parameters and buffers are saved, loaded and moved; a loaded net would start from\n"
        "mean 0 and variance 1. See “Two modes”: what is learned, what is only remembered.",
        seen_in=MAKEMORE + "; " + D2L,
    ),
    Misconception(
        id="statistics-are-parameters",
        exercise="BatchNorm2d",
        belief="The running statistics are parameters that don't require a gradient.",
        edits=(
            (
                'self.register_buffer("num_batches_tracked", torch.tensor(0))',
                'self.register_buffer("num_batches_tracked", torch.tensor(0))\n'
                "        self.running_mean = nn.Parameter(self._buffers.pop('running_mean'), requires_grad=False)\n"
                "        self.running_var = nn.Parameter(self._buffers.pop('running_var'), requires_grad=False)",
            ),
        ),
        question="What would a count of the parameters, or code that unfreezes all of them, make of these two?",
        explanation="parameters() lists what an optimizer may change; the running statistics are only\n"
        "remembered, as buffers. See “Two modes”: what is learned, what is only remembered.",
    ),
    Misconception(
        id="affine-as-plain-tensors",
        exercise="BatchNorm2d",
        belief="A tensor that requires a gradient is a parameter of the module.",
        edits=(
            ("nn.Parameter(torch.ones(num_features))", "torch.ones(num_features, requires_grad=True)"),
            ("nn.Parameter(torch.zeros(num_features))", "torch.zeros(num_features, requires_grad=True)"),
        ),
        question="What does layer.parameters() list, and what will the optimizer therefore change?",
        explanation="A module registers nn.Parameter only; a plain tensor gets gradients, but nobody ever\n"
        "takes a step with them. See “Two modes”: what is learned, what is only remembered.",
        seen_in=MAKEMORE,
    ),
    Misconception(
        id="affine-of-four-dimensions",
        exercise="BatchNorm2d",
        belief="weight and bias are kept in the shape in which they broadcast, (1, C, 1, 1).",
        edits=(
            ("nn.Parameter(torch.ones(num_features))", "nn.Parameter(torch.ones(1, num_features, 1, 1))"),
            ("nn.Parameter(torch.zeros(num_features))", "nn.Parameter(torch.zeros(1, num_features, 1, 1))"),
            (RETURNED, "return batch_norm(x, mean, var, self.weight.flatten(), self.bias.flatten(), self.eps)"),
        ),
        question="Would torch's state dict load into your layer?",
        explanation="State dicts hold vectors of shape (C,); load_state_dict refuses another shape.\n"
        "See “Attributes” in the docstring of exercise 4.",
        seen_in=D2L,
    ),
    Misconception(
        id="weight-starts-at-zero",
        exercise="BatchNorm2d",
        belief="gamma starts at zero.",
        edits=(("self.weight = nn.Parameter(torch.ones", "self.weight = nn.Parameter(torch.zeros"),),
        question="What comes out of the layer before the first step of training, if gamma is zero?",
        explanation="gamma starts at one, so that the layer first does nothing but normalise. Zero is for the last\n"
        "norm of a residual block (Goyal et al. 2017, section 5.1), which lesson 3 sets on purpose.",
        seen_in="Goyal et al. 2017, section 5.1, for the last norm of a residual block only",
    ),
    Misconception(
        id="bias-starts-at-one",
        exercise="BatchNorm2d",
        belief="beta starts at one, like gamma.",
        edits=(("self.bias = nn.Parameter(torch.zeros", "self.bias = nn.Parameter(torch.ones"),),
        question="What should the mean of the output be before the first step of training?",
        explanation="beta is added, so it starts at zero; gamma multiplies, so it starts at one.\n"
        "See “Attributes” in the docstring of exercise 4.",
    ),
    Misconception(
        id="running-var-starts-at-zero",
        exercise="BatchNorm2d",
        belief="The running variance starts at zero, like the running mean.",
        edits=(('"running_var", torch.ones', '"running_var", torch.zeros'),),
        question="What does a layer that has not seen a batch do to its input in eval mode?",
        explanation="With mean 0 and variance 1 an untrained layer leaves its input as it is; variance\n"
        "0 blows it up by 1 / sqrt(eps). See “Attributes” in the docstring of exercise 4.",
    ),
    Misconception(
        id="settings-under-other-names",
        exercise="BatchNorm2d",
        belief="The names under which a layer keeps its settings are its own business.",
        edits=(
            ("self.num_features, self.eps, self.momentum = num", "self.num_features, self.epsilon, self.decay = num"),
            (BATCH_MEAN, BATCH_MEAN.replace("self.momentum", "self.decay")),
            (BATCH_VAR, BATCH_VAR.replace("self.momentum", "self.decay")),
            (RETURNED, RETURNED.replace("self.eps", "self.epsilon")),
        ),
        question="Which eps does a function read that is handed your norm or torch's, and can't tell which?",
        explanation="Code that knows torch's layer reads bn.eps and bn.momentum; your own folding will read bn.eps.\n"
        "See “Attributes” in the docstring of exercise 4.",
        seen_in="Keras calls its eps epsilon",
    ),
    Misconception(
        id="running-statistics-in-training",
        exercise="BatchNorm2d",
        belief="A training batch is normalised with the running statistics, after they have been updated.",
        edits=(
            (RETURNED, "return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.eps)"),
        ),
        question="What is the mean of your output in training mode, and what should it be?",
        explanation="In training the batch normalises itself; the running statistics only\n"
        "listen, for later use in eval. See “Two modes”.",
    ),
    Misconception(
        id="unbiased-for-both",
        exercise="BatchNorm2d",
        belief="One variance serves both purposes, the unbiased one.",
        edits=(
            ("mean, var = batch_statistics(x)", "mean, var = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3))"),
            ("var * (count / (count - 1))", "var"),
        ),
        question="With four values per channel, what is your output's variance (divided by 4): nearly 1, or 3/4?",
        explanation="The batch is normalised with the biased variance; only running_var takes the unbiased one.\n"
        "See “Two modes”: one batch, two variances.",
        seen_in=MAKEMORE,
    ),
    Misconception(
        id="eps-of-the-layer-ignored",
        exercise="BatchNorm2d",
        belief="The layer's eps needn't be handed on, as the default is the same.",
        edits=(("self.weight, self.bias, self.eps)", "self.weight, self.bias)"),),
        question="Where does the eps of the constructor reach the formula?",
        explanation="A layer built with eps=1e-3 must compute with 1e-3.\n"
        "See “Attributes” in the docstring of exercise 4.",
    ),
    Misconception(
        id="biased-running-variance",
        exercise="BatchNorm2d",
        belief="running_var holds the same biased variance that normalises.",
        edits=(("var * (count / (count - 1))", "var"),),
        question="running_var is meant to estimate the variance of all data. Does a batch's biased variance do that?",
        explanation="A batch's biased variance is on average only (n - 1) / n of the true one; running_var\n"
        "takes n / (n - 1) times as much. See “Two modes”: one batch, two variances.",
        seen_in=f"{D2L}; {LABML}; against Ioffe & Szegedy 2015, algorithm 2, which corrects it",
    ),
    Misconception(
        id="momentum-reversed",
        exercise="BatchNorm2d",
        belief="momentum is the weight of the old value in the running statistics.",
        edits=(
            (BATCH_MEAN, BATCH_MEAN.replace("self.momentum", "(1 - self.momentum)")),
            (BATCH_VAR, BATCH_VAR.replace("self.momentum", "(1 - self.momentum)")),
        ),
        question="With momentum = 0.1, how much of the running mean should one single batch replace?",
        explanation="In torch, momentum is the share of the NEW batch: 0.1 keeps nine tenths of the old value.\n"
        "See “Predict, then run: how fast do running statistics arrive?”.",
        seen_in="the convention of Keras and MindSpore, where momentum weighs the old value",
    ),
    Misconception(
        id="running-statistics-never-move",
        exercise="BatchNorm2d",
        belief="The running statistics are set at the start and don't change.",
        edits=((BATCH_MEAN, "pass"), (BATCH_VAR, "pass")),
        question="What do running_mean and running_var hold after a hundred batches of training?",
        explanation="Every batch in training moves them a little; in eval they are all the layer knows of the data.\n"
        "See “Two modes”.",
    ),
    Misconception(
        id="momentum-for-the-mean-only",
        exercise="BatchNorm2d",
        belief="The running variance is the last batch's, only the mean is averaged.",
        edits=((BATCH_VAR, "self.running_var += var * (count / (count - 1)) - self.running_var"),),
        question="What is left in running_var of the batch before last?",
        explanation="Both statistics move by the same rule, with the same momentum.\nSee “Two modes”.",
    ),
    Misconception(
        id="momentum-hard-coded",
        exercise="BatchNorm2d",
        belief="momentum is always 0.1, so the argument needn't be used.",
        edits=(
            (BATCH_MEAN, BATCH_MEAN.replace("self.momentum", "0.1")),
            (BATCH_VAR, BATCH_VAR.replace("self.momentum", "0.1")),
        ),
        question="What changes in your running statistics when the layer is built with momentum=0.3?",
        explanation="The rule uses the momentum that the layer was built with.\n"
        "See “Attributes” in the docstring of exercise 4.",
    ),
    Misconception(
        id="cumulative-average",
        exercise="BatchNorm2d",
        belief="The running statistics are the plain average over all batches so far.",
        edits=(
            (BATCH_MEAN, BATCH_MEAN.replace("self.momentum *", "1 / (self.num_batches_tracked + 1) *")),
            (BATCH_VAR, BATCH_VAR.replace("self.momentum *", "1 / (self.num_batches_tracked + 1) *")),
        ),
        question="The weights change all the time. Should the first batch still count as much as the last?",
        explanation="The average is exponential: old batches fade, because old weights made them.\n"
        "torch's plain average is momentum=None; see “Two modes”.",
        seen_in="torch.nn.BatchNorm2d with momentum=None",
    ),
    Misconception(
        id="corrects-by-the-number-of-images",
        exercise="BatchNorm2d",
        belief="The n of the correction n / (n - 1) is the number of images.",
        edits=(("var * (count / (count - 1))", "var * x.shape[0] / (x.shape[0] - 1)"),),
        question="Over how many values did you take the variance?",
        explanation="n is N * H * W, the number of values that share one variance.\n"
        "See “Two modes”: one batch, two variances.",
    ),
    Misconception(
        id="deviation-in-running-var",
        exercise="BatchNorm2d",
        belief="running_var averages the standard deviation.",
        edits=(("var * (count / (count - 1))", "(var * (count / (count - 1))).sqrt()"),),
        question="In what unit is running_var, that of x or that of x squared?",
        explanation="running_var is an average of variances; the root is taken when it normalises.\nSee “Two modes”.",
    ),
    Misconception(
        id="batches-not-counted",
        exercise="BatchNorm2d",
        belief="num_batches_tracked is there for the state dict only and needn't count.",
        edits=(("self.num_batches_tracked += 1", "pass"),),
        question="What does num_batches_tracked hold after two batches of training?",
        explanation="torch counts every batch of training mode in it, and other code reads it.\n"
        "See “Attributes” in the docstring of exercise 4.",
        seen_in=LABML + ", which has no counter",
    ),
    Misconception(
        id="momentum-zero-is-none-given",
        exercise="BatchNorm2d",
        belief="A momentum of 0 means that none was given.",
        edits=(("= num_features, eps, momentum", "= num_features, eps, momentum or 0.1"),),
        question="What should running statistics do in training if the new batch has a weight of 0?",
        explanation="0 is a number like any other: it keeps the running statistics where they are. `or` replaces it.\n"
        "See Args in the docstring of BatchNorm2d.",
    ),
    Misconception(
        id="eps-zero-is-none-given",
        exercise="BatchNorm2d",
        belief="An eps of 0 means that none was given.",
        edits=(("= num_features, eps, momentum", "= num_features, eps or 1e-5, momentum"),),
        question="Which layer divides by exactly the deviation of its batch?",
        explanation="0 is a number like any other: it adds nothing to the variance. `or` replaces it.\n"
        "See Args in the docstring of BatchNorm2d.",
    ),
    Misconception(
        id="counts-in-eval",
        exercise="BatchNorm2d",
        belief="num_batches_tracked counts every call, in eval mode too.",
        edits=(
            ("self.num_batches_tracked += 1", "pass"),
            (RETURNED, "self.num_batches_tracked += 1; " + RETURNED),
        ),
        question="Does a batch in eval mode change anything that the layer remembers?",
        explanation="It counts the batches that have moved the running statistics, and eval moves nothing.\n"
        "See “Two modes”.",
    ),
    Misconception(
        id="batch-statistics-in-eval",
        exercise="BatchNorm2d",
        belief="In eval mode, too, a batch is normalised with its own statistics.",
        edits=(("mean, var = self.running_mean, self.running_var", "mean, var = batch_statistics(x)"),),
        question="May the answer for one test image depend on which other images are in its batch?",
        explanation="In eval the running statistics normalise, so that an image's answer is its own.\n"
        "See “Two modes”, and the first plot of “What broke, what it means”.",
    ),
    Misconception(
        id="running-statistics-move-in-eval",
        exercise="BatchNorm2d",
        belief="The running statistics keep learning in eval mode.",
        edits=(
            (
                "mean, var = self.running_mean, self.running_var",
                "mean, var = self.running_mean.clone(), self.running_var.clone()\n"
                "            self.running_mean += self.momentum * (batch_statistics(x)[0] - mean)",
            ),
        ),
        question="After evaluating twice, do you get the same answers?",
        explanation="Eval changes nothing: statistics of test images must not leak into the model.\nSee “Two modes”.",
    ),
    Misconception(
        id="no-affine-in-eval",
        exercise="BatchNorm2d",
        belief="gamma and beta are for training; in eval mode the input is only normalised.",
        edits=(
            (
                "mean, var = self.running_mean, self.running_var",
                "return batch_norm(x, self.running_mean, self.running_var,"
                " torch.ones_like(self.weight), torch.zeros_like(self.bias), self.eps)",
            ),
        ),
        question="What would the next layer say if its input lost the scale and shift it was trained with?",
        explanation="The modes differ in the statistics alone; gamma and beta are applied in both.\nSee “Two modes”.",
    ),
    Misconception(
        id="mode-from-autograd",
        exercise="BatchNorm2d",
        belief="The layer trains whenever gradients are enabled.",
        edits=(("if self.training:", "if torch.is_grad_enabled():"),),
        question="Which statistics should a layer in eval mode use while you compute a saliency map with gradients?",
        explanation="train() and eval() set the mode, and no_grad() is independent of it:\n"
        "each combination has its use. See “Two modes”.",
        seen_in=D2L,
    ),
    Misconception(
        id="layer-changes-its-input",
        exercise="BatchNorm2d",
        belief="The layer may centre its input in place to save memory.",
        edits=(
            (RETURNED, "x -= mean.detach()[:, None, None]; " + RETURNED.replace("x, mean", "x, mean - mean.detach()")),
        ),
        question="In a residual block, who else reads the very tensor that you were given?",
        explanation="The shortcut around the block still needs the input as it was.\n"
        "See “Shapes” in the docstring of exercise 4.",
    ),
    Misconception(
        id="statistics-detached-in-training",
        exercise="BatchNorm2d",
        belief="The statistics of the batch are constants for autograd in training.",
        edits=(("mean, var = batch_statistics(x)", "mean, var = batch_statistics(x.detach())"),),
        question="Which of the three paths back to x does your gradient take?",
        explanation="Only the running copies are cut off from autograd; the statistics that normalise must carry\n"
        "the gradient. See “The way back”, and the second plot of “What broke, what it means”.",
        seen_in="Ioffe & Szegedy 2015, section 2, shows what happens when the gradient ignores the normalisation",
    ),
    Misconception(
        id="running-statistics-keep-the-graph",
        exercise="BatchNorm2d",
        belief="The running statistics need no care with autograd, as nobody asks for their gradient.",
        edits=(("with torch.no_grad():", "with torch.enable_grad():"),),
        question="After a thousand batches, of how many batches does running_mean still hold the graph?",
        explanation="Every update would link to the one before: memory grows with each batch until it runs out.\n"
        "See hint 3 of exercise 4.",
        seen_in=LABML,
    ),
    Misconception(
        id="no-check-of-the-channels",
        exercise="BatchNorm2d",
        belief="Whatever torch raises for an input of the wrong shape is clear enough.",
        edits=(("if x.dim() != 4 or x.shape[1] != self.num_features:", "if x.dim() != 4:"),),
        question="Does the message say how many channels were expected, and which shape came?",
        explanation="The layer knows both numbers, and the reader of the message needs both.\n"
        "See “Raises” in the docstring of exercise 4.",
    ),
    Misconception(
        id="no-check-of-the-dimensions",
        exercise="BatchNorm2d",
        belief="An input with the right number of channels has the right shape.",
        edits=(("if x.dim() != 4 or x.shape[1]", "if x.shape[1]"),),
        question="What does your layer say to a batch of shape (2, 3, 5), and who raises that error?",
        explanation="(N, C, L) has its channels in the same place as (N, C, H, W), and is no batch of images.\n"
        "See “Raises” in the docstring of exercise 4.",
    ),
    Misconception(
        id="trains-on-one-value",
        exercise="BatchNorm2d",
        belief="One value per channel can be normalised like any other batch.",
        edits=(("if count == 1:", "count = max(count, 2)\n            if False:"),),
        question="What is a value minus the mean of that value alone, and what can the net learn from it?",
        explanation="One value minus its own mean is 0 whatever it was, and n / (n - 1) divides\n"
        "by zero: torch refuses it. See “Raises” in the docstring of exercise 4.",
    ),
    Misconception(
        id="one-image-has-no-statistics",
        exercise="BatchNorm2d",
        belief="A batch of one image has no statistics.",
        edits=(("if count == 1:", "if len(x) == 1:"),),
        question="How many values of a channel does one image of 4 x 5 pixels hold?",
        explanation="A channel's statistics are over batch, height and width: one image has H * W values of each.\n"
        "See “Raises” in the docstring of exercise 4.",
    ),
    Misconception(
        id="one-pixel-has-no-statistics",
        exercise="BatchNorm2d",
        belief="A map of one pixel has no statistics.",
        edits=(("if count == 1:", "if x.shape[2] * x.shape[3] == 1:"),),
        question="How many values of a channel does a batch of 4 such maps hold?",
        explanation="A channel's statistics are over batch, height and width: N maps of one pixel have N values.\n"
        "See “Raises” in the docstring of exercise 4.",
    ),
    Misconception(
        id="learns-only-with-gradients",
        exercise="BatchNorm2d",
        belief="Without gradients the running statistics rest.",
        edits=(
            ("if self.training:\n", "if self.training:\n            rest = not torch.is_grad_enabled()\n"),
            (BATCH_MEAN, BATCH_MEAN.replace("+= ", "+= (not rest) * ")),
            (BATCH_VAR, BATCH_VAR.replace("+= ", "+= (not rest) * ")),
            ("self.num_batches_tracked += 1", "self.num_batches_tracked += not rest"),
        ),
        question="New data come in, and only the statistics are to be refreshed. What does your layer do?",
        explanation="Training mode without gradients refreshes the statistics; self.training alone decides.\n"
        "See the docstring of exercise 4.",
    ),
    Misconception(
        id="refuses-one-value-in-eval",
        exercise="BatchNorm2d",
        belief="One value per channel is refused in eval mode, too.",
        edits=(
            (
                "mean, var = self.running_mean, self.running_var",
                "mean, var = self.running_mean, self.running_var\n"
                "            if x.numel() == self.num_features:\n                raise ValueError(tuple(x.shape))",
            ),
        ),
        question="Does eval mode compute a variance of the input at all?",
        explanation="In eval the statistics are at hand, and a single value is normalised like any other.\n"
        "See “Two modes”.",
    ),
    Misconception(
        id="no-gradients-in-eval",
        exercise="BatchNorm2d",
        belief="In eval mode nobody asks for gradients.",
        edits=(
            (
                "mean, var = self.running_mean, self.running_var",
                "with torch.no_grad():\n"
                "                statistics = self.running_mean, self.running_var\n"
                "                return batch_norm(x, *statistics, self.weight, self.bias, self.eps)",
            ),
        ),
        question="Lesson 7 asks a network in eval mode which pixels mattered. What does it get through your layer?",
        explanation="Eval mode says which statistics are used; whether gradients are wanted is another question.\n"
        "See “Two modes”.",
    ),
    Misconception(
        id="default-momentum-of-another-framework",
        exercise="BatchNorm2d",
        belief="momentum is 0.99 unless told otherwise.",
        edits=(("momentum: float = 0.1", "momentum: float = 0.99"),),
        question="Which default stands in the signature that you were given, and what does it weigh?",
        explanation="Keras' 0.99 weighs the old value; torch's 0.1 weighs the new batch.\n"
        "See “Predict, then run: how fast do running statistics arrive?”.",
        seen_in="Keras' BatchNormalization(momentum=0.99)",
    ),
    Misconception(
        id="layer-takes-the-mean-of-squares",
        exercise="BatchNorm2d",
        belief="In the layer, the variance may be computed as E[x²] - E[x]².",
        edits=(
            (
                "mean, var = batch_statistics(x)",
                "mean = x.mean(dim=(0, 2, 3))\n            var = x.square().mean(dim=(0, 2, 3)) - mean.square()",
            ),
        ),
        question="With a mean of 1000 and a deviation of 1, how many of float32's seven digits does the result keep?",
        explanation="Two numbers near a million are subtracted to give one near 1: the digits that matter are gone.\n"
        "batch_statistics is at hand; see hint 3 of exercise 1.",
        seen_in=LABML,
    ),
    Misconception(
        id="running-statistics-in-float32",
        exercise="BatchNorm2d",
        belief="Running statistics are always float32.",
        edits=(
            (BATCH_MEAN, "self.running_mean = (self.running_mean.lerp(mean, self.momentum)).float()"),
            (
                BATCH_VAR,
                "self.running_var = self.running_var.lerp(var * (count / (count - 1)), self.momentum).float()",
            ),
        ),
        question="What dtype does layer.double().running_var have before a batch, and after it?",
        explanation=".double() and .to() change buffers along with parameters, and a step must not undo it.\n"
        "See “Attributes” in the docstring of exercise 4.",
    ),
    Misconception(
        id="output-kept-on-the-layer",
        exercise="BatchNorm2d",
        belief="A layer may keep a batch, or what it has made of it, as an attribute.",
        edits=((RETURNED, RETURNED.replace("return", "self.out =") + "\n        return self.out"),),
        question="How long does a tensor live that the layer holds, and what does copy.deepcopy say to it?",
        explanation="The output holds its graph, and the graph all of its inputs: memory stays taken, and a copy of\n"
        "the layer is refused. See the docstring of exercise 4.",
    ),
    Misconception(
        id="more-dimensions-do-no-harm",
        exercise="BatchNorm2d",
        belief="Four dimensions are the least that an input needs, and more do no harm.",
        edits=(("if x.dim() != 4 or", "if x.dim() < 4 or"),),
        question="With which dimension of (N, C, D, H, W) does a tensor of shape (C, 1, 1) line up?",
        explanation="Counted from the right, it meets D: volumes would be normalised along the wrong axis.\n"
        "See “Raises” in the docstring of exercise 4.",
    ),
    Misconception(
        id="refuses-after-the-update",
        exercise="BatchNorm2d",
        belief="A batch may be refused at any place of forward, as an error ends it anyway.",
        edits=(
            ("if count == 1:", "if False:"),
            ("(var * (count / (count - 1)) -", "(var * count / torch.tensor(count - 1) -"),
            (
                "self.num_batches_tracked += 1",
                "self.num_batches_tracked += 1\n"
                "                if count == 1:\n"
                '                    raise ValueError(f"cannot train on {tuple(x.shape)}")',
            ),
        ),
        question="What do the running statistics hold after the error, if the caller goes on with the next batch?",
        explanation="A refused batch must leave no trace: check first, change afterwards; 0 / 0 would stay for good.\n"
        "See “Raises” in the docstring of exercise 4.",
    ),
]

FOLD = [
    Misconception(
        id="fold-without-eps",
        exercise="fold_batch_norm",
        belief="eps has no place in the folded weights.",
        edits=(("bn.running_var + bn.eps", "bn.running_var"),),
        question="By what exactly does the norm divide in eval mode?",
        explanation="The norm divides by sqrt(running_var + eps), so the folded weights must, too.\n"
        "See the formula in “Folding”.",
    ),
    Misconception(
        id="fold-with-the-default-eps",
        exercise="fold_batch_norm",
        belief="eps is 1e-5 in every norm.",
        edits=(("bn.running_var + bn.eps", "bn.running_var + 1e-5"),),
        question="Which eps was this norm built with?",
        explanation="The norm's own eps counts; published nets have other values than 1e-5.\n"
        "See the formula in “Folding”.",
    ),
    Misconception(
        id="fold-with-eps-outside-the-root",
        exercise="fold_batch_norm",
        belief="eps is added to the standard deviation when folding.",
        edits=(("torch.sqrt(bn.running_var + bn.eps)", "(torch.sqrt(bn.running_var) + bn.eps)"),),
        question="By what exactly does the norm divide in eval mode?",
        explanation="eps stands under the root, as in the norm itself.\nSee the formula in “Folding”.",
    ),
    Misconception(
        id="fold-with-the-variance",
        exercise="fold_batch_norm",
        belief="The weights are scaled by gamma over the variance.",
        edits=(("torch.sqrt(bn.running_var + bn.eps)", "(bn.running_var + bn.eps)"),),
        question="By what exactly does the norm divide in eval mode?",
        explanation="running_var is a variance; the norm divides by its root.\nSee the formula in “Folding”.",
    ),
    Misconception(
        id="fold-without-gamma",
        exercise="fold_batch_norm",
        belief="The weights are divided by the deviation, and gamma has no part in it.",
        edits=(("scale = bn.weight /", "scale = 1 /"),),
        question="What does the norm multiply by after it has normalised?",
        explanation="The factor of a channel is gamma / sigma, both parts of it.\nSee the formula in “Folding”.",
    ),
    Misconception(
        id="fold-without-beta",
        exercise="fold_batch_norm",
        belief="beta needs no folding.",
        edits=(("* scale + bn.bias)", "* scale)"),),
        question="What does the folded convolution give where its input is zero, and what did the two layers give?",
        explanation="beta is added last and goes into the new bias as it is.\nSee the formula in “Folding”.",
    ),
    Misconception(
        id="fold-without-the-mean",
        exercise="fold_batch_norm",
        belief="The running mean needs no folding.",
        edits=(("(bias - bn.running_mean)", "bias"),),
        question="What does the norm do before it divides?",
        explanation="The mean is subtracted from the convolution's output, so it lands in\n"
        "the new bias, times the scale. See the formula in “Folding”.",
    ),
    Misconception(
        id="fold-drops-the-bias",
        exercise="fold_batch_norm",
        belief="A convolution in front of a norm has no bias to fold.",
        edits=(("if conv.bias is None else conv.bias", "if True else conv.bias"),),
        question="Which convolution has a bias here, and where does it go?",
        explanation="ResNet's convolutions have none, but others do: it is shifted by the\n"
        "mean and scaled like the rest. See the formula in “Folding”.",
    ),
    Misconception(
        id="fold-leaves-the-bias-unscaled",
        exercise="fold_batch_norm",
        belief="The convolution's bias is added to the new one as it is.",
        edits=(("(bias - bn.running_mean) * scale", "bias - bn.running_mean * scale"),),
        question="Does the norm scale the convolution's bias along with the rest of its output?",
        explanation="The norm sees conv(x) with its bias in it, and scales all of it.\nSee the formula in “Folding”.",
    ),
    Misconception(
        id="fold-scales-the-inputs",
        exercise="fold_batch_norm",
        belief="The scale belongs to the second dimension of the convolution's weight.",
        edits=(("scale[:, None, None, None]", "scale[None, :, None, None]"),),
        question="A convolution's weight is (O, C, KH, KW). Which of these dimensions does the norm behind it see?",
        explanation="The norm stands behind the convolution and sees its O output channels, the first dimension.\n"
        "See the shapes in “Folding”.",
    ),
    Misconception(
        id="fold-forgets-stride-and-padding",
        exercise="fold_batch_norm",
        belief="A convolution is its weight and bias, so a new one needs its sizes only.",
        edits=(
            (
                "copy.deepcopy(conv)",
                "nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size,"
                " dilation=conv.dilation, groups=conv.groups)",
            ),
        ),
        question="What shape comes out of the folded convolution, and what shape should?",
        explanation="Stride and padding are settings of the layer and must be carried over.\n"
        "See “Returns” in the docstring of exercise 5.",
    ),
    Misconception(
        id="fold-forgets-dilation-and-groups",
        exercise="fold_batch_norm",
        belief="Stride and padding are all the settings that a convolution has.",
        edits=(
            (
                "copy.deepcopy(conv)",
                "nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)",
            ),
        ),
        question="What else does repr(conv) list?",
        explanation="Dilation and groups are settings, too; a depthwise convolution is nothing without its groups.\n"
        "See “Returns” in the docstring of exercise 5.",
    ),
    Misconception(
        id="fold-keeps-the-missing-bias",
        exercise="fold_batch_norm",
        belief="A convolution without a bias stays without one.",
        edits=(
            (
                "folded.bias = nn.Parameter((bias - bn.running_mean) * scale + bn.bias)",
                "folded.bias = None if conv.bias is None else nn.Parameter((bias - bn.running_mean) * scale + bn.bias)",
            ),
        ),
        question="Where do the mean and beta of the norm go, if the folded convolution has no bias?",
        explanation="The norm shifts its channels, so the folded convolution always has a bias.\n"
        "See the formula in “Folding”.",
    ),
    Misconception(
        id="fold-left-to-torch",
        exercise="fold_batch_norm",
        belief="Folding may be left to the function that torch has for it.",
        edits=(
            (
                "folded = copy.deepcopy(conv)",
                "from torch.nn.utils.fusion import fuse_conv_bn_eval\n\n"
                "    return fuse_conv_bn_eval(copy.deepcopy(conv).eval(), copy.deepcopy(bn).eval())",
            ),
        ),
        question="Which two lines of that function would you have to write, if torch didn't have it?",
        explanation="The formula is two lines, and this exercise is about them; afterwards torch's function is yours.\n"
        "See the formula in “Folding”, and the docstring of exercise 5.",
    ),
    Misconception(
        id="fold-in-place",
        exercise="fold_batch_norm",
        belief="The convolution may be changed itself, as it is replaced anyway.",
        edits=(("copy.deepcopy(conv)", "conv"),),
        question="What does the original net compute after you have made a folded one from it?",
        explanation="Folding gives a new layer, so that the trained net stays as it was and the two can be compared.\n"
        "See “left unchanged” in the docstring of exercise 5.",
    ),
    Misconception(
        id="fold-switches-the-norm-to-eval",
        exercise="fold_batch_norm",
        belief="The norm has to be put into eval mode for good before it is folded.",
        edits=(("folded = copy.deepcopy(conv)", "folded = copy.deepcopy(conv); bn.eval()"),),
        question="In which mode is the caller's norm after your function has returned?",
        explanation="The running statistics can be read in either mode, and the caller may go on training.\n"
        "See “left unchanged” in the docstring of exercise 5.",
    ),
    Misconception(
        id="fold-in-float32",
        exercise="fold_batch_norm",
        belief="The folded weights are float32 like any new layer's.",
        edits=(
            (
                "return folded.to(conv.weight.dtype)",
                "return folded.float()",
            ),
        ),
        question="What dtype does a new nn.Conv2d have, and what dtype had the one you were given?",
        explanation="The folded convolution takes over the dtype of the original's weight.\n"
        "See “Returns” in the docstring of exercise 5.",
    ),
    Misconception(
        id="fold-without-a-check",
        exercise="fold_batch_norm",
        belief="A norm that doesn't fit needn't be checked, as broadcasting would raise an error.",
        edits=(("if bn.weight.shape != conv.weight.shape[:1]:", "if False:"),),
        question="What does broadcasting do with a norm of one channel?",
        explanation="A norm of one channel broadcasts to all of them, and the mistake goes on silently.\n"
        "See “Raises” in the docstring of exercise 5.",
    ),
    Misconception(
        id="always-pads-with-zeros",
        exercise="fold_batch_norm",
        belief="Every convolution pads with zeros, so padding_mode needn't be copied.",
        edits=(
            (
                "copy.deepcopy(conv)",
                "nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, "
                "conv.dilation, conv.groups)",
            ),
        ),
        question='Which settings has a convolution whose padding_mode is "circular", and which has yours?',
        explanation="The new convolution needs every setting of the old one; a deep copy has them all.\n"
        "See hint 2 of exercise 5.",
    ),
    Misconception(
        id="every-norm-is-torchs",
        exercise="fold_batch_norm",
        belief="Every norm has torch's attribute `affine`.",
        edits=(("scale = bn.weight /", "scale = (bn.weight if bn.affine else torch.ones_like(bn.running_var)) /"),),
        question="Which attributes has your own BatchNorm2d?",
        explanation="The norm may be yours: it has weight, bias, running_mean, running_var and eps, but no `affine`.\n"
        "See “Args” in the docstring of exercise 5.",
    ),
    Misconception(
        id="fold-as-plain-tensors",
        exercise="fold_batch_norm",
        belief="A tensor as an attribute is a weight that the module knows.",
        edits=(
            (
                "folded.weight = nn.Parameter(conv.weight",
                "del folded.weight, folded.bias\n        folded.weight = (conv.weight",
            ),
            ("folded.bias = nn.Parameter((bias", "folded.bias = ((bias"),
        ),
        question="What do list(folded.parameters()) and folded.state_dict() show?",
        explanation="A module registers nn.Parameter only: a bare tensor is neither saved nor moved to a GPU.\n"
        "See “Returns” in the docstring of exercise 5.",
    ),
    Misconception(
        id="fold-runs-the-convolution",
        exercise="fold_batch_norm",
        belief="The bias is what the convolution gives for an image of zeros.",
        edits=(
            (
                "bias = torch.zeros_like(scale) if conv.bias is None else conv.bias",
                "bias = conv(torch.zeros(1, conv.in_channels, 32, 32).to(conv.weight))[0, :, 0, 0]",
            ),
        ),
        question="Where does the layer keep this number, and what else happens when a layer is run?",
        explanation="conv.bias has it already; running a layer sets off its hooks, needs memory and may change it.\n"
        "See the first lines of the docstring of exercise 5.",
    ),
    Misconception(
        id="the-norm-decides-the-dtype",
        exercise="fold_batch_norm",
        belief="A product of two tensors has the dtype of the first one.",
        edits=(("return folded.to(conv.weight.dtype)", "return folded"),),
        question="What dtype has the product of a bfloat16 tensor and a float32 one?",
        explanation="The wider dtype wins, so a float32 norm would turn a bfloat16 convolution into float32.\n"
        "See “Returns” in the docstring of exercise 5.",
    ),
    Misconception(
        id="gradients-switched-off-for-good",
        exercise="fold_batch_norm",
        belief="torch.set_grad_enabled(False) holds until the function returns.",
        edits=(("with torch.no_grad():", "torch.set_grad_enabled(False)\n    if True:"),),
        question="What does torch.is_grad_enabled() say after your function has returned?",
        explanation="Called like this it holds for good, and the caller's next training step has no gradients;\n"
        "a with block ends. See “Returns” in the docstring of exercise 5.",
    ),
]

MISCONCEPTIONS = [*STATISTICS, *NORMALISE, *BACKWARD, *LAYER, *FOLD]
