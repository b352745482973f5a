"""The wrong beliefs of lesson 3, each as the smallest edit of the reference that holds it."""

from course.diagnosis import Misconception

HE_2015 = "discussed in He et al. 2015, Deep Residual Learning for Image Recognition"
HE_2016 = "a variant that He et al. 2016, Identity Mappings in Deep Residual Networks, measure"

PLAIN_BLOCK = [
    Misconception(
        id="plain-conv-with-bias",
        exercise="PlainBlock",
        belief="a convolution needs its bias even where batch normalisation follows",
        edits=(
            (
                "self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)",
                "self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)",
            ),
            (
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)",
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)",
            ),
        ),
        question="What does the norm subtract, and what becomes of a constant that was added just before?",
        explanation="The norm subtracts the mean of every channel, and the bias with it; its own bias does that work.\n"
        "See 'A plain block' and Ioffe & Szegedy 2015, section 3.2.",
        seen_in="Ioffe & Szegedy 2015, section 3.2, explain why the bias can be left out",
    ),
    Misconception(
        id="plain-no-norm",
        exercise="PlainBlock",
        belief="one norm at the end of the block does for both convolutions",
        edits=(("self.bn1 = nn.BatchNorm2d(out_channels)", "self.bn1 = nn.Identity()"),),
        question="Which layers of the picture of the plain block stand between its two convolutions?",
        explanation="Every convolution has a norm of its own, so that each ReLU sees values around zero.\n"
        "See 'A plain block' and He et al. 2015, section 3.4.",
    ),
    Misconception(
        id="plain-wide-after-second",
        exercise="PlainBlock",
        belief="the second convolution is the one that changes the number of channels",
        edits=(
            (
                "self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride,",
                "self.conv1 = nn.Conv2d(in_channels, in_channels, 3, stride,",
            ),
            ("self.bn1 = nn.BatchNorm2d(out_channels)", "self.bn1 = nn.BatchNorm2d(in_channels)"),
            (
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 3,",
                "self.conv2 = nn.Conv2d(in_channels, out_channels, 3,",
            ),
        ),
        question="How many channels does the docstring promise between the two convolutions?",
        explanation="The first convolution changes channels and size at once; the second keeps both.\n"
        "See the table in 'A plain block'.",
    ),
    Misconception(
        id="plain-kernel-one",
        exercise="PlainBlock",
        belief="the second convolution only mixes channels, so its kernel is 1x1",
        edits=(
            (
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)",
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 1, bias=False)",
            ),
        ),
        question="How many pixels does an output see through two 3x3 convolutions, and through a 3x3 and a 1x1?",
        explanation="Both kernels are 3x3; the block that holds 1x1 kernels is the bottleneck of ResNet50.\n"
        "See 'A plain block' and He et al. 2015, figure 5.",
    ),
    Misconception(
        id="plain-shared-norm",
        exercise="PlainBlock",
        belief="two norms with the same number of channels can be one and the same",
        edits=(("self.bn2 = nn.BatchNorm2d(out_channels)", "self.bn2 = self.bn1"),),
        question="When one norm serves two convolutions, whose mean is its running mean?",
        explanation="Each norm keeps the statistics and the scale of one layer; shared, it mixes those of two.\n"
        "See 'A plain block'.",
    ),
    Misconception(
        id="plain-stride-on-second",
        exercise="PlainBlock",
        belief="the stride belongs to the second convolution",
        edits=(
            (
                "self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1,",
                "self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1,",
            ),
            (
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1,",
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, stride, padding=1,",
            ),
        ),
        question="Which of the two convolutions halves the image in the docstring, and what does the other cost then?",
        explanation="The shape comes out the same, the values don't: the first convolution takes the stride.\n"
        "The second then works on a quarter of the pixels. See 'A plain block'.",
    ),
    Misconception(
        id="plain-stride-on-both",
        exercise="PlainBlock",
        belief="both convolutions take the stride",
        edits=(
            (
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1,",
                "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, stride, padding=1,",
            ),
        ),
        question="By how much does the image shrink if each of two convolutions halves it?",
        explanation="A block of stride 2 halves the image once, in its first convolution.\n"
        "See the table in 'A plain block'.",
    ),
    Misconception(
        id="plain-stride-ignored",
        exercise="PlainBlock",
        belief="a block keeps the size of its input, so no convolution needs the stride",
        edits=(("in_channels, out_channels, 3, stride, padding=1", "in_channels, out_channels, 3, padding=1"),),
        question="Where in your block does `stride` arrive, and what is ceil(H / stride) for 9 rows at stride 2?",
        explanation="Padding 1 makes up for the kernel's border; the stride still divides the size.\n"
        "See the table in 'A plain block', and output_size in lesson 1.",
    ),
    Misconception(
        id="plain-no-padding",
        exercise="PlainBlock",
        belief="the convolutions of a block need no padding",
        edits=(
            ("in_channels, out_channels, 3, stride, padding=1", "in_channels, out_channels, 3, stride"),
            ("out_channels, out_channels, 3, padding=1, bias", "out_channels, out_channels, 3, bias"),
        ),
        question="How many rows does a 3x3 kernel lose without padding, and how many of 32 are left after 8 blocks?",
        explanation="A 3x3 kernel with padding 1 keeps the size, which is what lets blocks be stacked and added to.\n"
        "See the table in 'A plain block'.",
    ),
    Misconception(
        id="plain-last-relu-missing",
        exercise="PlainBlock",
        belief="the block ends on its second norm",
        edits=(("return torch.relu(self.bn2(self.conv2(out)))", "return self.bn2(self.conv2(out))"),),
        question="What stands between the second convolution of one block and the first of the next?",
        explanation="Without a ReLU between them, two convolutions and the norm between collapse into one linear map.\n"
        "See 'A plain block'.",
    ),
    Misconception(
        id="plain-first-relu-missing",
        exercise="PlainBlock",
        belief="one ReLU at the end of the block is enough",
        edits=(("out = torch.relu(self.bn1(self.conv1(x)))", "out = self.bn1(self.conv1(x))"),),
        question="What can two convolutions with nothing nonlinear between them do that one larger one can't?",
        explanation="Two linear maps in a row are one linear map; the ReLU between them makes the second layer count.\n"
        "See 'A plain block'.",
    ),
    Misconception(
        id="plain-relu-before-norm",
        exercise="PlainBlock",
        belief="ReLU comes right after the convolution and the norm after the ReLU",
        edits=(
            ("torch.relu(self.bn1(self.conv1(x)))", "self.bn1(torch.relu(self.conv1(x)))"),
            ("torch.relu(self.bn2(self.conv2(out)))", "self.bn2(torch.relu(self.conv2(out)))"),
        ),
        question="Can the output of this block be negative? Should it?",
        explanation="The norm centres what the ReLU then cuts: convolution, norm, ReLU.\n"
        "See 'A plain block' and He et al. 2015, section 3.4.",
        seen_in="a common question since Ioffe & Szegedy 2015, section 3.2, who put the norm before the nonlinearity",
    ),
    Misconception(
        id="plain-with-shortcut",
        exercise="PlainBlock",
        belief="a block adds its input wherever the shapes agree, a plain one too",
        edits=(
            (
                "return torch.relu(self.bn2(self.conv2(out)))",
                "out = self.bn2(self.conv2(out))\n        return torch.relu(out + x if out.shape == x.shape else out)",
            ),
        ),
        question="What is the one thing that tells a plain block from a basic block?",
        explanation="A plain block has no shortcut: it is the control of the experiment.\n"
        "See 'A plain block' and He et al. 2015, figure 3, middle.",
    ),
    Misconception(
        id="plain-tensorflow-norm",
        exercise="PlainBlock",
        belief="eps and momentum of a norm are a matter of taste, so another library's defaults will do",
        edits=(
            (
                "self.bn1 = nn.BatchNorm2d(out_channels)",
                "self.bn1 = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)",
            ),
        ),
        question="Which eps and momentum go with the weights that you want to load one day?",
        explanation="torch and torchvision keep eps 1e-5 and momentum 0.1; other values give other outputs.\n"
        "See lesson 2, 'Exercise 4: the layer'.",
        seen_in="Keras' BatchNormalization has epsilon 1e-3 and momentum 0.99, which is 0.01 here",
    ),
    Misconception(
        id="plain-momentum-reversed",
        exercise="PlainBlock",
        belief="momentum 0.9 means that a norm keeps 90 % of what it knew",
        edits=(("self.bn2 = nn.BatchNorm2d(out_channels)", "self.bn2 = nn.BatchNorm2d(out_channels, momentum=0.9)"),),
        question="Which of the two does torch multiply by momentum, the old running mean or the new batch's mean?",
        explanation="In torch momentum weights the new batch, so 0.1 keeps 90 % of the old.\n"
        "See lesson 2, 'Two modes'.",
        seen_in="Keras' BatchNormalization weights the old value",
    ),
    Misconception(
        id="plain-always-batch-statistics",
        exercise="PlainBlock",
        belief="a norm uses the statistics of the batch in evaluation too",
        edits=(
            (
                "torch.relu(self.bn1(self.conv1(x)))",
                "torch.relu(nn.functional.batch_norm(\n"
                "            self.conv1(x), self.bn1.running_mean, self.bn1.running_var,\n"
                "            self.bn1.weight, self.bn1.bias, training=True))",
            ),
        ),
        question="Should the prediction for one image depend on which other images are in its batch?",
        explanation="In evaluation the norm uses what it measured in training: its running statistics.\n"
        "Calling the module does that by itself. See lesson 2.",
    ),
    Misconception(
        id="plain-detached-halves",
        exercise="PlainBlock",
        belief="the second half of a block trains by itself on what the first half gives it",
        edits=(("self.bn2(self.conv2(out))", "self.bn2(self.conv2(out.detach()))"),),
        question="How would the first convolution learn of the loss?",
        explanation="detach cuts the chain of derivatives, and everything before it stays as it was initialised.\n"
        "See 'What broke, what it means'.",
    ),
    Misconception(
        id="plain-wrong-input-speaks-for-itself",
        exercise="PlainBlock",
        belief="an input of a wrong shape needs no check, since some layer will complain",
        edits=(("        expect_input(x, self.conv1)\n", ""),),
        question="Which error does the docstring promise, and which one do you get?",
        explanation="A ValueError that names both shapes saves the search through a traceback of ten modules.\n"
        "expect_input stands ready in 'A plain block'.",
    ),
    Misconception(
        id="plain-stride-at-most-two",
        exercise="PlainBlock",
        belief="a stride is 1 or 2, since ResNet18 has no other",
        edits=(
            (
                "in_channels, out_channels, 3, stride, padding=1",
                "in_channels, out_channels, 3, min(stride, 2), padding=1",
            ),
        ),
        question="What does the docstring's ceil(H / stride) give for 9 rows at stride 3, and what do you get?",
        explanation="The argument decides, whatever one net makes of it: at stride 3 nine rows become three.\n"
        "See 'Shape' in the docstring of PlainBlock.",
    ),
    Misconception(
        id="plain-keeps-its-output",
        exercise="PlainBlock",
        belief="what lies between the two convolutions is worth keeping on the block",
        edits=(
            (
                "return torch.relu(self.bn2(self.conv2(out)))",
                "self.middle = out\n        return torch.relu(self.bn2(self.conv2(out)))",
            ),
        ),
        question="How long does a tensor live that is an attribute of self, and what else does it keep alive?",
        explanation="It holds its whole graph in memory until the next call, and copy.deepcopy refuses the block.\n"
        "See the docstring of PlainBlock: what belongs to one call lives in a local name.",
    ),
    Misconception(
        id="plain-five-dimensions-will-do",
        exercise="PlainBlock",
        belief="an input can only have too few dimensions, not too many",
        edits=(
            (
                "expect_input(x, self.conv1)",
                "if x.dim() < 4 or x.shape[1] != self.conv1.in_channels:\n"
                '            raise ValueError(f"x {tuple(x.shape)}, weight {tuple(self.conv1.weight.shape)}")',
            ),
        ),
        question="Which error does a batch of short films, (N, C, T, H, W), get from your block?",
        explanation="Exactly four dimensions make a batch of images; five are as wrong as three.\n"
        "See expect_input in 'A plain block'.",
    ),
    Misconception(
        id="plain-same-seed-for-every-block",
        exercise="PlainBlock",
        belief="a fixed seed in the constructor makes the net reproducible and changes nothing else",
        edits=(("super().__init__()", "super().__init__()\n        torch.manual_seed(0)"),),
        question="Make two blocks of one shape. How do their weights differ?",
        explanation="Every block would start with the same weights, and all that is drawn later would repeat itself.\n"
        "See the docstring of PlainBlock; a seed is set once, by whoever starts the run.",
    ),
]

MAKE_DOWNSAMPLE = [
    Misconception(
        id="projection-ignores-channels",
        exercise="make_downsample",
        belief="only a stride calls for a projection",
        edits=(("if stride == 1 and in_channels == out_channels:", "if stride == 1:"),),
        question="Can you add 64 channels to 128?",
        explanation="The sum needs equal shapes, and the number of channels is part of the shape.\n"
        "See 'When shapes disagree'.",
    ),
    Misconception(
        id="projection-ignores-stride",
        exercise="make_downsample",
        belief="only a change of channels calls for a projection",
        edits=(("if stride == 1 and in_channels == out_channels:", "if in_channels == out_channels:"),),
        question="How large is the input, and how large the output, of a block of stride 2?",
        explanation="At stride 2 height and width halve, even where the channels stay; the sum needs equal shapes.\n"
        "See 'When shapes disagree'.",
    ),
    Misconception(
        id="projection-only-where-channels-grow",
        exercise="make_downsample",
        belief="a projection is for blocks that get wider",
        edits=(("if stride == 1 and in_channels == out_channels:", "if stride == 1 and in_channels >= out_channels:"),),
        question="Can you add 128 channels to 64?",
        explanation="Fewer channels disagree as much as more do.\nSee 'When shapes disagree'.",
    ),
    Misconception(
        id="projection-only-where-both-change",
        exercise="make_downsample",
        belief="a projection is needed only where stride and channels change together, as they do in ResNet18",
        edits=(("if stride == 1 and in_channels == out_channels:", "if stride == 1 or in_channels == out_channels:"),),
        question="What if a block only halves the image, or only changes the number of channels?",
        explanation="Either one makes the shapes disagree, so either one calls for a projection.\n"
        "See 'When shapes disagree'.",
    ),
    Misconception(
        id="projection-always",
        exercise="make_downsample",
        belief="every shortcut is a projection",
        edits=(("    if stride == 1 and in_channels == out_channels:\n        return None\n", ""),),
        question="How many weights does the identity have?",
        explanation="Where the shapes agree the identity is free and keeps the gradient's straight way.\n"
        "See 'When shapes disagree' and He et al. 2015, section 4.1, options B and C.",
        seen_in="option C of He et al. 2015, table 3, which they leave out as not essential",
    ),
    Misconception(
        id="projection-identity-module",
        exercise="make_downsample",
        belief="where the shapes agree the answer is an nn.Identity",
        edits=(("return None", "return nn.Identity()"),),
        question="What does the docstring promise where the shapes agree?",
        explanation="torchvision keeps None there, and code that asks `block.downsample is None` relies on it.\n"
        "See the docstring of make_downsample.",
    ),
    Misconception(
        id="projection-without-norm",
        exercise="make_downsample",
        belief="a projection is a convolution and nothing else",
        edits=(("bias=False), nn.BatchNorm2d(out_channels))", "bias=False))"),),
        question="On what scale is the residual branch just before the sum, and on what scale is your shortcut?",
        explanation="The branch ends on a norm, so the projection does too; then the two summands are of one size.\n"
        "See 'When shapes disagree'.",
    ),
    Misconception(
        id="projection-norm-first",
        exercise="make_downsample",
        belief="the projection normalises its input, then convolves",
        edits=(
            (
                "nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)",
                "nn.BatchNorm2d(in_channels), nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)",
            ),
        ),
        question="Which of the two should decide the scale on which the shortcut enters the sum?",
        explanation="Convolution first, norm second, as everywhere else in this net.\nSee 'When shapes disagree'.",
    ),
    Misconception(
        id="projection-with-bias",
        exercise="make_downsample",
        belief="the 1x1 convolution of a projection has a bias",
        edits=(("1, stride, bias=False", "1, stride"),),
        question="What does the norm after it do to a constant?",
        explanation="The norm subtracts it again; its own bias does that work.\nSee 'A plain block'.",
    ),
    Misconception(
        id="projection-three-by-three",
        exercise="make_downsample",
        belief="a projection is a 3x3 convolution like all others",
        edits=(("1, stride, bias=False", "3, stride, padding=1, bias=False"),),
        question="Does a shortcut need to look at neighbouring pixels?",
        explanation="It only has to change the shape, and a 1x1 kernel does that at a ninth of the cost.\n"
        "See 'When shapes disagree' and He et al. 2015, section 3.3.",
    ),
    Misconception(
        id="projection-norm-without-weights",
        exercise="make_downsample",
        belief="the norm of a shortcut has nothing to learn",
        edits=(("nn.BatchNorm2d(out_channels)", "nn.BatchNorm2d(out_channels, affine=False)"),),
        question="Which keys does the docstring promise in the state dict?",
        explanation="Its weight and bias let the net decide how much of the shortcut enters the sum.\n"
        "See the docstring of make_downsample.",
    ),
    Misconception(
        id="projection-with-relu",
        exercise="make_downsample",
        belief="a ReLU follows every norm, that of the shortcut too",
        edits=(("nn.BatchNorm2d(out_channels))", "nn.BatchNorm2d(out_channels), nn.ReLU())"),),
        question="What is left of the shortcut's negative values when they reach the sum?",
        explanation="The one ReLU at the end acts on the sum; a second one only throws information away.\n"
        "See 'Where the ReLU stands'.",
    ),
    Misconception(
        id="projection-unstrided",
        exercise="make_downsample",
        belief="a 1x1 convolution changes channels only, and the size takes care of itself",
        edits=(("1, stride, bias=False", "1, bias=False"),),
        question="Which size does the other summand have at stride 2?",
        explanation="The projection takes the block's stride, so that both summands shrink alike.\n"
        "See 'When shapes disagree'.",
    ),
    Misconception(
        id="projection-averages",
        exercise="make_downsample",
        belief="a strided shortcut averages the pixels that it passes over",
        edits=(
            (
                "nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn",
                "nn.Conv2d(in_channels, out_channels, 1, bias=False), nn",
            ),
            ("nn.BatchNorm2d(out_channels))", "nn.BatchNorm2d(out_channels), nn.AvgPool2d(stride, ceil_mode=True))"),
        ),
        question="Which pixels does a 1x1 convolution of stride 2 look at?",
        explanation="ResNet18 takes every second pixel; a shortcut that averages came later, with ResNet-D.\n"
        "See 'When shapes disagree' and He et al. 2019, Bag of Tricks, section 4.2.",
        seen_in="ResNet-D in He et al. 2019, Bag of Tricks for Image Classification, section 4.2",
    ),
    Misconception(
        id="projection-momentum-reversed",
        exercise="make_downsample",
        belief="momentum 0.9 means that the norm keeps 90 % of what it knew",
        edits=(("nn.BatchNorm2d(out_channels)", "nn.BatchNorm2d(out_channels, momentum=0.9)"),),
        question="Which of the two does torch multiply by momentum, the old running mean or the new batch's mean?",
        explanation="In torch momentum weights the new batch, so 0.1 keeps 90 % of the old.\n"
        "See lesson 2, 'Two modes'.",
        seen_in="Keras' BatchNormalization weights the old value",
    ),
    Misconception(
        id="projection-frozen",
        exercise="make_downsample",
        belief="a projection is fixed plumbing that training leaves alone",
        edits=(("nn.BatchNorm2d(out_channels))", "nn.BatchNorm2d(out_channels)).requires_grad_(False)"),),
        question="Who chooses the weights of the 1x1 convolution, if not training?",
        explanation="The projection is learned like every other layer; frozen, it stays a random mix of channels.\n"
        "See 'When shapes disagree'.",
    ),
    Misconception(
        id="projection-takes-any-number",
        exercise="make_downsample",
        belief="a stride below 1 is somebody else's problem",
        edits=(("min(in_channels, out_channels, stride)", "min(in_channels, out_channels)"),),
        question="When would you like to hear of a stride of 0 or -2: where you wrote it, or in the first batch?",
        explanation="An argument that can't be right is refused where it is given, with the numbers in the message.\n"
        "See the docstring of make_downsample.",
    ),
    Misconception(
        id="projection-to-no-channels",
        exercise="make_downsample",
        belief="torch refuses a convolution without output channels by itself",
        edits=(("min(in_channels, out_channels, stride)", "min(in_channels, stride)"),),
        question="When does nn.Conv2d(4, 0, 1) raise an error: when it is made, or with the first batch?",
        explanation="It is made with a mere warning; the error comes with the first batch, far from the mistake.\n"
        "See the docstring of make_downsample.",
    ),
    Misconception(
        id="nothing-made-nothing-checked",
        exercise="make_downsample",
        belief="where nothing has to be made, nothing has to be checked",
        edits=(
            (
                "if min(in_channels, out_channels, stride) < 1:",
                "if stride == 1 and in_channels == out_channels:\n        return None\n"
                "    if min(in_channels, out_channels, stride) < 1:",
            ),
        ),
        question="What does your function say to zero channels that become zero channels?",
        explanation="An argument that can't be right is refused first, whatever would become of it.\n"
        "See the docstring of make_downsample.",
    ),
    Misconception(
        id="projection-stride-at-most-two",
        exercise="make_downsample",
        belief="a stride is 1 or 2, since ResNet18 has no other",
        edits=(("1, stride, bias=False", "1, min(stride, 2), bias=False"),),
        question="What does the docstring's ceil(W / stride) give for 7 columns at stride 3?",
        explanation="The argument decides, whatever one net makes of it: at stride 3 seven columns become three.\n"
        "See 'Shape' in the docstring of make_downsample.",
    ),
    Misconception(
        id="projection-module-of-its-own",
        exercise="make_downsample",
        belief="any module will do whose state dict has the right keys",
        edits=(
            (
                "return nn.Sequential(nn.Conv2d",
                "class Projection(nn.Module):\n"
                "        def __init__(self, *layers):\n"
                "            super().__init__()\n"
                "            for index, layer in enumerate(layers):\n"
                "                self.add_module(str(index), layer)\n\n"
                "        def forward(self, x):\n"
                '            return self.get_submodule("1")(self.get_submodule("0")(x))\n\n'
                "    return Projection(nn.Conv2d",
            ),
        ),
        question="What would `block.downsample[0]` give, which works on torchvision's block?",
        explanation="The two layers stand in an nn.Sequential, so that code can index, count and replace them.\n"
        "See 'Returns' in the docstring of make_downsample.",
    ),
]

RETURN = "return torch.relu(out + shortcut)"
SHORTCUT = "shortcut = x if self.downsample is None else self.downsample(x)"

BASIC_BLOCK = [
    Misconception(
        id="block-conv-with-bias",
        exercise="BasicBlock",
        belief="the convolutions of a block have a bias",
        edits=(
            ("3, stride, padding=1, bias=False", "3, stride, padding=1"),
            ("out_channels, out_channels, 3, padding=1, bias=False", "out_channels, out_channels, 3, padding=1"),
        ),
        question="What does the norm after a convolution do to a constant that was added to every pixel?",
        explanation="The norm subtracts it again, so torchvision's block has none and its weights would not load.\n"
        "See 'A plain block'.",
    ),
    Misconception(
        id="block-projection-outside",
        exercise="BasicBlock",
        belief="the projection is made when it is needed, so it is no part of the block",
        edits=(
            (
                "self.downsample = make_downsample(in_channels, out_channels, stride)",
                "self.downsample = None\n        self.shape = in_channels, out_channels, stride",
            ),
            (
                SHORTCUT,
                "projection = make_downsample(*self.shape)\n"
                "        shortcut = x if projection is None else projection(x)",
            ),
        ),
        question="Which weights does the projection have in the second step, and what did the first step teach it?",
        explanation="Modules made in forward are new, random and unknown to the optimizer at every call.\n"
        "Make them once, in __init__, as attributes. See 'What broke, what it means'.",
    ),
    Misconception(
        id="block-zero-padding",
        exercise="BasicBlock",
        belief="where shapes disagree the shortcut skips pixels and fills up with channels of zeros",
        edits=(
            (
                "self.downsample = make_downsample(in_channels, out_channels, stride)",
                "self.downsample = None\n        self.stride, self.extra = stride, out_channels - in_channels",
            ),
            (
                SHORTCUT,
                "shortcut = nn.functional.pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))",
            ),
        ),
        question="Which keys does make_downsample's docstring promise, and where are they in your state dict?",
        explanation="That is option A, free of parameters; this block is option B, with a projection to learn.\n"
        "See 'When shapes disagree' and He et al. 2015, section 4.1, table 3.",
        seen_in="option A of He et al. 2015, section 3.3; their CIFAR-10 nets in section 4.2 use it",
    ),
    Misconception(
        id="block-pre-activation",
        exercise="BasicBlock",
        belief="norm and ReLU come before each convolution, and nothing after the sum",
        edits=(
            ("self.bn1 = nn.BatchNorm2d(out_channels)", "self.bn1 = nn.BatchNorm2d(in_channels)"),
            ("out = torch.relu(self.bn1(self.conv1(x)))", "out = self.conv1(torch.relu(self.bn1(x)))"),
            ("out = self.bn2(self.conv2(out))", "out = self.conv2(torch.relu(self.bn2(out)))"),
            (RETURN, "return out + shortcut"),
        ),
        question="Which net does figure 5 of the 2015 paper draw, and which one came a year later?",
        explanation="That order is ResNet v2, a good net of its own; ResNet18's weights belong to v1.\n"
        "See 'Where the ReLU stands' and He et al. 2016, figure 4e.",
        seen_in=HE_2016 + ", section 4, figure 4e",
    ),
    Misconception(
        id="block-relu-before-the-sum",
        exercise="BasicBlock",
        belief="the last ReLU acts on the branch, before the shortcut is added",
        edits=((RETURN, "return torch.relu(out) + shortcut"),),
        question="Can such a block ever make a value of its input smaller?",
        explanation="A branch after a ReLU can only add, so values grow from block to block.\n"
        "See 'Where the ReLU stands' and He et al. 2016, figure 4c.",
        seen_in=HE_2016 + ", section 4.1, figure 4c",
    ),
    Misconception(
        id="block-last-relu-missing",
        exercise="BasicBlock",
        belief="the block ends on the sum, without a ReLU",
        edits=((RETURN, "return out + shortcut"),),
        question="In the block's formula, what does the last ReLU act on?",
        explanation="The sum goes through a ReLU; without it each block bends its input only once.\n"
        "See 'Where the ReLU stands' and He et al. 2015, section 3.2.",
    ),
    Misconception(
        id="block-relu-before-and-after",
        exercise="BasicBlock",
        belief="a ReLU follows the second norm, and another one the sum",
        edits=((RETURN, "return torch.relu(torch.relu(out) + shortcut)"),),
        question="What can the branch contribute where the input is too large already?",
        explanation="The branch must be free to be negative, or the block can only add; one ReLU, after the sum.\n"
        "See 'Where the ReLU stands'.",
    ),
    Misconception(
        id="block-first-relu-missing",
        exercise="BasicBlock",
        belief="the ReLU after the sum is the only one of the block",
        edits=(("out = torch.relu(self.bn1(self.conv1(x)))", "out = self.bn1(self.conv1(x))"),),
        question="What can two convolutions with nothing nonlinear between them do that one larger one can't?",
        explanation="Two linear maps in a row are one linear map; the ReLU between them makes the second layer count.\n"
        "See 'The basic block'.",
    ),
    Misconception(
        id="block-norm-after-the-sum",
        exercise="BasicBlock",
        belief="the second norm acts on the sum",
        edits=(
            ("out = self.bn2(self.conv2(out))", "out = self.conv2(out)"),
            (RETURN, "return torch.relu(self.bn2(out + shortcut))"),
        ),
        question="Is there still a way through this block that changes nothing?",
        explanation="A norm on the sum rescales the shortcut too, and the straight way is gone.\n"
        "See 'Why a sum' and He et al. 2016, figure 4b.",
        seen_in=HE_2016 + ", section 4.1, figure 4b",
    ),
    Misconception(
        id="block-stride-on-second",
        exercise="BasicBlock",
        belief="the stride belongs to the second convolution",
        edits=(
            ("in_channels, out_channels, 3, stride, padding=1", "in_channels, out_channels, 3, padding=1"),
            ("out_channels, out_channels, 3, padding=1", "out_channels, out_channels, 3, stride, padding=1"),
        ),
        question="Which of the two convolutions halves the image in the docstring?",
        explanation="The shape comes out the same, the values don't; torchvision's block strides in conv1.\n"
        "See 'A plain block'.",
        seen_in="ResNet50 has such a pair: v1 strides in its 1x1 convolution, torchvision's v1.5 in its 3x3",
    ),
    Misconception(
        id="block-stride-on-both",
        exercise="BasicBlock",
        belief="both convolutions take the stride",
        edits=(("out_channels, out_channels, 3, padding=1", "out_channels, out_channels, 3, stride, padding=1"),),
        question="By how much does the branch shrink, and by how much the shortcut?",
        explanation="The branch would shrink to a quarter, the shortcut to a half; the stride is conv1's alone.\n"
        "See 'The basic block'.",
    ),
    Misconception(
        id="block-no-padding",
        exercise="BasicBlock",
        belief="the convolutions of a block need no padding",
        edits=(
            ("3, stride, padding=1", "3, stride"),
            ("out_channels, out_channels, 3, padding=1", "out_channels, out_channels, 3"),
        ),
        question="How many rows does the branch lose, and how many the shortcut?",
        explanation="With padding 1 a 3x3 kernel keeps the size, so that branch and shortcut still fit together.\n"
        "See 'The basic block'.",
    ),
    Misconception(
        id="block-shared-norm",
        exercise="BasicBlock",
        belief="two norms with the same number of channels can be one and the same",
        edits=(("self.bn2 = nn.BatchNorm2d(out_channels)", "self.bn2 = self.bn1"),),
        question="When one norm serves two convolutions, whose mean is its running mean?",
        explanation="Each norm keeps the statistics and the scale of one layer; shared, it mixes those of two.\n"
        "See 'A plain block'.",
    ),
    Misconception(
        id="block-multiplies",
        exercise="BasicBlock",
        belief="the shortcut gates the branch: the two are multiplied",
        edits=((RETURN, "return torch.relu(out * shortcut)"),),
        question="What is the derivative of a product with respect to the shortcut, where the branch is zero?",
        explanation="A sum passes the gradient on untouched; a product scales it by the branch at every block.\n"
        "See 'Why a sum' and He et al. 2016, section 3.",
        seen_in=HE_2016 + " gates on the shortcut, section 3.1",
    ),
    Misconception(
        id="block-concatenates",
        exercise="BasicBlock",
        belief="a shortcut puts the input's channels beside the branch's",
        edits=((RETURN, "return torch.relu(torch.cat([out, shortcut], dim=1))"),),
        question="How many channels does the docstring promise?",
        explanation="Concatenation is DenseNet's way and makes the net wider with every block; ResNet adds.\n"
        "See 'Why a sum'.",
        seen_in="DenseNet in Huang et al. 2017, section 3, and U-Net in Ronneberger et al. 2015",
    ),
    Misconception(
        id="block-averages",
        exercise="BasicBlock",
        belief="branch and shortcut are averaged, so that values keep their size",
        edits=((RETURN, "return torch.relu((out + shortcut) / 2)"),),
        question="What is left of a gradient after 20 blocks that halve it on the straight way?",
        explanation="A factor on the shortcut is multiplied up over the blocks: a half becomes a millionth after 20.\n"
        "See 'Why a sum' and He et al. 2016, section 3.",
        seen_in=HE_2016 + ", section 3.1, 'constant scaling' with a factor of 0.5",
    ),
    Misconception(
        id="block-subtracts",
        exercise="BasicBlock",
        belief="the residual is the difference, so the shortcut is subtracted",
        edits=((RETURN, "return torch.relu(out - shortcut)"),),
        question="If the branch has learned target minus input, what gives the target back?",
        explanation="The branch learns the difference H(x) - x; adding x gives H(x).\nSee 'The idea'.",
    ),
    Misconception(
        id="block-no-shortcut",
        exercise="BasicBlock",
        belief="the shortcut is needed only where it has a projection",
        edits=((RETURN, "return torch.relu(out if self.downsample is None else out + shortcut)"),),
        question="How many of ResNet18's eight blocks have a projection, and what would the others be?",
        explanation="Every block adds its shortcut; where shapes agree it is the input itself.\nSee 'The basic block'.",
    ),
    Misconception(
        id="block-shortcut-after-first-conv",
        exercise="BasicBlock",
        belief="the shortcut starts after the first convolution, where the shapes agree by themselves",
        edits=(
            (RETURN, "return torch.relu(out + middle)"),
            ("out = torch.relu(self.bn1(self.conv1(x)))", "out = middle = torch.relu(self.bn1(self.conv1(x)))"),
        ),
        question="How many convolutions does the arrow of the picture pass over?",
        explanation="The shortcut spans both convolutions; started later, the first lies on the straight way.\n"
        "See 'The basic block' and He et al. 2015, figure 2.",
    ),
    Misconception(
        id="block-downsamples-the-sum",
        exercise="BasicBlock",
        belief="the block works at full size, and downsample shrinks what comes out",
        edits=(
            ("in_channels, out_channels, 3, stride, padding=1", "in_channels, out_channels, 3, padding=1"),
            (SHORTCUT, "shortcut = x"),
            (
                RETURN,
                "out = torch.relu(out + shortcut)\n"
                "        return out if self.downsample is None else self.downsample(out)",
            ),
        ),
        question="Which of the two summands has the wrong shape for the sum?",
        explanation="downsample fits the input to the branch's shape, before the sum.\nSee 'When shapes disagree'.",
    ),
    Misconception(
        id="block-relu-on-the-shortcut",
        exercise="BasicBlock",
        belief="the shortcut goes through a ReLU before the sum",
        edits=((RETURN, "return torch.relu(out + torch.relu(shortcut))"),),
        question="Which of the two summands may be negative?",
        explanation="Both may: a projection's norm centres its values around zero, and the sum needs all of them.\n"
        "See 'Where the ReLU stands'.",
    ),
    Misconception(
        id="block-relu-overwrites-the-input",
        exercise="BasicBlock",
        belief="an in-place ReLU at the start of a block saves memory and changes nothing else",
        edits=(("self.conv1(x)", "self.conv1(x.relu_())"),),
        question="Who else still reads the tensor that you overwrite?",
        explanation="The shortcut reads the same memory; in place is safe only on what nobody else holds.\n"
        "See 'What broke, what it means'.",
        seen_in="pre-activation code with nn.ReLU(inplace=True) whose shortcut is read afterwards",
    ),
    Misconception(
        id="block-sum-overwrites-the-input",
        exercise="BasicBlock",
        belief="the sum can be written into the shortcut, which nobody needs any more",
        edits=((RETURN, "shortcut += out\n        return torch.relu(shortcut)"),),
        question="Where the shapes agree, which tensor is the shortcut?",
        explanation="The shortcut is the input itself, the caller's tensor; to save memory, add into `out`.\n"
        "See 'What broke, what it means'.",
    ),
    Misconception(
        id="block-keeps-the-shortcut",
        exercise="BasicBlock",
        belief="the shortcut can be computed once and kept on the module",
        edits=(
            (
                SHORTCUT,
                "shortcut = x if self.downsample is None else self.downsample(x)\n"
                '        self.kept = shortcut = getattr(self, "kept", shortcut)',
            ),
        ),
        question="Which image's shortcut does the second call add?",
        explanation="A module's state is its parameters and buffers; what belongs to one input lives in a local name.\n"
        "See 'The basic block'.",
    ),
    Misconception(
        id="block-shortcut-always-in-training",
        exercise="BasicBlock",
        belief="the norm of the shortcut uses the statistics of the batch in evaluation too",
        edits=(("else self.downsample(x)", "else self.downsample.train()(x)"),),
        question="Should the prediction for one image depend on which other images are in its batch?",
        explanation="The shortcut's norm is a norm like the others: in evaluation it uses its running statistics.\n"
        "See lesson 2.",
    ),
    Misconception(
        id="block-shortcut-detached",
        exercise="BasicBlock",
        belief="the shortcut carries values forward, and gradients come back through the branch",
        edits=((RETURN, "return torch.relu(out + shortcut.detach())"),),
        question="In dy/dx = dF/dx + 1, where does the 1 come from?",
        explanation="The way back through the shortcut is why deep residual nets train; detached, it is closed.\n"
        "See 'Why a sum'.",
    ),
    Misconception(
        id="block-projection-detached",
        exercise="BasicBlock",
        belief="a projection learns from the gradient and keeps it to itself",
        edits=(("else self.downsample(x)", "else self.downsample(x.detach())"),),
        question="What would the block before this one learn over the wire?",
        explanation="A projection passes the gradient on to its input, like every layer of the chain.\n"
        "See 'Why a sum'.",
    ),
    Misconception(
        id="block-branch-detached",
        exercise="BasicBlock",
        belief="the second half of the branch trains by itself on what the first half gives it",
        edits=(("out = self.bn2(self.conv2(out))", "out = self.bn2(self.conv2(out.detach()))"),),
        question="How would the first convolution learn of the loss?",
        explanation="detach cuts the chain of derivatives, and conv1 stays as it was initialised.\n"
        "See 'What broke, what it means'.",
    ),
    Misconception(
        id="block-always-float32",
        exercise="BasicBlock",
        belief="the output of a network is float32",
        edits=((RETURN, "return torch.relu(out + shortcut).float()"),),
        question="Which dtype does the docstring promise for an input in float64?",
        explanation="A block keeps the dtype that it is given, so that it also runs in float64 and in bfloat16.\n"
        "See the docstring of BasicBlock.",
    ),
    Misconception(
        id="block-wrong-input-speaks-for-itself",
        exercise="BasicBlock",
        belief="an input of a wrong shape needs no check, since some layer will complain",
        edits=(("        expect_input(x, self.conv1)\n", ""),),
        question="Which error does the docstring promise, and which one do you get?",
        explanation="A ValueError that names both shapes saves the search through a traceback of ten modules.\n"
        "expect_input stands ready in 'A plain block'.",
    ),
    Misconception(
        id="projects-where-it-strides",
        exercise="BasicBlock",
        belief="the projection is there for the stride",
        edits=((SHORTCUT, "shortcut = x if self.conv1.stride == (1, 1) else self.downsample(x)"),),
        question="What is added to an output of five channels if the input has one?",
        explanation="The projection changes the channels, too; from one channel the sum broadcasts silently.\n"
        "See 'When shapes disagree'.",
    ),
    Misconception(
        id="block-stride-at-most-two",
        exercise="BasicBlock",
        belief="a stride other than 1 is 2",
        edits=(("3, stride, padding=1, bias=False", "3, 2 if stride > 1 else 1, padding=1, bias=False"),),
        question="Which pixels does the branch look at with stride 3, and which the shortcut?",
        explanation="Both take the stride that was asked for; else the sum adds values of different places.\n"
        "See 'Shape' in the docstring of BasicBlock.",
    ),
    Misconception(
        id="block-keeps-its-branch",
        exercise="BasicBlock",
        belief="the residual is worth keeping on the block, for a look at it later",
        edits=((RETURN, "self.residual = out\n        return torch.relu(out + shortcut)"),),
        question="How long does a tensor live that is an attribute of self, and what else does it keep alive?",
        explanation="It holds its whole graph in memory until the next call, and copy.deepcopy refuses the block.\n"
        "See the docstring of BasicBlock; a forward hook looks at such a tensor without keeping it.",
    ),
    Misconception(
        id="block-computed-twice",
        exercise="BasicBlock",
        belief="computing a block again in the backward pass saves memory and changes nothing",
        edits=(
            (
                "        expect_input(x, self.conv1)\n",
                "        from torch.utils.checkpoint import checkpoint\n\n"
                "        expect_input(x, self.conv1)\n"
                "        return checkpoint(self.again, x, use_reentrant=False)\n\n"
                "    def again(self, x):\n",
            ),
        ),
        question="How often do the norms see one batch, and what do they do each time they see one in training?",
        explanation="Each pass in training moves the running statistics, so that one batch would count twice.\n"
        "See the docstring of BasicBlock, and lesson 2, 'Two modes'.",
        seen_in="fairscale's checkpoint_wrapper, which patches batch norms because of it",
    ),
    Misconception(
        id="block-five-dimensions-will-do",
        exercise="BasicBlock",
        belief="an input can only have too few dimensions, not too many",
        edits=(
            (
                "expect_input(x, self.conv1)",
                "if x.dim() < 4 or x.shape[1] != self.conv1.in_channels:\n"
                '            raise ValueError(f"x {tuple(x.shape)}, weight {tuple(self.conv1.weight.shape)}")',
            ),
        ),
        question="Which error does a batch of short films, (N, C, T, H, W), get from your block?",
        explanation="Exactly four dimensions make a batch of images; five are as wrong as three.\n"
        "See expect_input in 'A plain block'.",
    ),
    Misconception(
        id="block-starts-as-identity",
        exercise="BasicBlock",
        belief="the last norm of a block starts at zero, so that the block starts as its shortcut",
        edits=(
            (
                "self.bn2 = nn.BatchNorm2d(out_channels)",
                "self.bn2 = nn.BatchNorm2d(out_channels)\n        nn.init.zeros_(self.bn2.weight)",
            ),
        ),
        question="What does the docstring say about the weight that a norm starts with?",
        explanation="A good option, but the caller's to choose: torchvision's block starts all its norms at 1, too.\n"
        "See the docstring of BasicBlock, and 'Starting at the identity'.",
        seen_in="Goyal et al. 2017, section 5.1; torchvision's zero_init_residual, which is off by default",
    ),
    Misconception(
        id="block-same-seed-for-every-block",
        exercise="BasicBlock",
        belief="a fixed seed in the constructor makes the net reproducible and changes nothing else",
        edits=(("super().__init__()", "super().__init__()\n        torch.manual_seed(0)"),),
        question="Make two blocks of one shape. How do their weights differ?",
        explanation="Every block would start with the same weights, and all that is drawn later would repeat itself.\n"
        "See the docstring of BasicBlock; a seed is set once, by whoever starts the run.",
    ),
]

NORMS = "return [gradient.norm().item() for gradient in torch.autograd.grad(loss, outputs)]"
LOSS = "loss = x.square().mean()"
BACKWARD = "for output in outputs:\n        output.retain_grad()\n    loss.backward()\n    "

GRADIENT_NORMS = [
    Misconception(
        id="norms-reversed",
        exercise="gradient_norms",
        belief="gradients come in the order of the backward pass, so the first number is the last block's",
        edits=(
            (NORMS, NORMS.replace("torch.autograd.grad(loss, outputs)", "torch.autograd.grad(loss, outputs[::-1])")),
        ),
        question="Which block does the first number of your list belong to?",
        explanation="The list follows the blocks, first to last, whatever order the chain rule works in.\n"
        "See 'Measure it'.",
    ),
    Misconception(
        id="norms-squared",
        exercise="gradient_norms",
        belief="the norm is the sum of the squares",
        edits=((NORMS, NORMS.replace("gradient.norm()", "gradient.square().sum()")),),
        question="How long is the vector (3, 4)?",
        explanation="The L2 norm is the root of the sum of squares: 5, not 25.\nSee 'Measure it'.",
    ),
    Misconception(
        id="norms-largest-element",
        exercise="gradient_norms",
        belief="the norm of a gradient is its largest element",
        edits=((NORMS, NORMS.replace("gradient.norm()", "gradient.abs().max()")),),
        question="How long is the vector (3, 4)?",
        explanation="That is the maximum norm; the L2 norm counts every element.\nSee 'Measure it'.",
    ),
    Misconception(
        id="norms-absolute-sum",
        exercise="gradient_norms",
        belief="the norm is the sum of the absolute values",
        edits=((NORMS, NORMS.replace("gradient.norm()", "gradient.abs().sum()")),),
        question="How long is the vector (3, 4)?",
        explanation="That is the L1 norm; the L2 norm is the root of the sum of squares.\nSee 'Measure it'.",
    ),
    Misconception(
        id="norms-root-mean-square",
        exercise="gradient_norms",
        belief="the norm is the root of the mean of the squares",
        edits=((NORMS, NORMS.replace("gradient.norm()", "gradient.square().mean().sqrt()")),),
        question="How long is the vector (3, 4)?",
        explanation="The L2 norm sums the squares; a mean divides by the number of elements first.\nSee 'Measure it'.",
    ),
    Misconception(
        id="norms-along-one-axis",
        exercise="gradient_norms",
        belief="the norm is taken image by image, and then averaged",
        edits=((NORMS, NORMS.replace("gradient.norm()", "gradient.flatten(1).norm(dim=1).mean()")),),
        question="Over which elements does the docstring sum?",
        explanation="One norm over all elements of the batch, since all of them feed one loss.\nSee 'Measure it'.",
    ),
    Misconception(
        id="norms-of-inputs",
        exercise="gradient_norms",
        belief="a block's gradient is the one that arrives at its input",
        edits=(
            ("outputs = []", "inputs, x = [], x.detach().requires_grad_()"),
            ("x = block(x)\n        outputs.append(x)", "inputs.append(x)\n        x = block(x)"),
            (NORMS, NORMS.replace("outputs", "inputs")),
        ),
        question="Which tensor does the docstring name: the one before the block or the one after it?",
        explanation="The numbers are measured at the outputs; those of the inputs are shifted by one block.\n"
        "See 'Measure it'.",
    ),
    Misconception(
        id="norms-of-weights",
        exercise="gradient_norms",
        belief="a gradient is always one with respect to weights",
        edits=(
            ("torch.autograd.grad(loss, outputs)", "torch.autograd.grad(loss, [next(b.parameters()) for b in blocks])"),
        ),
        question="With respect to what is the derivative that the chain rule hands from block to block?",
        explanation="The backward pass hands on the gradient of each output; the weights' are by-products.\n"
        "See 'Measure it'.",
    ),
    Misconception(
        id="norms-of-outputs",
        exercise="gradient_norms",
        belief="the size of a gradient shows in the size of the output",
        edits=(("for gradient in torch.autograd.grad(loss, outputs)", "for gradient in outputs"),),
        question="Which of the two tells how much the loss would change: an output, or the loss's gradient at it?",
        explanation="A large output may matter little and a small one much; the gradient says which.\n"
        "See 'Measure it'.",
    ),
    Misconception(
        id="norms-loss-is-a-sum",
        exercise="gradient_norms",
        belief="the loss is the sum of the squares",
        edits=((LOSS, "loss = x.square().sum()"),),
        question="The gradient of a sum of squares is 2y. What is that of their mean over n values?",
        explanation="The mean's gradient is 2y / n: the sum's norms are n times as large.\nSee the docstring's loss.",
    ),
    Misconception(
        id="norms-loss-without-squares",
        exercise="gradient_norms",
        belief="the loss is the mean of the last output",
        edits=((LOSS, "loss = x.mean()"),),
        question="What is the gradient of a plain mean, and does it depend on the output at all?",
        explanation="The gradient of a mean is one and the same number everywhere; that of squares knows the values.\n"
        "See 'Measure it'.",
    ),
    Misconception(
        id="norms-block-by-block",
        exercise="gradient_norms",
        belief="every block has a loss of its own",
        edits=((LOSS, "loss = sum(output.square().mean() for output in outputs)"),),
        question="How many losses does the docstring name, and where do they stand?",
        explanation="One loss at the end: what is measured is how it reaches back through all later blocks.\n"
        "See 'Measure it'.",
    ),
    Misconception(
        id="norms-unchained",
        exercise="gradient_norms",
        belief="every block runs on x",
        edits=(
            ("x = block(x)\n        outputs.append(x)", "outputs.append(block(x))"),
            (LOSS, "loss = sum(output.square().mean() for output in outputs)"),
        ),
        question="What does the second block of a stack take for its input?",
        explanation="A stack is a chain: each block runs on the output of the one before.\nSee 'Measure it'.",
    ),
    Misconception(
        id="norms-in-train-mode",
        exercise="gradient_norms",
        belief="gradients are a matter of train mode",
        edits=(("x = block(x)", "x = block.train()(x)"),),
        question="If a block was in eval mode before your function, in which mode is it afterwards?",
        explanation="The caller decides on the mode; a measurement leaves everything as it was.\nSee the docstring.",
    ),
    Misconception(
        id="norms-in-evaluation",
        exercise="gradient_norms",
        belief="measuring is evaluation, so the blocks are put into eval mode first",
        edits=(("x = block(x)", "x = block.eval()(x)"),),
        question="Which statistics does a norm use in eval mode, and do gradients flow through them?",
        explanation="The caller chooses the mode; in eval mode the fixed statistics would hide what training sees.\n"
        "See 'Measure it' and the docstring.",
    ),
    Misconception(
        id="norms-as-tensors",
        exercise="gradient_norms",
        belief="a tensor of one element is as good as a number",
        edits=((NORMS, NORMS.replace(".item()", "")),),
        question="What does the signature promise, and what does type() say of the first of yours?",
        explanation="The list holds Python floats: easy to print and plot, and free of the graph.\nSee the docstring.",
    ),
    Misconception(
        id="norms-leave-gradients",
        exercise="gradient_norms",
        belief="backward is the way to gradients, and what it leaves on the parameters does no harm",
        edits=(
            (
                NORMS,
                BACKWARD
                + NORMS.replace("gradient.norm()", "output.grad.norm()").replace(
                    "gradient in torch.autograd.grad(loss, outputs)", "output in outputs"
                ),
            ),
        ),
        question="What will the next backward pass add its own gradients to?",
        explanation="backward adds to every parameter's .grad; torch.autograd.grad gives what you ask for, no more.\n"
        "See 'Measure it'.",
    ),
    Misconception(
        id="norms-clear-gradients",
        exercise="gradient_norms",
        belief="setting every .grad to None afterwards leaves things as they were",
        edits=(
            (
                NORMS,
                BACKWARD
                + "for block in blocks:\n        block.zero_grad()\n    "
                + NORMS.replace("gradient.norm()", "output.grad.norm()").replace(
                    "gradient in torch.autograd.grad(loss, outputs)", "output in outputs"
                ),
            ),
        ),
        question="What if there was a gradient on a parameter before you came?",
        explanation="Somebody else's gradient is gone then; torch.autograd.grad touches none of them.\n"
        "See 'Measure it'.",
    ),
    Misconception(
        id="norms-mark-the-input",
        exercise="gradient_norms",
        belief="the input must be told to require a gradient, or none will flow",
        edits=(("outputs = []", "outputs = []\n    x.requires_grad_()"),),
        question="Which tensors already require a gradient when the first block has run?",
        explanation="The parameters do, so every output does; the caller's x stays as it was.\nSee 'Measure it'.",
    ),
    Misconception(
        id="norms-of-nothing",
        exercise="gradient_norms",
        belief="no blocks give no numbers",
        edits=(
            (
                '    if not blocks:\n        raise ValueError(f"no block to run x {tuple(x.shape)} through")\n',
                "    if not blocks:\n        return []\n",
            ),
        ),
        question="Is an empty stack more likely meant, or a mistake in how it was built?",
        explanation="An empty stack is refused with the shape of x, so that the mistake shows where it was made.\n"
        "See the docstring.",
    ),
    Misconception(
        id="cut-off-input-costs-nothing",
        exercise="gradient_norms",
        belief="cutting the input off keeps it clean, and costs nothing",
        edits=(("outputs = []", "outputs, x = [], x.detach()"),),
        question="Through what do gradients flow in a stack of blocks without parameters?",
        explanation="Where no block has a parameter, only x asks for gradients; cut off, nothing does.\n"
        "See 'blocks' in the docstring.",
    ),
    Misconception(
        id="norms-freeze-the-blocks",
        exercise="gradient_norms",
        belief="freezing the parameters is the way to keep gradients off them",
        edits=(
            (
                "outputs = []",
                "outputs, x = [], x.detach().requires_grad_()\n"
                "    for block in blocks:\n        block.requires_grad_(False)",
            ),
        ),
        question="What will the next training step change in a block that you have measured?",
        explanation="A frozen parameter stays frozen until somebody thaws it, and the net stops learning.\n"
        "See 'Returns' in the docstring; torch.autograd.grad leaves nothing behind to keep off.",
    ),
    Misconception(
        id="norms-thaw-the-blocks",
        exercise="gradient_norms",
        belief="every parameter must ask for a gradient before one can be measured",
        edits=(("outputs = []", "outputs = []\n    for block in blocks:\n        block.requires_grad_(True)"),),
        question="Who froze a layer before you came, and what does that person expect of it afterwards?",
        explanation="The gradient passes through a frozen layer as well; thawed, it would be trained.\n"
        "See 'Returns' in the docstring.",
    ),
    Misconception(
        id="norms-leave-hooks",
        exercise="gradient_norms",
        belief="a forward hook does no harm once it has done its work",
        edits=(
            (
                "x = block(x)\n        outputs.append(x)",
                "block.register_forward_hook(lambda block, inputs, out: outputs.append(out))\n        x = block(x)",
            ),
        ),
        question="How often does your hook run in the training that follows the measurement?",
        explanation="A hook runs at every call until its handle's remove(), and keeps each output with its graph.\n"
        "See 'Returns' in the docstring.",
    ),
    Misconception(
        id="norms-one-output-a-module",
        exercise="gradient_norms",
        belief="a module has one output, so its outputs can be filed under it",
        edits=(
            ("outputs = []", "outputs = {}"),
            ("outputs.append(x)", "outputs[block] = x"),
            (
                NORMS,
                "gradients = dict(zip(outputs, torch.autograd.grad(loss, list(outputs.values()))))\n"
                "    return [gradients[block].norm().item() for block in blocks]",
            ),
        ),
        question="If a list of blocks holds one nn.Tanh twice, how many outputs does the stack have?",
        explanation="Outputs belong to places in the stack; a module may stand at several of them.\n"
        "See 'blocks' in the docstring.",
    ),
]

MISCONCEPTIONS = PLAIN_BLOCK + MAKE_DOWNSAMPLE + BASIC_BLOCK + GRADIENT_NORMS
