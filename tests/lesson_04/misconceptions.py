"""The wrong beliefs of lesson 4, executable: each replaces as little of the reference as it takes to hold it."""

from course.diagnosis import Misconception

MISCONCEPTIONS = [
    # make_stage
    Misconception(
        id="every-block-strided",
        exercise="make_stage",
        belief="Every block of a stage takes the stage's stride.",
        edits=(("BasicBlock(out_channels, out_channels)", "BasicBlock(out_channels, out_channels, stride)"),),
        question="A stage of two blocks with stride 2 gets a 32x32 map. How large is the map that leaves it?",
        explanation="Only the first block shrinks the map; the others refine it at the new size.\n"
        "See section 1, 'A stage'.",
    ),
    Misconception(
        id="no-block-strided",
        exercise="make_stage",
        belief="No block of a stage needs the stride: changing the channels is enough.",
        edits=(("BasicBlock(in_channels, out_channels, stride)", "BasicBlock(in_channels, out_channels)"),),
        question="Where in your stage does the argument `stride` arrive?",
        explanation="Channels and size change together, in the first block, so that each stage costs about the same.\n"
        "See section 1, 'A stage', and the table of MACs in section 4.",
    ),
    Misconception(
        id="last-block-strided",
        exercise="make_stage",
        belief="The stride belongs to the last block of a stage, as pooling at its end would.",
        edits=(
            ("BasicBlock(in_channels, out_channels, stride)", "BasicBlock(in_channels, out_channels)"),
            (
                "[BasicBlock(out_channels, out_channels) for _ in range(num_blocks - 1)]",
                "[BasicBlock(out_channels, out_channels, stride if i == num_blocks - 2 else 1) "
                "for i in range(num_blocks - 1)]",
            ),
        ),
        question="Which block of the stage is the first to work on the smaller map?",
        explanation="The first block takes the stride, so that the rest of the stage works on the smaller map.\n"
        "See section 1, 'A stage'.",
    ),
    Misconception(
        id="one-block-too-many",
        exercise="make_stage",
        belief="`num_blocks` counts the blocks that follow the first one.",
        edits=(("range(num_blocks - 1)", "range(num_blocks)"),),
        question="How many blocks does `len(make_stage(64, 64, 2, 1))` give?",
        explanation="`num_blocks` counts all of them: one that changes the shape and num_blocks - 1 that keep it.\n"
        "See section 1, 'A stage'.",
    ),
    Misconception(
        id="one-block-repeated",
        exercise="make_stage",
        belief="Multiplying a list that holds a block makes several blocks.",
        edits=(
            (
                "[BasicBlock(out_channels, out_channels) for _ in range(num_blocks - 1)]",
                "[BasicBlock(out_channels, out_channels)] * (num_blocks - 1)",
            ),
        ),
        question="In `[block] * 3`, how many times is the constructor of the block called?",
        explanation="`[block] * n` holds one object n times, so all positions share, and train, one set of weights.\n"
        "See section 2, 'Counting': shared parameters count once, and so the number comes out too small.",
    ),
    Misconception(
        id="channels-change-last",
        exercise="make_stage",
        belief="The blocks of a stage keep its input's channels, and the last one changes them.",
        edits=(
            ("BasicBlock(in_channels, out_channels, stride)", "BasicBlock(in_channels, in_channels, stride)"),
            (
                "[BasicBlock(out_channels, out_channels) for _ in range(num_blocks - 1)]",
                "[BasicBlock(in_channels, in_channels) for _ in range(num_blocks - 2)] "
                "+ [BasicBlock(in_channels, out_channels)]",
            ),
        ),
        question="How many channels does the second block of `layer2` read, and how many does it write?",
        explanation="The first block goes from in_channels to out_channels; all others read and write out_channels.\n"
        "See section 1, 'A stage'.",
    ),
    Misconception(
        id="every-block-reads-the-input-channels",
        exercise="make_stage",
        belief="Every block of a stage reads `in_channels` channels.",
        edits=(("BasicBlock(out_channels, out_channels)", "BasicBlock(in_channels, out_channels)"),),
        question="What does the second block of the stage read: the stage's input, or the first block's output?",
        explanation="A block reads what the one before it wrote, and that has out_channels channels.\n"
        "See section 1, 'A stage'.",
    ),
    Misconception(
        id="stride-follows-from-channels",
        exercise="make_stage",
        belief="A stage that changes the channels always has stride 2.",
        edits=(
            (
                "BasicBlock(in_channels, out_channels, stride)",
                "BasicBlock(in_channels, out_channels, 2 if in_channels != out_channels else stride)",
            ),
        ),
        question="Which output size do you get from `make_stage(3, 5, 2, stride=1)`, and which should it be?",
        explanation="In ResNet18 the two happen to go together; the argument `stride` decides.\n"
        "See section 1, 'A stage': in_channels and stride are separate arguments.",
    ),
    Misconception(
        id="stride-only-with-new-channels",
        exercise="make_stage",
        belief="A stage that keeps its channels keeps the size of its map, too.",
        edits=(
            (
                "BasicBlock(in_channels, out_channels, stride)",
                "BasicBlock(in_channels, out_channels, stride if in_channels != out_channels else 1)",
            ),
        ),
        question="What should `make_stage(4, 4, 1, stride=3)` do to the height and width?",
        explanation="`layer1` keeps both, but because its stride is 1 and not because its channels are equal.\n"
        "See section 1, 'A stage'.",
    ),
    Misconception(
        id="detached-between-blocks",
        exercise="make_stage",
        belief="Blocks train one by one, so no gradient has to cross from one to the next.",
        edits=(
            (
                "return nn.Sequential(*blocks)",
                "stage = nn.Sequential(*blocks)\n"
                "    stage[0].register_forward_hook(lambda block, inputs, out: out.detach())\n"
                "    return stage",
            ),
        ),
        question="After `loss.backward()`, which of your stage's parameters have a gradient?",
        explanation="The whole net learns from one loss: its gradient runs back through every block to the first.\n"
        "See lesson 3, where you measured it block by block.",
    ),
    Misconception(
        id="empty-stage-allowed",
        exercise="make_stage",
        belief="A stage asked for no blocks may quietly have one.",
        edits=(("if num_blocks < 1:", "if num_blocks < 0:"),),
        question="What does your function answer to `num_blocks=0`, and would you notice the mistake elsewhere?",
        explanation="A wrong argument is cheapest where it is made: raise a ValueError that names it.\n"
        "See the docstring of make_stage, 'Raises'.",
    ),
    Misconception(
        id="fewer-blocks-than-none-allowed",
        exercise="make_stage",
        belief="Of all numbers of blocks only 0 is wrong.",
        edits=(("if num_blocks < 1:", "if num_blocks == 0:"),),
        question="What does your function answer to `num_blocks=-2`?",
        explanation="`range(-3)` is empty, so a negative number quietly gives a stage of one block.\n"
        "See the docstring of make_stage, 'Raises'.",
    ),
    Misconception(
        id="blocks-copied",
        exercise="make_stage",
        belief="Copies of one block will do, since each copy can learn on its own.",
        edits=(
            (
                "blocks += [BasicBlock(out_channels, out_channels) for _ in range(num_blocks - 1)]",
                "import copy\n\n"
                "    block = BasicBlock(out_channels, out_channels)\n"
                "    blocks += [copy.deepcopy(block) for _ in range(num_blocks - 1)]",
            ),
        ),
        question="Compare the first weights of the last two blocks of `make_stage(4, 4, 3, 1)`. What do you see?",
        explanation="A copy can learn on its own, but its values start the same; only a new block draws new ones.\n"
        "See 'num_blocks' in the docstring of make_stage.",
    ),
    # count_parameters
    Misconception(
        id="counts-tensors",
        exercise="count_parameters",
        belief="Each parameter tensor counts as one.",
        edits=(("parameter.numel()", "1"),),
        question="How many numbers does one 3x3 convolution from 64 to 64 channels hold?",
        explanation="`parameters()` yields tensors; `numel()` says how many numbers each of them holds.\n"
        "See section 2, 'Counting'.",
    ),
    Misconception(
        id="weights-only",
        exercise="count_parameters",
        belief="Only weights are parameters; biases are too few to count.",
        edits=(
            (
                "parameter.numel() for parameter in model.parameters()",
                'parameter.numel() for name, parameter in model.named_parameters() if not name.endswith("bias")',
            ),
        ),
        question="Does the optimiser update a bias?",
        explanation="A bias is a parameter like any other: it has a gradient and is updated.\n"
        "The 10 biases of `fc` count like its weights. See section 2, 'Counting'.",
    ),
    Misconception(
        id="not-recursive",
        exercise="count_parameters",
        belief="A container counts the layers it holds directly, not those further down.",
        edits=(
            (
                "parameter.numel() for parameter in model.parameters()",
                "parameter.numel() for child in model.children() for parameter in child.parameters(recurse=False)",
            ),
        ),
        question="What does `list(model.children())` give for the whole net: layers, or stages?",
        explanation="Modules nest: net, stage, block, layer. `parameters()` visits all of them by itself.\n"
        "See section 2, 'Counting'.",
    ),
    Misconception(
        id="known-layers-only",
        exercise="count_parameters",
        belief="Parameters live in the library's layers and have `weight` or `bias` for a name.",
        edits=(
            (
                "parameter.numel() for parameter in model.parameters()",
                "parameter.numel() for name, parameter in model.named_parameters() "
                'if name.endswith(("weight", "bias"))',
            ),
        ),
        question="Would your function count a layer of your own, whose parameter is called `log_scale`?",
        explanation="Whatever is an `nn.Parameter` attribute of a module is found by `parameters()`, under any name.\n"
        "See section 2, 'Counting'.",
    ),
    Misconception(
        id="buffers-counted",
        exercise="count_parameters",
        belief="A norm's running statistics are parameters of the model.",
        edits=(("in model.parameters()", "in [*model.parameters(), *model.buffers()]"),),
        question="Does the gradient of the loss change `running_mean`?",
        explanation="Running statistics are measured, not learnt: buffers, saved with the model but not parameters.\n"
        "See section 2, 'Counting', and lesson 2.",
    ),
    Misconception(
        id="trainable-only",
        exercise="count_parameters",
        belief="A frozen parameter is no longer a parameter of the model.",
        edits=(
            ("for parameter in model.parameters()", "for parameter in model.parameters() if parameter.requires_grad"),
        ),
        question="Does a model get smaller when you freeze a layer?",
        explanation="Freezing stops the updates; the numbers are still there, and the output still depends on them.\n"
        "See the docstring of count_parameters.",
        seen_in="a common one-line recipe, which counts what is trainable and calls it the model's parameters",
    ),
    Misconception(
        id="shared-counted-twice",
        exercise="count_parameters",
        belief="A parameter counts once for every layer that uses it.",
        edits=(
            (
                "parameter.numel() for parameter in model.parameters()",
                "parameter.numel() for module in model.modules() for parameter in module.parameters(recurse=False)",
            ),
        ),
        question="How many numbers must be stored for two layers that share one weight?",
        explanation="Shared means stored once and learnt once. `model.parameters()` yields it a single time.\n"
        "See section 2, 'Counting'.",
    ),
    Misconception(
        id="buffers-told-by-name",
        exercise="count_parameters",
        belief="What the state dict holds is a parameter, running statistics apart.",
        edits=(
            (
                "parameter.numel() for parameter in model.parameters()",
                "tensor.numel() for name, tensor in model.state_dict().items() "
                'if "running" not in name and "num_batches" not in name',
            ),
        ),
        question="What else can `register_buffer` put into a state dict, and under which names?",
        explanation="A buffer may have any name: a mask, a mean of the data. A parameter is one by its class.\n"
        "See section 2, 'Counting'.",
    ),
    Misconception(
        id="told-apart-by-address",
        exercise="count_parameters",
        belief="Two parameters are one and the same if their memory has one address.",
        edits=(
            (
                "sum(parameter.numel() for parameter in model.parameters())",
                "sum({parameter.data_ptr(): parameter.numel() for parameter in model.parameters()}.values())",
            ),
        ),
        question="Which address does a tensor have that holds no values yet?",
        explanation='On the "meta" device, where nets too large for memory are planned, every address is 0.\n'
        "`parameters()` tells them apart by identity. See the docstring of count_parameters, 'Args'.",
    ),
    # init_weights
    Misconception(
        id="every-norm-starts-so",
        exercise="init_weights",
        belief="Every norm starts at one and zero by this function, GroupNorm too.",
        edits=(("isinstance(module, nn.BatchNorm2d)", "isinstance(module, nn.BatchNorm2d | nn.GroupNorm)"),),
        question="Which kinds of layers does the docstring name, and what becomes of all others?",
        explanation="Only Conv2d and BatchNorm2d are changed; whoever builds in another layer has chosen its values.\n"
        "See the docstring of init_weights.",
    ),
    Misconception(
        id="fan-in",
        exercise="init_weights",
        belief="The fan that scales the weights is the number of inputs of an output value (fan_in).",
        edits=(('mode="fan_out"', 'mode="fan_in"'),),
        question="Does this net's initialisation keep the variance of activations or of gradients?",
        explanation="fan_in keeps the forward variance, fan_out that of the gradient; the docstring asks for fan_out.\n"
        "See section 3, 'Where the weights start', and He et al. 2015b, equations 10 and 14.",
        seen_in="PyTorch's own default of nn.init.kaiming_normal_ (mode='fan_in')",
    ),
    Misconception(
        id="gain-forgotten",
        exercise="init_weights",
        belief="The variance is 1 / fan: ReLU doesn't matter.",
        edits=(('nonlinearity="relu"', 'nonlinearity="linear"'),),
        question="What part of its input's second moment does a ReLU let through?",
        explanation="ReLU sets half of the values to zero and halves the second moment; the 2 makes up for it.\n"
        "See section 3, 'A signal through 20 layers'.",
    ),
    Misconception(
        id="kernel-area-forgotten",
        exercise="init_weights",
        belief="fan_out is the number of output channels.",
        edits=(
            (
                'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")',
                "nn.init.normal_(module.weight, 0, (2 / module.out_channels) ** 0.5)",
            ),
        ),
        question="How many output values does one input pixel touch in a 3x3 convolution with 64 output channels?",
        explanation="An input value goes into out_channels values at each place of the kernel: its area counts.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="square-kernel-assumed",
        exercise="init_weights",
        belief="A kernel's area is the square of its first side.",
        edits=(
            (
                'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")',
                "nn.init.normal_(module.weight, 0, (2 / (module.out_channels * module.kernel_size[0] ** 2)) ** 0.5)",
            ),
        ),
        question="What is fan_out for a kernel of 3 by 5?",
        explanation="fan_out = out_channels * kernel height * kernel width; the two sides may differ.\n"
        "See the docstring of init_weights.",
    ),
    Misconception(
        id="variance-for-deviation",
        exercise="init_weights",
        belief="The second argument of a normal distribution's sampler is the variance 2 / fan_out.",
        edits=(
            (
                'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")',
                "nn.init.normal_(module.weight, 0, 2 / (module.out_channels * module.weight[0, 0].numel()))",
            ),
        ),
        question="Does `torch.normal` want a variance or a standard deviation?",
        explanation="PyTorch's samplers take the standard deviation: the square root of 2 / fan_out.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="uniform",
        exercise="init_weights",
        belief="He initialisation draws from a uniform distribution.",
        edits=(("kaiming_normal_", "kaiming_uniform_"),),
        question="What does a histogram of your weights look like: a bell or a box?",
        explanation="Both can have one variance; this net, like the paper's, draws from the normal distribution.\n"
        "See section 3, 'Where the weights start', and He et al. 2015b, section 2.2.",
        seen_in="PyTorch's default for nn.Conv2d (kaiming_uniform_ with a = sqrt(5))",
    ),
    Misconception(
        id="xavier",
        exercise="init_weights",
        belief="The variance is 1 over the mean of fan_in and fan_out, as in Glorot's formula.",
        edits=(
            (
                'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")',
                "nn.init.xavier_normal_(module.weight)",
            ),
        ),
        question="For which activation function was Glorot's formula derived?",
        explanation="Glorot and Bengio (2010) average the fans and assume no ReLU; He's rule takes one and doubles.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="convolutions-left-alone",
        exercise="init_weights",
        belief="PyTorch's default values for convolutions are He's already.",
        edits=(
            (
                'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")',
                "module.reset_parameters()",
            ),
        ),
        question="What is the standard deviation of `nn.Conv2d(64, 64, 3).weight`, and what is sqrt(2 / fan_out)?",
        explanation="The default has variance 1 / (3 fan_in), a sixth of He's for equal fans.\n"
        "See section 3, 'A signal through 20 layers'.",
    ),
    Misconception(
        id="norms-start-at-zero",
        exercise="init_weights",
        belief="A norm's weight starts at zero, so that every block starts as the identity.",
        edits=(("nn.init.ones_(module.weight)", "nn.init.zeros_(module.weight)"),),
        question="If the norm of the stem multiplies by zero, what reaches the first stage?",
        explanation="Zero is for a block's last norm at most (Goyal et al. 2017, section 5.1). All others need 1.\n"
        "See section 3, and 'Starting at the identity' in lesson 3.",
    ),
    Misconception(
        id="norms-left-alone",
        exercise="init_weights",
        belief="init_weights may leave the norms alone, because PyTorch has given them the right values.",
        edits=(("isinstance(module, nn.BatchNorm2d)", "False"),),
        question="What does your function do to a norm that has already been trained?",
        explanation="After `model.apply(init_weights)` a norm's weight and bias are fresh, whatever they were before.\n"
        "See the docstring of init_weights: weight 1, bias 0.",
    ),
    Misconception(
        id="norm-bias-forgotten",
        exercise="init_weights",
        belief="Only a norm's weight needs an initial value.",
        edits=(("nn.init.zeros_(module.bias)", "pass"),),
        question="Which two parameters does a BatchNorm2d have?",
        explanation="A norm scales by its weight and shifts by its bias; the identity is weight 1 and bias 0.\n"
        "See the docstring of init_weights.",
    ),
    Misconception(
        id="running-statistics-reset",
        exercise="init_weights",
        belief="Giving a norm its initial values includes its running statistics.",
        edits=(("nn.init.ones_(module.weight)", "module.reset_parameters()"),),
        question="Are the running mean and variance parameters, or a record of the data?",
        explanation="They are a record of the data so far; `init_weights` sets what is learnt, and nothing else.\n"
        "See the docstring of init_weights, and lesson 2.",
    ),
    Misconception(
        id="linear-too",
        exercise="init_weights",
        belief="He initialisation is for every layer that has a weight matrix.",
        edits=(("isinstance(module, nn.Conv2d)", "isinstance(module, nn.Conv2d | nn.Linear)"),),
        question="Does a ReLU follow the last layer of the net?",
        explanation="He's factor 2 makes up for a ReLU, and none follows `fc`, which keeps PyTorch's default.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="same-seed-for-every-layer",
        exercise="init_weights",
        belief="For a reproducible start each layer is drawn from the same seed.",
        edits=(("if isinstance(module, nn.Conv2d):", "torch.manual_seed(0)\n    if isinstance(module, nn.Conv2d):"),),
        question="Compare the weights of two layers of the same shape. What do you see?",
        explanation="A seed inside the function starts every layer at the same values; set it once, outside.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="new-parameter-object",
        exercise="init_weights",
        belief="A layer gets its initial values by being given a new parameter.",
        edits=(
            (
                'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")',
                "deviation = (2 / (module.out_channels * module.weight[0, 0].numel())) ** 0.5\n"
                "        module.weight = nn.Parameter(deviation * torch.randn(module.weight.shape))",
            ),
        ),
        question="An optimiser already holds the old parameter. Which one does it update?",
        explanation="Write into the tensor (functions that end in `_`): dtype, device and owners stay as they are.\n"
        "See the docstring of init_weights: in place.",
    ),
    Misconception(
        id="truncated-normal",
        exercise="init_weights",
        belief="He's normal distribution is cut off at two standard deviations.",
        edits=(
            (
                'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")',
                "std = (2 / (module.out_channels * module.weight[0, 0].numel())) ** 0.5 / 0.8796\n"
                "        nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)",
            ),
        ),
        question="Of 10,000 values of a normal distribution, how many lie more than two and a half deviations out?",
        explanation="About 124 do, and none if it is cut off at two; He et al. cut nothing off, nor does this net.\n"
        "See the docstring of init_weights, and He et al. 2015b, section 2.2.",
        seen_in="he_normal in Keras and JAX, which draws from a truncated normal distribution",
    ),
    Misconception(
        id="fan-divided-by-groups",
        exercise="init_weights",
        belief="In a grouped convolution fan_out is that of one group.",
        edits=(
            (
                'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")',
                "fan_out = module.out_channels * module.weight[0, 0].numel() // module.groups\n"
                "        nn.init.normal_(module.weight, 0, (2 / fan_out) ** 0.5)",
            ),
        ),
        question="Which three factors does fan_out have in the docstring?",
        explanation="Some nets do divide by the groups; this function, like nn.init.kaiming_normal_, doesn't.\n"
        "See the docstring of init_weights.",
        seen_in="the initialisation of EfficientNet in timm",
    ),
    Misconception(
        id="batch-norms-of-every-dimension",
        exercise="init_weights",
        belief="What init_weights does to a BatchNorm2d, it does to a BatchNorm1d and a BatchNorm3d, too.",
        edits=(("isinstance(module, nn.BatchNorm2d)", "isinstance(module, nn.modules.batchnorm._BatchNorm)"),),
        question="Which kinds of layers does the docstring name, and what becomes of all others?",
        explanation="Only Conv2d and BatchNorm2d are changed; whoever builds in another layer has chosen its values.\n"
        "See the docstring of init_weights.",
    ),
    Misconception(
        id="transposed-convolutions-too",
        exercise="init_weights",
        belief="What holds a weight of four dimensions is a 2-D convolution.",
        edits=(
            (
                "isinstance(module, nn.Conv2d)",
                'getattr(module, "weight", None) is not None and module.weight.dim() == 4',
            ),
        ),
        question="In which order do nn.Conv2d and nn.ConvTranspose2d keep their channels?",
        explanation="A ConvTranspose2d has the channels the other way round, so that its fans are swapped.\n"
        "It is neither of the two layers that the docstring of init_weights names. See there.",
    ),
    Misconception(
        id="norms-tuned-as-well",
        exercise="init_weights",
        belief="Giving a norm its initial values includes its eps and momentum.",
        edits=(
            (
                "nn.init.ones_(module.weight)",
                "nn.init.ones_(module.weight)\n        module.eps, module.momentum = 1e-3, 0.03",
            ),
        ),
        question="Which eps do torchvision's weights expect, the ones that you load in section 4?",
        explanation="They are settings of the layer, chosen by whoever made it; only weight and bias are values.\n"
        "See the docstring of init_weights.",
        seen_in="initialize_weights in YOLOv5, which sets eps 1e-3 and momentum 0.03 on every BatchNorm2d",
    ),
    Misconception(
        id="gradients-off-for-good",
        exercise="init_weights",
        belief="Initial values need no gradients, so they are switched off first.",
        edits=(
            (
                "if isinstance(module, nn.Conv2d):",
                "torch.set_grad_enabled(False)\n    if isinstance(module, nn.Conv2d):",
            ),
        ),
        question="Who switches gradients on again after your function?",
        explanation="The switch is torch's, not the function's, so that afterwards no loss has a backward pass.\n"
        "`with torch.no_grad():` sets it back by itself. See the docstring of init_weights, 'Args'.",
    ),
    # ResNet18
    Misconception(
        id="classifier-with-a-start-of-its-own",
        exercise="ResNet18",
        belief="The classifier needs a start of its own.",
        edits=(
            (
                "self.apply(init_weights)",
                "self.apply(init_weights); nn.init.normal_(self.fc.weight, 0, 0.01); nn.init.zeros_(self.fc.bias)",
            ),
        ),
        question="What does init_weights do to a linear layer, according to its docstring?",
        explanation="init_weights leaves it as PyTorch made it, and so does the net; older recipes draw it anew.\n"
        "See the docstring of init_weights, and section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="imagenet-stem-on-cifar",
        exercise="ResNet18",
        belief="Small images go through the same 7x7 stem with stride 2 as large ones.",
        edits=(
            (
                "nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)",
                "nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)",
            ),
        ),
        question="How large is the map that reaches `layer4` for a 32x32 image?",
        explanation="Halving 32 pixels before the first block throws away what the stages would look at.\n"
        "See section 4, 'The wrong stem'.",
    ),
    Misconception(
        id="max-pooling-on-cifar",
        exercise="ResNet18",
        belief="The CIFAR stem keeps the max pooling.",
        edits=(
            ('nn.MaxPool2d(3, stride=2, padding=1) if stem == "imagenet" else nn.Identity()', "nn.MaxPool2d(3, 2, 1)"),
        ),
        question="What is the height of the map that enters `layer1` for a 32x32 image?",
        explanation="The CIFAR stem is conv1, bn1, ReLU and nothing else; the map enters `layer1` at full size.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="cifar-stem-on-imagenet",
        exercise="ResNet18",
        belief="A 3x3 convolution with stride 1 is the first layer for large images, too.",
        edits=(
            (
                "nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)",
                "nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)",
            ),
        ),
        question='What does the argument `stem="imagenet"` change in your net?',
        explanation="Large images are brought to a quarter of their side first, which makes the net affordable.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="no-max-pooling-on-imagenet",
        exercise="ResNet18",
        belief="The ImageNet stem is a 7x7 convolution and no pooling.",
        edits=(('nn.MaxPool2d(3, stride=2, padding=1) if stem == "imagenet" else nn.Identity()', "nn.Identity()"),),
        question="By which factor should height and width have shrunk before `layer1` with the ImageNet stem?",
        explanation="conv1 halves the side and the max pooling halves it again, before the first block.\n"
        "See section 4, 'The whole net', and He et al. 2015, table 1, row conv2_x.",
    ),
    Misconception(
        id="two-by-two-pooling",
        exercise="ResNet18",
        belief="Max pooling that halves the size has a 2x2 window.",
        edits=(("nn.MaxPool2d(3, stride=2, padding=1)", "nn.MaxPool2d(2, stride=2, ceil_mode=True)"),),
        question="Do neighbouring pooling windows overlap in your stem?",
        explanation="The window is 3x3 at stride 2 with padding 1: neighbours overlap by one row or column.\n"
        "See section 4, 'The whole net', and He et al. 2015, table 1.",
    ),
    Misconception(
        id="pooling-rounds-up",
        exercise="ResNet18",
        belief="Max pooling keeps what is left over at the edge, so its size is rounded up.",
        edits=(("nn.MaxPool2d(3, stride=2, padding=1)", "nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)"),),
        question="How large is the map that enters `layer1` for an image of 224x224?",
        explanation="112 becomes 56; rounded up it would be 57, by a window that lies two thirds outside the map.\n"
        "See lesson 1, `output_size`, and section 4, 'The whole net'.",
        seen_in="Caffe's pooling rounds up, and so do nets ported from it",
    ),
    Misconception(
        id="stem-convolution-unpadded",
        exercise="ResNet18",
        belief="The 7x7 convolution of the ImageNet stem needs no padding.",
        edits=(("nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)", "nn.Conv2d(3, 64, 7, stride=2, bias=False)"),),
        question="What size does a 224x224 image have after conv1, and what should it have?",
        explanation="Half the kernel (7 // 2 = 3) on each side makes 224 exactly 112.\n"
        "See lesson 1, `output_size`, and section 4, 'The whole net'.",
    ),
    Misconception(
        id="max-instead-of-mean",
        exercise="ResNet18",
        belief="The last pooling takes the maximum of each channel's map.",
        edits=(("x.mean(dim=(2, 3))", "x.amax(dim=(2, 3))"),),
        question="Which pooling does table 1 of the paper name between the last stage and the linear layer?",
        explanation="The net averages each channel over the map; the maximum belongs to the stem alone.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="sum-instead-of-mean",
        exercise="ResNet18",
        belief="Adding up each channel's map is as good as its mean.",
        edits=(("x.mean(dim=(2, 3))", "x.sum(dim=(2, 3))"),),
        question="How do your logits change when the image gets twice as high?",
        explanation="A sum grows with the size of the map, so `fc` would see other numbers for larger images.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="pooled-over-the-batch",
        exercise="ResNet18",
        belief="The last pooling averages over everything but the channels.",
        edits=(("x.mean(dim=(2, 3))", "x.mean(dim=(0, 2, 3))"),),
        question="How many rows of logits do you get for a batch of two images?",
        explanation="Each image has its own answer: pool over height and width, and keep N.\n"
        "See section 4, 'The whole net': (N, 512, H', W') -> (N, 512).",
    ),
    Misconception(
        id="squeezes-the-batch-too",
        exercise="ResNet18",
        belief="squeeze removes the two ones that the pooling leaves, and nothing else.",
        edits=(("x.mean(dim=(2, 3))", "nn.functional.adaptive_avg_pool2d(x, 1).squeeze()"),),
        question="Which sides of length 1 has the pooled map of a batch of one image?",
        explanation="squeeze removes every side of length 1, and N is one of them; flatten(1) keeps it.\n"
        "See section 4, 'The whole net': (N, 512, H', W') -> (N, 512).",
    ),
    Misconception(
        id="pooling-window-of-four",
        exercise="ResNet18",
        belief="The last map is 4x4, so a pooling window of 4 is the mean over it.",
        edits=(("x.mean(dim=(2, 3))", "nn.functional.avg_pool2d(x, 4).flatten(1)"),),
        question="How large is the last map for an image of 13 by 18 pixels?",
        explanation="It is 4x4 for few sizes only, 32x32 among them; a mean over height and width works for all.\n"
        "See section 4, 'The whole net'.",
        seen_in="several popular CIFAR repositories (F.avg_pool2d(out, 4))",
    ),
    Misconception(
        id="flattened-map",
        exercise="ResNet18",
        belief="The linear layer reads all 4x4 places of the last map.",
        edits=(
            ("x.mean(dim=(2, 3))", "nn.functional.adaptive_avg_pool2d(x, 4).flatten(1)"),
            ("nn.Linear(512, num_classes)", "nn.Linear(512 * 4 * 4, num_classes)"),
        ),
        question="How many inputs has `fc`, and how many channels does `layer4` write?",
        explanation="The mean leaves one number a channel, 512 in all, whatever the size of the map.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="softmax-at-the-end",
        exercise="ResNet18",
        belief="The net itself ends in a softmax.",
        edits=(("self.fc(x.mean(dim=(2, 3)))", "self.fc(x.mean(dim=(2, 3))).softmax(dim=1)"),),
        question="What does cross-entropy in PyTorch do with its input first?",
        explanation="The loss takes logits and applies log-softmax itself; a softmax before it flattens the gradient.\n"
        "See section 7, 'What broke, what it means'.",
    ),
    Misconception(
        id="dropout-before-fc",
        exercise="ResNet18",
        belief="A dropout stands before the linear layer.",
        edits=(
            ("self.fc(x.mean(dim=(2, 3)))", "self.fc(nn.functional.dropout(x.mean(dim=(2, 3)), 0.5, self.training))"),
        ),
        question="Do you get the same logits twice in training mode?",
        explanation="He et al. use no dropout (2015, section 3.4): batch normalisation regularises enough here.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="relu-on-the-logits",
        exercise="ResNet18",
        belief="ReLU follows every layer, the last one too.",
        edits=(("self.fc(x.mean(dim=(2, 3)))", "self.fc(x.mean(dim=(2, 3))).relu()"),),
        question="Which gradient reaches the weights of a class whose logit is below zero?",
        explanation="Logits may be negative; a ReLU on them cuts the gradient of every class below zero.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="no-relu-after-the-stem",
        exercise="ResNet18",
        belief="The stem has no ReLU: the first block has its own.",
        edits=(("torch.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))"),),
        question="What does the shortcut of the first block carry: values of both signs or not?",
        explanation="conv1, bn1, ReLU: the first block is given what every other block is given, values >= 0.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="no-norm-in-the-stem",
        exercise="ResNet18",
        belief="A module made in the constructor does its work, whether `forward` calls it or not.",
        edits=(("torch.relu(self.bn1(self.conv1(x)))", "torch.relu(self.conv1(x))"),),
        question="Which of the modules that you made in the constructor does `forward` never call?",
        explanation="A module that `forward` doesn't call is counted and saved, and does nothing.\n"
        "See section 4, 'The whole net'.",
    ),
    Misconception(
        id="convolution-with-bias",
        exercise="ResNet18",
        belief="The stem's convolution has a bias, like any layer.",
        edits=(
            (
                "nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)",
                "nn.Conv2d(3, 64, 3, stride=1, padding=1)",
            ),
        ),
        question="What does the norm right after it do to a constant that is added to a channel?",
        explanation="The norm subtracts the channel's mean and the bias with it; its own bias takes that part.\n"
        "See section 2, 'Counting', and lesson 2.",
    ),
    Misconception(
        id="linear-without-bias",
        exercise="ResNet18",
        belief="No layer of a net with batch normalisation has a bias.",
        edits=(("nn.Linear(512, num_classes)", "nn.Linear(512, num_classes, bias=False)"),),
        question="Does a norm follow the linear layer?",
        explanation="A bias is superfluous only before a norm, and none follows `fc`.\n"
        "10 of the net's 11,173,962 parameters are those biases. See section 4, 'The whole net'.",
    ),
    Misconception(
        id="ten-classes-always",
        exercise="ResNet18",
        belief="The output has ten values.",
        edits=(("nn.Linear(512, num_classes)", "nn.Linear(512, 10)"),),
        question="Where in your constructor does `num_classes` arrive?",
        explanation="Ten is CIFAR-10's number and only the default of `num_classes`.\nSee the docstring of ResNet18.",
    ),
    Misconception(
        id="first-stage-strided",
        exercise="ResNet18",
        belief="All four stages halve the map.",
        edits=(("make_stage(64, 64, num_blocks=2, stride=1)", "make_stage(64, 64, num_blocks=2, stride=2)"),),
        question="Do the channels change between the stem and `layer1`?",
        explanation="`layer1` keeps the stem's 64 channels and its size; only the next three stages halve it.\n"
        "See section 1, 'A stage', and He et al. 2015, table 1.",
    ),
    Misconception(
        id="last-stage-not-doubled",
        exercise="ResNet18",
        belief="The last stage keeps 256 channels.",
        edits=(
            ("make_stage(256, 512, num_blocks=2, stride=2)", "make_stage(256, 256, num_blocks=2, stride=2)"),
            ("nn.Linear(512, num_classes)", "nn.Linear(256, num_classes)"),
        ),
        question="How many channels does each stage write, from the first to the last?",
        explanation="64, 128, 256, 512: whenever the side halves, the channels double.\nSee section 1, 'A stage'.",
    ),
    Misconception(
        id="cifar-widths",
        exercise="ResNet18",
        belief="For CIFAR the stages are 16, 32, 64 channels wide and there are three.",
        edits=(
            ("nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)", "nn.Conv2d(3, 16, 3, padding=1, bias=False)"),
            ("nn.BatchNorm2d(64)", "nn.BatchNorm2d(16)"),
            ("make_stage(64, 64, num_blocks=2, stride=1)", "make_stage(16, 16, num_blocks=2, stride=1)"),
            ("make_stage(64, 128, num_blocks=2, stride=2)", "make_stage(16, 32, num_blocks=2, stride=2)"),
            ("make_stage(128, 256, num_blocks=2, stride=2)", "make_stage(32, 64, num_blocks=2, stride=2)"),
            ("make_stage(256, 512, num_blocks=2, stride=2)", "nn.Sequential()"),
            ("nn.Linear(512, num_classes)", "nn.Linear(64, num_classes)"),
        ),
        question="Which table did you read: ResNet18's, or that of the thin CIFAR nets of the paper's section 4.2?",
        explanation="ResNet20, 32, 56 of section 4.2 are thinner nets. ResNet18 has four stages, 64 to 512 wide.\n"
        "See 'Where to go'.",
        seen_in="He et al. 2015, section 4.2, whose nets for CIFAR-10 are often confused with ResNet18",
    ),
    Misconception(
        id="resnet34",
        exercise="ResNet18",
        belief="The stages have 3, 4, 6 and 3 blocks.",
        edits=(
            ("make_stage(64, 64, num_blocks=2", "make_stage(64, 64, num_blocks=3"),
            ("make_stage(64, 128, num_blocks=2", "make_stage(64, 128, num_blocks=4"),
            ("make_stage(128, 256, num_blocks=2", "make_stage(128, 256, num_blocks=6"),
            ("make_stage(256, 512, num_blocks=2", "make_stage(256, 512, num_blocks=3"),
        ),
        question="Count the layers with weights on the main path. Do you get 18?",
        explanation="1 + 4 stages * 2 blocks * 2 convolutions + 1 = 18; with 3, 4, 6, 3 blocks it is ResNet34.\n"
        "See 'Why 18?' in 'The whole net on one page'.",
    ),
    Misconception(
        id="scales-images-itself",
        exercise="ResNet18",
        belief="The net divides pixel values by 255 before anything else.",
        edits=(("self.conv1(x)", "self.conv1(x / 255)"),),
        question="Who prepares the images: the data pipeline or the net?",
        explanation="The net takes what it is given; scaling is the data pipeline's work (lesson 5).\n"
        "See the docstring of ResNet18.",
    ),
    Misconception(
        id="frozen-stem",
        exercise="ResNet18",
        belief="The stem's output is the input of a new net, and no gradient goes back through it.",
        edits=(("x = self.maxpool(x)", "x = self.maxpool(x.detach())"),),
        question="After `loss.backward()`, what is `model.conv1.weight.grad`?",
        explanation="`detach` cuts the net in two: everything before it never learns.\n"
        "See section 6, where one step of training moves every part.",
    ),
    Misconception(
        id="keeps-its-features",
        exercise="ResNet18",
        belief="The features of a batch are worth keeping on the net, for a look at them later.",
        edits=(
            ("return self.fc(x.mean(dim=(2, 3)))", "self.features = x\n        return self.fc(x.mean(dim=(2, 3)))"),
        ),
        question="How long does a tensor live that is an attribute of self, and what else does it keep alive?",
        explanation="It holds its whole graph in memory until the next batch, and copy.deepcopy refuses the net.\n"
        "See the docstring of ResNet18; a forward hook looks at a map without keeping it.",
    ),
    Misconception(
        id="casts-to-float32",
        exercise="ResNet18",
        belief="Logits are float32, whatever the dtype of the net.",
        edits=(("self.fc(x.mean(dim=(2, 3)))", "self.fc(x.mean(dim=(2, 3))).float()"),),
        question="What dtype do your logits have after `model.double()`?",
        explanation="The weights decide the dtype; a cast inside the net breaks float64 and mixed precision.\n"
        "See section 4, 'Is it the same net?', which runs in float64.",
    ),
    Misconception(
        id="init-forgotten",
        exercise="ResNet18",
        belief="Defining init_weights is enough for the net to use it.",
        edits=(("self.apply(init_weights)", "pass"),),
        question="Which line of your constructor calls `init_weights`?",
        explanation="Nothing calls it by itself: the constructor's last line applies it to every module.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="init-of-children-only",
        exercise="ResNet18",
        belief="Looping over a net's children reaches every layer.",
        edits=(("self.apply(init_weights)", "[init_weights(child) for child in self.children()]"),),
        question="Is a convolution inside a block a child of the net?",
        explanation="`children()` gives conv1, bn1, layer1, …; `apply` and `modules()` go all the way down.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="init-before-the-stages",
        exercise="ResNet18",
        belief="init_weights can be applied anywhere in the constructor.",
        edits=(
            ("        self.apply(init_weights)\n", ""),
            (
                "        self.layer2 = make_stage",
                "        self.apply(init_weights)\n        self.layer2 = make_stage",
            ),
        ),
        question="Which modules does `self.apply` visit: those that the net has, or those that it will have?",
        explanation="`apply` visits what is there when it is called; whatever is made afterwards keeps its default.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="projections-not-initialised",
        exercise="ResNet18",
        belief="He initialisation is for 3x3 convolutions; a projection keeps its default.",
        edits=(
            (
                "self.apply(init_weights)",
                "for module in self.modules():\n"
                '            if getattr(module, "kernel_size", None) != (1, 1):\n'
                "                init_weights(module)",
            ),
        ),
        question="Is an `nn.Conv2d` of kernel size 1 an `nn.Conv2d`?",
        explanation="The docstring says every module, and so do torchvision's nets: projections are drawn anew, too.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="net-draws-uniformly",
        exercise="ResNet18",
        belief="The net may draw its convolutions by a rule of its own, as long as the variance is He's.",
        edits=(
            (
                "self.apply(init_weights)",
                "for module in self.modules():\n"
                "            if isinstance(module, nn.Conv2d):\n"
                '                nn.init.kaiming_uniform_(module.weight, mode="fan_out", nonlinearity="relu")',
            ),
        ),
        question="What does a histogram of `model.conv1.weight` look like: a bell or a box?",
        explanation="The docstring names init_weights, which draws from the normal distribution; so must the net.\n"
        "See section 3, 'Where the weights start'.",
    ),
    Misconception(
        id="net-forgets-the-gain",
        exercise="ResNet18",
        belief="The net's weights have variance 1 / fan_out.",
        edits=(
            (
                "self.apply(init_weights)",
                "for module in self.modules():\n"
                "            if isinstance(module, nn.Conv2d):\n"
                '                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="linear")',
            ),
        ),
        question="Which factor in init_weights makes up for the ReLU, and where is it in your net?",
        explanation="ReLU halves the second moment, so the variance is 2 / fan_out, by init_weights for every module.\n"
        "See section 3, 'A signal through 20 layers'.",
    ),
    Misconception(
        id="same-seed-for-every-net",
        exercise="ResNet18",
        belief="A fixed seed in the constructor makes the net reproducible and changes nothing else.",
        edits=(("self.apply(init_weights)", "torch.manual_seed(0)\n        self.apply(init_weights)"),),
        question="Make two nets. How do their weights differ, and what does torch draw next after each of them?",
        explanation="All nets would be alike, and every shuffle and crop after the constructor would repeat itself.\n"
        "See the docstring of ResNet18; a seed is set once, by whoever starts the run.",
    ),
    Misconception(
        id="blocks-start-as-identity",
        exercise="ResNet18",
        belief="The last norm of every block starts at zero by default.",
        edits=(
            (
                "self.apply(init_weights)",
                "self.apply(init_weights)\n"
                "        for name, parameter in self.named_parameters():\n"
                '            if name.endswith("bn2.weight"):\n'
                "                nn.init.zeros_(parameter)",
            ),
        ),
        question="What does the docstring say about the values that every module starts from?",
        explanation="A good option (Goyal et al. 2017, section 5.1), but not this net's default, nor torchvision's.\n"
        "See lesson 3, the zero-init of the last norm.",
    ),
    Misconception(
        id="input-unchecked",
        exercise="ResNet18",
        belief="A wrong input needs no check: some layer will complain.",
        edits=(("if x.dim() != 4 or x.shape[1] != 3:", "if False:"),),
        question="What does your net say to a grey image, and would a beginner know what to do?",
        explanation="Check at the door, with a ValueError that names the shape and the shape that was expected.\n"
        "See the docstring of ResNet18, 'Raises'.",
    ),
    Misconception(
        id="single-image-is-a-batch",
        exercise="ResNet18",
        belief="A single image counts as a batch of one.",
        edits=(("if x.dim() != 4", "x = x.unsqueeze(0) if x.dim() == 3 else x\n        if x.dim() != 4"),),
        question="What shape do your logits have for one image (3, H, W), and who would expect that?",
        explanation="The contract is (N, 3, H, W) -> (N, num_classes); guessing hides a forgotten batch.\n"
        "See the docstring of ResNet18, 'Raises'.",
    ),
    Misconception(
        id="five-dimensions-will-do",
        exercise="ResNet18",
        belief="An input can only have too few dimensions, not too many.",
        edits=(("x.dim() != 4", "x.dim() < 4"),),
        question="Which error does a batch of short films, (N, 3, T, H, W), get from your net?",
        explanation="Exactly four dimensions make a batch of images; five are as wrong as three.\n"
        "See the docstring of ResNet18, 'Raises'.",
    ),
    Misconception(
        id="unknown-stem-is-cifar",
        exercise="ResNet18",
        belief="Every stem that isn't ImageNet's is CIFAR's.",
        edits=(('if stem not in ("cifar", "imagenet"):', "if not isinstance(stem, str):"),),
        question='Which net do you get for `stem="imagnet"`, with a letter missing?',
        explanation="A misspelt word must not choose a net silently: raise a ValueError that names both words.\n"
        "See the docstring of ResNet18, 'Raises'.",
    ),
    Misconception(
        id="no-classes-allowed",
        exercise="ResNet18",
        belief="A net with no outputs is a net.",
        edits=(("if num_classes < 1:", "if num_classes < 0:"),),
        question="What does `ResNet18(num_classes=0)` return for an image?",
        explanation="There is nothing to classify: raise a ValueError that names the number.\n"
        "See the docstring of ResNet18, 'Raises'.",
    ),
    Misconception(
        id="fewer-classes-than-none-allowed",
        exercise="ResNet18",
        belief="Of all numbers of classes only 0 is wrong.",
        edits=(("if num_classes < 1:", "if num_classes == 0:"),),
        question="Who says no to `ResNet18(num_classes=-5)`, and does the message name a number of classes?",
        explanation="Torch complains of a tensor with a negative dimension; say where the mistake was made.\n"
        "See the docstring of ResNet18, 'Raises'.",
    ),
    # receptive_field
    Misconception(
        id="kernels-add-up",
        exercise="receptive_field",
        belief="Receptive fields add up: the sum of all kernel sizes.",
        edits=(("size, jump = 1, 1", "size, jump = 0, 1"), ("(kernel_size - 1) * jump", "kernel_size")),
        question="Two 3x3 convolutions in a row: do they see 5 or 6 pixels a side?",
        explanation="Neighbouring windows overlap, so each layer adds its kernel less one.\n"
        "See section 5, 'What one output sees', the worked example.",
    ),
    Misconception(
        id="turns-the-list-round",
        exercise="receptive_field",
        belief="A list that a function is given is its own, so layers.reverse() does the caller no harm.",
        edits=(
            (
                "    size, jump = 1, 1  # jump: how many",
                "    size = 1\n    layers.reverse()  # from the output to the input; not by how many",
            ),
            ("size += (kernel_size - 1) * jump\n        jump *= stride", "size = (size - 1) * stride + kernel_size"),
        ),
        question="What does your function give when it is called twice with the same list?",
        explanation="layers.reverse() turns the caller's own list round; reversed(layers) leaves it alone.\n"
        "See “left unchanged” in the docstring.",
    ),
    Misconception(
        id="strides-ignored",
        exercise="receptive_field",
        belief="Strides change the size of the map, not what a value sees.",
        edits=(("jump *= stride", "pass"),),
        question="After a stride of 2, how many input pixels apart are two neighbours of the map?",
        explanation="After a stride of 2 a step on the map is two input pixels: later kernels reach twice as far.\n"
        "See section 5, 'What one output sees'.",
    ),
    Misconception(
        id="last-stride-only",
        exercise="receptive_field",
        belief="How far apart two neighbours are is decided by the last stride alone.",
        edits=(("jump *= stride", "jump = stride"),),
        question="Two layers with stride 2: how many input pixels apart are two neighbours of the second map?",
        explanation="Strides multiply: 2 * 2 = 4 pixels, and all later layers keep at least that.\n"
        "See section 5, 'What one output sees'.",
    ),
    Misconception(
        id="own-stride-first",
        exercise="receptive_field",
        belief="A layer's own stride widens its own kernel.",
        edits=(
            (
                "size += (kernel_size - 1) * jump\n        jump *= stride",
                "jump *= stride\n        size += (kernel_size - 1) * jump",
            ),
        ),
        question="What does one 5x5 convolution with stride 3 see: does its stride matter for one output?",
        explanation="A window is laid on the map before the stride moves it on; only later layers feel that stride.\n"
        "See section 5, 'What one output sees'.",
    ),
    Misconception(
        id="full-kernel",
        exercise="receptive_field",
        belief="Each layer adds its whole kernel.",
        edits=(("(kernel_size - 1) * jump", "kernel_size * jump"),),
        question="What does a 1x1 convolution add to the receptive field?",
        explanation="One pixel of the kernel was seen already: a layer adds kernel_size - 1 steps.\n"
        "See section 5, 'What one output sees'.",
    ),
    Misconception(
        id="starts-at-zero",
        exercise="receptive_field",
        belief="Before any layer the receptive field is 0.",
        edits=(("size, jump = 1, 1", "size, jump = 0, 1"),),
        question="How many pixels does a pixel of the input itself see?",
        explanation="A pixel sees itself: without layers the receptive field is 1.\n"
        "See section 5, 'What one output sees'.",
    ),
    Misconception(
        id="nothing-sees-nothing",
        exercise="receptive_field",
        belief="Without layers nothing is seen.",
        edits=(("size, jump = 1, 1", "size, jump = min(len(layers), 1), 1"),),
        question="How many input pixels does a pixel of the input depend on?",
        explanation="Without layers the output is the input, and each pixel sees itself: 1.\n"
        "See the docstring of receptive_field.",
    ),
    Misconception(
        id="layers-backwards",
        exercise="receptive_field",
        belief="The recursion r <- (r - 1) * stride + kernel runs from the first layer to the last.",
        edits=(
            ("size += (kernel_size - 1) * jump", "size = (size - 1) * stride + kernel_size"),
            ("jump *= stride", "pass"),
        ),
        question="You start from one output value. Which layer's window do you open first?",
        explanation="That recursion walks back from the output: run it over the layers in reverse.\n"
        "See section 5, 'What one output sees', and Araujo et al. 2019.",
    ),
    Misconception(
        id="strides-add",
        exercise="receptive_field",
        belief="Strides add up.",
        edits=(("jump *= stride", "jump += stride - 1"),),
        question="By which factor has the map shrunk after strides of 2, 2 and 2?",
        explanation="Each stride shrinks what is left, so the factors multiply: 2 * 2 * 2 = 8.\n"
        "See section 5, 'What one output sees'.",
    ),
    Misconception(
        id="one-by-one-skipped",
        exercise="receptive_field",
        belief="A 1x1 layer changes nothing and may be skipped.",
        edits=(
            (
                "size += (kernel_size - 1) * jump",
                "if kernel_size == 1:\n            continue\n        size += (kernel_size - 1) * jump",
            ),
        ),
        question="Which layer of a projection shortcut has a stride and a kernel of 1?",
        explanation="It adds nothing itself, but its stride spreads every kernel after it.\n"
        "See section 5, 'What one output sees'.",
    ),
    Misconception(
        id="stride-checked-alone",
        exercise="receptive_field",
        belief="A kernel size below 1 needs no check.",
        edits=(("if kernel_size < 1 or stride < 1:", "if stride < 1:"),),
        question="What does your function answer for a kernel of size 0, and for one of -3?",
        explanation="A wrong number gives a wrong answer that looks right: raise a ValueError that names the pair.\n"
        "See the docstring of receptive_field, 'Raises'.",
    ),
    Misconception(
        id="kernel-checked-alone",
        exercise="receptive_field",
        belief="A stride below 1 needs no check.",
        edits=(("if kernel_size < 1 or stride < 1:", "if kernel_size < 1:"),),
        question="Which way does a window of stride 0 move, and of stride -1?",
        explanation="A window goes on by at least one pixel: both numbers must be at least 1.\n"
        "See the docstring of receptive_field, 'Raises'.",
    ),
]
