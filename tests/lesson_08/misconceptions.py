"""The wrong beliefs about a fast training run, executable."""

from course.diagnosis import Misconception

DEVICE = [
    Misconception(
        id="the-processor-is-always-there",
        exercise="pick_device",
        belief="auto takes the CPU, since that is always there.",
        edits=(("name = here[0]", "name = here[-1]"),),
        question="On a machine that has a GPU, who would want auto to leave it idle?",
        explanation="auto means the fastest there is: CUDA, else Apple's, else the CPU.\n"
        "See the docstring of exercise 1.",
    ),
    Misconception(
        id="apple-first",
        exercise="pick_device",
        belief="auto asks for Apple's GPU before it asks for CUDA.",
        edits=(
            ('here = ["cuda"] * torch.cuda.is_available() + ', "here = "),
            (
                '* torch.backends.mps.is_available() + ["cpu"]',
                '* torch.backends.mps.is_available() + ["cuda"] * torch.cuda.is_available() + ["cpu"]',
            ),
        ),
        question="If a machine had both, which of the two would train faster?",
        explanation="The order is that of speed: CUDA first, then Apple's, then the CPU.\n"
        "See the docstring of exercise 1.",
    ),
    Misconception(
        id="only-nvidia-makes-gpus",
        exercise="pick_device",
        belief="Without CUDA there is nothing but the CPU.",
        edits=((' + ["mps"] * torch.backends.mps.is_available()', ""),),
        question="What is in a MacBook that torch.backends.mps is for?",
        explanation="Apple's GPUs are the device mps, several times as fast as the CPU beside them.\n"
        "See the docstring of exercise 1.",
    ),
    Misconception(
        id="any-number-will-do",
        exercise="pick_device",
        belief="cuda:99 is as good as cuda:0, as long as there is a GPU.",
        edits=((" or (colon and number not in map(str, range(count)))", ""),),
        question="torch.device('cuda:99') raises nothing. When and where would you hear of it?",
        explanation="torch.device only names a place. Without the check the error comes later, with the first tensor.\n"
        "See Raises in the docstring of exercise 1.",
    ),
    Misconception(
        id="devices-counted-from-one",
        exercise="pick_device",
        belief="Of two GPUs the second is cuda:2.",
        edits=(("range(count)", "range(count + 1)"),),
        question="What is the name of the first GPU, and so that of the last of two?",
        explanation="Devices are numbered from 0, so two are cuda:0 and cuda:1.\n"
        "See Args in the docstring of exercise 1.",
    ),
    Misconception(
        id="nothing-behind-the-colon",
        exercise="pick_device",
        belief="A colon with nothing behind it does no harm.",
        edits=(("(colon and number", "(number and number"),),
        question="What does torch.device('cpu:') do?",
        explanation="torch knows no such name; its RuntimeError is not the error that was promised.\n"
        "See Raises in the docstring of exercise 1.",
    ),
    Misconception(
        id="zero-zero-is-zero",
        exercise="pick_device",
        belief="A device's number may be written like any number.",
        edits=(("number not in map(str, range(count))", "not (number.isdecimal() and int(number) < count)"),),
        question="int('00') is 0. Does torch.device('cuda:00') see it that way?",
        explanation="A device has one name, cuda:0; torch refuses other ways to write it with a RuntimeError.\n"
        "See Raises in the docstring of exercise 1.",
    ),
    Misconception(
        id="torch-will-say-it",
        exercise="pick_device",
        belief="Whatever name comes in, torch.device checks it.",
        edits=(("if kind not in here or", "if kind in here and"),),
        question="Does torch.device('cuda') raise anything on a machine without a GPU?",
        explanation="It checks the spelling, not the machine: the error would come with the first tensor.\n"
        "See Raises in the docstring of exercise 1.",
    ),
    Misconception(
        id="whatever-torch-knows-is-here",
        exercise="pick_device",
        belief="Whatever device torch knows is there, unless it is a GPU of CUDA or Apple: those are looked for.",
        edits=(
            (
                "if kind not in here or",
                'known = kind in (*here, "xpu", "meta")\n    if not known or',
            ),
        ),
        question='Does torch.device("xpu") raise an error on your machine, and does that machine have an Intel GPU?',
        explanation="torch.device only reads a name; whether there is such a device is another question.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="numbers-have-no-lower-end",
        exercise="pick_device",
        belief="A device's number can be too large, and never too small.",
        edits=(("number not in map(str, range(count))", "(int(number) >= count or number != str(int(number)))"),),
        question="int('-1') is below the count. Which device is cuda:-1?",
        explanation="Devices begin at 0; torch refuses a number below that with a RuntimeError.\n"
        "See “Raises” in the docstring of exercise 1.",
    ),
    Misconception(
        id="only-cuda-has-numbers",
        exercise="pick_device",
        belief="Only the number of a CUDA device needs a look.",
        edits=(("(colon and number", '(kind == "cuda" and colon and number'),),
        question="torch.device('cpu:1') raises nothing. How many devices of that kind has your machine?",
        explanation="There is one CPU and at most one GPU of Apple's, so their only number is 0.\n"
        "See “Raises” in the docstring of exercise 1.",
    ),
    Misconception(
        id="names-in-any-spelling",
        exercise="pick_device",
        belief="Capitals and spaces in a device's name make no difference.",
        edits=(('if name == "auto":', 'name = name.strip().lower()\n    if name == "auto":'),),
        question="What does torch.device('CUDA') say, and what the next function that gets the name?",
        explanation="A name that only one function understands goes wrong in the next; torch knows one spelling.\n"
        "See “Args” in the docstring of exercise 1.",
    ),
    Misconception(
        id="auto-in-any-case",
        exercise="pick_device",
        belief="Devices have one spelling, but auto may be written in capitals.",
        edits=(('if name == "auto":', 'if name.lower() == "auto":'),),
        question="Which words does the docstring list under `name`, and what does it say of how they are written?",
        explanation="auto is one of the names, written exactly so; whoever writes AUTO finds the mistake at once.\n"
        "See “Args” in the docstring of exercise 1.",
    ),
    Misconception(
        id="spaces-behind-do-no-harm",
        exercise="pick_device",
        belief="A space behind a name does no harm.",
        edits=(('if name == "auto":', 'name = name.rstrip()\n    if name == "auto":'),),
        question='What does torch.device("cpu ") say, and is that name one of those that the docstring lists?',
        explanation="A name with a space behind it is another name, and there is no device that has it.\n"
        "See “Args” in the docstring of exercise 1.",
    ),
    Misconception(
        id="no-name-is-auto",
        exercise="pick_device",
        belief="An empty name means auto.",
        edits=(('if name == "auto":', 'if not name or name == "auto":'),),
        question="A script passes on a setting that somebody forgot to fill in. Should it choose, or say so?",
        explanation="auto is the default, for whoever passes no name; an empty one is the name of no device.\n"
        "See “Raises” in the docstring of exercise 1.",
    ),
]

FLOPS = [
    Misconception(
        id="one-operation-a-multiply-add",
        exercise="step_flops",
        belief="A multiplication and the addition after it are one operation.",
        edits=(("return 2 * 3 * products", "return 3 * products"),),
        question="A peak in FLOP/s counts both. What happens to your share of it if you count one?",
        explanation="Papers' 'FLOPs' are often multiply-adds; a device's peak counts each as two.\n"
        "See the roofline by hand.",
        seen_in="He et al. 2015, table 1, counts multiply-adds as FLOPs",
    ),
    Misconception(
        id="backward-costs-what-forward-costs",
        exercise="step_flops",
        belief="The way back costs as much as the way forward.",
        edits=(("return 2 * 3 * products", "return 2 * 2 * products"),),
        question="Which two gradients does a layer compute on the way back?",
        explanation="Back there are two products of the forward's size: for the input and for the weight.\n"
        "See the roofline by hand.",
    ),
    Misconception(
        id="forward-only",
        exercise="step_flops",
        belief="The way back comes free with autograd.",
        edits=(("return 2 * 3 * products", "return 2 * products"),),
        question="In the profiler's table, which line takes the most time?",
        explanation="convolution_backward takes about two thirds of a step: autograd writes the code, not the result.\n"
        "See the profiler's table.",
    ),
    Misconception(
        id="stride-ignored",
        exercise="step_flops",
        belief="A filter is applied at every pixel of the input.",
        edits=(("output.numel() * layer", "(len(output) * output.shape[1] * inputs[0][0, 0].numel()) * layer"),),
        question="How many numbers does a layer of stride 2 put out?",
        explanation="Work is done per output: with stride 2 a quarter of the places.\nSee hint 1 of exercise 2.",
    ),
    Misconception(
        id="every-kernel-is-three-by-three",
        exercise="step_flops",
        belief="Every kernel has 3x3 taps.",
        edits=(
            ("layer.weight[0].numel()", "(len(layer.weight[0]) * 9 if layer.weight.dim() == 4 else layer.in_features)"),
        ),
        question="How many taps do the shortcuts' kernels have?",
        explanation="weight[0] is one filter with all its taps, whatever its size.\nSee hint 2 of exercise 2.",
    ),
    Misconception(
        id="an-image-not-a-batch",
        exercise="step_flops",
        belief="The count is that of one image.",
        edits=(("products += output.numel()", "products += output[0].numel()"),),
        question="A step takes a whole batch: by what must the count of one image be multiplied?",
        explanation="A step's FLOPs are those of its batch, as the clock measures the step.\n"
        "See Returns of exercise 2.",
    ),
    Misconception(
        id="convolutions-only",
        exercise="step_flops",
        belief="Only convolutions count.",
        edits=(("isinstance(module, nn.Conv2d | nn.Linear)", "isinstance(module, nn.Conv2d)"),),
        question="What is the last layer of a ResNet, and how many products does it take?",
        explanation="The linear layer is small in a ResNet and nearly everything in other networks.\n"
        "See the first line of the docstring of exercise 2.",
    ),
    Misconception(
        id="children-only",
        exercise="step_flops",
        belief="A network's layers are its children.",
        edits=(("for module in modes if", "for module in model.children() if"),),
        question="What are ResNet18's children, and where do its convolutions sit?",
        explanation="modules() goes down to every depth, children() one step.\nSee hint 1 of exercise 2.",
    ),
    Misconception(
        id="groups-ignored",
        exercise="step_flops",
        belief="A filter always reads all channels of its input.",
        edits=(("layer.weight[0].numel()", "(layer.weight[0].numel() * getattr(layer, 'groups', 1))"),),
        question="What is the shape of a grouped convolution's weight?",
        explanation="With G groups a filter reads C / G channels, and its weight says so.\nSee hint 2 of exercise 2.",
    ),
    Misconception(
        id="counting-changes-nothing",
        exercise="step_flops",
        belief="One forward pass in training mode leaves no trace.",
        edits=(("model.eval()(images)", "model(images)"),),
        question="What does a norm in training mode do with each batch that it sees?",
        explanation="Its running statistics move, and counted images become part of the network.\n"
        "See lesson 2, and hint 3 of exercise 2.",
    ),
    Misconception(
        id="back-to-training-mode",
        exercise="step_flops",
        belief="After evaluation a model goes back to training mode.",
        edits=(("module.training = mode", "module.training = True"),),
        question="What if somebody has frozen the norms, or counts a network that is being evaluated?",
        explanation="Each module has a mode of its own, and gets back the one it had.\nSee hint 3 of exercise 2.",
    ),
    Misconception(
        id="hooks-go-by-themselves",
        exercise="step_flops",
        belief="A hook is gone when the function that registered it has returned.",
        edits=(("            hook.remove()", "            pass"),),
        question="Call your function, then train: how often is your hook called?",
        explanation="The module keeps its hooks until they are removed, and calls them at each forward pass.\n"
        "See hint 2 of exercise 2.",
    ),
    Misconception(
        id="linear-once-an-image",
        exercise="step_flops",
        belief="A linear layer is applied once an image.",
        edits=(
            (
                "output.numel() * layer",
                "(output.numel() if output.dim() == 4 else len(output) * output.shape[-1]) * layer",
            ),
        ),
        question="A linear layer gets (N, 27, 8). How often does it use its weights for one image?",
        explanation="Whatever stands before the last dimension is a place; the output has a value for each.\n"
        "See hint 2 of exercise 2.",
    ),
    Misconception(
        id="gradients-off-for-good",
        exercise="step_flops",
        belief="Gradients that were switched off are on again when the function ends.",
        edits=(("with torch.no_grad():", "torch.set_grad_enabled(False)\n        if True:"),),
        question="Count, then train: what does loss.backward() say?",
        explanation="set_grad_enabled(False) holds on; torch.no_grad() as a block ends with the block.\n"
        "See hint 3 of exercise 2.",
    ),
    Misconception(
        id="gradients-were-on-before",
        exercise="step_flops",
        belief="Whoever calls this has gradients on.",
        edits=(
            ("with torch.no_grad():", "torch.set_grad_enabled(False)\n        if True:"),
            ("    finally:\n", "    finally:\n        torch.set_grad_enabled(True)\n"),
        ),
        question="Somebody counts inside a block of torch.no_grad(). What is switched on behind your call?",
        explanation="What you switch off may have been off before; torch.no_grad() as a block gives back what was.\n"
        "See “Args” in the docstring of exercise 2.",
    ),
    Misconception(
        id="no-hooks-but-mine",
        exercise="step_flops",
        belief="Whatever hooks a layer has were registered here.",
        edits=(
            (
                "for hook in hooks:\n            hook.remove()",
                "for layer in layers:\n            layer._forward_hooks.clear()",
            ),
        ),
        question="Somebody watches a layer with a hook of their own. Does it still run after your count?",
        explanation="A layer may have hooks of others; what registering returned removes your own and no other.\n"
        "See hint 2 of exercise 2.",
    ),
    Misconception(
        id="a-hook-for-each-holder",
        exercise="step_flops",
        belief="Whatever way you search a network, a layer comes up once, however many parts hold it.",
        edits=(
            (
                "layers = [module for module in modes if",
                "layers = [module for _, module in model.named_modules(remove_duplicate=False) if",
            ),
        ),
        question="Two parts hold one layer, and your search comes through both. How many hooks has it got?",
        explanation="With two hooks each call is counted twice. model.modules() gives each module once.\n"
        "See hint 1 of exercise 2.",
    ),
    Misconception(
        id="type-for-isinstance",
        exercise="step_flops",
        belief="A layer is a convolution if its type is nn.Conv2d.",
        edits=(("isinstance(module, nn.Conv2d | nn.Linear)", "type(module) in (nn.Conv2d, nn.Linear)"),),
        question="class Mine(nn.Conv2d): is a Mine a convolution, and is its type nn.Conv2d?",
        explanation="isinstance also sees classes derived from a class; comparing types doesn't.\n"
        "See “Args” in the docstring of exercise 2.",
    ),
    Misconception(
        id="a-weight-makes-a-layer-count",
        exercise="step_flops",
        belief="Apart from batch norms, only convolutions and linear layers have a weight.",
        edits=(
            (
                "isinstance(module, nn.Conv2d | nn.Linear)",
                'hasattr(module, "weight") and not isinstance(module, nn.BatchNorm2d)',
            ),
        ),
        question="What is the learned slope of nn.PReLU called, and what the scale of nn.GroupNorm?",
        explanation="Many layers have a weight. Only convolutions and linear layers count, so ask for those two.\n"
        "See the first line of the docstring of exercise 2.",
    ),
]

LOSS = "loss = cross_entropy(logits.float(), y, label_smoothing) * (len(x) / len(images))"
BACKWARD = "(scaler.scale(loss) if scaler else loss).backward()"
STEP = [
    Misconception(
        id="old-gradients-are-gone",
        exercise="train_step",
        belief="backward overwrites the gradients of the step before.",
        edits=(("optimizer.zero_grad()\n    losses", "losses"),),
        question="What is in p.grad after two calls of backward?",
        explanation="backward adds. That is what accumulation lives on, and why a step begins with zero_grad.\n"
        "See lesson 6, and Gradients in parts.",
    ),
    Misconception(
        id="smoothing-forgotten",
        exercise="train_step",
        belief="The loss is the plain cross-entropy.",
        edits=(("y, label_smoothing)", "y)"),),
        question="Which argument of yours is never read?",
        explanation="label_smoothing goes on to lesson 6's cross_entropy.\nSee the docstring of exercise 3.",
    ),
    Misconception(
        id="loss-in-half-precision",
        exercise="train_step",
        belief="The loss can be computed in half precision, too.",
        edits=((LOSS, LOSS.replace("logits.float()", "logits")),),
        question="How many digits does bfloat16 leave of a loss of 2.302?",
        explanation="Sums of exponentials lose what little precision there is; losses come in steps of 1/64.\n"
        "See Numbers in sixteen bits.",
    ),
    Misconception(
        id="weights-in-half-precision",
        exercise="train_step",
        belief="Mixed precision means that the model is cast to half precision.",
        edits=(
            (
                "    losses, right = [], []",
                '    losses, right = [], []\n    if precision != "float32":\n'
                "        model.to(getattr(torch, precision))\n        images = images.to(getattr(torch, precision))",
            ),
        ),
        question="A weight of 1 is moved by 0.001. What does bfloat16 make of it?",
        explanation="Near 1 bfloat16 goes in steps of 1/128: small updates are rounded away.\n"
        "See Numbers in sixteen bits.",
        seen_in="Micikevicius et al. 2018, section 3.1, keep a master copy of the weights for this reason",
    ),
    Misconception(
        id="autocast-forgotten",
        exercise="train_step",
        belief="The images' dtype decides the precision, so nothing needs to be done here.",
        edits=(('enabled=precision != "float32"', "enabled=False"),),
        question="In which dtype do the convolutions compute, if you print it?",
        explanation="Images and weights are float32, and so is all that comes of them, unless autocast casts.\n"
        "See hint 1 of exercise 3.",
    ),
    Misconception(
        id="always-bfloat16",
        exercise="train_step",
        belief="Half precision is bfloat16.",
        edits=(("getattr(torch, precision), enabled", "torch.bfloat16, enabled"),),
        question="What does a GPU from before 2020 compute in?",
        explanation="precision names the dtype: older GPUs are fast in float16 only.\nSee Numbers in sixteen bits.",
    ),
    Misconception(
        id="scaler-forgotten",
        exercise="train_step",
        belief="float16 works like bfloat16, without a scaler.",
        edits=(
            (BACKWARD, "loss.backward()"),
            (
                "        scaler.step(optimizer)  # leaves the step out if a gradient overflowed\n"
                "        scaler.update()",
                "        optimizer.step()",
            ),
        ),
        question="What is the smallest number above 0 in float16, and how large are your gradients?",
        explanation="Below 6e-8 float16 has nothing but 0, and gradients there vanish.\n"
        "See the experiment with the scaler.",
    ),
    Misconception(
        id="scaled-but-never-unscaled",
        exercise="train_step",
        belief="The loss is scaled, and the optimizer steps as always.",
        edits=(("scaler.step(optimizer)", "optimizer.step()"),),
        question="By what are your gradients too large when the optimizer sees them?",
        explanation="The gradients are 65,536 times too large; scaler.step divides them first.\n"
        "See hint 3 of exercise 3.",
    ),
    Misconception(
        id="scale-never-updated",
        exercise="train_step",
        belief="The scale is a constant.",
        edits=(("        scaler.update()", "        pass"),),
        question="After a step that overflowed, what should the next one do differently?",
        explanation="update halves the scale after an overflow and raises it after many good steps.\n"
        "See “Numbers in sixteen bits”.",
    ),
    Misconception(
        id="zero-between-parts",
        exercise="train_step",
        belief="Every part of a batch begins with empty gradients.",
        edits=(("        with torch.autocast(", "        optimizer.zero_grad()\n        with torch.autocast("),),
        question="Whose gradients does the optimizer see at the end?",
        explanation="Then only the last part counts. The gradients of all parts have to add up.\n"
        "See Gradients in parts.",
    ),
    Misconception(
        id="parts-summed",
        exercise="train_step",
        belief="The parts' mean losses are added up.",
        edits=((" * (len(x) / len(images))", ""),),
        question="With four parts, how much larger is your gradient than that of the whole batch?",
        explanation="A sum of means is as many times too large as there are parts.\nSee Gradients in parts.",
    ),
    Misconception(
        id="parts-weigh-the-same",
        exercise="train_step",
        belief="Every part counts the same, whatever its size.",
        edits=(("(len(x) / len(images))", "(1 / accumulate)"),),
        question="Seven images in three parts: which image counts most in your mean?",
        explanation="A part of one image would count as much as one of three. Weigh each by its share.\n"
        "See Gradients in parts.",
    ),
    Misconception(
        id="step-after-every-part",
        exercise="train_step",
        belief="Every part is followed by a step.",
        edits=(
            ("        losses.append(loss.detach())", "        losses.append(loss.detach())\n        optimizer.step()"),
        ),
        question="How many times do the weights move in one call?",
        explanation="Accumulation makes one step of many parts.\nSee Gradients in parts.",
    ),
    Misconception(
        id="scaler-after-every-part",
        exercise="train_step",
        belief="Every part of a batch has its own step through the scaler.",
        edits=(
            (
                "        losses.append(loss.detach())",
                "        losses.append(loss.detach())\n        if scaler:\n"
                "            scaler.step(optimizer)\n            scaler.update()",
            ),
            (
                "    if scaler:\n        scaler.step(optimizer)  # leaves the step out if a gradient overflowed\n"
                "        scaler.update()\n    else:",
                "    if not scaler:",
            ),
        ),
        question="How many times do the weights move in one call, and how often may the scale change?",
        explanation="With a scaler as without one a batch makes one step, after its last part.\n"
        "See hint 3 of exercise 3, and Gradients in parts.",
    ),
    Misconception(
        id="loss-of-the-last-part",
        exercise="train_step",
        belief="The loss to report is that of the last part.",
        edits=(("return torch.stack(losses).sum()", "return losses[-1]"),),
        question="What does a loss curve show that is drawn from one image in seven?",
        explanation="The mean over the whole batch is asked for; the parts' shares add up to it.\n"
        "See Returns of exercise 3.",
    ),
    Misconception(
        id="right-answers-of-the-last-part",
        exercise="train_step",
        belief="The right answers to report are those of the last part.",
        edits=(("torch.stack(right).sum()", "right[-1]"),),
        question="Of how many images do you count the right answers?",
        explanation="All parts count, or the training accuracy falls with their number.\nSee Returns of exercise 3.",
    ),
    Misconception(
        id="largest-with-others-is-right",
        exercise="train_step",
        belief="An answer is right if no logit is larger than that of its label.",
        edits=(("(logits.argmax(1) == y)", "(logits.gather(1, y[:, None])[:, 0] == logits.amax(1))"),),
        question="The last layer begins with zeros, so all logits are 0. How many of your answers are right?",
        explanation="A network gives one answer an image, its argmax; one that can't decide isn't always right.\n"
        "See Returns of exercise 3.",
    ),
    Misconception(
        id="loss-with-its-graph",
        exercise="train_step",
        belief="The loss can be handed on as it is.",
        edits=(("losses.append(loss.detach())", "losses.append(loss)"),),
        question="If somebody keeps the losses of 1,000 steps, what else is kept with them?",
        explanation="A loss that still has its graph holds every activation of its batch.\nSee Returns of exercise 3.",
    ),
    Misconception(
        id="float16-comes-with-a-scaler",
        exercise="train_step",
        belief="Whoever computes in float16 has a scaler.",
        edits=(
            (BACKWARD, '(scaler.scale(loss) if precision == "float16" else loss).backward()'),
            ("if scaler:", 'if precision == "float16":'),
        ),
        question="What is the default of `scaler`?",
        explanation="A scaler is an offer: without one float16 loses faint gradients, and steps all the same.\n"
        "See the docstring, and the cell after the check.",
    ),
    Misconception(
        id="a-step-is-training",
        exercise="train_step",
        belief="A step needs the training mode, and giving the model its own back is enough.",
        edits=(
            (
                "    optimizer.zero_grad()\n    losses",
                "    was = model.training\n    model.train()\n    optimizer.zero_grad()\n    losses",
            ),
            ("    return torch.stack", "    model.train(was)\n    return torch.stack"),
        ),
        question="Somebody fine-tunes with all norms in evaluation mode. What do their statistics do in your step?",
        explanation="The mode is the caller's choice, also during the step: norms that stand still shall stand still.\n"
        "See “Args” in the docstring of exercise 3.",
    ),
    Misconception(
        id="train-of-its-own-mode-changes-nothing",
        exercise="train_step",
        belief="model.train(model.training) changes nothing.",
        edits=(
            (
                "    optimizer.zero_grad()\n    losses",
                "    model.train(model.training)\n    optimizer.zero_grad()\n    losses",
            ),
        ),
        question="A norm in a training model was frozen by norm.eval(). In which mode is it after model.train(True)?",
        explanation="train reaches every part of the model, also those that were in evaluation mode on purpose.\n"
        "See “Args” in the docstring of exercise 3.",
    ),
    Misconception(
        id="as-many-parts-as-asked-for",
        exercise="train_step",
        belief="chunk gives as many parts as it is asked for.",
        edits=(
            (
                "for x, y in zip(images.chunk(accumulate), labels.chunk(accumulate), strict=True):",
                "for part in range(accumulate):\n"
                "        x, y = images.chunk(accumulate)[part], labels.chunk(accumulate)[part]",
            ),
        ),
        question="Seven images in five parts: how large does torch.chunk make them, and how many come out?",
        explanation="chunk makes parts of ceil(7 / 5) = 2 images, and four of them hold all. Loop over what there is.\n"
        "See “accumulate” in the docstring of exercise 3.",
    ),
    Misconception(
        id="a-part-may-be-empty",
        exercise="train_step",
        belief="A part without images adds nothing, so it does no harm.",
        edits=(
            (
                "zip(images.chunk(accumulate), labels.chunk(accumulate), strict=True)",
                "zip(images.tensor_split(accumulate), labels.tensor_split(accumulate), strict=True)",
            ),
        ),
        question="tensor_split makes three parts of two images. What is the mean loss of the third?",
        explanation="A mean of nothing is nan, and nan times a share of 0 is nan. torch.chunk makes no empty part.\n"
        "See “accumulate” in the docstring of exercise 3.",
    ),
]

SPEED = [
    Misconception(
        id="mean-of-the-steps",
        exercise="images_per_second",
        belief="The speed is that of the mean step.",
        edits=(("min(times)", "(sum(times) / len(times))"),),
        question="What can another program on the machine do to a step: make it slower, or faster?",
        explanation="Disturbances only add time, so the fastest step is nearest to what the code needs.\n"
        "See hint 2 of exercise 4.",
    ),
    Misconception(
        id="median-of-the-steps",
        exercise="images_per_second",
        belief="The speed is that of the median step.",
        edits=(("min(times)", "sorted(times)[(len(times) - 1) // 2]"),),
        question="If more than half of the steps are disturbed, what does the median measure?",
        explanation="Disturbances only add time; the docstring asks for the fastest step.\nSee hint 2 of exercise 4.",
    ),
    Misconception(
        id="slowest-step",
        exercise="images_per_second",
        belief="To be on the safe side the slowest step counts.",
        edits=(("min(times)", "max(times)"),),
        question="What made the slowest step slow: your code, or what else the machine was doing?",
        explanation="The slowest step measures the disturbance.\nSee hint 2 of exercise 4.",
    ),
    Misconception(
        id="no-warm-up",
        exercise="images_per_second",
        belief="The first step is like all others.",
        edits=(("    step()\n    times", "    times"),),
        question="What happens in a first step that never happens again?",
        explanation="Memory is reserved, kernels are chosen, code is compiled: the first doesn't count.\n"
        "See hint 1 of exercise 4.",
    ),
    Misconception(
        id="warm-up-counts",
        exercise="images_per_second",
        belief="The step to warm up is one of those measured.",
        edits=(("    step()\n    times", "    times"), ("range(steps)", "range(steps + 1)")),
        question="What if the step to warm up happens to be the fastest by your clock?",
        explanation="It is made before the clock starts, and is forgotten.\nSee hint 1 of exercise 4.",
    ),
    Misconception(
        id="seconds-an-image",
        exercise="images_per_second",
        belief="Speed is time divided by images.",
        edits=(("images / min(times)", "min(times) / images"),),
        question="Should a faster machine give a larger number or a smaller one?",
        explanation="Images a second: images over seconds.\nSee Returns of exercise 4.",
    ),
    Misconception(
        id="steps-a-second",
        exercise="images_per_second",
        belief="The number of images doesn't matter.",
        edits=(("images / min(times)", "1 / min(times)"),),
        question="Which of your arguments is never read?",
        explanation="Steps of different batch sizes can only be compared by the image.\nSee Returns of exercise 4.",
    ),
    Misconception(
        id="whole-images",
        exercise="images_per_second",
        belief="A speed in images a second is a whole number.",
        edits=(("images / min(times)", "images // min(times)"),),
        question="Two images in three seconds: how many is that a second?",
        explanation="A speed is a quotient: on a slow machine 0.67 images a second would become 0, or 1.\n"
        "See “Returns” of exercise 4.",
    ),
]

DATA = [
    Misconception(
        id="first-size-for-all-epochs",
        exercise="DeviceBatches",
        belief="All epochs have the side of the first.",
        edits=(("self.sizes[min(epoch, len(self.sizes) - 1)]", "self.sizes[0]"),),
        question="What is the second number in sizes for?",
        explanation="Each epoch has a side of its own: small images first, large ones at the end.\n"
        "See Small images first.",
    ),
    Misconception(
        id="no-epoch-after-the-last-size",
        exercise="DeviceBatches",
        belief="There is a size for every epoch.",
        edits=(("self.sizes[min(epoch, len(self.sizes) - 1)]", "self.sizes[epoch]"),),
        question="sizes has one entry. Which side has epoch 1?",
        explanation="The last holds from then on.\nSee Args in the docstring of exercise 5.",
    ),
    Misconception(
        id="images-are-never-enlarged",
        exercise="DeviceBatches",
        belief="A side can only be smaller than that of the images.",
        edits=(("if size != x.shape[-1]:", "if size < x.shape[-1]:"),),
        question="sizes=(48,) and images of 32 pixels: how large are those that the network gets?",
        explanation="sizes says what the network sees, and a network may be shown enlarged images.\n"
        "See “sizes” in the docstring of exercise 5.",
    ),
    Misconception(
        id="sizes-start-over",
        exercise="DeviceBatches",
        belief="After the last size comes the first again.",
        edits=(("self.sizes[min(epoch, len(self.sizes) - 1)]", "self.sizes[epoch % len(self.sizes)]"),),
        question="Which side should the images have when training ends?",
        explanation="The last holds from then on.\nSee Args in the docstring of exercise 5.",
    ),
    Misconception(
        id="shrinks-without-antialias",
        exercise="DeviceBatches",
        belief="Bilinear interpolation looks at every old pixel that a new one stands for.",
        edits=((", antialias=True)", ")"),),
        question="From 32 pixels to 8: how many old pixels does a new one stand for, and how many does it look at?",
        explanation="Without antialias each new pixel looks at two by two old ones, however many it stands for.\n"
        "See the docstring of exercise 5.",
    ),
    Misconception(
        id="shrinks-bytes",
        exercise="DeviceBatches",
        belief="Images are shrunk as bytes and normalised afterwards.",
        edits=(
            (
                "x = normalize(images, self.mean, self.std)",
                'x = normalize(F.interpolate(images, size=(size, size), mode="bilinear", antialias=True), self.mean, '
                "self.std)",
            ),
        ),
        question="What becomes of a mean of 130.4 that is stored in a byte?",
        explanation="Bytes are rounded, numbers aren't; and shifts shall be pixels of the large image.\n"
        "See the docstring of exercise 5.",
    ),
    Misconception(
        id="layout-left-to-chance",
        exercise="DeviceBatches",
        belief="Batches are contiguous.",
        edits=(("x.contiguous(memory_format=torch.channels_last)", "x.contiguous()"),),
        question="In which order do the numbers of your batch lie in memory?",
        explanation="Convolutions read all channels of a pixel at once; side by side they come in one go.\n"
        "See Channels last.",
    ),
    Misconception(
        id="shares-keep-the-layout",
        exercise="DeviceBatches",
        belief="Every second image of a channels-last batch is a channels-last batch again.",
        edits=(
            ("x = x[rank::world]  #", "x = x.contiguous(memory_format=torch.channels_last)[rank::world]  #"),
            ("yield x.contiguous(memory_format=torch.channels_last), ", "yield x, "),
        ),
        question="Which numbers lie between the images that x[::2] takes, and who has removed them?",
        explanation="A slice with steps leaves gaps in memory; order the memory last, after the share is taken.\n"
        "See hint 1 of exercise 5.",
    ),
    Misconception(
        id="draws-for-each-process",
        exercise="DeviceBatches",
        belief="Each process takes its share first and draws for that.",
        edits=(
            ("x = normalize(images, self.mean, self.std)", "x = normalize(images[rank::world], self.mean, self.std)"),
            ("x = x[rank::world]", "x = x"),
        ),
        question="Do two processes together see what one alone would have seen?",
        explanation="Only if the draws are made for the whole batch, before it is shared out.\nSee Several GPUs.",
    ),
    Misconception(
        id="labels-of-the-whole-batch",
        exercise="DeviceBatches",
        belief="Only the images are shared out.",
        edits=(("labels[rank::world]", "labels"),),
        question="Which label belongs to the second image of process 1?",
        explanation="Images and labels are shared out in the same way.\nSee Args in the docstring of exercise 5.",
    ),
    Misconception(
        id="squeezed-labels",
        exercise="DeviceBatches",
        belief="squeeze() leaves labels of shape (n,) as they are.",
        edits=(("labels[rank::world]", "labels[rank::world].squeeze()"),),
        question="The last batch holds one image. What shape have its labels after squeeze()?",
        explanation="squeeze() takes away every dimension of length 1, and in a batch of one that is the batch.\n"
        "See int64 (n,) in the docstring of `epoch`.",
    ),
    Misconception(
        id="empty-shares-are-left-out",
        exercise="DeviceBatches",
        belief="A process that gets no image of a batch may leave the batch out.",
        edits=(
            (
                "if size != x.shape[-1]:",
                "if not len(x):\n                continue\n            if size != x.shape[-1]:",
            ),
        ),
        question="Two processes average their gradients after each batch. What if one of them has a batch less?",
        explanation="Processes that wait for each other must count the same batches, even where one gets no image.\n"
        "See “shards” in the docstring of `epoch`.",
    ),
    Misconception(
        id="shares-in-one-piece",
        exercise="DeviceBatches",
        belief="Each process takes a piece of the batch, the first of two the first half.",
        edits=(
            ("x = x[rank::world]", "x = x.tensor_split(world)[rank]"),
            ("labels[rank::world]", "labels.tensor_split(world)[rank]"),
        ),
        question="Which images are those number rank, rank + world, …?",
        explanation="Any split would do, but all must agree on one: every world-th image, from rank on.\n"
        "See Args in the docstring of exercise 5.",
    ),
    Misconception(
        id="no-shift",
        exercise="DeviceBatches",
        belief="Flips are all the augmentation there is.",
        edits=(("if self.padding else x", "if False else x"),),
        question="Which attribute of yours is never read?",
        explanation="padding says by how many pixels each image may be shifted.\n"
        "See Args in the docstring of exercise 5.",
    ),
    Misconception(
        id="no-mirror",
        exercise="DeviceBatches",
        belief="Half of the images are mirrored in __init__, and that is all the mirroring there is.",
        edits=(("x = torch.where((pack % 2 == 1)[:, None, None, None], x.flip(3), x)", "pass"),),
        question="From which side does the network see the first image in its second look? And in its third?",
        explanation="What begins mirrored is shown as it is the next time, and the other way round.\n"
        "See The data, where the network is.",
    ),
    Misconception(
        id="coin-at-every-look",
        exercise="DeviceBatches",
        belief="A coin at every look shows both sides just as well.",
        edits=(
            (
                "x = torch.where((pack % 2 == 1)[:, None, None, None], x.flip(3), x)",
                'x = random_flip(x, seeded("flip", self.seed, epoch, step, device=x.device))',
            ),
        ),
        question="After two looks, how many images has the network seen from one side alone?",
        explanation="Half of them, with a coin. With packs mirrored in turn, none.\n"
        "See The data, where the network is.",
    ),
    Misconception(
        id="mirrors-every-second-epoch",
        exercise="DeviceBatches",
        belief="An epoch is one look at each image.",
        edits=(
            (
                "pack = (dealt + torch.arange(len(x), device=x.device)) // self.count",
                "pack = torch.full((len(x),), epoch, device=x.device)",
            ),
        ),
        question="Epochs of 25 images, 40 in all. Which pack is the first image of the third epoch from?",
        explanation="An epoch may be shorter or longer than a pack; what counts is how many images were dealt.\n"
        "See lesson 5 on packs, and the docstring of exercise 5.",
    ),
    Misconception(
        id="one-pack-for-each-batch",
        exercise="DeviceBatches",
        belief="All images of a batch come from one pack.",
        edits=(("dealt + torch.arange(len(x), device=x.device)", "dealt + torch.zeros(len(x), device=x.device)"),),
        question="35 of 40 images are dealt. Which packs are the next ten from?",
        explanation="A batch may hold the end of a pack and the beginning of the next.\nSee hint 2 of exercise 5.",
    ),
    Misconception(
        id="batches-before-not-counted",
        exercise="DeviceBatches",
        belief="How many images were dealt before a batch depends on the epoch alone.",
        edits=((" + step * self.batches.batch_size", ""),),
        question="What has been dealt before batch 2 of epoch 1?",
        explanation="The whole epoch before, and the two batches of this one.\nSee hint 2 of exercise 5.",
    ),
    Misconception(
        id="counts-from-where-it-went-on",
        exercise="DeviceBatches",
        belief="What counts is how many images were dealt since the epoch was entered.",
        edits=(("step * self.batches.batch_size", "(step - start) * self.batches.batch_size"),),
        question="A run goes on with batch 2 of an epoch. How many images of that epoch were dealt before?",
        explanation="The two batches before were dealt, too, if not by you: a run that goes on must count them.\n"
        "See hint 2 of exercise 5.",
    ),
    Misconception(
        id="shrinks-before-it-shifts",
        exercise="DeviceBatches",
        belief="Images are shrunk first, which saves work for the rest of the chain.",
        edits=(
            (
                "x = normalize(images, self.mean, self.std)",
                "x = normalize(images, self.mean, self.std)\n            "
                'x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)',
            ),
        ),
        question="How many pixels of the image of S pixels is a shift by one pixel of a small one?",
        explanation="Shifts are meant in pixels of the large image; shrinking comes last.\n"
        "See the docstring of exercise 5.",
    ),
    Misconception(
        id="padding-shrinks-with-the-image",
        exercise="DeviceBatches",
        belief="Where images are shrunk, the padding shrinks with them.",
        edits=(
            (
                "random_crop(x, self.padding, generator)",
                "random_crop(x, self.padding * size // x.shape[-1], generator)",
            ),
        ),
        question="When you shift the images, have they been shrunk already?",
        explanation="padding counts pixels of the S; the shift comes first and is shrunk along with the image.\n"
        "See “padding” in the docstring of exercise 5.",
    ),
    Misconception(
        id="upside-down",
        exercise="DeviceBatches",
        belief="Mirroring turns a picture upside down.",
        edits=(("x.flip(3)", "x.flip(2)"),),
        question="Which of the axes of (n, 3, S, S) runs from left to right?",
        explanation="A frog that looks the other way is a frog; on its head it is another picture.\n"
        "See lesson 5 on flips.",
    ),
    Misconception(
        id="black-comes-in-from-outside",
        exercise="DeviceBatches",
        belief="Images are augmented as bytes, before they are normalised.",
        edits=(
            ("x = normalize(images, self.mean, self.std)", "x = images"),
            ("x = x[rank::world]", "x = normalize(x, self.mean, self.std)[rank::world]"),
        ),
        question="What colour is the byte 0, and what colour is 0 after normalising?",
        explanation="A black frame is something to see; the mean colour is nothing at all.\n"
        "See the docstring of exercise 5.",
    ),
    Misconception(
        id="same-draw-every-epoch",
        exercise="DeviceBatches",
        belief="Chance depends on the seed and the batch.",
        edits=(('"augment", self.seed, epoch, step,', '"augment", self.seed, step,'),),
        question="What do the first batches of two epochs have in common?",
        explanation="Then each epoch repeats the first one's shifts, place by place.\nSee the docstring of exercise 5.",
    ),
    Misconception(
        id="same-draw-every-batch",
        exercise="DeviceBatches",
        belief="Chance depends on the seed and the epoch.",
        edits=(('"augment", self.seed, epoch, step,', '"augment", self.seed, epoch,'),),
        question="Are the first images of all batches shifted alike?",
        explanation="A generator made anew for each batch from the same numbers draws the same each time.\n"
        "See the docstring of exercise 5.",
    ),
    Misconception(
        id="seed-plus-epoch-plus-batch",
        exercise="DeviceBatches",
        belief="The sum of seed, epoch and batch makes a good seed.",
        edits=(('"augment", self.seed, epoch, step,', '"augment", self.seed + epoch + step,'),),
        question="What do batch 1 of epoch 0 and batch 0 of epoch 1 have in common?",
        explanation="Sums collide: each epoch would draw what the one before drew, one batch earlier.\n"
        "See lesson 5 on `seeded`, which takes several numbers.",
    ),
    Misconception(
        id="seed-plus-epoch-beside-the-batch",
        exercise="DeviceBatches",
        belief="If the batch's number is kept apart, seed and epoch may be added up.",
        edits=(('"augment", self.seed, epoch, step,', '"augment", self.seed + epoch, step,'),),
        question="What do epoch 1 of a run with seed 3 and epoch 0 of one with seed 4 have in common?",
        explanation="Then runs with neighbouring seeds share nearly all their shifts, an epoch apart.\n"
        "See lesson 5 on `seeded`, which takes several numbers.",
    ),
    Misconception(
        id="digits-in-a-row",
        exercise="DeviceBatches",
        belief="Seed, epoch and batch written in a row make a key that no other three make.",
        edits=(('"augment", self.seed, epoch, step,', '"augment", f"{self.seed}{epoch}{step}",'),),
        question="Which key do you make of seed 31 in epoch 2, and which of seed 3 in epoch 12?",
        explanation="Digits in a row don't say where one number ends; three numbers, each for itself, do.\n"
        "See lesson 5 on `seeded`, which takes several numbers.",
    ),
    Misconception(
        id="seed-plus-number-of-the-batch",
        exercise="DeviceBatches",
        belief="If all batches of a run are numbered consecutively, seed plus number makes a good seed.",
        edits=(
            (
                'seeded("augment", self.seed, epoch, step, device=x.device)',
                "torch.Generator(x.device).manual_seed(self.seed + epoch * len(self) + step)",
            ),
        ),
        question="What do batch 1 of a run with seed 0 and batch 0 of one with seed 1 have in common?",
        explanation="Then neighbouring seeds draw the same, one batch apart, and are no independent runs.\n"
        "See lesson 5 on `seeded`, which takes several numbers.",
    ),
    Misconception(
        id="same-draw-for-every-seed",
        exercise="DeviceBatches",
        belief="Chance depends on the epoch and the batch.",
        edits=(('"augment", self.seed, epoch, step,', '"augment", epoch, step,'),),
        question="What differs between two runs of different seeds?",
        explanation="Runs with other seeds shall differ in all chance, or their spread says little.\n"
        "See the docstring of exercise 5.",
    ),
    Misconception(
        id="batches-counted-from-where-it-went-on",
        exercise="DeviceBatches",
        belief="The first batch after going on is number 0.",
        edits=(("enumerate(self.batches.epoch(epoch, start), start)", "enumerate(self.batches.epoch(epoch, start))"),),
        question="After an interruption at batch 2, which number has the next one?",
        explanation="Mirroring and shifts depend on the number of the batch; a run that goes on must count on.\n"
        "See lesson 6 on going on, and the docstring of exercise 5.",
    ),
    Misconception(
        id="start-ignored",
        exercise="DeviceBatches",
        belief="An epoch is always entered at its first batch.",
        edits=(("self.batches.epoch(epoch, start), start)", "self.batches.epoch(epoch))"),),
        question="Which argument of yours is never read?",
        explanation="A run that was stopped in the middle of an epoch goes on there.\nSee the docstring of exercise 5.",
    ),
    Misconception(
        id="epoch-ignored",
        exercise="DeviceBatches",
        belief="The order of the images is the same in each epoch.",
        edits=(("self.batches.epoch(epoch, start), start)", "self.batches.epoch(0, start), start)"),),
        question="Which batches does a network see in its second epoch?",
        explanation="Lesson 5's batches come from packs shuffled anew, if they are told which epoch it is.\n"
        "See the docstring of exercise 5.",
    ),
    Misconception(
        id="augments-always",
        exercise="DeviceBatches",
        belief="Images to be tested on are augmented like the others.",
        edits=(("if self.augment:", "if True:"),),
        question="What would two evaluations of the same network give?",
        explanation="Without augment nothing is left to chance.\nSee Args in the docstring of exercise 5.",
    ),
]

ORTHOGONAL = [
    Misconception(
        id="not-divided",
        exercise="orthogonalize",
        belief="The polynomial brings every singular value near 1, wherever it starts.",
        edits=(("x = x / (x.norm() + 1e-7)", "x = x"),),
        question="What does σ become if it is 10 at the start?",
        explanation="Beyond about 1.26 the fifth power wins and the values run away.\nSee hint 1 of exercise 6.",
    ),
    Misconception(
        id="divided-by-the-largest-value",
        exercise="orthogonalize",
        belief="The matrix is divided by its largest singular value.",
        edits=(("x.norm()", "torch.linalg.matrix_norm(x.float(), 2)"),),
        question="What would it cost to find the largest singular value, and which norm comes for free?",
        explanation="The Frobenius norm is never smaller, and a sum of squares is cheap.\n"
        "See the docstring of exercise 6.",
    ),
    Misconception(
        id="rows-divided",
        exercise="orthogonalize",
        belief="Every row is divided by its own norm.",
        edits=(("x.norm()", "x.norm(dim=1, keepdim=True)"),),
        question="Does a matrix keep its directions if its rows are scaled one by one?",
        explanation="Scaling rows is a product with a diagonal matrix, and mixes the singular vectors.\n"
        "See the docstring of exercise 6.",
    ),
    Misconception(
        id="largest-entry",
        exercise="orthogonalize",
        belief="The matrix is divided by its largest entry.",
        edits=(("x.norm()", "x.abs().max()"),),
        question="What is the largest singular value of a matrix of ones?",
        explanation="Entries of at most 1 still allow singular values of sqrt(m n).\nSee the docstring of exercise 6.",
    ),
    Misconception(
        id="zero-by-zero",
        exercise="orthogonalize",
        belief="No gradient is ever zero.",
        edits=((" + 1e-7", ""),),
        question="What is 0 / 0?",
        explanation="One dead kernel would fill the network with nan.\nSee Args in the docstring of exercise 6.",
    ),
    Misconception(
        id="tall-as-wide",
        exercise="orthogonalize",
        belief="A tall matrix comes out transposed.",
        edits=(("return (wide if len(x) <= x.shape[1] else wide.T).float()", "return wide.float()"),),
        question="What is the shape of what you return for a matrix of 12 rows and 5 columns?",
        explanation="What was turned for the sake of cheap products has to be turned back.\nSee hint 3 of exercise 6.",
    ),
    Misconception(
        id="coefficients-backwards",
        exercise="orthogonalize",
        belief="The coefficients stand in the order of falling powers.",
        edits=(("a, b, c = 3.4445, -4.7750, 2.0315", "c, b, a = 3.4445, -4.7750, 2.0315"),),
        question="Which coefficient is the slope at 0?",
        explanation="3.4445 belongs to σ, 2.0315 to σ⁵: small values must grow fast.\n"
        "See the formula in the docstring.",
    ),
    Misconception(
        id="cubic-alone",
        exercise="orthogonalize",
        belief="The fifth power hardly matters.",
        edits=(("b * gram + c * gram @ gram", "b * gram"),),
        question="What does your polynomial give at σ = 1?",
        explanation="Without it the values turn negative: 3.4445 - 4.7750 is below 0.\n"
        "See the formula in the docstring.",
    ),
    Misconception(
        id="one-step-short",
        exercise="orthogonalize",
        belief="Dividing by the norm is the first of the steps.",
        edits=(("range(steps)", "range(steps - 1)"),),
        question="How often is the polynomial applied with steps=1?",
        explanation="steps counts applications of the polynomial.\nSee Args in the docstring of exercise 6.",
    ),
    Misconception(
        id="always-three",
        exercise="orthogonalize",
        belief="There are always three steps.",
        edits=(("range(steps)", "range(3)"),),
        question="Which of your arguments is never read?",
        explanation="steps is a parameter: more steps reach smaller values, and cost more.\n"
        "See Args in the docstring of exercise 6.",
    ),
    Misconception(
        id="three-at-most",
        exercise="orthogonalize",
        belief="Steps beyond the third change nothing any more.",
        edits=(("range(steps)", "range(min(steps, 3))"),),
        question="After three steps a singular value is 1.1. What does the polynomial make of it?",
        explanation="1.1 becomes 0.7: the polynomial doesn't settle, and each step that is asked for counts.\n"
        "See “steps” in the docstring of exercise 6.",
    ),
    Misconception(
        id="half-precision-comes-out",
        exercise="orthogonalize",
        belief="What was computed in bfloat16 is returned in bfloat16.",
        edits=(("wide.T).float()", "wide.T)"),),
        question="In which dtype are the weights that your result is subtracted from?",
        explanation="The result is float32, as the docstring says.\nSee Returns of exercise 6.",
    ),
    Misconception(
        id="float-makes-a-copy",
        exercise="orthogonalize",
        belief="float() makes a copy.",
        edits=(
            ("x = matrix.bfloat16()\n    x = x / (x.norm() + 1e-7)", "x = matrix.float()\n    x /= x.norm() + 1e-7"),
        ),
        question="Is x.float() another tensor than x if x is float32 already?",
        explanation="A conversion to the dtype that a tensor has gives the tensor itself, and /= writes into it.\n"
        "See “left unchanged” in the docstring.",
    ),
    Misconception(
        id="float16-for-bfloat16",
        exercise="orthogonalize",
        belief="float16 does as well as bfloat16.",
        edits=(("x = matrix.bfloat16()", "x = matrix.half()"),),
        question="What does float16 make of 100,000, and what of 0.00001?",
        explanation="float16 ends at 65,504 and fades out below 6e-5; bfloat16 has float32's range.\n"
        "See Numbers in sixteen bits.",
    ),
    Misconception(
        id="a-generous-epsilon",
        exercise="orthogonalize",
        belief="It doesn't matter how large the number is that keeps the division from 0.",
        edits=((" + 1e-7", " + 1e-4"),),
        question="Late in a training a gradient's norm may be 1e-4. By what is it divided then?",
        explanation="What isn't far below the norms makes the sum larger, so the singular values start too low.\n"
        "See “Args” in the docstring of exercise 6 for the norms to expect.",
    ),
    Misconception(
        id="a-millionth-is-nothing",
        exercise="orthogonalize",
        belief="1e-6 is far below every norm.",
        edits=((" + 1e-7", " + 1e-6"),),
        question="The smallest norm that the docstring speaks of is 1e-5. By what is it divided?",
        explanation="1.1e-5 for 1e-5 is 10 % too much; with 1e-7 it is 1 %, about what bfloat16 is good for.\n"
        "See “Args” in the docstring of exercise 6 for the norms to expect.",
    ),
]

MUON = [
    Misconception(
        id="muon-without-looking-ahead",
        exercise="Muon",
        belief="The step is taken along the velocity.",
        edits=(('update = gradient.add(velocity, alpha=group["momentum"])', "update = velocity.clone()"),),
        question="Which line of the docstring looks ahead?",
        explanation="Nesterov's u = g + momentum · v counts the newest gradient once more.\nSee lesson 6.",
    ),
    Misconception(
        id="muon-dampens",
        exercise="Muon",
        belief="A gradient enters the velocity with weight 1 - momentum.",
        edits=(("add_(gradient)", 'add_(gradient, alpha=1 - group["momentum"])'),),
        question="What is v after the first step, by the docstring?",
        explanation="v ← momentum · v + g: nothing stands before g.\nSee the docstring of exercise 7.",
        seen_in="published implementations of Muon differ in this; some use a moving average",
    ),
    Misconception(
        id="muon-forgets-the-decay",
        exercise="Muon",
        belief="Muon has no weight decay.",
        edits=(('p.grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else p.grad', "p.grad"),),
        question="Which setting of a group do you never read?",
        explanation="In groups with weight_decay, that times p is part of g.\nSee the docstring of exercise 7.",
    ),
    Misconception(
        id="kernels-need-no-decay",
        exercise="Muon",
        belief="A kernel of fixed length has no use for weight decay.",
        edits=((' if group["weight_decay"] else', ' if not group["orthogonal"] else'),),
        question="Two groups have a weight_decay, one of them orthogonal. Which of the two do you leave out?",
        explanation="The decay is part of g in every group that asks for it; it turns a kernel's step a little.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="muon-decays-apart",
        exercise="Muon",
        belief="Weights decay apart from the gradient, as in AdamW.",
        edits=(
            ('p.grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else p.grad', "p.grad"),
            (
                "                p.sub_(update",
                '                p.mul_(1 - group["lr"] * group["weight_decay"])\n                p.sub_(update',
            ),
        ),
        question="Does your decay gather momentum?",
        explanation="Here it is part of g, as in lesson 6's SGD.\nSee the docstring of exercise 7.",
        seen_in="Loshchilov & Hutter 2019",
    ),
    Misconception(
        id="muon-ignores-the-factor",
        exercise="Muon",
        belief="All groups take steps of the same learning rate.",
        edits=(('alpha=group["lr"] * group["factor"]', 'alpha=group["lr"]'),),
        question="Which setting of a group do you never read?",
        explanation="factor sets a group's learning rate relative to the schedule's.\nSee the docstring of exercise 7.",
    ),
    Misconception(
        id="velocity-is-the-gradient",
        exercise="Muon",
        belief="The tensor of the first gradient may serve as the first velocity.",
        edits=(
            ("torch.zeros_like(gradient)", "gradient"),
            (
                'velocity = state["velocity"].mul_(group["momentum"]).add_(gradient)',
                'velocity = gradient if state["velocity"] is gradient else '
                'state["velocity"].mul_(group["momentum"]).add_(gradient)',
            ),
        ),
        question="When the next gradients are written into p.grad, what happens to your velocity?",
        explanation="Two names for one tensor. The velocity needs memory of its own.\nSee lesson 6's SGD.",
    ),
    Misconception(
        id="gradient-made-orthogonal",
        exercise="Muon",
        belief="The gradient is made orthogonal, and then gathers momentum.",
        edits=(
            (
                "                state = self.state[p]",
                '                if group["orthogonal"]:\n'
                "                    gradient = orthogonalize(gradient.flatten(1)).view_as(p)\n"
                "                state = self.state[p]",
            ),
            ("                    update = orthogonalize(update.flatten(1)).view_as(p)", "                    pass"),
        ),
        question="Is a sum of orthogonal matrices orthogonal?",
        explanation="Momentum first: then noise cancels before all directions are made equally long.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="never-orthogonal",
        exercise="Muon",
        belief="Rescaling the kernels is what counts.",
        edits=(("update = orthogonalize(update.flatten(1)).view_as(p)", "pass"),),
        question="What are the singular values of your step?",
        explanation="The step of an orthogonal group is an orthogonal matrix.\nSee the docstring of exercise 7.",
    ),
    Misconception(
        id="rows-of-input-channels",
        exercise="Muon",
        belief="A kernel becomes a matrix with one row for each input channel.",
        edits=(
            (
                "orthogonalize(update.flatten(1)).view_as(p)",
                "orthogonalize(update.transpose(0, 1).flatten(1)).view_as(p.transpose(0, 1)).transpose(0, 1)",
            ),
        ),
        question="Which numbers of a kernel are added up into one output?",
        explanation="One output channel is one row: all that it multiplies its inputs by.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="columns-of-taps",
        exercise="Muon",
        belief="A kernel becomes a matrix with one column for each tap.",
        edits=(("orthogonalize(update.flatten(1))", "orthogonalize(update.flatten(2).flatten(0, 1))"),),
        question="How many rows does the docstring ask for?",
        explanation="One row an output channel, in · k · k columns.\nSee the docstring of exercise 7.",
    ),
    Misconception(
        id="kernel-rescaled-after-the-step",
        exercise="Muon",
        belief="The kernel is rescaled after its step.",
        edits=(
            ("                    p.mul_(len(p) ** 0.5 / p.norm())\n", ""),
            (
                'alpha=group["lr"] * group["factor"])',
                'alpha=group["lr"] * group["factor"])\n                if group["orthogonal"]:\n'
                "                    p.mul_(len(p) ** 0.5 / p.norm())",
            ),
        ),
        question="By what is a step of fixed length divided, if the rescaling comes after it?",
        explanation="Rescaled after the step, the step itself shrinks or grows with the kernel: so rescale first.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="kernel-never-rescaled",
        exercise="Muon",
        belief="The length of a kernel takes care of itself.",
        edits=(("                    p.mul_(len(p) ** 0.5 / p.norm())\n", ""),),
        question="Orthogonal steps all have the same length. If the kernel grows, what becomes of their effect?",
        explanation="The kernel is brought to length sqrt(output channels) before each step.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="kernel-of-length-one",
        exercise="Muon",
        belief="A kernel is rescaled to length 1.",
        edits=(("len(p) ** 0.5 / p.norm()", "1 / p.norm()"),),
        question="How long is an orthogonal matrix of 64 rows?",
        explanation="sqrt(output channels), like the step: each row then has length 1 on average.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="length-of-the-step",
        exercise="Muon",
        belief="A kernel is rescaled to the length of an orthogonal matrix of its shape.",
        edits=(("p.mul_(len(p) ** 0.5 /", "p.mul_(min(len(p), p[0].numel()) ** 0.5 /"),),
        question="A kernel has 8 output channels and 2 input channels. What does the docstring divide by |p|?",
        explanation="An orthogonal 8 x 2 matrix has length sqrt(2); the kernel gets sqrt(8), a length of 1 a row.\n"
        "See the fourth line in the docstring of exercise 7.",
    ),
    Misconception(
        id="longer-steps-for-tall-kernels",
        exercise="Muon",
        belief="The step of a kernel with more rows than columns is made longer by sqrt(rows / columns).",
        edits=(
            (
                "update = orthogonalize(update.flatten(1)).view_as(p)",
                "update = orthogonalize(update.flatten(1)).view_as(p) * max(1, len(p) / p[0].numel()) ** 0.5",
            ),
        ),
        question="Between orthogonalize and the last line of the docstring, what happens to u?",
        explanation="Nothing: here u is orthogonal as it comes, and `factor` alone scales a group's steps.\n"
        "See the docstring of exercise 7.",
        seen_in="Jordan et al. 2024: the published optimizer has this factor",
    ),
    Misconception(
        id="kernels-lie-in-the-order-of-their-shape",
        exercise="Muon",
        belief="A kernel's numbers lie in memory in the order of its shape.",
        edits=(("update.flatten(1)", "update.view(len(p), -1)"),),
        question="What does your optimizer say to a network that was moved to channels last?",
        explanation="view never copies, so it refuses kernels in channels last memory; flatten copies where it must.\n"
        "See “Channels last”: only the strides change.",
    ),
    Misconception(
        id="first-group-speaks-for-all",
        exercise="Muon",
        belief="All groups have the learning rate and the momentum of the first.",
        edits=(
            ('mul_(group["momentum"])', 'mul_(self.param_groups[0]["momentum"])'),
            ('alpha=group["momentum"])', 'alpha=self.param_groups[0]["momentum"])'),
            ('alpha=group["lr"] *', 'alpha=self.param_groups[0]["lr"] *'),
        ),
        question="Why does every group hold a learning rate of its own, and which of them do you read?",
        explanation="Each group is a dict with all settings, its own or the default ones.\n"
        "See “Args” in the docstring of exercise 7.",
    ),
    Misconception(
        id="one-velocity-for-a-group",
        exercise="Muon",
        belief="A group has a velocity, which all its parameters share.",
        edits=(("state = self.state[p]", 'state = self.state[group["params"][0]]'),),
        question="Two parameters of one group have opposite gradients. Which way does each of them move?",
        explanation="Settings belong to a group, velocities to a parameter: each gathers its own gradients.\n"
        "See the docstring of `step`.",
    ),
    Misconception(
        id="none-ends-the-group",
        exercise="Muon",
        belief="If one parameter has no gradient, those behind it in the group have none, either.",
        edits=(("                    continue", "                    break"),),
        question="The first layer is frozen and stands first in its group. Does the second still learn?",
        explanation="Each parameter is frozen or not by itself: skip the one and go on with the next.\n"
        "See the docstring of `step`: every parameter that has a gradient.",
    ),
    Misconception(
        id="new-data-in-place",
        exercise="Muon",
        belief="Whatever is assigned to p.data is written in place.",
        edits=(
            ("p.mul_(len(p) ** 0.5 / p.norm())", "p.data = p.data * (len(p) ** 0.5 / p.norm())"),
            (
                'p.sub_(update, alpha=group["lr"] * group["factor"])',
                'p.data = p.data - group["lr"] * group["factor"] * update',
            ),
        ),
        question="Somebody holds p.detach(), a view of the weights. Do they see your step?",
        explanation="An assignment gives the parameter other memory; a view of the old one shows old weights.\n"
        "See “in place” in the docstring of `step`.",
    ),
    Misconception(
        id="no-gradient-is-a-gradient-of-0",
        exercise="Muon",
        belief="A parameter that has a velocity moves on without a gradient, as if that were 0.",
        edits=(
            ("if p.grad is None:", "if p.grad is None and p not in self.state:"),
            (
                'gradient = p.grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else p.grad',
                "gradient = torch.zeros_like(p) if p.grad is None else p.grad\n"
                '                gradient = gradient.add(p, alpha=group["weight_decay"])',
            ),
        ),
        question="A part of the network is frozen in the middle of a training. Do its weights still move?",
        explanation="What has no gradient was no part of this step, and stays where it is, its velocity as well.\n"
        "See the docstring of `step`.",
    ),
]

CONV = [
    Misconception(
        id="rows-without-a-gap",
        exercise="ShiftedConv2d",
        belief="Rows of pixels can lie in memory one right after the other.",
        edits=(
            ("high, wide = h + padding, w + padding  #", "high, wide = h + padding, w  #"),
            ("[:, :h, :w] = x\n", "[:, :h] = x\n"),
        ),
        question="What is the right neighbour of the last pixel of a row, in your long matrix?",
        explanation="A slice shifted by one pixel would wrap round into the next row; a zero must stand between.\n"
        "See the picture of the shifted slices.",
    ),
    Misconception(
        id="images-without-a-gap",
        exercise="ShiftedConv2d",
        belief="Images can lie in memory one right after the other.",
        edits=(("high, wide = h + padding, w + padding  #", "high, wide = h, w + padding  #"),),
        question="What lies below the last row of an image, in your long matrix?",
        explanation="A slice shifted by one row would reach the next image; a row of zeros must stand between.\n"
        "See the picture of the shifted slices.",
    ),
    Misconception(
        id="kernel-turned-round",
        exercise="ShiftedConv2d",
        belief="A convolution turns its kernel round.",
        edits=(("out = rows[0] @ taps[0].T", "taps = taps.flip(0); out = rows[0] @ taps[0].T"),),
        question="Which pixel does weight[:, :, 0, 0] meet in lesson 1?",
        explanation="Deep learning's convolution is a cross-correlation.\nSee lesson 1.",
    ),
    Misconception(
        id="not-turned-round-on-the-way-back",
        exercise="ShiftedConv2d",
        belief="The way back uses the kernel as it is.",
        edits=(("rows[0] @ taps[-1]", "rows[0] @ taps[0]"), ("taps.flip(0)[1:]", "taps[1:]")),
        question="The pixel to the left of an output met the tap on the left. From it, where does that output lie?",
        explanation="Seen from the input everything is the other way round, so the kernel is turned.\n"
        "See lesson 1 on the gradient of the input.",
    ),
    Misconception(
        id="channels-not-exchanged",
        exercise="ShiftedConv2d",
        belief="The way back multiplies by the same matrices as the way forward.",
        edits=(
            (
                "grad_rows, grad_x = rows[size**2 // 2], rows[0] @ taps[-1]",
                "taps = taps.mT; grad_rows, grad_x = rows[size**2 // 2], rows[0] @ taps[-1]",
            ),
        ),
        question="How many columns has the gradient of the output, and how many rows your matrix?",
        explanation="Forward takes C to O, back takes O to C: the matrix is transposed.\nSee hint 3 of exercise 8.",
    ),
    Misconception(
        id="places-of-no-use-kept",
        exercise="ShiftedConv2d",
        belief="Every place of the grid is an output.",
        edits=(("view(*grid, -1)[:, :high, :wide]", "view(*grid, -1)"),),
        question="What is computed at the places where the zeros stand?",
        explanation="Sums of what lies to their left and right: of no use, and cut off.\nSee hint 2 of exercise 8.",
    ),
    Misconception(
        id="squeeze-leaves-batches-alone",
        exercise="ShiftedConv2d",
        belief="squeeze(0) never changes a batch.",
        edits=(
            (
                "[:, :high, :wide].contiguous().permute(0, 3, 1, 2)",
                "[:, :high, :wide].contiguous().permute(0, 3, 1, 2).squeeze(0)",
            ),
        ),
        question="How many dimensions has your output for a batch of one image?",
        explanation="A batch of one image is a batch, with an output of (1, O, H', W').\n"
        "See Shapes in the docstring of exercise 8.",
    ),
    Misconception(
        id="stride-on-the-way-back-only-once",
        exercise="ShiftedConv2d",
        belief="On the way back each pixel belongs to one output.",
        edits=(("                met += (grad_rows", "                met[:] = (grad_rows"),),
        question="With stride 2 and three taps, how many outputs does a pixel take part in?",
        explanation="Windows overlap, so their gradients are added up.\nSee lesson 1 on the gradient of the input.",
    ),
    Misconception(
        id="strides-are-one-or-two",
        exercise="ShiftedConv2d",
        belief="A stride that isn't 1 is 2.",
        edits=(
            ("x[:, i::stride, j::stride]", "x[:, i :: min(stride, 2), j :: min(stride, 2)]"),
            (
                "padded[:, tap // size :: stride, tap % size :: stride]",
                "padded[:, tap // size :: min(stride, 2), tap % size :: min(stride, 2)]",
            ),
        ),
        question="Which stride has the first layer of a network that cuts pictures into patches of 16 x 16?",
        explanation="ResNet18 has strides of 1 and 2; a convolution takes any.\n"
        "See “stride, padding” in the docstring of exercise 8.",
    ),
    Misconception(
        id="precision-of-the-input",
        exercise="ShiftedConv2d",
        belief="Autocast looks after layers of one's own, too.",
        edits=(("x, weight = x.to(precision), weight.to(precision)", "pass"),),
        question="Which functions does autocast know, and is yours among them?",
        explanation="Autocast casts for the library's functions; for a Function of your own you must cast yourself.\n"
        "See hint 3 of exercise 8.",
    ),
    Misconception(
        id="inputs-are-float32",
        exercise="ShiftedConv2d",
        belief="What comes into a layer under autocast is float32.",
        edits=(
            (
                "if torch.is_autocast_enabled(x.device.type):",
                "if torch.is_autocast_enabled(x.device.type) and x.dtype == torch.float32:",
            ),
        ),
        question="Two of your layers stand in a row. What does the first one hand to the second, and which dtype has "
        "the second one's weight?",
        explanation="Only the first layer gets float32; what comes out of it is 16 bits, and the weights are not.\n"
        "See hint 3 of exercise 8: x and weight are cast, each from what it is.",
    ),
    Misconception(
        id="shape-not-checked",
        exercise="ShiftedConv2d",
        belief="Whatever torch raises for other channels is clear enough.",
        edits=(("if not fits or min(x.shape[2:]) + 2 * self.padding < weight.shape[2]:", "if False:"),),
        question="Does the message name the shape of the weight?",
        explanation="A ValueError with both shapes saves the reader a search.\n"
        "See Raises in the docstring of exercise 8.",
    ),
    Misconception(
        id="every-image-is-large-enough",
        exercise="ShiftedConv2d",
        belief="A kernel fits into every image.",
        edits=(("if not fits or min(x.shape[2:]) + 2 * self.padding < weight.shape[2]:", "if not fits:"),),
        question="What is H' for a height of 2, a kernel of 3 and no padding?",
        explanation="(2 - 3) // 1 + 1 is 0: an empty map that nobody asked for, and no error.\n"
        "See Raises in the docstring of exercise 8.",
    ),
    Misconception(
        id="images-are-square",
        exercise="ShiftedConv2d",
        belief="If an image is wide enough for the kernel, it is high enough.",
        edits=(("min(x.shape[2:]) + 2", "x.shape[3] + 2"),),
        question="Where in your check does the height of an image occur?",
        explanation="Images have a height and a width, and a kernel has to fit into both.\n"
        "See Raises in the docstring of exercise 8.",
    ),
    Misconception(
        id="cast-weights-are-constants",
        exercise="ShiftedConv2d",
        belief="A weight that is cast for autocast is a copy without a graph.",
        edits=((", weight.to(precision)", ", weight.data.to(precision)"),),
        question="In mixed precision, what is layer.weight.grad after backward?",
        explanation="weight.to(…) is part of the graph, and its gradient comes back in float32; weight.data is not.\n"
        "See hint 3 of exercise 8.",
    ),
    Misconception(
        id="padding-makes-no-room",
        exercise="ShiftedConv2d",
        belief="A kernel larger than the image never fits, padded or not.",
        edits=(("min(x.shape[2:]) + 2 * self.padding <", "min(x.shape[2:]) <"),),
        question="What is the size of the last stage's maps in a ResNet18 for images of 16 pixels?",
        explanation="A map of 2 x 2 pixels with a padding of 1 is 4 x 4, and a kernel of 3 fits.\n"
        "See lesson 1, output_size.",
    ),
    Misconception(
        id="images-lie-channel-by-channel",
        exercise="ShiftedConv2d",
        belief="Images lie in memory channel by channel, as their shape says.",
        edits=(
            (
                "rows, grid = ShiftedConv2d.rows(x.permute(0, 2, 3, 1),",
                "n, c, h, w = x.shape\n        x_last = x.as_strided((n, h, w, c), (c * h * w, w, 1, h * w))\n"
                "        rows, grid = ShiftedConv2d.rows(x_last,",
            ),
        ),
        question="What are the strides of x, and are they the same after x.contiguous(memory_format=…)?",
        explanation="as_strided trusts the strides that it is told; permute goes by those that the tensor has.\n"
        "See Channels last, the layout of all batches here.",
    ),
    Misconception(
        id="weights-lie-as-they-were-made",
        exercise="ShiftedConv2d",
        belief="A layer's weight lies in memory as __init__ made it.",
        edits=(
            (
                "        taps = weight.permute(2, 3, 0, 1).flatten(0, 1)  # (K K, O, C)\n        rows, grid",
                "        taps = weight.view(len(weight), -1).unflatten(1, (-1, size**2)).permute(2, 0, 1)\n"
                "        rows, grid",
            ),
        ),
        question="What does model.to(memory_format=torch.channels_last) do to your layer, and what may view not do?",
        explanation="The weight is moved as well, and view never copies. permute and flatten go by any strides.\n"
        "See Channels last, the layout of the model here.",
    ),
    Misconception(
        id="autocast-means-bfloat16",
        exercise="ShiftedConv2d",
        belief="Autocast computes in bfloat16.",
        edits=(("precision = torch.get_autocast_dtype(x.device.type)", "precision = torch.bfloat16"),),
        question="Which precisions does train_step know, and in which do its convolutions compute for each?",
        explanation="Who opens autocast says in which precision; torch.get_autocast_dtype tells which was asked for.\n"
        "See hint 3 of exercise 8.",
    ),
    Misconception(
        id="one-image-is-a-batch",
        exercise="ShiftedConv2d",
        belief="If the channels fit, the shape fits.",
        edits=(("x.dim() == 4 and ", ""),),
        question="A single image of (3, 3, 7), and a kernel for 3 channels: which of its sizes is compared with 3?",
        explanation="Without the batch every dimension is read as its neighbour; look at how many there are first.\n"
        "See Raises in the docstring of exercise 8.",
    ),
]

MISCONCEPTIONS = [*DEVICE, *FLOPS, *STEP, *SPEED, *DATA, *ORTHOGONAL, *MUON, *CONV]
