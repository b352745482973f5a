"""The wrong beliefs about training, executable."""

from course.diagnosis import Misconception

SHIFTED = "shifted = logits - logits.max(1, keepdim=True).values  # (N, C), at most 0"
LOG_P = "log_p = shifted - shifted.exp().sum(1, keepdim=True).log()  # (N, C)"
RIGHT = "right = log_p.gather(1, targets[:, None]).squeeze(1)  # (N,)"
SPREAD = "spread = log_p.mean(1)  # (N,)"
LOSS = "return -((1 - label_smoothing) * right + label_smoothing * spread).mean()"

CROSS_ENTROPY = [
    Misconception(
        id="exp-without-the-maximum",
        exercise="cross_entropy",
        belief="The exponentials of the logits can be taken as they are.",
        edits=((SHIFTED, "shifted = logits"),),
        question="What is exp(10,000) in float64, and what is infinity divided by infinity?",
        explanation="Softmax doesn't change when a row's maximum is taken from it, and then no power exceeds 1.\n"
        "See “One trap” and the figure of two logits that drift apart.",
    ),
    Misconception(
        id="log-of-softmax",
        exercise="cross_entropy",
        belief="log p is best computed as the logarithm of the softmax.",
        edits=((LOG_P, "log_p = (shifted.exp() / shifted.exp().sum(1, keepdim=True)).log()"),),
        question="What is the softmax of a logit that lies 10,000 below the largest, and what is its logarithm?",
        explanation="The softmax underflows to 0 and its logarithm is minus infinity, though log p is just -10,000.\n"
        "Subtract the logarithm of the sum instead; see the formula under “One trap”.",
    ),
    Misconception(
        id="clipped-probabilities",
        exercise="cross_entropy",
        belief="A small number under the logarithm makes the loss safe.",
        edits=((LOG_P, "log_p = (shifted.exp() / shifted.exp().sum(1, keepdim=True)).clamp(min=1e-7).log()"),),
        question="Where your loss is clipped, what is its gradient, and what does the network learn there?",
        explanation="Clipping makes the loss flat exactly where the network is most wrong: no gradient, no lesson.\n"
        "See the orange line in the figure of two logits that drift apart.",
        seen_in="Keras clips probabilities at 1e-7 when it is given no logits (backend epsilon)",
    ),
    Misconception(
        id="sum-over-the-batch",
        exercise="cross_entropy",
        belief="The loss of a batch is the sum of its images' losses.",
        edits=((LOSS, LOSS.replace(".mean()", ".sum()")),),
        question="If the batch is twice as large, how should the size of the step change?",
        explanation="A sum makes the gradient grow with the batch, so that every learning rate must be retuned.\n"
        "The mean is over the N images; see the table under “The loss”.",
    ),
    Misconception(
        id="mean-over-batch-and-classes",
        exercise="cross_entropy",
        belief="The loss is averaged over all N x C entries.",
        edits=((LOSS, LOSS.replace(".mean()", ".sum() / logits.numel()")),),
        question="A network that knows nothing of 4 classes: is its loss log 4, or a quarter of that?",
        explanation="One image has one surprise, that at its right class; the mean is over images only.\n"
        "See “By hand”: three classes, and the loss is -log 0.6, not a third of it.",
    ),
    Misconception(
        id="logarithm-to-base-two",
        exercise="cross_entropy",
        belief="Surprise is measured in bits, with logarithms to base 2.",
        edits=((LOSS, LOSS.replace(".mean()", ".mean() / 0.6931471805599453")),),
        question="Which unit does the docstring name, and which loss has a network that guesses among ten?",
        explanation="Deep learning counts in nats, with the natural logarithm: guessing among ten costs 2.30.\n"
        "See “By hand”: -log 0.6 = 0.511.",
    ),
    Misconception(
        id="sign-forgotten",
        exercise="cross_entropy",
        belief="The loss is the log probability of the right class.",
        edits=((LOSS, LOSS.replace("-((", "((")),),
        question="Which way does an optimizer go that minimises the log probability of the right answer?",
        explanation="log p is at most 0 and should grow; the loss should fall, so it is minus log p.\n"
        "See the formula under “The loss”.",
    ),
    Misconception(
        id="softmax-twice",
        exercise="cross_entropy",
        belief="The loss takes probabilities, so the logits go through a softmax first.",
        edits=((SHIFTED, "shifted = logits.softmax(1)"),),
        question="How small can the loss become if its inputs lie between 0 and 1, even when they are perfect?",
        explanation="A softmax of a softmax can never be surer than e : 1 : 1 …, so the loss can't come near 0.\n"
        "See failure “softmax twice” among the eight curves.",
        seen_in="a common mistake with torch.nn.CrossEntropyLoss, whose documentation asks for unnormalised logits",
    ),
    Misconception(
        id="softmax-over-the-batch",
        exercise="cross_entropy",
        belief="The probabilities add up to 1 along the first dimension.",
        edits=(
            (SHIFTED, "shifted = logits - logits.max(0, keepdim=True).values"),
            (LOG_P, "log_p = shifted - shifted.exp().sum(0, keepdim=True).log()"),
        ),
        question="Which numbers compete with each other: the classes of one image, or the images of one class?",
        explanation="Each row of the logits is one image, and its C probabilities add up to 1.\n"
        "See the table of shapes under “The loss”.",
    ),
    Misconception(
        id="every-class-is-right",
        exercise="cross_entropy",
        belief="The targets pick columns for the whole batch.",
        edits=((RIGHT, "right = log_p[:, targets].mean(1)"),),
        question="What shape has log_p[:, targets], and what shape do you want?",
        explanation="log_p[:, targets] takes all the targets' columns of every row; a row needs only its own.\n"
        "gather, or indexing by torch.arange(N) and targets, picks one entry a row; see hint 2.",
    ),
    Misconception(
        id="smoothing-over-the-wrong-classes",
        exercise="cross_entropy",
        belief="Label smoothing spreads its share over the C - 1 wrong classes only.",
        edits=((SPREAD, "spread = (log_p.sum(1) - right) / (logits.shape[1] - 1)"),),
        question="With ε = 0.3 and three classes, what is left for the right class: 0.7 or 0.8?",
        explanation="The share is spread over all C classes, so the right one gets 1 - ε + ε / C.\n"
        "See “By hand”: q = (0.8, 0.1, 0.1) (Szegedy et al. 2016, section 7).",
        seen_in="several implementations, for instance with fill_(smoothing / (classes - 1))",
    ),
    Misconception(
        id="smoothing-on-top",
        exercise="cross_entropy",
        belief="Smoothing adds to the other classes and leaves the right one with its full 1.",
        edits=((LOSS, "return -(right + label_smoothing * spread).mean()"),),
        question="What do your targets q add up to?",
        explanation="q is a distribution: what the others get is taken from the right class.\n"
        "See the formula of q under “The loss”: (1 - ε) stands before the right class.",
    ),
    Misconception(
        id="smoothing-sums-the-classes",
        exercise="cross_entropy",
        belief="Each of the C classes gets the whole share ε.",
        edits=((SPREAD, "spread = log_p.sum(1)"),),
        question="If ε = 0.1 and there are 1,000 classes, how much would the spread part weigh?",
        explanation="The share ε is divided among the C classes, ε / C each: the mean of log p, not its sum.\n"
        "See the formula of q under “The loss”.",
    ),
    Misconception(
        id="smoothing-ignored",
        exercise="cross_entropy",
        belief="Label smoothing concerns the labels, so the loss needn't know of it.",
        edits=((LOSS, "return -right.mean()"),),
        question="Where in your function does label_smoothing occur?",
        explanation="Integer labels can't be smoothed; the loss mixes the right class's term with the mean of all.\n"
        "See the second formula under “The loss”.",
    ),
    Misconception(
        id="loss-is-just-a-number",
        exercise="cross_entropy",
        belief="The loss is a number to be printed, so it carries no gradient.",
        edits=((LOSS, LOSS + ".detach()"),),
        question="What does loss.backward() need to find its way back to the weights?",
        explanation="detach() and item() cut the graph; training needs it, and only what is kept for a plot is cut.\n"
        "See “The idea”: the loss is where the way back begins.",
    ),
    Misconception(
        id="only-the-dimensions-count",
        exercise="cross_entropy",
        belief="If there are too few targets, indexing will say so.",
        edits=(("targets.shape != logits.shape[:1]", "targets.ndim != 1"),),
        question="With 3 targets for 7 rows, which of your lines notices, and what does it say?",
        explanation="Broadcasting turns some misfits into other numbers and others into riddles; say it at the door.\n"
        "See the docstring: a ValueError that names both shapes.",
    ),
    Misconception(
        id="only-the-length-counts",
        exercise="cross_entropy",
        belief="Targets fit if there are as many as rows, whatever their shape.",
        edits=(("targets.shape != logits.shape[:1]", "len(targets) != len(logits)"),),
        question="With targets of shape (7, 1), which shape has `targets[:, None]`?",
        explanation="A column (N, 1) broadcasts against a row (N,) to a table (N, N): the shape must be (N,).\n"
        "See the docstring: a ValueError that names both shapes.",
    ),
    Misconception(
        id="only-the-right-class-is-safe",
        exercise="cross_entropy",
        belief="Only the right class's logarithm has to be exact; smoothing can use clipped probabilities.",
        edits=((SPREAD, "spread = log_p.exp().clamp(min=1e-7).log().mean(1)"),),
        question="Which of the C logarithms is the smallest, and is it in your mean?",
        explanation="With smoothing every class's logarithm counts, the far ones most of all.\n"
        "Take the mean of log p itself; see hint 2.",
    ),
    Misconception(
        id="logits-changed-in-place",
        exercise="cross_entropy",
        belief="The maximum can be taken from the logits in place, to save memory.",
        edits=((SHIFTED, "shifted = logits.sub_(logits.max(1, keepdim=True).values)"),),
        question="Who else uses these logits after the loss, and what will they find?",
        explanation="The caller still needs its logits, for the accuracy or for another loss.\n"
        "logits - maximum makes a new tensor; see hint 3.",
    ),
    Misconception(
        id="logits-have-two-dimensions",
        exercise="cross_entropy",
        belief="Logits always have two dimensions.",
        edits=(("if logits.ndim != 2 or targets.shape", "if targets.shape"),),
        question="What does your function say to a map of logits, one for each pixel?",
        explanation="With logits of another shape the formula breaks inside, or gives a number that means nothing.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="sixteen-bits-come-back-as-thirty-two",
        exercise="cross_entropy",
        belief="Logits of 16 bits are made float32, and the loss stays so.",
        edits=((SHIFTED, f"logits = logits if logits.dtype == torch.float64 else logits.float()\n    {SHIFTED}"),),
        question="Which dtype does the docstring promise, and which has your loss of bfloat16 logits?",
        explanation="Whoever wants more digits converts the logits first, as evaluate does; the loss has their dtype.\n"
        "See “Returns” in the docstring.",
    ),
    Misconception(
        id="a-target-too-many-does-no-harm",
        exercise="cross_entropy",
        belief="Only missing targets matter; those beyond the last row aren't looked at.",
        edits=(("targets.shape != logits.shape[:1]", "targets.ndim != 1 or len(targets) < len(logits)"),),
        question="Nine targets for seven rows: what does your function say, and which line of it?",
        explanation="gather stumbles over it with a riddle of its own; compare whole shapes at the door.\n"
        "See the docstring: a ValueError that names both shapes.",
    ),
    Misconception(
        id="one-maximum-for-the-whole-batch",
        exercise="cross_entropy",
        belief="One maximum serves the whole batch.",
        edits=((SHIFTED, "shifted = logits - logits.max()"),),
        question="A row of small logits lies beside one of 10,000. What are its powers once 10,000 is taken from it?",
        explanation="Taken from a row that lies far below it, the batch's maximum leaves only powers of 0, and log 0.\n"
        "See the formula under “One trap”: m is the maximum over the classes of one row.",
    ),
]

GRADIENT = "update = p.grad.add(p, alpha=weight_decay) if weight_decay else p.grad"
VELOCITY = 'velocity = state["momentum_buffer"].mul_(momentum).add_(update)'
FIRST = 'velocity = state["momentum_buffer"] = update.clone()'
AHEAD = 'update = update.add(velocity, alpha=momentum) if group["nesterov"] else velocity'
STEP = 'p.sub_(update, alpha=group["lr"])'
STATE = "state = self.state[p]"

OPTIMIZER = [
    Misconception(
        id="momentum-reversed",
        exercise="SGD",
        belief="Momentum weighs the new gradient, and the old velocity stays whole.",
        edits=((VELOCITY, 'velocity = state["momentum_buffer"].add_(update, alpha=momentum)'),),
        question="With momentum 0.9, how long does the very first gradient live on in your velocity?",
        explanation="momentum · v + g lets the old fade; g · momentum + v never forgets and never stops.\n"
        "See the second formula under “The optimizer”.",
    ),
    Misconception(
        id="dampened-velocity",
        exercise="SGD",
        belief="The velocity is a running mean: momentum times the old plus (1 - momentum) times the gradient.",
        edits=((VELOCITY, 'velocity = state["momentum_buffer"].mul_(momentum).add_(update, alpha=1 - momentum)'),),
        question="Under a steady gradient of 1, should the velocity come to 1, or to 1 / (1 - momentum)?",
        explanation="SGD's velocity is a sum: under a steady push it grows to 1 / (1 - μ) times the gradient.\n"
        "See the answer to the ravine. (The running mean is Adam's, and torch's `dampening`.)",
        seen_in="right for the first moment of Adam (Kingma & Ba 2015)",
    ),
    Misconception(
        id="learning-rate-inside-the-velocity",
        exercise="SGD",
        belief="The learning rate belongs in the velocity: v = momentum · v + lr · g, then p - v.",
        edits=((GRADIENT, GRADIENT.replace("update = ", "update = group['lr'] * (") + ")"), (STEP, "p.sub_(update)")),
        question="If the learning rate is halved now, is the velocity gathered so far halved as well?",
        explanation="At a fixed rate both are the same; under a schedule your old gradients keep their old rate.\n"
        "See “The optimizer”: η stands in the third line only.",
        seen_in="Sutskever et al. 2013, section 2; noted in the documentation of torch.optim.SGD",
    ),
    Misconception(
        id="decay-decoupled",
        exercise="SGD",
        belief="Weight decay shrinks the weights by itself and has no part in the velocity.",
        edits=(
            (GRADIENT, "update = p.grad"),
            (STEP, STEP.replace("p.sub_", 'p.mul_(1 - group["lr"] * weight_decay).sub_')),
        ),
        question="Which g goes into the velocity: the loss's gradient alone, or with the decay in it?",
        explanation="In SGD the decay is part of the gradient and passes through the velocity.\n"
        "Decoupled decay is another algorithm (Loshchilov & Hutter 2019); see the first formula.",
        seen_in="Loshchilov & Hutter 2019, SGDW and AdamW",
    ),
    Misconception(
        id="decay-grows",
        exercise="SGD",
        belief="Weight decay is taken from the gradient.",
        edits=(("alpha=weight_decay", "alpha=-weight_decay"),),
        question="With a gradient of 0, does your weight become smaller or larger?",
        explanation="The step is minus the gradient, so the decay must be added there to pull towards zero.\n"
        "See the first formula under “The optimizer”.",
    ),
    Misconception(
        id="decay-doubled",
        exercise="SGD",
        belief="The penalty is weight_decay · p², so its gradient is twice weight_decay · p.",
        edits=(("alpha=weight_decay", "alpha=2 * weight_decay"),),
        question="Which penalty has the gradient weight_decay · p?",
        explanation="The penalty is half of weight_decay · p², so that its gradient has no factor.\n"
        "See the first formula under “The optimizer”.",
    ),
    Misconception(
        id="decay-forgotten",
        exercise="SGD",
        belief="Weight decay is the loss's affair.",
        edits=((GRADIENT, "update = p.grad"),),
        question="Where in your step does weight_decay occur?",
        explanation="The optimizer adds weight_decay · p to each gradient; the loss doesn't know of it.\n"
        "See the first formula under “The optimizer”.",
    ),
    Misconception(
        id="decay-needs-momentum",
        exercise="SGD",
        belief="Weight decay belongs to momentum, and plain descent has none.",
        edits=((GRADIENT, GRADIENT.replace("if weight_decay else", "if momentum else")),),
        question="What is weight_decay for, in an optimizer that was given it and no momentum?",
        explanation="The decay is part of the gradient, which moves the weights with or without a velocity.\n"
        "See the docstring: without momentum p - lr · g, with the g of the first line.",
    ),
    Misconception(
        id="nesterov-ignored",
        exercise="SGD",
        belief="Nesterov's momentum is ordinary momentum under another name.",
        edits=((AHEAD, "update = velocity"),),
        question="In which formula does g occur once more after the velocity has been updated?",
        explanation="Nesterov's step is g + momentum · v with the new v: one gradient further ahead.\n"
        "See the third formula under “The optimizer”.",
    ),
    Misconception(
        id="nesterov-full-velocity",
        exercise="SGD",
        belief="Nesterov's step is the gradient plus the whole velocity.",
        edits=((AHEAD, AHEAD.replace(", alpha=momentum", "")),),
        question="By which factor will the velocity shrink before it acts in the next step?",
        explanation="The look-ahead is momentum · v, what the next step will still have of this velocity.\n"
        "See the third formula under “The optimizer”.",
    ),
    Misconception(
        id="nesterov-twice-the-velocity",
        exercise="SGD",
        belief="Nesterov's step is the velocity plus momentum times the velocity.",
        edits=((AHEAD, AHEAD.replace("update.add", "velocity.add")),),
        question="How much of the old velocity is in g + momentum · v, and how much in what you subtract?",
        explanation="v is momentum · v_old + g: put in place of g, it brings in momentum · v_old once more.\n"
        "See the third formula under “The optimizer”.",
    ),
    Misconception(
        id="nesterov-looks-past-the-decay",
        exercise="SGD",
        belief="Nesterov adds momentum · v to the loss's gradient, without the decay.",
        edits=((AHEAD, AHEAD.replace("update.add", "p.grad.add")),),
        question="Which g stands in the third formula: the one before the first line, or the one after it?",
        explanation="The first line makes a new g, with the decay in it; the velocity and the step both use that one.\n"
        "See the three formulas under “The optimizer”.",
    ),
    Misconception(
        id="velocity-aliases-the-gradient",
        exercise="SGD",
        belief="The first velocity is the gradient itself, so it can be kept without a copy.",
        edits=((FIRST, 'velocity = state["momentum_buffer"] = update'),),
        question="What becomes of your velocity when somebody writes the next gradient into the same tensor?",
        explanation="Two names, one tensor: what is written into p.grad is then written into the velocity as well.\n"
        "Keep a clone; see hint 2.",
    ),
    Misconception(
        id="velocity-starts-a-step-late",
        exercise="SGD",
        belief="The velocity is zero in the first step and begins to move in the second.",
        edits=((FIRST, 'velocity = state["momentum_buffer"] = torch.zeros_like(update)'),),
        question="Does your first step move the parameter at all?",
        explanation="The first velocity is the first gradient, as momentum · 0 + g gives.\n"
        "See “By hand”: step 1 has v = 1.",
    ),
    Misconception(
        id="velocity-forgotten",
        exercise="SGD",
        belief="The velocity is made anew in each step.",
        edits=(('if "momentum_buffer" in state:', "if False:"),),
        question="Where is the velocity between two steps, and who finds it there?",
        explanation="A velocity that isn't kept is just the gradient; self.state[p] keeps it from step to step.\n"
        "See the table under “The optimizer”.",
    ),
    Misconception(
        id="velocity-outside-the-state",
        exercise="SGD",
        belief="The velocities can lie in any attribute of the optimizer.",
        edits=((STATE, 'state = self.__dict__.setdefault("velocities", {}).setdefault(id(p), {})'),),
        question="What does state_dict() give of your velocities, and what will a resumed run start from?",
        explanation="The state dict holds param_groups and state, nothing else; what isn't there isn't saved.\n"
        "See the docstring of step, and “All of it” for what a checkpoint needs.",
    ),
    Misconception(
        id="one-velocity-for-all-groups",
        exercise="SGD",
        belief="A velocity is found by the parameter's number in its group.",
        edits=(
            ('for p in group["params"]:', 'for number, p in enumerate(group["params"]):'),
            (STATE, "state = self.state[number]"),
        ),
        question="Two groups each have a parameter number 0. Whose velocity is it?",
        explanation="The tensor itself is the key, self.state[p]; numbers start again in every group.\n"
        "See exercise 2: `self.state[p]` is a dict for whatever you keep about p.",
    ),
    Misconception(
        id="first-groups-settings",
        exercise="SGD",
        belief="All groups share the learning rate of the first.",
        edits=((STEP, 'p.sub_(update, alpha=self.param_groups[0]["lr"])'),),
        question="What is a group for, if not for settings of its own?",
        explanation="Each group is a dict with its own lr, momentum, weight_decay and nesterov.\n"
        "See the paragraph on groups under “The optimizer”.",
    ),
    Misconception(
        id="one-decay-for-all-groups",
        exercise="SGD",
        belief="All groups share the weight decay of the first.",
        edits=(
            (
                'weight_decay = group["momentum"], group["weight_decay"]',
                'weight_decay = group["momentum"], self.param_groups[0]["weight_decay"]',
            ),
        ),
        question="Norms and biases shall not decay, weights shall. Where does your step look?",
        explanation="weight_decay is a setting of the group, and parameter_groups makes one group without it.\n"
        "See the paragraph on groups under “The optimizer”.",
    ),
    Misconception(
        id="every-parameter-has-a-gradient",
        exercise="SGD",
        belief="After backward every parameter has a gradient.",
        edits=(("if p.grad is None:", "if False:"),),
        question="What is p.grad of a frozen layer, or of a branch that this batch didn't use?",
        explanation="A parameter that took no part has grad None, and an update must pass it over.\n"
        "See hint 1 of exercise 2.",
    ),
    Misconception(
        id="no-gradient-is-gradient-zero",
        exercise="SGD",
        belief="A parameter without a gradient has the gradient 0, so decay and velocity move it on.",
        edits=(
            (
                "if p.grad is None:\n                    continue\n                " + GRADIENT,
                "zero = torch.zeros_like(p)\n                "
                "update = (zero if p.grad is None else p.grad).add(p, alpha=weight_decay)",
            ),
        ),
        question="Should a layer that took no part in a step be moved by it?",
        explanation="None means: no part in this step. Neither decay nor an old velocity may move the parameter.\n"
        "See hint 1 of exercise 2.",
        seen_in="torch's own behaviour with zero_grad(set_to_none=False)",
    ),
    Misconception(
        id="parameter-rebound",
        exercise="SGD",
        belief="p = p - lr · g changes the parameter.",
        edits=((STEP, 'p = p - group["lr"] * update'),),
        question="After `p = p - …`, which tensor does the network hold: the old one or the new one?",
        explanation="That line gives a new tensor to a local name; the network's own stays as it was.\n"
        "Change it in place; see hint 2.",
    ),
    Misconception(
        id="gradient-changed-in-place",
        exercise="SGD",
        belief="The gradient is used up in the step, so the decay can be added into it.",
        edits=((GRADIENT, "update = p.grad.add_(p, alpha=weight_decay)"),),
        question="If somebody goes on adding gradients without zero_grad, what will be in p.grad?",
        explanation="The gradient isn't the optimizer's; whoever accumulates gradients would find the decay in them.\n"
        "See the docstring of step: the gradients stay as they are.",
        seen_in="early versions of torch.optim.SGD changed p.grad in place",
    ),
    Misconception(
        id="step-clears-the-gradients",
        exercise="SGD",
        belief="A step clears the gradients after it has used them.",
        edits=((STEP, STEP + "\n                p.grad = None"),),
        question="Whose task is it to forget gradients: step's or zero_grad's?",
        explanation="step only reads the gradients; the loop says when they are forgotten, by zero_grad.\n"
        "See “The step”: five lines, five tasks.",
    ),
    Misconception(
        id="velocity-without-momentum",
        exercise="SGD",
        belief="A velocity is kept even where the momentum is 0.",
        edits=(("if momentum:", "if True:"),),
        question="How much memory does a velocity take that is never used?",
        explanation="Without momentum the step is the gradient, and a copy for each parameter is wasted.\n"
        "See the docstring of step: without momentum nothing is kept.",
    ),
    Misconception(
        id="one-look-ahead-for-all-groups",
        exercise="SGD",
        belief="All groups look ahead if the first one does.",
        edits=(('if group["nesterov"] else', 'if self.param_groups[0]["nesterov"] else'),),
        question="A group says nesterov=False for itself. Where does your step look?",
        explanation="nesterov is a setting of the group like any other; what __init__ was given is only the default.\n"
        "See the docstring of step: every group goes by its own settings.",
    ),
    Misconception(
        id="looks-ahead-in-the-gradient",
        exercise="SGD",
        belief="The look-ahead can be added to the gradient where it lies, as the step is the last to read it.",
        edits=((AHEAD, AHEAD.replace("update.add(", "update.add_(")),),
        question="Without decay, is `update` a tensor of your own or the gradient itself?",
        explanation="Without decay both names mean p.grad, and add_ writes the velocity into it.\n"
        "See the docstring of step: the gradients stay as they are.",
    ),
    Misconception(
        id="new-memory-in-every-step",
        exercise="SGD",
        belief="A parameter is updated by giving it a new tensor for its data.",
        edits=((STEP, 'p.data = p.data - group["lr"] * update'),),
        question="Somebody holds p.detach(), a view of the parameter. What does it show after your step?",
        explanation="p.data = … leaves the old memory to all who share it, and their values stay as they were.\n"
        "p.sub_(…) or p.data -= … writes into it; see the docstring of step: in place.",
    ),
    Misconception(
        id="gradient-zero-is-no-gradient",
        exercise="SGD",
        belief="A gradient of nothing but zeros is no gradient, so its parameter rests.",
        edits=(("if p.grad is None:", "if p.grad is None or not p.grad.any():"),),
        question="A marble is on level ground for a moment. Does it stop at once?",
        explanation="None means: no part in this step. Zeros are a gradient, and velocity and decay carry it on.\n"
        "See “By hand”: in step 3 the gradient is 0, and p moves.",
    ),
    Misconception(
        id="flattened-for-the-step",
        exercise="SGD",
        belief="flatten() always gives a view, so what is done to it is done to the parameter.",
        edits=((STEP, 'p.data.flatten().sub_(update.flatten(), alpha=group["lr"])'),),
        question="A kernel lies in memory channels last. Can its numbers, row by row, be had without a copy?",
        explanation="Where memory allows no view, flatten() gives a copy, and then the step moves only the copy.\n"
        "Change the parameter itself, p.sub_(…); see the docstring of step: in place.",
    ),
    Misconception(
        id="gradients-made-finite",
        exercise="SGD",
        belief="A gradient that is not a number counts as 0.",
        edits=((GRADIENT, f"{GRADIENT}\n                update = update.nan_to_num()"),),
        question="A gradient is NaN. Who learns that the run has broken, if your step makes it 0?",
        explanation="A step hides nothing: NaN reaches the weights, and the loop that looks at them stops the run.\n"
        "See the docstring: step for step what torch.optim.SGD computes.",
    ),
    Misconception(
        id="broken-gradients-passed-over",
        exercise="SGD",
        belief="A gradient that is not finite is passed over like one that is None.",
        edits=(("if p.grad is None:", "if p.grad is None or not p.grad.isfinite().all():"),),
        question="Which parameters does the docstring of step promise to update, and is yours one of them?",
        explanation="Passed over in silence, a broken layer just stops learning; a step hides nothing from the loop.\n"
        "See the docstring: step for step what torch.optim.SGD computes.",
        seen_in="torch.amp.GradScaler skips such steps, to find a scale for float16",
    ),
]

CLIMB = "climb = (step + 1) / warmup"
DESCENT = "descent = (total_steps - step) / max(1.0, total_steps - warmup)"
RATE = "return peak * min(climb, descent, 1.0)"
WARMUP = "warmup = max(1.0, warmup_fraction * total_steps)"

SCHEDULE = [
    Misconception(
        id="starts-at-zero",
        exercise="learning_rate",
        belief="The climb starts at a learning rate of 0.",
        edits=((CLIMB, "climb = step / warmup"),),
        question="What does a step with a learning rate of 0 change?",
        explanation="Step 0 is a step too: (step + 1) / w lets it count, step / w wastes it.\n"
        "See “Mind the ends” under “The schedule”.",
    ),
    Misconception(
        id="ends-at-zero",
        exercise="learning_rate",
        belief="The last step has a learning rate of 0.",
        edits=((DESCENT, DESCENT.replace("total_steps - step)", "total_steps - 1 - step)")),),
        question="Is the last batch shown for nothing?",
        explanation="total_steps - step is 1 in the last step: small, and not zero.\n"
        "See “Mind the ends” under “The schedule”.",
    ),
    Misconception(
        id="stays-at-the-peak",
        exercise="learning_rate",
        belief="After the warm-up the learning rate stays at its peak.",
        edits=((RATE, "return peak * min(climb, 1.0)"),),
        question="What makes the weights stop trembling at the end?",
        explanation="The noise of the batches shakes the weights in proportion to the rate, so it must come down.\n"
        "See the first paragraph of “The schedule”.",
    ),
    Misconception(
        id="cosine-after-the-climb",
        exercise="learning_rate",
        belief="The descent is half a cosine.",
        edits=((RATE, "return peak * min(climb, (1 - math.cos(math.pi * min(descent, 1.0))) / 2)"),),
        question="What shape does the figure show between the peak and the end?",
        explanation="Half a cosine is a good schedule as well (Loshchilov & Hutter 2017), but here it is a line.\n"
        "See the formula under “The schedule”.",
        seen_in="Loshchilov & Hutter 2017, section 3",
    ),
    Misconception(
        id="stairs",
        exercise="learning_rate",
        belief="The learning rate is divided by ten at half of the run and at three quarters.",
        edits=((RATE, "return peak * min(climb, 0.1 ** ((step >= total_steps / 2) + (step >= 0.75 * total_steps)))"),),
        question="How many different rates has your descent, and how many has a line?",
        explanation="Stairs were usual (He et al. 2015, section 4.2); the line here falls with every step.\n"
        "See the formula under “The schedule”.",
        seen_in="He et al. 2015, section 4.2, for CIFAR-10",
    ),
    Misconception(
        id="no-warm-up",
        exercise="learning_rate",
        belief="The run starts at its peak.",
        edits=((CLIMB, "climb = 1.0"),),
        question="Where do the gradients of random weights point, and how far would you walk that way?",
        explanation="Early gradients point anywhere, and long steps along them do harm that takes time to mend.\n"
        "See “The schedule” (Goyal et al. 2017, section 2.2).",
    ),
    Misconception(
        id="constant-warm-up",
        exercise="learning_rate",
        belief="The warm-up is a constant low rate, followed by a jump to the peak.",
        edits=((CLIMB, "climb = 0.1 if step < warmup - 1 else 1.0"),),
        question="What happens to the loss at a jump from a tenth of the peak to all of it?",
        explanation="A jump brings the trouble back that the warm-up should avoid; the climb is gradual.\n"
        "See “The schedule”; Goyal et al. 2017, section 2.2, compare the two.",
        seen_in="He et al. 2015, section 4.2, for the 110-layer net; compared by Goyal et al. 2017, section 2.2",
    ),
    Misconception(
        id="descends-over-the-whole-run",
        exercise="learning_rate",
        belief="The descent is the share of the run that is left, total_steps - step over total_steps.",
        edits=((DESCENT, "descent = (total_steps - step) / total_steps"),),
        question="What is your descending line worth at the end of the climb: 1?",
        explanation="The descending line must be 1 where the climb ends, so it is divided by the steps that descend.\n"
        "See the formula: S - w is the denominator.",
    ),
    Misconception(
        id="factor-without-the-peak",
        exercise="learning_rate",
        belief="The schedule gives a factor between 0 and 1.",
        edits=((RATE, RATE.replace("peak * ", "")),),
        question="Who multiplies by the peak, if the result goes straight into the optimizer's groups?",
        explanation="torch's LambdaLR multiplies for you; here the result is the learning rate itself.\n"
        "See the formula: peak stands in front.",
        seen_in="right for torch.optim.lr_scheduler.LambdaLR",
    ),
    Misconception(
        id="greater-of-the-two-lines",
        exercise="learning_rate",
        belief="The schedule is the greater of its two lines.",
        edits=((RATE, "return peak * max(climb, descent)"),),
        question="Draw both lines. Which of them is the roof of the triangle, the upper or the lower?",
        explanation="Each line goes on rising beyond the peak; below both lies the triangle, so it is the least.\n"
        "See the formula: min.",
    ),
    Misconception(
        id="peak-not-capped",
        exercise="learning_rate",
        belief="Two lines are enough, as they meet at 1.",
        edits=((RATE, "return peak * min(climb, descent)"),),
        question="If 3.5 steps climb, what do both lines give at the fourth step?",
        explanation="Steps are whole and w needn't be: at the top both lines can be above 1.\n"
        "See hint 2: 1 goes into the min as well.",
    ),
    Misconception(
        id="warm-up-of-a-fifth-always",
        exercise="learning_rate",
        belief="The climb takes a fifth of the run.",
        edits=(("warmup_fraction * total_steps)", "0.2 * total_steps)"),),
        question="Where in your function does warmup_fraction occur?",
        explanation="0.2 is only the default; the caller may choose another share.\n"
        "See the figure: three shares, three triangles.",
    ),
    Misconception(
        id="short-runs-divide-by-zero",
        exercise="learning_rate",
        belief="There are always steps that climb and steps that descend.",
        edits=(
            (WARMUP, "warmup = warmup_fraction * total_steps"),
            (DESCENT, DESCENT.replace("max(1.0, total_steps - warmup)", "(total_steps - warmup)")),
        ),
        question="What is your denominator for a run of a single step, or with warmup_fraction 0 or 1?",
        explanation="A share of 0 or 1, or a very short run, makes a denominator zero or tiny; it counts as 1 then.\n"
        "See the docstring.",
    ),
    Misconception(
        id="goes-on-after-the-end",
        exercise="learning_rate",
        belief="After the last step the line just goes on.",
        edits=(("if not 0 <= step < total_steps:", "if step < 0:"),),
        question="What is the rate at step total_steps + 1, and what does a step with it do?",
        explanation="Past the end the line falls below zero, and the optimizer walks uphill without a word.\n"
        "An error says that the loop has counted wrongly; see the docstring.",
    ),
    Misconception(
        id="counts-from-the-end",
        exercise="learning_rate",
        belief="A negative step counts from the end, as in a list.",
        edits=(
            (
                "if not 0 <= step < total_steps:",
                "step = step + total_steps if step < 0 else step\n    if not 0 <= step < total_steps:",
            ),
        ),
        question="Which loop would ask for step -1 on purpose?",
        explanation="A negative step is a mistake in the caller's counting, and an error finds it.\n"
        "See the docstring: 0 … total_steps - 1.",
    ),
]

FORGET = "optimizer.zero_grad()"
BACK = "loss.backward()"
ONWARD = "optimizer.step()"
GIVEN = "return loss.detach(), (logits.argmax(1) == labels).sum()"
THREE = f"{FORGET}\n    {BACK}\n    {ONWARD}"

UPDATE = [
    Misconception(
        id="no-zero-grad",
        exercise="update",
        belief="backward replaces the old gradients.",
        edits=((FORGET + "\n", "\n"),),
        question="Call backward twice on the same loss. What is in p.grad then?",
        explanation="backward adds. Without zero_grad every step walks along the sum of all gradients so far.\n"
        "See “The step”, line 2, and failure “no zero_grad” among the eight curves.",
    ),
    Misconception(
        id="zero-grad-before-the-step",
        exercise="update",
        belief="The gradients are cleared once backward has run.",
        edits=((THREE, f"{BACK}\n    {FORGET}\n    {ONWARD}"),),
        question="Which gradients does step find, if they have just been forgotten?",
        explanation="Between backward and step nothing may happen to the gradients, or nothing is learned.\n"
        "See hint 1 of exercise 4.",
    ),
    Misconception(
        id="step-before-backward",
        exercise="update",
        belief="The step comes first, and backward prepares the next one.",
        edits=((THREE, f"{ONWARD}\n    {FORGET}\n    {BACK}"),),
        question="Whose gradients does your step use: this batch's or those of the batch before?",
        explanation="Stepping first follows the last batch's gradients, and changes weights that backward needs.\n"
        "See “The step”: zero_grad, backward, step.",
    ),
    Misconception(
        id="no-step",
        exercise="update",
        belief="backward changes the weights.",
        edits=((ONWARD + "\n", "\n"),),
        question="backward fills p.grad. Who changes p?",
        explanation="backward only measures; the optimizer walks. Without step nothing is learned.\n"
        "See the picture in “The idea”.",
    ),
    Misconception(
        id="probabilities-into-the-loss",
        exercise="update",
        belief="The loss wants probabilities.",
        edits=(("cross_entropy(logits, labels)", "cross_entropy(logits.softmax(1), labels)"),),
        question="What does your cross_entropy do with its input first?",
        explanation="The loss holds a softmax already; twice, the network can never be sure of anything.\n"
        "See failure “softmax twice” among the eight curves.",
    ),
    Misconception(
        id="backward-of-the-sum",
        exercise="update",
        belief="The gradient is that of the batch's summed loss.",
        edits=((BACK, "(loss * len(labels)).backward()"),),
        question="If the batch is twice as large, should the step be twice as long?",
        explanation="The mean keeps the step's size whatever the batch; a sum multiplies the learning rate by N.\n"
        "See the table under “The loss”.",
    ),
    Misconception(
        id="loss-after-the-step",
        exercise="update",
        belief="The loss to report is the one after the step.",
        edits=((GIVEN, "return cross_entropy(model(images), labels).detach(), (logits.argmax(1) == labels).sum()"),),
        question="What does a second forward pass cost, and what does it do to the running statistics?",
        explanation="The loss before the step is there for free; a second pass costs time and moves the norms again.\n"
        "See the docstring: the mean cross-entropy before the step.",
    ),
    Misconception(
        id="share-for-count",
        exercise="update",
        belief="The second result is the batch's accuracy.",
        edits=(("(logits.argmax(1) == labels).sum()", "(logits.argmax(1) == labels).double().mean()"),),
        question="Can shares of batches of different sizes be added up?",
        explanation="Counts add up over batches of any size, shares don't; see “Evaluation”.\n"
        "The docstring asks for the number of right answers.",
    ),
    Misconception(
        id="largest-over-the-batch",
        exercise="update",
        belief="argmax over the first dimension gives each image's class.",
        edits=(("logits.argmax(1)", "logits.argmax(0)"),),
        question="What shape has logits.argmax(0), and how many images are there?",
        explanation="Each row is an image: the largest of its C logits is its answer, argmax(1).\n"
        "See the table of shapes under “The loss”.",
    ),
    Misconception(
        id="numbers-of-python",
        exercise="update",
        belief="The results are plain numbers, made by item().",
        edits=((GIVEN, "return loss.item(), (logits.argmax(1) == labels).sum().item()"),),
        question="On a GPU, what must have finished before item() can answer?",
        explanation="item() makes the program wait for the GPU in every single step; a detached tensor doesn't.\n"
        "See hint 2 of exercise 4.",
    ),
    Misconception(
        id="loss-keeps-its-graph",
        exercise="update",
        belief="The loss can be returned as it is.",
        edits=(("loss.detach()", "loss"),),
        question="If the caller keeps the losses of 10,000 steps in a list, what else stays in memory?",
        explanation="Each loss holds the graph of its step, and nobody frees it: memory grows without end.\n"
        "See “The step”, line 5.",
        seen_in="the frequently asked questions of the PyTorch documentation: total_loss += loss",
    ),
    Misconception(
        id="update-switches-to-training",
        exercise="update",
        belief="An update puts the model into training mode.",
        edits=(("logits = model(images)", "model.train()\n    logits = model(images)"),),
        question="Somebody fine-tunes with frozen norms, in eval mode. What does your update do to them?",
        explanation="The mode is the epoch's affair; an update leaves it as it finds it.\n"
        "See the docstring: its mode is left as it is.",
    ),
    Misconception(
        id="forgets-after-the-step",
        exercise="update",
        belief="If gradients are cleared after each step, there are none before the first.",
        edits=((THREE, f"{BACK}\n    {ONWARD}\n    {FORGET}"),),
        question="Somebody looked at a gradient before your first step. What does that step follow?",
        explanation="Old gradients may come from anywhere; a step clears them before the way back.\nSee the docstring.",
    ),
    Misconception(
        id="gradients-clipped",
        exercise="update",
        belief="A gradient that is too long has to be clipped.",
        edits=((BACK, f"{BACK}\n    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)"),),
        question="Who asked for a limit, and what does your step do with a gradient twice as steep as the limit?",
        explanation="Clipping is a choice of its own that nobody made here, and it hides rates that are too high.\n"
        "See “The step”: five lines, five tasks.",
        seen_in="usual in loops for language models, with a limit of 1.0",
    ),
    Misconception(
        id="all-layers-follow-the-models-mode",
        exercise="update",
        belief="All layers of a model are in the model's own mode.",
        edits=(("logits = model(images)", "model.train(model.training)\n    logits = model(images)"),),
        question="What does model.train(True) do to a norm inside that somebody has put into eval mode?",
        explanation="train and eval set every layer inside as well, and a norm that was frozen wakes up.\n"
        "See the docstring: all modes are left as they are, so there is nothing to set.",
    ),
    Misconception(
        id="the-largest-is-right",
        exercise="update",
        belief="An answer is right if no logit is larger than the right class's.",
        edits=(
            (
                "(logits.argmax(1) == labels).sum()",
                "(logits.gather(1, labels[:, None]).squeeze(1) == logits.max(1).values).sum()",
            ),
        ),
        question="A network gives the same logits to all classes. How many of 8 images are right by your count?",
        explanation="Where logits are equal, each class would be right: a last layer of zeros would score 8 of 8.\n"
        "The answer is one class, argmax, and it is right or not; see hint 3 of exercise 4.",
    ),
    Misconception(
        id="squeezed-logits",
        exercise="update",
        belief="squeeze() makes sure that logits have no dimension too many.",
        edits=(("logits = model(images)", "logits = model(images).squeeze()"),),
        question="The last batch holds a single image. Which shape have its logits after squeeze()?",
        explanation="squeeze() takes every dimension of size 1, that of a batch of one as well.\n"
        "See the docstring: logits are (N, C), whatever N.",
    ),
    Misconception(
        id="broken-steps-skipped",
        exercise="update",
        belief="A batch whose loss is not finite is best passed over without a step.",
        edits=((ONWARD + "\n", "if loss.isfinite():\n        optimizer.step()\n"),),
        question="If the loss is NaN from now on, what do your steps do for the rest of the night?",
        explanation="Skipping hides the break: the loss stays NaN, nothing is learned, and the weights look healthy.\n"
        "The loop decides what becomes of such a run; see “Returns” in the docstring.",
        seen_in="torch.amp.GradScaler skips such steps, to find a scale for float16",
    ),
    Misconception(
        id="nan-told-as-zero",
        exercise="update",
        belief="A loss that is not a number is best reported as 0.",
        edits=(("return loss.detach()", "return loss.detach().nan_to_num()"),),
        question="What does a plot of your losses show after the run has broken?",
        explanation="A loss of 0 looks like a perfect network; NaN is the only sign that the run is broken.\n"
        "See “Returns” in the docstring: NaN is given back like any other.",
    ),
]

TRAINING = "model.train()\n"
SET_RATE = 'for group in optimizer.param_groups:\n            group["lr"] = rate\n'
YIELD = "yield update(model, optimizer, images, labels)"
WALK = "for (images, labels), rate in zip(batches, rates, strict=False):"

EPOCH = [
    Misconception(
        id="train-mode-forgotten",
        exercise="train_epoch",
        belief="A model is always in training mode.",
        edits=(("    " + TRAINING, ""),),
        question="Which mode is the model in after somebody has evaluated it?",
        explanation="A fresh model is in training mode; one that comes from somewhere else need not be.\n"
        "See hint 1 of exercise 5, and lesson 2, “What broke”, for what it does to the norms.",
    ),
    Misconception(
        id="eval-mode-for-training",
        exercise="train_epoch",
        belief="The norms should use their running statistics in training too.",
        edits=((TRAINING, "model.eval()\n"),),
        question="Which statistics does a norm normalise with while it learns?",
        explanation="In eval mode the running statistics stand still while the weights move on.\n"
        "See lesson 2, “Two modes”.",
    ),
    Misconception(
        id="rate-after-the-step",
        exercise="train_epoch",
        belief="The learning rate is set after the step, for the next one.",
        edits=((f"{SET_RATE}        {YIELD}", f"{YIELD}\n        {SET_RATE.rstrip()}"),),
        question="Which rate does your first step use?",
        explanation="Every rate then acts one step late, and the first step takes the optimizer's old one.\n"
        "See hint 2 of exercise 5: before the update that uses it.",
        seen_in="torch's schedulers are stepped after the optimizer, which is right for them: they set the next rate",
    ),
    Misconception(
        id="rate-of-the-first-group",
        exercise="train_epoch",
        belief="Setting the first group's learning rate sets them all.",
        edits=((SET_RATE, 'optimizer.param_groups[0]["lr"] = rate\n'),),
        question="How many groups does parameter_groups make, and which rate has the second?",
        explanation="Every group has a learning rate of its own, and all of them follow the schedule.\n"
        "See the docstring: every group's lr.",
    ),
    Misconception(
        id="rate-as-an-attribute",
        exercise="train_epoch",
        belief="The learning rate is an attribute of the optimizer.",
        edits=((SET_RATE, "optimizer.lr = rate\n"),),
        question="Where does SGD.step read the learning rate?",
        explanation="Python gives the optimizer a new attribute without a word, and nobody reads it.\n"
        'SGD reads group["lr"]; see exercise 2.',
    ),
    Misconception(
        id="rate-as-a-factor",
        exercise="train_epoch",
        belief="The rates are factors on the optimizer's learning rate.",
        edits=(('group["lr"] = rate', 'group["lr"] *= rate'),),
        question="After a hundred steps with a factor of 0.9 each, what is left of the rate?",
        explanation="learning_rate gives the rate itself, and it is assigned; factors would pile up.\n"
        "See “The schedule”.",
    ),
    Misconception(
        id="one-rate-an-epoch",
        exercise="train_epoch",
        belief="The learning rate changes from epoch to epoch only.",
        edits=((SET_RATE, 'for group in optimizer.param_groups:\n            group["lr"] = next(iter(rates))\n'),),
        question="How many rates do you get for how many batches?",
        explanation="The schedule runs over steps: there is one rate for each batch.\n"
        "See the docstring: the learning rate of each step.",
    ),
    Misconception(
        id="rate-never-set",
        exercise="train_epoch",
        belief="The optimizer knows its learning rate already.",
        edits=((SET_RATE, "pass\n"),),
        question="What are the rates for, if nobody looks at them?",
        explanation="The optimizer keeps the rate that it was made with until somebody sets another.\n"
        "See hint 3 of exercise 5.",
    ),
    Misconception(
        id="all-steps-at-once",
        exercise="train_epoch",
        belief="The epoch is trained first, and its results are handed out afterwards.",
        edits=(
            (f"{YIELD}\n", "results.append(update(model, optimizer, images, labels))\n    yield from results\n"),
            (TRAINING, "results = []\n    model.train()\n"),
        ),
        question="If the caller wants to stop after the third batch, how many steps have been made?",
        explanation="A generator makes a step when it is asked for one, so the caller can look and stop in between.\n"
        "See “The loop”.",
    ),
    Misconception(
        id="rates-for-every-batch",
        exercise="train_epoch",
        belief="There is exactly one rate for each batch.",
        edits=(("strict=False", "strict=True"),),
        question="What if the caller hands in the rates of the whole rest of the run?",
        explanation="The epoch ends with whichever ends first: fit passes more rates than the epoch has batches.\n"
        "See the docstring.",
    ),
    Misconception(
        id="rates-are-a-list",
        exercise="train_epoch",
        belief="The rates are a list that can be counted and indexed.",
        edits=(
            (
                WALK,
                "for number, (images, labels) in zip(range(len(rates)), batches):\n        rate = rates[number]",
            ),
        ),
        question="What is len() of a generator?",
        explanation="An Iterable promises that it can be walked through once, nothing more; zip needs nothing more.\n"
        "See the signature of exercise 5.",
    ),
    Misconception(
        id="smaller-batches-dropped",
        exercise="train_epoch",
        belief="A last batch that is smaller than the others is left out.",
        edits=(
            (TRAINING, "model.train()\n    size = None\n"),
            (
                SET_RATE,
                "size = size or len(images)\n        if len(images) < size:\n            continue\n        " + SET_RATE,
            ),
        ),
        question="How many of your batches are yielded, and which images are never learned from?",
        explanation="Whether a smaller batch is dealt is for the batches to say; the loop trains on all that it gets.\n"
        "See the docstring: on every batch.",
        seen_in="drop_last of torch.utils.data.DataLoader does this where the batches are made",
    ),
    Misconception(
        id="a-single-image-is-no-batch",
        exercise="train_epoch",
        belief="A batch of a single image can't be trained on.",
        edits=((SET_RATE, "if len(images) < 2:\n            continue\n        " + SET_RATE),),
        question="A norm after a convolution: over how many numbers a channel does it average, if there is one image?",
        explanation="Over H x W pixels there is a mean for one image too; the loop trains on all that it gets.\n"
        "See the docstring: on every batch.",
    ),
    Misconception(
        id="training-unless-it-says-so",
        exercise="train_epoch",
        belief="A model whose `training` is True is in training mode altogether.",
        edits=((TRAINING, "if not model.training:\n        model.train()\n"),),
        question="A norm inside was put into eval mode, the model wasn't. What does model.training say?",
        explanation="`training` speaks of one module; each layer inside has its own, and model.train() sets them all.\n"
        "See the docstring: all of it is put into training mode.",
    ),
    Misconception(
        id="all-batches-in-a-list",
        exercise="train_epoch",
        belief="The batches can be gathered in a list before the first step.",
        edits=(("zip(batches, rates", "zip(list(batches), rates"),),
        question="How much memory do all the images of an epoch take, after augmentation and in float32?",
        explanation="A batch is drawn when its step is due: an epoch of large images doesn't fit into any memory.\n"
        "See the docstring: drawn as they are needed.",
    ),
]

EVALUATION = [
    Misconception(
        id="mean-of-the-batches",
        exercise="evaluate",
        belief="The loss and the accuracy are the means of the batches' losses and accuracies.",
        edits=(
            ("loss += cross_entropy(logits, labels) * len(labels)", "loss += cross_entropy(logits, labels)"),
            ("(logits.argmax(1) == labels).sum()", "(logits.argmax(1) == labels).float().mean()"),
            ("count += len(labels)", "count += 1"),
        ),
        question="A batch of 500 and a last one of 2: how much does each image of the last one weigh?",
        explanation="Every image counts the same, so sums are added up and divided once, at the end.\n"
        "See “Evaluation”: 0.4 against 0.57.",
    ),
    Misconception(
        id="loss-of-means-over-all-images",
        exercise="evaluate",
        belief="The batches' mean losses can be added and divided by the number of images.",
        edits=(("cross_entropy(logits, labels) * len(labels)", "cross_entropy(logits, labels)"),),
        question="Your cross_entropy gives a mean. What has to be added up over batches?",
        explanation="A mean must be multiplied by the batch's size before means of several batches are added.\n"
        "See hint 1 of exercise 6.",
    ),
    Misconception(
        id="walks-through-twice",
        exercise="evaluate",
        belief="The batches can be walked through a second time, to count the images.",
        edits=(("            count += len(labels)\n", "    count = sum(len(labels) for _, labels in batches)\n"),),
        question="What is left of a generator after a loop over it?",
        explanation="A generator is used up after one pass; count while you walk.\nSee hint 3 of exercise 6.",
    ),
    Misconception(
        id="evaluates-in-training-mode",
        exercise="evaluate",
        belief="Gradients off means evaluation mode.",
        edits=(("    model.eval()\n", ""),),
        question="What do dropout and batch norm do in your evaluation, and who told them?",
        explanation="no_grad and eval are two things: one stops the bookkeeping, the other switches the layers.\n"
        "See “Evaluation”, and failure “eval forgotten” among the eight curves.",
    ),
    Misconception(
        id="stays-in-eval",
        exercise="evaluate",
        belief="Whoever trains next will set the mode again.",
        edits=(("    model.train(was_training)\n", ""),),
        question="In which mode does the caller get the model back?",
        explanation="A function that measures leaves things as they were, the mode included.\n"
        "See hint 2 of exercise 6.",
    ),
    Misconception(
        id="always-back-to-training",
        exercise="evaluate",
        belief="After an evaluation the model goes back to training mode.",
        edits=(("model.train(was_training)", "model.train()"),),
        question="And if the model came in eval mode, to be used and not to be trained?",
        explanation="The mode that is restored is the one that was there, whichever that is.\n"
        "See hint 2 of exercise 6.",
    ),
    Misconception(
        id="gradients-on",
        exercise="evaluate",
        belief="eval() switches the gradients off.",
        edits=(
            ("torch.inference_mode()", "torch.enable_grad()"),
            ("(loss / count).item()", "(loss.detach() / count).item()"),
        ),
        question="How much memory does the graph of 10,000 images take, which nobody will walk back?",
        explanation="eval() concerns layers; gradients are switched off by no_grad or inference_mode.\n"
        "See “Evaluation”.",
    ),
    Misconception(
        id="softmax-before-the-loss",
        exercise="evaluate",
        belief="The loss is taken of probabilities.",
        edits=(("cross_entropy(logits, labels)", "cross_entropy(logits.softmax(1), labels)"),),
        question="What does your cross_entropy do with its input first?",
        explanation="The loss takes logits. After a second softmax it lies too high and hardly moves.\n"
        "See failure “softmax twice” among the eight curves.",
    ),
    Misconception(
        id="accuracy-in-percent",
        exercise="evaluate",
        belief="The accuracy is given in percent.",
        edits=(("(right / count).item()", "(100 * right / count).item()"),),
        question="Which range does the docstring promise?",
        explanation="Accuracies are shares, 0 … 1; percent is a matter of printing.\nSee the docstring of exercise 6.",
    ),
    Misconception(
        id="number-of-right-answers",
        exercise="evaluate",
        belief="The second result is the number of right answers.",
        edits=(("(right / count).item()", "right.double().item()"),),
        question="Can two counts over different numbers of images be compared?",
        explanation="The share is what can be compared; divide by the number of images at the end.\n"
        "See the docstring of exercise 6.",
    ),
    Misconception(
        id="only-the-last-batch",
        exercise="evaluate",
        belief="The results of the loop's last pass are the result.",
        edits=(("loss += ", "loss = "), ("right += ", "right = "), ("count += ", "count = ")),
        question="Which images does your result speak of?",
        explanation="What isn't added up is overwritten, and the last, smallest batch speaks for all.\n"
        "See hint 1 of exercise 6.",
    ),
    Misconception(
        id="tensors-for-numbers",
        exercise="evaluate",
        belief="The results can stay tensors.",
        edits=(("(loss / count).item(), (right / count).item()", "loss / count, right / count"),),
        question="What would a report, a JSON file or a checkpoint make of a tensor on a GPU?",
        explanation="A measurement is a number; item() makes one, and once an evaluation it costs nothing.\n"
        "See hint 3 of exercise 6.",
    ),
    Misconception(
        id="loss-in-sixteen-bits",
        exercise="evaluate",
        belief="The loss can be computed in the precision in which the network runs.",
        edits=(("model(images).float()", "model(images)"),),
        question="bfloat16 keeps about three digits. How many of them are left in a mean over thousands?",
        explanation="A loss of 16 bits has two or three digits; float32 costs nothing for a few logits.\n"
        "See hint 3 of exercise 6.",
    ),
    Misconception(
        id="gradients-switched-on-afterwards",
        exercise="evaluate",
        belief="Gradients are switched off at the start and on again at the end.",
        edits=(
            ("    with torch.inference_mode():\n", "    torch.set_grad_enabled(False)\n    if True:\n"),
            ("    model.train(was_training)\n", "    model.train(was_training)\n    torch.set_grad_enabled(True)\n"),
        ),
        question="Somebody calls your function inside of `with torch.no_grad():`. What do the lines after it find?",
        explanation="A `with` block puts back what was there; set_grad_enabled(True) puts back what you suppose.\n"
        "See the docstring: gradients are on or off as they were.",
    ),
    Misconception(
        id="logits-squeezed",
        exercise="evaluate",
        belief="squeeze() makes sure that logits have no dimension too many.",
        edits=(("model(images).float()", "model(images).squeeze().float()"),),
        question="The last batch holds a single image. Which shape have its logits after squeeze()?",
        explanation="squeeze() takes every dimension of size 1, that of a batch of one as well.\n"
        "See the docstring: logits are (N, C), whatever N.",
    ),
    Misconception(
        id="the-largest-logit-is-right",
        exercise="evaluate",
        belief="An answer is right if no logit is larger than the right class's.",
        edits=(
            (
                "(logits.argmax(1) == labels).sum()",
                "(logits.gather(1, labels[:, None]).squeeze(1) == logits.max(1).values).sum()",
            ),
        ),
        question="A network gives the same logits to all classes. What is its accuracy by your count?",
        explanation="Where logits are equal, each class would be right: who knows nothing would be perfect.\n"
        "The answer is one class, argmax, and it is right or not; see “Exercise 4: one update”, hint 3.",
    ),
]

WRITE = '    torch.save({"format": FORMAT, **values}, buffer)\n'

SAVING = [
    Misconception(
        id="path-objects-only",
        exercise="save_checkpoint",
        belief="Whoever saves hands in a Path.",
        edits=(("    path = Path(path)\n", ""),),
        question="What happens when you ask a string for .with_name?",
        explanation="A path may be a string or a Path; Path(path) takes both.\nSee the signature of exercise 7.",
    ),
    Misconception(
        id="bad-values-leave-half-a-file",
        exercise="save_checkpoint",
        belief="Only the disk can fail while a checkpoint is written.",
        edits=(
            (WRITE, ""),
            ("file.write(buffer.getbuffer())", 'torch.save({"format": FORMAT, **values}, file)'),
            ("except BaseException:", "except OSError:"),
        ),
        question="A value can't be pickled. Which error is it, and who removes the half-written file?",
        explanation="torch.save fails in the middle, with errors that are no OSError; make the bytes first.\n"
        "See hint 1 of exercise 7.",
    ),
    Misconception(
        id="format-forgotten",
        exercise="save_checkpoint",
        belief="A checkpoint holds the values and nothing else.",
        edits=(('{"format": FORMAT, **values}', "values"),),
        question="How will load_checkpoint know that this file is one of ours?",
        explanation="The format says what the file is and which version wrote it.\nSee the docstring of exercise 7.",
    ),
    Misconception(
        id="values-in-a-dict-of-their-own",
        exercise="save_checkpoint",
        belief="The values lie in the file as a dict under a name of their own.",
        edits=(('{"format": FORMAT, **values}', '{"format": FORMAT, "values": values}'),),
        question="What does `**values` do inside of a dict's braces?",
        explanation="The names that the caller gives are the keys of the file.\n"
        "See the docstring: a dict with these values and the format.",
    ),
    Misconception(
        id="weights-only-saved",
        exercise="save_checkpoint",
        belief="A checkpoint is the model's weights.",
        edits=(("**values}", '"model": values.get("model")}'),),
        question="From where will the optimizer have its velocities when the run goes on?",
        explanation="Weights are enough to use a network, not to go on training it.\n"
        "See “All of it” for what a run needs.",
    ),
    Misconception(
        id="written-over-the-old",
        exercise="save_checkpoint",
        belief="The new checkpoint is written over the old one.",
        edits=((WRITE, '    torch.save({"format": FORMAT, **values}, path)\n    return\n'),),
        question="If the power fails in the middle of writing, which checkpoint do you have?",
        explanation="While it is being overwritten there is no checkpoint at all, and a failure leaves half of one.\n"
        "Write beside it, then os.replace; see “Checkpoints”.",
    ),
    Misconception(
        id="old-one-deleted-first",
        exercise="save_checkpoint",
        belief="The old checkpoint is deleted first, to make room.",
        edits=(
            (
                "    buffer = io.BytesIO()\n",
                "    buffer = io.BytesIO()\n    if path.is_file():\n        path.unlink()\n",
            ),
        ),
        question="What is left if the new one then can't be written?",
        explanation="The old one is worth most in the moment when the new one fails; os.replace removes it for you.\n"
        "See “Checkpoints”.",
    ),
    Misconception(
        id="backup-left-behind",
        exercise="save_checkpoint",
        belief="The old checkpoint is kept beside the new one, for safety.",
        edits=(
            (
                "        os.replace(unfinished, path)\n",
                '        if path.exists():\n            os.replace(path, path.with_name(path.name + ".old"))\n'
                "        os.replace(unfinished, path)\n",
            ),
        ),
        question="Between your two moves, is there a checkpoint under its name?",
        explanation="Two moves leave a gap in which there is none, and a pile of old files; one move has neither.\n"
        "See “Checkpoints”.",
    ),
    Misconception(
        id="copied-not-moved",
        exercise="save_checkpoint",
        belief="The finished file is copied to its place.",
        edits=(
            ("os.replace(unfinished, path)", "path.write_bytes(unfinished.read_bytes())\n        unfinished.unlink()"),
        ),
        question="How long does the copy take, and what lies under the name meanwhile?",
        explanation="A copy overwrites the old one byte by byte, the very thing to be avoided; a move is atomic.\n"
        "See “Checkpoints”: os.replace.",
    ),
    Misconception(
        id="unfinished-left-behind",
        exercise="save_checkpoint",
        belief="A file that couldn't take its place may stay where it is.",
        edits=(("        unfinished.unlink(missing_ok=True)\n", ""),),
        question="The disk was full. What makes room for the next attempt?",
        explanation="Half a checkpoint of 90 MB on a full disk helps nobody; remove it before the error goes on.\n"
        "See hint 3 of exercise 7.",
    ),
    Misconception(
        id="errors-swallowed",
        exercise="save_checkpoint",
        belief="A checkpoint that can't be written shouldn't disturb the run.",
        edits=(("        raise\n", "        return\n"),),
        question="When does the user learn that the last ten hours weren't saved?",
        explanation="Only the caller can decide what to do; an error that is swallowed decides for it, silently.\n"
        "See the docstring: OSError.",
    ),
    Misconception(
        id="folders-made-on-the-way",
        exercise="save_checkpoint",
        belief="Missing folders are made on the way.",
        edits=(
            (
                "    buffer = io.BytesIO()\n",
                "    buffer = io.BytesIO()\n    path.parent.mkdir(parents=True, exist_ok=True)\n",
            ),
        ),
        question="A typing mistake in the path: who should notice?",
        explanation="A path that doesn't exist is more often a mistake than a wish, and the docstring says OSError.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="torch-says-why",
        exercise="save_checkpoint",
        belief="If the disk is full, torch.save raises an OSError by itself.",
        edits=(
            (WRITE, ""),
            ("file.write(buffer.getbuffer())", 'torch.save({"format": FORMAT, **values}, file)'),
        ),
        question="What kind of error is “unexpected pos 576 vs 534”, and would a caller that waits for OSError see it?",
        explanation="torch.save reports a failed write as a RuntimeError of its own; file.write raises the OSError.\n"
        "Make the bytes in memory first; see hint 1 of exercise 7.",
    ),
    Misconception(
        id="only-the-move-can-fail",
        exercise="save_checkpoint",
        belief="Writing the second file doesn't fail; only the move may.",
        edits=(
            (
                '    try:\n        with unfinished.open("wb") as file:\n            file.write(buffer.getbuffer())\n'
                "            file.flush()\n"
                "            os.fsync(file.fileno())  # on the disk before it takes the old one's place\n",
                "    unfinished.write_bytes(buffer.getbuffer())\n    try:\n",
            ),
        ),
        question="The disk is full halfway through the second file. Which of your lines removes it?",
        explanation="The write is what fails on a full disk, and half a file keeps it full: both belong in the try.\n"
        "See hint 3 of exercise 7.",
    ),
    Misconception(
        id="second-file-anywhere",
        exercise="save_checkpoint",
        belief="The second file may lie in the folder for temporary files.",
        edits=(
            (
                'unfinished = path.with_name(path.name + ".unfinished")',
                "handle, name = tempfile.mkstemp()\n    os.close(handle)\n    unfinished = Path(name)",
            ),
        ),
        question="Temporary files often lie on another disk. What is a move from there, and is it still atomic?",
        explanation="os.replace can't move between disks: it raises an OSError, on many machines and never on yours.\n"
        "See hint 2 of exercise 7: in the same folder.",
    ),
    Misconception(
        id="all-keys-are-strings",
        exercise="save_checkpoint",
        belief="Keys are names, so they can be made strings, as in a JSON file.",
        edits=(
            (
                WRITE,
                "    def named(value):\n"
                "        if isinstance(value, dict):\n"
                "            return {str(key): named(item) for key, item in value.items()}\n"
                "        return value\n\n" + WRITE.replace("**values", "**named(values)"),
            ),
        ),
        question="With which keys does an optimizer's state dict number its parameters, and who looks them up?",
        explanation="The velocities lie under 0, 1, 2 …; under “0” no parameter finds its own: all start from rest.\n"
        "What was given is what is written; see `Optimizer.load_state_dict`.",
    ),
    Misconception(
        id="all-tensors-are-float32",
        exercise="save_checkpoint",
        belief="float32 is exact enough for every tensor of a checkpoint.",
        edits=(
            (
                WRITE,
                "    def single(value):\n"
                "        if isinstance(value, dict):\n"
                "            return {key: single(item) for key, item in value.items()}\n"
                "        return value.float() if isinstance(value, torch.Tensor) else value\n\n"
                + WRITE.replace("**values", "**single(values)"),
            ),
        ),
        question="What becomes of a count of 16,777,217, or of a velocity in float64?",
        explanation="A run goes on bit for bit only from the bits that it had: every tensor keeps its dtype.\n"
        "See the docstring: a dict with these values.",
    ),
    Misconception(
        id="ctrl-c-is-an-exception",
        exercise="save_checkpoint",
        belief="`except Exception` catches whatever can end the writing.",
        edits=(("except BaseException:", "except Exception:"),),
        question="Which class is KeyboardInterrupt derived from?",
        explanation="Ctrl-C raises KeyboardInterrupt, a BaseException and no Exception, so nothing is removed.\n"
        "See hint 3 of exercise 7.",
    ),
]

TEST_ZIP = "            if damaged := archive.testzip():"
FOREIGN = 'if not isinstance(values, dict) or values.get("format") != FORMAT:'

LOADING = [
    Misconception(
        id="any-pickle-is-run",
        exercise="load_checkpoint",
        belief="A checkpoint is data, so it can be loaded without looking.",
        edits=(("weights_only=True", "weights_only=False"),),
        question="What can a pickle do while it is being loaded?",
        explanation="A pickle is a program. weights_only=True reads tensors and plain values and refuses the rest.\n"
        "See “Checkpoints”: it can be trusted.",
    ),
    Misconception(
        id="checksums-compare-themselves",
        exercise="load_checkpoint",
        belief="torch.load notices a damaged file.",
        edits=((TEST_ZIP, "            if damaged := None:"),),
        question="Flip one bit in the middle of the weights. What does torch.load say?",
        explanation="torch writes checksums and doesn't compare them; zipfile's testzip does.\n"
        "See “Checkpoints” and hint 2 of exercise 8.",
    ),
    Misconception(
        id="stays-on-its-device",
        exercise="load_checkpoint",
        belief="Where the tensors go needn't be said.",
        edits=(("map_location=device, ", ""),),
        question="Where in your call of torch.load does device occur?",
        explanation="Without map_location torch wants the device back from which the tensors came.\n"
        "See hint 2 of exercise 8.",
    ),
    Misconception(
        id="format-unchecked",
        exercise="load_checkpoint",
        belief="Whatever loads is a checkpoint.",
        edits=((FOREIGN, "if not isinstance(values, dict):"),),
        question="What does resume do with a file of somebody else's weights?",
        explanation="Many files load; only those with our format hold what a run needs.\nSee hint 3 of exercise 8.",
    ),
    Misconception(
        id="always-a-dict",
        exercise="load_checkpoint",
        belief="Whatever loads is a dict.",
        edits=((FOREIGN, 'if values.get("format") != FORMAT:'),),
        question="torch.save also saves a list or a single tensor. What happens when you ask those for .get?",
        explanation="Look at the type before you look inside, or the error is a riddle.\nSee hint 3 of exercise 8.",
    ),
    Misconception(
        id="format-dropped",
        exercise="load_checkpoint",
        belief="The format is taken out, as it has done its work.",
        edits=(("    return values\n", '    del values["format"]\n    return values\n'),),
        question="What does the docstring say of the format?",
        explanation="What was written comes back whole, so that it can be written again.\n"
        'See the docstring: "format" included.',
    ),
    Misconception(
        id="missing-file-raises-its-own",
        exercise="load_checkpoint",
        belief="A missing file should raise FileNotFoundError.",
        edits=(('raise ValueError(f"There is no checkpoint {path}.") from None', "raise"),),
        question="How many kinds of error must the caller of your function know?",
        explanation="One kind for all trouble, with a sentence that says which, makes the caller's life simple.\n"
        "See hint 1 of exercise 8.",
    ),
    Misconception(
        id="damage-is-an-error-of-its-own",
        exercise="load_checkpoint",
        belief="A damaged file should raise whatever zipfile or torch raise.",
        edits=(
            (
                "        reason = (str(error) or type(error).__name__).splitlines()[0][:100]\n"
                '        raise ValueError(f"{path} is damaged or no checkpoint ({reason}).") from None',
                "        raise",
            ),
        ),
        question="BadZipFile, EOFError, RuntimeError, UnpicklingError: which of these will the caller expect?",
        explanation="Damage fails in many ways; the caller wants one kind of error and the file's name.\n"
        "See hint 3 of exercise 8.",
    ),
    Misconception(
        id="what-zipfile-opens-torch-loads",
        exercise="load_checkpoint",
        belief="What zipfile can open, torch can load.",
        edits=(
            (
                "except Exception as error:",
                "except (zipfile.BadZipFile, __import__('pickle').UnpicklingError) as error:",
            ),
        ),
        question="What does your function say to a zip archive of holiday pictures?",
        explanation="torch.load fails in many ways; whoever asked wants one kind of error, which names the file.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="damage-has-five-names",
        exercise="load_checkpoint",
        belief="Damage shows as one of the errors that zipfile, pickle and torch name in their documentation.",
        edits=(
            (
                "except Exception as error:",
                "except (zipfile.BadZipFile, RuntimeError, __import__('pickle').UnpicklingError, EOFError, OSError)"
                " as error:",
            ),
        ),
        question="A flipped bit turns a part's name into bytes that are no UTF-8. Which error is that?",
        explanation="UnicodeDecodeError, NotImplementedError, zlib.error: no list of names is long enough for damage.\n"
        "Catch Exception around the loading; see hint 3 of exercise 8.",
    ),
    Misconception(
        id="moves-the-outermost-only",
        exercise="load_checkpoint",
        belief="The values of a checkpoint are tensors, and moving each of them moves all.",
        edits=(
            ("map_location=device", 'map_location="cpu"'),
            (
                "    return values\n",
                "    return {\n        name: value.to(device) if isinstance(value, torch.Tensor) else value\n"
                "        for name, value in values.items()\n    }\n",
            ),
        ),
        question="How deep do the weights lie in what a run saves, and the velocities?",
        explanation="State dicts are dicts within the dict; map_location reaches every tensor, however deep.\n"
        "See hint 2 of exercise 8.",
    ),
    Misconception(
        id="moves-the-state-dicts-only",
        exercise="load_checkpoint",
        belief="A checkpoint is two levels deep: state dicts, and the tensors in them.",
        edits=(
            ("map_location=device", 'map_location="cpu"'),
            (
                "    return values\n",
                "    def moved(value, depth=0):\n"
                "        if isinstance(value, torch.Tensor):\n"
                "            return value.to(device)\n"
                "        if isinstance(value, dict) and depth < 2:\n"
                "            return {key: moved(item, depth + 1) for key, item in value.items()}\n"
                "        return value\n\n    return moved(values)\n",
            ),
        ),
        question="Where exactly does an optimizer's state dict hold the velocity of its first parameter?",
        explanation='An optimizer\'s velocities lie at ["state"][0], one level deeper; map_location reaches them all.\n'
        "See the docstring: however deep they lie.",
    ),
    Misconception(
        id="moves-what-lies-in-dicts",
        exercise="load_checkpoint",
        belief="Tensors lie in dicts, so a walk through all dicts finds them.",
        edits=(
            ("map_location=device", 'map_location="cpu"'),
            (
                "    return values\n",
                "    def moved(value):\n"
                "        if isinstance(value, torch.Tensor):\n"
                "            return value.to(device)\n"
                "        if isinstance(value, dict):\n"
                "            return {key: moved(item) for key, item in value.items()}\n"
                "        return value\n\n"
                "    return moved(values)\n",
            ),
        ),
        question="Which kind of container is `param_groups` in an optimizer's state dict?",
        explanation="Lists and tuples hold tensors as well; map_location reaches whatever the file holds.\n"
        "See the docstring: however deep they lie.",
    ),
]

EVALUATED = "measured = evaluate(model, validation)"
ENDED = 'end_epoch(state, train, optimizer.param_groups[0]["lr"], measured, seconds)'
SAVED = "        must_be_finite(state, steps, model)\n        save(state)\n"
RATES = 'rates = [learning_rate(s, state["total"], peak) for s in range(state["step"], state["total"])]'
LOOP = "for loss, right in train_epoch(model, train.epoch(epoch, done), optimizer, rates, update):"
STOP = '                if state["stopped"]:\n                    break\n'

FIT = [
    Misconception(
        id="same-order-every-epoch",
        exercise="fit",
        belief="Every epoch shows the batches of epoch 0.",
        edits=(("train.epoch(epoch, done)", "train.epoch(0, done)"),),
        question="How does the batch iterator know which epoch it is?",
        explanation="Shuffling and augmentation hang on the epoch's number; without it every epoch is the same.\n"
        "See “All of it”: batch number 17 of epoch 3 is a function of seed, epoch and number.",
    ),
    Misconception(
        id="resumes-at-the-epochs-start",
        exercise="fit",
        belief="A run goes on at the beginning of the epoch in which it was stopped.",
        edits=(("train.epoch(epoch, done)", "train.epoch(epoch)"),),
        question="Which batches does a resumed epoch show twice, and which never?",
        explanation="The position within the epoch is part of the state; epoch(epoch, done) goes on exactly there.\n"
        "See hint 1 of exercise 9.",
    ),
    Misconception(
        id="schedule-per-epoch",
        exercise="fit",
        belief="The learning rate is that of the epoch.",
        edits=(("[learning_rate(s, state", "[learning_rate(s // steps * steps, state"),),
        question="How many different learning rates does your run of four epochs have?",
        explanation="The schedule runs over steps, and the warm-up is often shorter than an epoch.\n"
        "See “The schedule”: s is a step.",
    ),
    Misconception(
        id="schedule-restarts-every-epoch",
        exercise="fit",
        belief="Every epoch begins the schedule anew.",
        edits=(('range(state["step"], state["total"])', 'range(state["total"])'),),
        question="What is the learning rate of the first step of the last epoch?",
        explanation="The run has one warm-up and one descent; step s of the run has the rate of s.\n"
        "See the docstring of fit.",
    ),
    Misconception(
        id="schedule-over-what-is-left",
        exercise="fit",
        belief="The schedule is that of the steps that are left.",
        edits=(
            (
                RATES,
                'left = state["total"] - state["step"]\n'
                "        rates = [learning_rate(s, left, peak) for s in range(left)]",
            ),
        ),
        question="When the last epoch begins, how does your learning rate move?",
        explanation="Reckoned from what is left, every epoch climbs to the peak again and the last one most steeply.\n"
        "See the docstring of fit.",
    ),
    Misconception(
        id="schedule-off-by-one",
        exercise="fit",
        belief="The first step is number 1.",
        edits=(("[learning_rate(s, state", '[learning_rate(min(s + 1, state["total"] - 1), state'),),
        question="Which number has the first batch of the first epoch?",
        explanation="Steps are counted from 0, as learning_rate and the batches do.\n"
        "See the docstring of fit: both counted from 0.",
    ),
    Misconception(
        id="evaluates-on-training-data",
        exercise="fit",
        belief="The accuracy of an epoch is measured on the training batches.",
        edits=((EVALUATED, "measured = evaluate(model, train)"),),
        question="What does the accuracy say if the network has learned these images by heart?",
        explanation="Only images that weren't trained on tell whether anything was understood.\n"
        "See the answer to “overfit one batch”.",
    ),
    Misconception(
        id="best-weights-kept",
        exercise="fit",
        belief="The run ends with the weights of its best epoch.",
        edits=(
            (
                ENDED,
                ENDED + "\n            best = max(state['history'], key=lambda row: row['validation_accuracy'])\n"
                "            if best is state['history'][-1]:\n"
                "                weights = {name: value.clone() for name, value in model.state_dict().items()}\n"
                "            model.load_state_dict(weights)",
            ),
        ),
        question="If an epoch is taken back because it looked worse, what does the schedule do in the next one?",
        explanation="The validation accuracy wavers, and choosing by it flatters; this run reports its last weights.\n"
        "The descent of the schedule makes the last epoch the best one to have; see “The schedule”.",
    ),
    Misconception(
        id="nothing-saved-at-the-start",
        exercise="fit",
        belief="There is nothing to save before the first epoch.",
        edits=(("epochs * steps)\n        save(state)\n", "epochs * steps)\n"),),
        question="If the disk can't be written, when does the user learn it?",
        explanation="Saving at once shows that it works, and a run that dies early can go on from its start.\n"
        "See exercise 9, point 1.",
    ),
    Misconception(
        id="saved-before-the-row",
        exercise="fit",
        belief="The checkpoint is saved as soon as the epoch's steps are made.",
        edits=(
            (SAVED, ""),
            ('        if state["step"] % steps == 0:\n', SAVED + '        if state["step"] % steps == 0:\n'),
        ),
        question="A run that goes on from your checkpoint: has its history a row for this epoch?",
        explanation="What is saved before the row is written will lack it for ever: the row is never made again.\n"
        "See exercise 9, point 3, for the order.",
    ),
    Misconception(
        id="saved-at-the-end-only",
        exercise="fit",
        belief="It is enough to save when the run is over.",
        edits=(("        save(state)\n    return state\n", "    save(state)\n    return state\n"),),
        question="The computer crashes in the last epoch. What is left?",
        explanation="A checkpoint after each epoch makes a crash cost one epoch at most.\nSee exercise 9, point 3.",
    ),
    Misconception(
        id="state-ignored",
        exercise="fit",
        belief="A call of fit is a new run.",
        edits=(("if state is None:", "if True:"),),
        question="Where does your function look at the state that it is given?",
        explanation="The state says where the run stands; a new one is made only if none is given.\n"
        "See exercise 9, point 1.",
    ),
    Misconception(
        id="epochs-come-on-top",
        exercise="fit",
        belief="A resumed run trains for so many epochs more.",
        edits=(
            (
                '    state["stopped"] = False\n',
                '    else:\n        state["total"] = state["step"] + epochs * steps\n    state["stopped"] = False\n',
            ),
        ),
        question="If a run of four epochs is stopped three times, how many epochs has it in the end?",
        explanation='epochs counts those of the whole run, and state["total"] holds them; the schedule hangs on it.\n'
        "See the docstring of fit.",
    ),
    Misconception(
        id="stopped-for-ever",
        exercise="fit",
        belief="A state that says stopped stays stopped.",
        edits=(('    state["stopped"] = False\n', ""),),
        question='What does a resumed run find in state["stopped"], and what does its loop do then?',
        explanation="`stopped` says how the last call ended; a new call begins with it off.\nSee exercise 9, point 1.",
    ),
    Misconception(
        id="no-clock",
        exercise="fit",
        belief="The time of an epoch is end_epoch's business.",
        edits=(('                state["seconds"] = time.perf_counter() - began  # of this epoch\n', ""),),
        question="Where does end_epoch get the seconds that it puts into the row?",
        explanation="end_epoch reads the clock's time from the state; fit has to write it there.\n"
        "See exercise 9, point 4.",
    ),
    Misconception(
        id="clock-forgets-what-was-before-the-stop",
        exercise="fit",
        belief="The clock starts at 0 whenever fit is called.",
        edits=((' - state["seconds"]', ""),),
        question="An epoch of ten minutes was stopped after nine. How long does its row say that it took?",
        explanation='state["seconds"] holds what the epoch took before the stop, and the clock goes on from there.\n'
        "See hint 3 of exercise 9.",
    ),
    Misconception(
        id="stops-without-saving",
        exercise="fit",
        belief="Stopping means to return at once.",
        edits=((STOP, STOP.replace("break", "return state")),),
        question="From which step does the run go on, if it was stopped in the middle of an epoch?",
        explanation="Leaving only the inner loop lets the saving happen that comes after it.\n"
        "See hint 2 of exercise 9.",
    ),
    Misconception(
        id="never-asks-to-stop",
        exercise="fit",
        belief="watch only looks.",
        edits=(('state["stopped"] = bool(watch(state))', "watch(state)"),),
        question="What does watch return, and who reads it?",
        explanation="watch's true is how Ctrl-C reaches the loop.\nSee exercise 9, point 4.",
    ),
    Misconception(
        id="stops-at-the-epochs-end",
        exercise="fit",
        belief="A run that is asked to stop finishes its epoch.",
        edits=((STOP, ""), ('state["stopped"] = bool(watch(state))', 'state["stopped"] |= bool(watch(state))')),
        question="On a slow machine an epoch takes ten minutes. How long does Ctrl-C take?",
        explanation="Batch 17 of epoch 3 is as good a place to go on from as epoch 4: every step may be the last.\n"
        "See hint 2 of exercise 9.",
    ),
    Misconception(
        id="row-of-half-an-epoch",
        exercise="fit",
        belief="A stopped epoch gets a row as well.",
        edits=(('if state["step"] % steps == 0:', 'if state["step"] % steps == 0 or state["stopped"]:'),),
        question="How many rows has the history of an epoch that was stopped twice?",
        explanation="A row tells of a complete epoch; half of one would be told twice.\nSee hint 2 of exercise 9.",
    ),
    Misconception(
        id="watch-before-the-step-counts",
        exercise="fit",
        belief="watch looks before the step is counted.",
        edits=(
            ('            state["step"] += 1\n', ""),
            (STOP, '                state["step"] += 1\n' + STOP),
        ),
        question="After the first step, which number does watch see?",
        explanation="The step is noted and counted first, so that what watch sees is what would be saved.\n"
        "See the docstring: every step that is noted in it.",
    ),
    Misconception(
        id="own-update-only",
        exercise="fit",
        belief="The update is always the one of this lesson.",
        edits=(("optimizer, rates, update):", "optimizer, rates):"),),
        question="How does lesson 8's faster step come into your loop?",
        explanation="update is an argument of fit and is handed on to train_epoch.\nSee the docstring of fit.",
    ),
    Misconception(
        id="goes-on-with-nan",
        exercise="fit",
        belief="A loss that is not a number will mend itself.",
        edits=(("must_be_finite(state, steps)  # waits for the GPU", "pass"),),
        question="NaN plus anything: what is it, and what are the weights after one step with it?",
        explanation="NaN spreads to every weight at once: each further step is wasted, so stop at the first.\n"
        "See exercise 9, point 4.",
    ),
    Misconception(
        id="weights-unchecked",
        exercise="fit",
        belief="If the losses are finite, so are the weights.",
        edits=(("must_be_finite(state, steps, model)", "must_be_finite(state, steps)"),),
        question="The loss is computed before the step. What has the last step of the epoch done?",
        explanation="The step after the last loss can overflow; only a look at the weights finds it in time.\n"
        "See exercise 9, point 3.",
    ),
    Misconception(
        id="saved-before-the-check",
        exercise="fit",
        belief="The checkpoint is saved first and checked afterwards.",
        edits=((SAVED, "        save(state)\n        must_be_finite(state, steps, model)\n"),),
        question="When the check fails, what has become of the last good checkpoint?",
        explanation="A broken checkpoint that replaces a good one is the worst of both; check, then save.\n"
        "See exercise 9, point 3.",
    ),
    Misconception(
        id="time-limit-ignored",
        exercise="fit",
        belief="The run takes as long as it takes.",
        edits=(("measured, seconds)", "measured, None)"),),
        question="What is the argument seconds for, and who gets it?",
        explanation="end_epoch shortens a run that is too slow, so that the learning rate still comes down.\n"
        "See the docstring of fit.",
    ),
    Misconception(
        id="rates-of-the-plan",
        exercise="fit",
        belief="The schedule is that of the epochs asked for, whatever becomes of the run.",
        edits=(('[learning_rate(s, state["total"], peak)', "[learning_rate(s, epochs * steps, peak)"),),
        question="A run is shortened from four epochs to two. Where is its learning rate at the end?",
        explanation='state["total"] is the run\'s length as it stands; a shortened run must come down within it.\n'
        'See the docstring of fit: learning_rate(s, state["total"], peak).',
    ),
    Misconception(
        id="weights-checked-at-epochs-ends-only",
        exercise="fit",
        belief="Weights need a look only at the end of an epoch.",
        edits=((SAVED, "            must_be_finite(state, steps, model)\n        save(state)\n"),),
        question="A run is stopped in the middle of an epoch, and its weights are broken. What does it go on from?",
        explanation="Whatever is saved must be whole, on stopping as well as at an epoch's end.\n"
        "See point 3 of exercise 9 and “Raises”.",
    ),
    Misconception(
        id="watches-before-it-checks",
        exercise="fit",
        belief="watch may look before the loss is checked.",
        edits=(
            ("                must_be_finite(state, steps)  # waits for the GPU\n", ""),
            (
                '                state["stopped"] = bool(watch(state))\n',
                '                state["stopped"] = bool(watch(state))\n                must_be_finite(state, steps)\n',
            ),
        ),
        question="What does a progress bar show of a loss that is no number?",
        explanation="Whoever watches may rely on what is shown: the check comes first.\n"
        "See hint 3 of exercise 9 and “Raises”.",
    ),
    Misconception(
        id="plan-restored-on-going-on",
        exercise="fit",
        belief="A run that goes on has the length that the call asks for.",
        edits=(
            (
                '    state["stopped"] = False\n',
                '    state["total"] = epochs * steps\n    state["stopped"] = False\n',
            ),
        ),
        question="A run was shortened from four epochs to two and is over. What does it do when it is continued?",
        explanation='state["total"] is the run\'s length as it stands; set anew, the rate jumps up after its descent.\n'
        "See the docstring of fit: where the run is over, nothing is trained.",
    ),
    Misconception(
        id="one-more-round-at-the-end",
        exercise="fit",
        belief="Whether the run is over is asked at the end of each round.",
        edits=(
            ('while state["step"] < state["total"] and not state["stopped"]:', "while True:"),
            (
                SAVED,
                SAVED + '        if state["step"] >= state["total"] or state["stopped"]:\n            break\n',
            ),
        ),
        question="A run is over and is continued all the same. How many rows has its last epoch?",
        explanation="Asked at the end, a finished run measures, writes a second row and saves once more.\n"
        "Ask before the round; see the docstring of fit: where the run is over, nothing is measured.",
    ),
    Misconception(
        id="no-row-for-a-stopped-run",
        exercise="fit",
        belief="A run that was stopped gets its row when it goes on, also at its last step.",
        edits=(
            (
                'if state["step"] % steps == 0:',
                'if state["step"] % steps == 0 and not (state["stopped"] and state["step"] == state["total"]):',
            ),
        ),
        question="A run is stopped at its very last step. Which round will write the row of its last epoch?",
        explanation="After the last step there is no round to come, and the row is lost for ever.\n"
        "See the docstring of fit: a run that has stopped after an epoch's last step has its row.",
    ),
    Misconception(
        id="only-nan-breaks-a-run",
        exercise="fit",
        belief="Only NaN breaks a run; an infinite loss comes down again.",
        edits=(
            (
                "                must_be_finite(state, steps)  # waits for the GPU\n",
                "                if state['losses'].isnan().any():\n"
                "                    raise FloatingPointError('the loss is not a number')\n",
            ),
            (
                "        must_be_finite(state, steps, model)\n",
                "        if not all(p.isfinite().all() for p in model.parameters()):\n"
                "            raise FloatingPointError('a weight is not finite')\n",
            ),
        ),
        question="A loss is infinite. What is its gradient, and what is the next loss?",
        explanation="Behind an infinite loss come gradients that are infinite or NaN: both end the run at once.\n"
        "See “Raises” in the docstring of fit: infinite or not a number.",
    ),
    Misconception(
        id="infinity-waits-for-the-epochs-end",
        exercise="fit",
        belief="Each step looks for NaN only, as an infinite loss is found at the epoch's end early enough.",
        edits=(
            (
                "                must_be_finite(state, steps)  # waits for the GPU\n",
                "                if state['losses'].isnan().any():\n"
                "                    raise FloatingPointError('the loss is not a number')\n",
            ),
        ),
        question="What does watch show of an infinite loss, and what are the steps worth that come after it?",
        explanation="One kind of broken loss is no better than the other: both are found at the step, before watch.\n"
        "See “Raises” in the docstring of fit: at the first step that is looked at.",
    ),
    Misconception(
        id="stopped-is-what-watch-said",
        exercise="fit",
        belief="What watch returns can be kept as `stopped`.",
        edits=(("bool(watch(state))", "watch(state)"),),
        question="What does a function return that has no return, and what does your state say then?",
        explanation="watch may give None, or anything that counts as true: `stopped` is to be True or False.\n"
        "See “Returns” in the docstring of fit, and hint 3 of exercise 9.",
    ),
]

MISCONCEPTIONS = [
    *CROSS_ENTROPY,
    *OPTIMIZER,
    *SCHEDULE,
    *UPDATE,
    *EPOCH,
    *EVALUATION,
    *SAVING,
    *LOADING,
    *FIT,
]
