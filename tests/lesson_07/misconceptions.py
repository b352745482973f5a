"""The wrong beliefs about evaluation, executable."""

from course.diagnosis import Misconception

GUO = "Guo et al. 2017, On Calibration of Modern Neural Networks"
SELVARAJU = "Selvaraju et al. 2017, Grad-CAM"

HITS = "return (best == targets[:, None]).any(1).double().mean().item()"
BEST = "logits.topk(k, dim=1)"

TOPK = [
    Misconception(
        id="lowest-logits-first",
        exercise="topk_accuracy",
        belief="The best classes are those with the lowest logits.",
        edits=((BEST, "logits.topk(k, dim=1, largest=False)"),),
        question="Sort three logits on paper. At which end of your sorted list does the network's answer stand?",
        explanation="A sort is ascending unless told otherwise, so the k best stand at its end.\n"
        "torch.topk gives the largest first; see hint 2 of exercise 1.",
        seen_in="the default order of torch.argsort and numpy.argsort",
    ),
    Misconception(
        id="k-counts-from-0",
        exercise="topk_accuracy",
        belief="k counts from 0, so that k + 1 classes are looked at.",
        edits=((BEST, "logits.topk(k + 1, dim=1)"),),
        question="How many guesses does the network have with k=1?",
        explanation="Top-1 is plain accuracy: one guess. k is a number of classes and not an index.\n"
        "See the first formula in “One number”.",
    ),
    Misconception(
        id="best-images-of-a-class",
        exercise="topk_accuracy",
        belief="The best are taken along dimension 0.",
        edits=((BEST, "logits.topk(k, dim=0)"),),
        question="Logits are (N, C). Do you want the best classes of an image, or the best images of a class?",
        explanation="Each row of the logits belongs to one image; its classes lie along dimension 1.\n"
        "See the shapes in “One number”.",
    ),
    Misconception(
        id="exactly-the-kth-guess",
        exercise="topk_accuracy",
        belief="Only the k-th guess counts.",
        edits=((BEST + ".indices", BEST + ".indices[:, -1:]"),),
        question="Can top-3 accuracy be lower than top-1 accuracy?",
        explanation="The right class may be any of the k best, so the share can only grow with k.\n"
        "See the first formula in “One number”.",
    ),
    Misconception(
        id="mean-over-guesses",
        exercise="topk_accuracy",
        belief="All k guesses of all images are averaged.",
        edits=((HITS, "return (best == targets[:, None]).double().mean().item()"),),
        question="With k = C every image is classified correctly. What does your function give there?",
        explanation="An image counts as right once, whichever of its k guesses was right: any, then mean.\n"
        "See hint 3 of exercise 1.",
    ),
    Misconception(
        id="always-top-1",
        exercise="topk_accuracy",
        belief="The class with the highest logit is all that matters, whatever k is.",
        edits=((BEST, "logits.topk(1, dim=1)"),),
        question="What changes in your result when k goes from 1 to 2?",
        explanation="k guesses are allowed; argmax gives only the first of them.\n"
        "See the first formula in “One number”.",
    ),
    Misconception(
        id="accuracy-in-per-cent",
        exercise="topk_accuracy",
        belief="Accuracy is given in per cent.",
        edits=((HITS, HITS.replace("return ", "return 100 * ")),),
        question="Between which two numbers does the docstring want the result?",
        explanation="A share lies between 0 and 1; per cent is a way to print it, as in f'{share:.1%}'.\n"
        "See the docstring of exercise 1.",
    ),
    Misconception(
        id="number-of-right-answers",
        exercise="topk_accuracy",
        belief="Accuracy is the number of right answers.",
        edits=((HITS, "return (best == targets[:, None]).any(1).double().sum().item()"),),
        question="Does your result depend on how many images were tested?",
        explanation="The number of right answers is divided by the number of images.\n"
        "See the first formula in “One number”.",
    ),
    Misconception(
        id="accuracy-stays-a-tensor",
        exercise="topk_accuracy",
        belief="A tensor of one element is as good as a number.",
        edits=((HITS, HITS.replace(".item()", "")),),
        question="What does json.dumps do with your result?",
        explanation="A report wants plain numbers, and a tensor keeps its device along; .item() gives the number.\n"
        "See the docstring of exercise 1.",
    ),
    Misconception(
        id="any-k-will-do",
        exercise="topk_accuracy",
        belief="There is no need to check k.",
        edits=(("if not 1 <= k <= logits.shape[1]:", "if False:"),),
        question="What does your function answer for k=0?",
        explanation="With k=0 nothing is ever right, and 0.0 looks like a result; an error says what happened.\n"
        "See “Raises” in the docstring of exercise 1.",
    ),
    Misconception(
        id="k-below-the-number-of-classes",
        exercise="topk_accuracy",
        belief="k must be smaller than the number of classes.",
        edits=(("if not 1 <= k <= logits.shape[1]:", "if not 1 <= k < logits.shape[1]:"),),
        question="With 10 guesses at 10 classes, for how many of the images is the right class among them?",
        explanation="With k = C every answer is right: of little use, and no mistake.\n"
        "See k in the docstring of exercise 1.",
    ),
    Misconception(
        id="shapes-complain-by-themselves",
        exercise="topk_accuracy",
        belief="Targets of a wrong shape raise an error by themselves.",
        edits=(("if targets.shape != logits.shape[:1]:", "if False:"),),
        question="Compare shapes (N, k) and (N, 1, 1) by the rules of broadcasting. What comes out?",
        explanation="Labels of shape (N, 1) broadcast: every image is compared with every label, silently.\n"
        "See “Raises” in the docstring of exercise 1.",
    ),
    Misconception(
        id="targets-of-one-dimension-fit",
        exercise="topk_accuracy",
        belief="Targets fit the logits if they have one dimension.",
        edits=(("if targets.shape != logits.shape[:1]:", "if targets.ndim != 1:"),),
        question="What becomes of a single target when six rows of logits are compared with it?",
        explanation="A single target broadcasts: every image is compared with it, silently. Compare lengths, too.\n"
        "See “Raises” in the docstring of exercise 1.",
    ),
    Misconception(
        id="ties-are-all-right",
        exercise="topk_accuracy",
        belief="A class is among the k best where fewer than k logits are higher than its own.",
        edits=((HITS, "return ((logits > logits.gather(1, targets[:, None])).sum(1) < k).double().mean().item()"),),
        question="A dead network gives the same logit to all of ten classes. Which accuracy does yours report?",
        explanation="Where all tie, none is higher than any, and every class counts as the first guess at once.\n"
        "See k in the docstring of exercise 1.",
    ),
    Misconception(
        id="accuracy-in-the-dtype-of-the-logits",
        exercise="topk_accuracy",
        belief="The mean may be taken in the precision of the logits.",
        edits=((HITS, HITS.replace(".double()", ".to(logits.dtype)")),),
        question="Which numbers has float16 between 0.66 and 0.67, and is two thirds one of them?",
        explanation="Logits of 16 bits are good enough to compare; a mean in 16 bits keeps only three digits.\n"
        "See “Returns” in the docstring of exercise 1.",
    ),
    Misconception(
        id="accuracy-in-float32",
        exercise="topk_accuracy",
        belief="A mean in float32 is as exact as a division in Python.",
        edits=((HITS, HITS.replace(".double()", ".float()")),),
        question="To how many digits do your function and Python agree on 5 / 23?",
        explanation="float32 keeps seven digits, Python's floats sixteen; in float64 the mean has them all.\n"
        "See “Returns” in the docstring of exercise 1.",
    ),
]

DRAWN = "torch.randint(n, (n,), generator=generator)"
TAIL = "tail = (1 - level) / 2"
RETURNED = "return accuracies.quantile(tail).item(), accuracies.quantile(1 - tail).item()"

BOOTSTRAP = [
    Misconception(
        id="without-replacement",
        exercise="bootstrap_interval",
        belief="N answers are drawn without replacement.",
        edits=((DRAWN, "torch.randperm(n, generator=generator)"),),
        question="If you draw all N answers and put none back, how many different accuracies can come out?",
        explanation="Without replacement each resample is the same set in another order: one accuracy, no width.\n"
        "See “By hand” under “How sure is that number?”.",
    ),
    Misconception(
        id="level-itself-as-percentile",
        exercise="bootstrap_interval",
        belief="The ends are the percentiles level and 1 - level.",
        edits=((TAIL, "tail = 1 - level"),),
        question="Which share of the resamples lies below your lower end, and which above your upper end?",
        explanation="What lies outside is 1 - level in all, so half of it on each side: 2.5 % and 97.5 % for 0.95.\n"
        "See the formula in “How sure is that number?”.",
    ),
    Misconception(
        id="half-the-level-as-tail",
        exercise="bootstrap_interval",
        belief="The tail on each side is half the level.",
        edits=((TAIL, "tail = level / 2"),),
        question="For a level of 0.95: does your interval hold 95 % of the resamples, or 5 %?",
        explanation="Half of what lies outside is cut off on each side, so (1 - level) / 2.\n"
        "See the formula in “How sure is that number?”.",
    ),
    Misconception(
        id="always-95-per-cent",
        exercise="bootstrap_interval",
        belief="An interval is always one of 95 %.",
        edits=((TAIL, "tail = 0.025"),),
        question="Should an interval of 80 % be wider or narrower than one of 95 %?",
        explanation="The level decides how much is cut off; 0.95 is only its default.\n"
        "See the signature in exercise 2.",
    ),
    Misconception(
        id="smallest-to-largest",
        exercise="bootstrap_interval",
        belief="The interval reaches from the smallest to the largest resampled accuracy.",
        edits=((TAIL, "tail = 0.0"),),
        question="What happens to your interval when you draw ten times as many resamples?",
        explanation="The extremes drift apart with every further resample; percentiles settle.\n"
        "See the histogram in “Predict, then run: how many images for how many digits?”.",
    ),
    Misconception(
        id="standard-error-of-the-bootstrap-mean",
        exercise="bootstrap_interval",
        belief="The more resamples are drawn, the narrower the interval gets.",
        edits=(
            (TAIL, TAIL + "; centre = values.mean(); accuracies = centre + (accuracies - centre) / resamples**0.5"),
        ),
        question="Can a computer shrink the uncertainty of 10,000 test images by drawing longer?",
        explanation="Resamples only show the spread that N images leave; more of them show it more sharply.\n"
        "See the formula in “How sure is that number?”.",
    ),
    Misconception(
        id="draws-as-many-as-resamples",
        exercise="bootstrap_interval",
        belief="Each resample holds as many answers as there are resamples.",
        edits=((DRAWN, "torch.randint(n, (resamples,), generator=generator)"),),
        question="How many images had the test whose uncertainty you want to know?",
        explanation="A resample imitates the test itself, so it has N answers; another size has another spread.\n"
        "See the docstring of exercise 2.",
    ),
    Misconception(
        id="normal-approximation",
        exercise="bootstrap_interval",
        belief="The interval is symmetric: so many standard deviations on either side.",
        edits=(
            (
                RETURNED,
                "z = math.sqrt(2) * torch.erfinv(torch.tensor(level)).item()\n"
                "    centre, spread = values.mean().item(), accuracies.std().item()\n"
                "    return centre - z * spread, centre + z * spread",
            ),
        ),
        question="39 of 40 answers are right. Where does your interval end above?",
        explanation="Near 1 the accuracies pile up against the wall, and a symmetric interval sticks out of it.\n"
        "Percentiles can't; see “How sure is that number?”.",
    ),
    Misconception(
        id="mirrored-at-the-accuracy",
        exercise="bootstrap_interval",
        belief="The interval reaches as far above the accuracy as the lowest resamples lie below it.",
        edits=(
            (
                RETURNED,
                "twice = 2 * values.mean().item()\n"
                "    return twice - accuracies.quantile(1 - tail).item(), twice - accuracies.quantile(tail).item()",
            ),
        ),
        question="39 of 40 answers are right, and a poor resample has 37. Where does your interval end above?",
        explanation="The percentiles themselves are the ends; mirrored at the accuracy they may lie above 1.\n"
        "See the formula in “How sure is that number?”.",
        seen_in="scipy.stats.bootstrap, method='basic'",
    ),
    Misconception(
        id="always-a-thousand-resamples",
        exercise="bootstrap_interval",
        belief="A bootstrap always draws a thousand times.",
        edits=(("    generator = torch.Generator()", "    resamples = 1000\n    generator = torch.Generator()"),),
        question="How many different accuracies are there with resamples=1, and how wide is your interval then?",
        explanation="1000 is only the default; the caller decides how often is enough.\n"
        "See `resamples` in the docstring of exercise 2.",
    ),
    Misconception(
        id="resamples-count-from-1",
        exercise="bootstrap_interval",
        belief="range(1, resamples) counts all resamples.",
        edits=(("for i in range(resamples):", "for i in range(1, resamples):"),),
        question="What stands in your accuracies at index 0, and which line wrote it there?",
        explanation="A range that starts at 1 is one short: a resample that nobody drew stays in the list as a 0.\n"
        "See `resamples` in the docstring of exercise 2.",
    ),
    Misconception(
        id="last-answer-is-never-drawn",
        exercise="bootstrap_interval",
        belief="torch.randint includes its upper end, as random.randint does.",
        edits=((DRAWN, "torch.randint(n - 1, (n,), generator=generator)"),),
        question="Which indices can torch.randint(2, (5,)) give?",
        explanation="torch.randint ends before its upper end, like range: n - 1 leaves the last answer out.\n"
        "See hint 1 of exercise 2.",
        seen_in="random.randint(a, b) of Python includes b",
    ),
    Misconception(
        id="draws-from-the-global-generator",
        exercise="bootstrap_interval",
        belief="The global random generator will do.",
        edits=((DRAWN, "torch.randint(n, (n,))"),),
        question="Do you get the same interval if you call your function twice?",
        explanation="A report must come out the same every time; a generator of its own, seeded, makes it so.\n"
        "See hint 2 of exercise 2.",
    ),
    Misconception(
        id="seed-not-used",
        exercise="bootstrap_interval",
        belief="A generator needs no seed.",
        edits=((".manual_seed(seed)", ""),),
        question="What changes in your interval when another seed is given?",
        explanation="torch.Generator() starts from one and the same state until it is given a seed.\n"
        "See the docstring of exercise 2.",
    ),
    Misconception(
        id="seeds-the-global-generator",
        exercise="bootstrap_interval",
        belief="torch.manual_seed is the way to draw repeatably.",
        edits=(("torch.Generator().manual_seed(seed)", "torch.manual_seed(seed)"),),
        question="Somebody draws a random number before and after your function. Is the second one still random?",
        explanation="torch.manual_seed resets the generator that everybody shares; a torch.Generator() is your own.\n"
        "See hint 2 of exercise 2.",
    ),
    Misconception(
        id="any-level-will-do",
        exercise="bootstrap_interval",
        belief="There is no need to check the level.",
        edits=(("if not 0 < level < 1:", "if False:"),),
        question="What does your function do with level=95?",
        explanation="Who writes 95 means 0.95; an error that names the level says so at once.\n"
        "See “Raises” in the docstring of exercise 2.",
    ),
    Misconception(
        id="only-per-cent-are-a-mistake",
        exercise="bootstrap_interval",
        belief="A level can be too large, and never too small.",
        edits=(("if not 0 < level < 1:", "if level >= 1:"),),
        question="Of the two ends that come out for a level of -0.5, which is the lower one?",
        explanation="A negative level turns the ends round, and nothing complains; no share lies below 0.\n"
        "See “Raises” in the docstring of exercise 2.",
    ),
    Misconception(
        id="seeds-numpys-global-generator",
        exercise="bootstrap_interval",
        belief="np.random.seed disturbs nobody, as torch has its own generator.",
        edits=(
            ("generator = torch.Generator()", "import numpy; numpy.random.seed(seed); generator = torch.Generator()"),
            (DRAWN, "torch.from_numpy(numpy.random.randint(n, size=n))"),
        ),
        question="Somebody's augmentation draws from NumPy. What does it draw after your function, every time?",
        explanation="NumPy has a generator for all, too; np.random.default_rng(seed) makes one of your own.\n"
        "See “seed” in the docstring of exercise 2.",
    ),
    Misconception(
        id="seed-0-is-no-seed",
        exercise="bootstrap_interval",
        belief="A seed of 0 stands for none.",
        edits=(
            ("torch.Generator().manual_seed(seed)", "np.random.default_rng(seed or None)"),
            (DRAWN, "torch.from_numpy(generator.integers(n, size=n))"),
        ),
        question="Which seed does your function get when nobody names one, and what does `seed or None` make of it?",
        explanation="0 is a seed like any other, and the default here; `or` takes it for nothing.\n"
        "See “seed” in the docstring of exercise 2.",
    ),
    Misconception(
        id="levels-of-0-and-1-are-levels",
        exercise="bootstrap_interval",
        belief="An interval of 100 per cent is an interval, too.",
        edits=(("if not 0 < level < 1:", "if not 0 <= level <= 1:"),),
        question="Which accuracies can come out of a resample at all, if you draw for long enough?",
        explanation="Nearly every accuracy has some chance, so what holds all of them says nothing of your sample.\n"
        "See “Raises” in the docstring of exercise 2.",
    ),
]

CELLS = "cells = targets * num_classes + predictions"
COUNTED = "return torch.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)"

CONFUSION = [
    Misconception(
        id="rows-are-the-predictions",
        exercise="confusion_matrix",
        belief="Rows are what an image was called, columns what it is.",
        edits=((CELLS, "cells = predictions * num_classes + targets"),),
        question="Whose sum should be the number of images of class i: row i's, or column i's?",
        explanation="Both conventions are in use, so the docstring decides: row = true class, column = name given.\n"
        "See the table in “By hand” under “Which for which”.",
        seen_in="textbooks differ; scikit-learn has rows for true classes, as here",
    ),
    Misconception(
        id="as-many-classes-as-occur",
        exercise="confusion_matrix",
        belief="There are as many classes as occur in the data.",
        edits=(
            (
                "for classes in (predictions, targets):",
                "num_classes = max([-1, *predictions.tolist(), *targets.tolist()]) + 1\n"
                "    for classes in (predictions, targets):",
            ),
        ),
        question="What shape has your matrix if the last class happens not to occur?",
        explanation="A small test may lack a class, and two matrices of unlike shapes can't be added.\n"
        "See num_classes in the docstring of exercise 3.",
    ),
    Misconception(
        id="counts-as-floats",
        exercise="confusion_matrix",
        belief="Counts may be floats.",
        edits=((COUNTED, COUNTED + ".float()"),),
        question="Which type counts things, and up to which number does float32 count without a gap?",
        explanation="Counts are int64; float32 can't tell 16,777,216 from the number after it.\n"
        "See the docstring of exercise 3.",
    ),
    Misconception(
        id="shares-instead-of-counts",
        exercise="confusion_matrix",
        belief="Each row holds shares that sum to 1.",
        edits=(
            (
                COUNTED,
                "counts"
                + COUNTED.removeprefix("return").replace(" torch", " = torch", 1)
                + "\n    return counts / counts.sum(1, keepdim=True).clamp(min=1)",
            ),
        ),
        question="Can you still tell from your matrix how many images each class has?",
        explanation="Counts can be made into shares later, but not the other way round.\n"
        "See the docstring of exercise 3.",
    ),
    Misconception(
        id="adding-once-to-each-cell",
        exercise="confusion_matrix",
        belief="matrix[targets, predictions] += 1 counts every pair.",
        edits=(
            (
                COUNTED,
                "matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)\n"
                "    matrix[targets, predictions] += 1\n    return matrix",
            ),
        ),
        question="What is the largest number in your matrix?",
        explanation="Indexed += reads, adds and writes once: a cell that is named ten times still gains only 1.\n"
        "See hint 2 of exercise 3.",
        seen_in="the documentation of numpy.ufunc.at explains this difference",
    ),
    Misconception(
        id="mistakes-only",
        exercise="confusion_matrix",
        belief="A confusion matrix counts confusions, so its diagonal is 0.",
        edits=((COUNTED, COUNTED + ".fill_diagonal_(0)"),),
        question="Where does your matrix keep the right answers?",
        explanation="The diagonal holds the right answers; without it a row doesn't sum to the class's images.\n"
        "See the table in “By hand” under “Which for which”.",
    ),
    Misconception(
        id="unknown-classes-show-by-themselves",
        exercise="confusion_matrix",
        belief="A class that doesn't exist raises an error by itself.",
        edits=(("if len(outside):", "if False:"),),
        question="Pair (2, 7) of 5 classes is number 2 * 5 + 7 = 17. To which pair does 17 belong?",
        explanation="Class 7 of row 2 silently becomes class 2 of row 3: the matrix looks fine and is wrong.\n"
        "See “Raises” in the docstring of exercise 3.",
    ),
    Misconception(
        id="only-too-large-is-outside",
        exercise="confusion_matrix",
        belief="Only a class that is too large lies outside.",
        edits=(("(classes < 0) | (classes >= num_classes)", "classes >= num_classes"),),
        question="Where does a prediction of -1 end up in your matrix?",
        explanation="A prediction of -1 moves to the last column of the row before, or counts from the end.\n"
        "See “Raises” in the docstring of exercise 3.",
    ),
    Misconception(
        id="targets-are-always-right",
        exercise="confusion_matrix",
        belief="Only a prediction can be a class that doesn't exist.",
        edits=(("for classes in (predictions, targets):", "for classes in (predictions,):"),),
        question="Labels from a file with 100 classes, a network with 10: which of the two is outside?",
        explanation="Labels come from files and are wrong as often as anything; both are checked.\n"
        "See “Raises” in the docstring of exercise 3.",
    ),
    Misconception(
        id="lengths-need-not-agree",
        exercise="confusion_matrix",
        belief="Predictions and targets of different lengths raise an error by themselves.",
        edits=(("if predictions.shape != targets.shape:", "if False:"),),
        question="What do you get for one prediction and six targets?",
        explanation="One prediction is broadcast to all targets, and counted six times.\n"
        "See “Raises” in the docstring of exercise 3.",
    ),
    Misconception(
        id="equal-lengths-fit",
        exercise="confusion_matrix",
        belief="Two tensors of equal length fit.",
        edits=(("if predictions.shape != targets.shape:", "if len(predictions) != len(targets):"),),
        question="Targets of shape (6, 1) and predictions of shape (6,): how many pairs does broadcasting make?",
        explanation="A column meets a row in every pair, 36 of them; what must be equal is the whole shape.\n"
        "See “Raises” in the docstring of exercise 3.",
    ),
    Misconception(
        id="the-largest-class-is-outside",
        exercise="confusion_matrix",
        belief="If one of the classes is outside, it is the largest of them.",
        edits=(("class {outside[0]} is", "class {classes.max()} is"),),
        question="Labels of -1, 0 and 4 of five classes: which class does your message name?",
        explanation="A message that names a class which is allowed sends the reader to the wrong place.\n"
        "See “Raises” in the docstring of exercise 3.",
    ),
    Misconception(
        id="there-is-always-an-image",
        exercise="confusion_matrix",
        belief="There is always an image, so the smallest and the largest class show whether one is outside.",
        edits=(
            ("outside = classes[(classes < 0) | (classes >= num_classes)]", "low, high = classes.min(), classes.max()"),
            ("if len(outside):", "if low < 0 or high >= num_classes:"),
            ("class {outside[0]} is", "class {low if low < 0 else high} is"),
        ),
        question="You count one class's images of a batch that has none of them. What is the smallest of no numbers?",
        explanation="min and max of an empty tensor raise an error; a mask of it is empty, and all is well.\n"
        "See N in the docstring of exercise 3.",
    ),
]

PRECISION = "precision = right / predicted.clamp(min=1)"
RECALL = "recall = right / support.clamp(min=1)"
F1 = "f1 = 2 * right / (predicted + support).clamp(min=1)"

REPORT = [
    Misconception(
        id="precision-and-recall-swapped",
        exercise="per_class_report",
        belief="Precision divides by the images of the class, recall by how often its name was given.",
        edits=(
            (PRECISION, PRECISION.replace("predicted", "support")),
            (RECALL, RECALL.replace("support", "predicted")),
        ),
        question="“Of all that it called a cat, how many are cats?” Which of the two asks that?",
        explanation="Precision looks down a column (what was called so), recall along a row (what is so).\n"
        "See the formulas in “Which for which”.",
    ),
    Misconception(
        id="arithmetic-mean-for-f1",
        exercise="per_class_report",
        belief="F1 is the average of precision and recall.",
        edits=((F1, "f1 = (precision + recall) / 2"),),
        question="A network calls everything a cat: recall 1, precision 0.1. What F1 does it deserve?",
        explanation="The harmonic mean stays near the smaller of the two: 0.18 there, not 0.55.\n"
        "See the formulas in “Which for which”.",
    ),
    Misconception(
        id="geometric-mean-for-f1",
        exercise="per_class_report",
        belief="F1 is the root of precision times recall.",
        edits=((F1, "f1 = (precision * recall).sqrt()"),),
        question="Which mean do you get if you average 1 / precision and 1 / recall and turn the result over?",
        explanation="F1 is the harmonic mean, 2 / (1 / precision + 1 / recall).\n"
        "See the formulas in “Which for which”.",
        seen_in="the geometric mean is the Fowlkes-Mallows index (1983)",
    ),
    Misconception(
        id="f1-without-its-factor-2",
        exercise="per_class_report",
        belief="F1 is the product of precision and recall over their sum.",
        edits=((F1, F1.replace("2 * right", "right")),),
        question="Precision and recall are both 1. What is F1?",
        explanation="The harmonic mean of two equal numbers is that number; that takes the factor 2.\n"
        "See the formulas in “Which for which”.",
    ),
    Misconception(
        id="support-counts-predictions",
        exercise="per_class_report",
        belief="Support is how often the class was predicted.",
        edits=(('"support": support', '"support": predicted'),),
        question="Does the support of a class depend on the network?",
        explanation="Support is the number of images of the class: a sum along its row, a fact about the data.\n"
        "See the docstring of exercise 4.",
    ),
    Misconception(
        id="one-precision-for-all-classes",
        exercise="per_class_report",
        belief="All classes share one precision and one recall, the accuracy.",
        edits=(
            (PRECISION, "precision = (right.sum() / support.sum()).expand_as(right)"),
            (RECALL, "recall = precision"),
        ),
        question="Is your network as good at cats as at ships?",
        explanation="Pooled over all classes (“micro”) precision and recall are both the accuracy: nothing new.\n"
        "The report is per class; see “Which for which”.",
        seen_in="Sokolova & Lapalme 2009 tell micro from macro averages",
    ),
    Misconception(
        id="true-negatives-count-as-recall",
        exercise="per_class_report",
        belief="Recall is the share of all images that are said correctly to be of the class or not.",
        edits=((RECALL, "recall = (matrix.sum() - predicted - support + 2 * right) / matrix.sum()"),),
        question="A network never says “cat”. What is its recall of cats, and what do you give it?",
        explanation="The images of all other classes make that share large whatever happens; recall asks only\n"
        "about the images of the class. See the formulas in “Which for which”.",
    ),
    Misconception(
        id="report-in-float32",
        exercise="per_class_report",
        belief="float32 is the type of all results.",
        edits=(("matrix.diagonal().double()", "matrix.diagonal().float()"),),
        question="What dtype does the docstring promise?",
        explanation="Shares of counts are cheap; float64 keeps them exact to the last printed digit.\n"
        "See the docstring of exercise 4.",
    ),
    Misconception(
        id="precision-of-nothing-is-nan",
        exercise="per_class_report",
        belief="The precision of a class that was never predicted is nan.",
        edits=((PRECISION, "precision = right / predicted"),),
        question="What is the mean precision over all classes if one of them is nan?",
        explanation="One nan spoils every mean that it enters; by convention 0 stands for 0 / 0.\n"
        "See the docstring of exercise 4.",
    ),
    Misconception(
        id="recall-of-nothing-is-nan",
        exercise="per_class_report",
        belief="The recall of a class without images is nan.",
        edits=((RECALL, "recall = right / support"),),
        question="What does your report say of a class that the test happens to lack?",
        explanation="One nan spoils every mean that it enters; by convention 0 stands for 0 / 0.\n"
        "See the docstring of exercise 4.",
    ),
    Misconception(
        id="f1-of-two-zeros-is-nan",
        exercise="per_class_report",
        belief="F1 can be computed from precision and recall in all cases.",
        edits=((F1, "f1 = 2 * precision * recall / (precision + recall)"),),
        question="What does your formula give where precision and recall are both 0?",
        explanation="2 * 0 * 0 / (0 + 0) is nan; written with counts, 2 TP / (predicted + support), it is 0.\n"
        "See hint 3 of exercise 4.",
    ),
    Misconception(
        id="nothing-predicted-is-perfect",
        exercise="per_class_report",
        belief="A class that was never predicted has precision 1, as no prediction of it was wrong.",
        edits=((PRECISION, "precision = torch.where(predicted > 0, right / predicted.clamp(min=1), 1.0)"),),
        question="Should a network that never says “cat” lead the list of cat detectors?",
        explanation="0 / 0 has no value of its own; 0 is the convention that rewards nobody for silence.\n"
        "See the docstring of exercise 4.",
    ),
    Misconception(
        id="sets-the-diagonal-to-0",
        exercise="per_class_report",
        belief="Once the right answers are read off the diagonal, it may be set to 0.",
        edits=(
            (
                PRECISION,
                "wrong = matrix.fill_diagonal_(0)\n    precision = right / (right + wrong.sum(0)).clamp(min=1)",
            ),
        ),
        question="Somebody computes the accuracy from the same matrix after your function. What comes out?",
        explanation="A method that ends in _ changes the tensor itself, here the caller's; clone it first.\n"
        "See “left unchanged” in the docstring of exercise 4.",
    ),
    Misconception(
        id="as-many-rows-as-columns-is-square",
        exercise="per_class_report",
        belief="What has as many rows as columns is a square matrix.",
        edits=(("matrix.ndim != 2 or ", ""),),
        question="What has your function to say about a tensor of shape (2, 2, 3)?",
        explanation="A matrix has two dimensions, neither more nor fewer; check their number first, then their sizes.\n"
        "See “Raises” in the docstring of exercise 4.",
    ),
    Misconception(
        id="any-table-will-do",
        exercise="per_class_report",
        belief="There is no need to check the matrix.",
        edits=(("if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:", "if False:"),),
        question="What would the diagonal of a 3 x 4 table mean?",
        explanation="Rows and columns are the same classes, so the matrix is square or a mistake was made before.\n"
        "See “Raises” in the docstring of exercise 4.",
    ),
]

SURE = "confidence, predictions = probabilities.double().max(1)"
PLACE = "place = (confidence * bins).ceil().long().clamp(1, bins) - 1"
GAP = "gap = (right[inside].mean() - confidence[inside].mean()).abs().item()"
WEIGH = "error += gap * inside.sum().item() / len(targets)"

CALIBRATION = [
    Misconception(
        id="all-bins-weigh-the-same",
        exercise="expected_calibration_error",
        belief="All bins weigh the same.",
        edits=((WEIGH, "error += gap / place.unique().numel()"),),
        question="One bin holds 3 images and another 3,000. Whose gap can you trust more?",
        explanation="The error is expected over images, so a bin weighs as much as it holds of them.\n"
        "See the formula in “Does it know what it knows?”.",
    ),
    Misconception(
        id="empty-bins-give-nan",
        exercise="expected_calibration_error",
        belief="Every bin holds images.",
        edits=(("if inside.any():", "if True:"),),
        question="Ten classes: how low can the highest probability be, and how full is the first bin?",
        explanation="The mean of nothing is nan. With C classes no confidence is below 1 / C, so low bins are empty.\n"
        "See hint 3 of exercise 5.",
    ),
    Misconception(
        id="bins-of-equal-mass",
        exercise="expected_calibration_error",
        belief="The bins hold equally many images.",
        edits=((PLACE, "place = confidence.argsort().argsort() * bins // len(targets)"),),
        question="Are your bins equally wide, or equally full?",
        explanation="Equal width is what the formula says. (Equal mass is a fair choice too, with another name:\n"
        "adaptive.) See the formula in “Does it know what it knows?”.",
        seen_in="Nixon et al. 2019, Measuring Calibration in Deep Learning, adaptive calibration error",
    ),
    Misconception(
        id="probability-of-the-true-class",
        exercise="expected_calibration_error",
        belief="Confidence is the probability that the network gives to the true class.",
        edits=((SURE, SURE + "\n    confidence = probabilities.double().gather(1, targets[:, None]).squeeze(1)"),),
        question="Does the network know the true class when it says how sure it is?",
        explanation="Confidence is the probability of the answer that is given, right or wrong: the highest.\n"
        "See “Does it know what it knows?”.",
    ),
    Misconception(
        id="gaps-cancel-across-bins",
        exercise="expected_calibration_error",
        belief="Too sure here and too modest there cancel.",
        edits=((GAP, GAP.replace(".abs()", "")), ("return error", "return abs(error)")),
        question="A network is 10 points too sure in one bin and 10 too modest in the next. Is it calibrated?",
        explanation="Without the absolute value only the mean confidence is compared with the accuracy.\n"
        "See the formula in “Does it know what it knows?”.",
    ),
    Misconception(
        id="squared-gaps",
        exercise="expected_calibration_error",
        belief="The gaps are squared.",
        edits=((WEIGH, WEIGH.replace("gap *", "gap**2 *")),),
        question="All images have a gap of 0.1. What should the mean gap be?",
        explanation="The gap is an absolute difference, in the unit of the confidence itself.\n"
        "See the formula in “Does it know what it knows?”.",
    ),
    Misconception(
        id="largest-gap",
        exercise="expected_calibration_error",
        belief="The error is the gap of the worst bin.",
        edits=((WEIGH, "error = max(error, gap)"),),
        question="Is the error expected over all images, or that of the unluckiest?",
        explanation="The largest gap has a name of its own, maximum calibration error.\n"
        "See the formula in “Does it know what it knows?”.",
        seen_in=f"{GUO}, section 2, defines it as MCE",
    ),
    Misconception(
        id="middle-of-the-bin-as-confidence",
        exercise="expected_calibration_error",
        belief="All images in a bin have the confidence of its middle.",
        edits=((GAP, "gap = abs(right[inside].mean().item() - (b + 0.5) / bins)"),),
        question="All confidences in the last bin are above 0.99. Where is the middle of that bin?",
        explanation="A bin's accuracy is compared with the mean confidence of the images in it.\n"
        "See the formula in “Does it know what it knows?”.",
    ),
    Misconception(
        id="always-15-bins",
        exercise="expected_calibration_error",
        belief="There are always 15 bins.",
        edits=(("right = (predictions", "bins = 15\n    right = (predictions"),),
        question="What changes in your result when bins=7 is passed?",
        explanation="15 is a habit since Guo et al. 2017 and only the default.\nSee the signature in exercise 5.",
        seen_in=f"{GUO}, section 5, uses 15",
    ),
    Misconception(
        id="bins-closed-below",
        exercise="expected_calibration_error",
        belief="A bin holds its lower edge and not its upper one.",
        edits=((PLACE, "place = (confidence * bins).floor().long().clamp(0, bins - 1)"),),
        question="Into which bin does the docstring put a confidence of exactly 0.5 with four bins?",
        explanation="The bins are (0, 1/bins], …, so an edge belongs to the bin below it, and 1 to the last.\n"
        "See the docstring of exercise 5.",
    ),
    Misconception(
        id="edges-in-float32",
        exercise="expected_calibration_error",
        belief="An edge is the same number in float32 as in float64.",
        edits=((PLACE, "place = torch.bucketize(confidence, torch.linspace(0, 1, bins + 1)[1:-1].double())"),),
        question="Which is larger, the 0.7 of float32 or that of float64? (.double() shows what a float32 holds.)",
        explanation="torch.linspace gives float32 unless told otherwise; its 0.7 lies below that of float64, so a\n"
        "confidence of 0.7 comes one bin too high. See hint 3 of exercise 5: compute in float64.",
    ),
    Misconception(
        id="ties-are-right-answers",
        exercise="expected_calibration_error",
        belief="An answer is right where no class is more probable than the true one.",
        edits=(
            (
                "right = (predictions == targets).double()",
                "right = (probabilities.double().gather(1, targets[:, None])[:, 0] == confidence).double()",
            ),
        ),
        question="A dead network gives 0.1 to each of ten classes, and it gives one answer. How often is that right?",
        explanation="An image has one answer, also where classes tie: a dead network is right once in ten.\n"
        "See “Does it know what it knows?”.",
    ),
    Misconception(
        id="certainty-falls-out",
        exercise="expected_calibration_error",
        belief="floor(confidence * bins) is a bin for every confidence.",
        edits=((PLACE, "place = (confidence * bins).floor().long()"),),
        question="What is floor(1.0 * bins), and how many bins have you?",
        explanation="A confidence of exactly 1 lands behind the last bin and is never counted; in float32 that is\n"
        "a common confidence. See hint 2 of exercise 5.",
    ),
    Misconception(
        id="logits-for-probabilities",
        exercise="expected_calibration_error",
        belief="Logits will do for probabilities.",
        edits=(("if probabilities.min() < 0 or probabilities.max() > 1 + 1e-6:", "if False:"),),
        question="In which bin is a confidence of 7.3?",
        explanation="Logits have no scale; the function should refuse what can't be a probability.\n"
        "See “Raises” in the docstring of exercise 5.",
    ),
    Misconception(
        id="only-above-1-is-no-probability",
        exercise="expected_calibration_error",
        belief="What is no probability is above 1.",
        edits=(("probabilities.min() < 0 or ", ""),),
        question="What does log_softmax give, and is any of it above 1?",
        explanation="Logarithms of probabilities are all below 0; as confidences they mean nothing.\n"
        "See “Raises” in the docstring of exercise 5.",
    ),
    Misconception(
        id="only-below-0-is-no-probability",
        exercise="expected_calibration_error",
        belief="What is no probability is below 0.",
        edits=((" or probabilities.max() > 1 + 1e-6", ""),),
        question="Somebody passes probabilities in per cent. Which of your checks do they fail?",
        explanation="Per cents are all positive, and most lie far above 1: behind the last bin, with huge gaps.\n"
        "See “Raises” in the docstring of exercise 5.",
    ),
    Misconception(
        id="what-sums-to-1-is-a-probability",
        exercise="expected_calibration_error",
        belief="Rows that sum to 1 hold probabilities.",
        edits=(
            (
                "if probabilities.min() < 0 or probabilities.max() > 1 + 1e-6:",
                "if not torch.allclose(probabilities.sum(1), torch.ones_like(probabilities[:, 0])):",
            ),
        ),
        question="1.5 and -0.5 sum to 1. How sure is a network of a class to which it gives 1.5?",
        explanation="A sum says nothing of its parts: each of them must lie between 0 and 1.\n"
        "See “Raises” in the docstring of exercise 5.",
    ),
]

DIVIDED = "probabilities = (logits / math.exp(middle)).softmax(1)"
SLOPE = "slope = ((probabilities * logits).sum(1) - right).mean()"
FOUND = "return math.exp(middle)"

TEMPERATURE = [
    Misconception(
        id="temperature-multiplies",
        exercise="fit_temperature",
        belief="The logits are multiplied by the temperature.",
        edits=((DIVIDED, DIVIDED.replace("/", "*")), ("if slope > 0:", "if slope < 0:")),
        question="Which makes a network less sure of itself, a high temperature or a low one?",
        explanation="Logits are divided by T: the hotter, the flatter the probabilities, as in physics.\n"
        "See the formula in “Taking the temperature”.",
    ),
    Misconception(
        id="temperature-for-accuracy",
        exercise="fit_temperature",
        belief="The best temperature is the one with the highest accuracy.",
        edits=(
            (
                FOUND,
                "accuracy = lambda t: ((logits / t).argmax(1) == targets).sum()\n"
                "    return float(max((4.0, 2.0, 1.0), key=accuracy))",
            ),
        ),
        question="Divide three logits by 2. Which of them is the largest before, and which after?",
        explanation="A temperature never changes the order of the logits, so accuracy can't choose one; the loss can.\n"
        "See “Taking the temperature”.",
    ),
    Misconception(
        id="temperature-for-squares",
        exercise="fit_temperature",
        belief="The best temperature brings the probabilities closest to the targets in squares.",
        edits=(
            (
                FOUND,
                "square = lambda t: ((logits / t).softmax(1) - torch.eye(logits.shape[1])[targets]).square().sum()\n"
                "    return float(min((10 ** (k / 200) for k in range(-400, 401)), key=square))",
            ),
        ),
        question="Which loss did your network learn with, and which does the docstring name?",
        explanation="Squares (the Brier score) forgive a mistake made with certainty; the logarithm doesn't.\n"
        "See the formula in “Taking the temperature”.",
        seen_in="Brier 1950",
    ),
    Misconception(
        id="temperature-by-its-logarithm",
        exercise="fit_temperature",
        belief="The search's own variable, the logarithm, is the temperature.",
        edits=((FOUND, "return middle"),),
        question="Can your result be negative?",
        explanation="Searching over log T keeps T positive; what is asked for is T itself.\nSee hint 3 of exercise 6.",
    ),
    Misconception(
        id="stops-after-a-few-steps",
        exercise="fit_temperature",
        belief="A few steps of the search are enough.",
        edits=(("while high - low > 1e-4:", "for _ in range(3):"),),
        question="By how much did your last step change the temperature?",
        explanation="Each halving adds one bit: three leave a factor of 3. Go on until nothing changes any more.\n"
        "See hint 3 of exercise 6.",
    ),
    Misconception(
        id="softmax-before-the-temperature",
        exercise="fit_temperature",
        belief="The temperature divides the probabilities.",
        edits=((DIVIDED, "probabilities = (logits.softmax(1) / math.exp(middle)).softmax(1)"),),
        question="What does softmax(0.99 / T, 0.01 / T) give for T = 1?",
        explanation="The temperature divides logits; a second softmax behind the first flattens all.\n"
        "See the formula in “Taking the temperature”.",
    ),
    Misconception(
        id="temperature-stays-a-tensor",
        exercise="fit_temperature",
        belief="A tensor of one element is as good as a number.",
        edits=((FOUND, "return torch.tensor(math.exp(middle))"),),
        question="What does json.dumps do with your result?",
        explanation="The temperature is one plain number to write down; .item() gives it.\n"
        "See the docstring of exercise 6.",
    ),
    Misconception(
        id="networks-are-never-too-modest",
        exercise="fit_temperature",
        belief="Networks are too sure of themselves, so a temperature is at least 1.",
        edits=(("low, high = math.log(0.01)", "low, high = math.log(1)"),),
        question="Label smoothing and a short training teach modesty. Which temperature would undo that?",
        explanation="Below 1 the temperature sharpens; networks trained with label smoothing often need it.\n"
        "See “Taking the temperature”.",
        seen_in=f"{GUO}, section 3, finds modern networks too confident",
    ),
    Misconception(
        id="softmax-by-the-formula",
        exercise="fit_temperature",
        belief="exp(z) / sum(exp(z)) can be computed as it is written.",
        edits=(
            (
                DIVIDED,
                "powers = (logits / math.exp(middle)).exp(); probabilities = powers / powers.sum(1, keepdim=True)",
            ),
        ),
        question="What is exp(1000) in floating point?",
        explanation="exp overflows at 710 even in float64; softmax and log_softmax subtract the maximum first.\n"
        "See lesson 6, the loss.",
    ),
    Misconception(
        id="temperature-up-to-ten",
        exercise="fit_temperature",
        belief="No network is so sure that its logits must shrink more than tenfold.",
        edits=(("math.log(0.01), math.log(100)", "math.log(0.01), math.log(10)"),),
        question="Which range does the docstring name?",
        explanation="The temperature has to make up for the scale of the logits, whatever that is.\n"
        "See the docstring of exercise 6.",
    ),
    Misconception(
        id="temperature-above-a-tenth",
        exercise="fit_temperature",
        belief="No network is so modest that its logits must grow more than tenfold.",
        edits=(("low, high = math.log(0.01)", "low, high = math.log(0.1)"),),
        question="Which range does the docstring name?",
        explanation="Logits that went through a softmax already lie between 0 and 1 and need a small temperature.\n"
        "See the docstring of exercise 6.",
    ),
    Misconception(
        id="centres-the-logits-in-place",
        exercise="fit_temperature",
        belief="The logits may be shifted in place, as a shift doesn't change the softmax.",
        edits=(("right = logits.gather", "logits -= logits.amax(1, keepdim=True)\n    right = logits.gather"),),
        question="Who else still needs the logits after your function has returned?",
        explanation="double() of a float64 tensor is that very tensor, so -= writes into the caller's logits.\n"
        "See “left unchanged” in the docstring of exercise 6.",
    ),
    Misconception(
        id="two-hundred-temperatures",
        exercise="fit_temperature",
        belief="Two hundred temperatures between 0.01 and 100 are fine enough.",
        edits=(
            (
                FOUND,
                "loss = lambda t: -(logits / t).log_softmax(1).gather(1, targets[:, None]).mean()\n"
                "    return min((10 ** (k / 50) for k in range(-100, 101)), key=loss)",
            ),
        ),
        question="How far apart, in per cent, are two neighbours of your grid?",
        explanation="Two hundred steps over four powers of ten are 4.7 % each, so the answer may be 2.4 % off.\n"
        "See the docstring of exercise 6: right to 1 %.",
    ),
    Misconception(
        id="a-range-without-ends",
        exercise="fit_temperature",
        belief="The wider the range that is searched, the better the temperature.",
        edits=(("math.log(0.01), math.log(100)", "math.log(1e-4), math.log(1e4)"),),
        question="All of four answers are right. How low may a temperature get before the loss stops falling?",
        explanation="Answers that are all right have no best temperature: the search runs on to its end.\n"
        "See the docstring of exercise 6 for where that lies.",
    ),
]

CONFIDENT = "confidence, predictions = logits.double().softmax(1).max(1)"
WRONG = "wrong = (predictions != targets).nonzero().flatten()"
ORDER = "order = confidence[wrong].argsort(descending=True, stable=True)"

MISTAKES = [
    Misconception(
        id="least-confident-first",
        exercise="most_confident_mistakes",
        belief="The sort puts the highest confidence first by itself.",
        edits=((ORDER, ORDER.replace("descending=True", "descending=False")),),
        question="Which of your mistakes comes first, that with 0.99 or that with 0.31?",
        explanation="A sort is ascending unless told otherwise.\nSee hint 2 of exercise 7.",
    ),
    Misconception(
        id="right-answers-among-them",
        exercise="most_confident_mistakes",
        belief="The most confident answers are the ones to look at, right or wrong.",
        edits=((WRONG, "wrong = torch.arange(len(targets))"),),
        question="Are all of your images mistakes?",
        explanation="A right answer given with certainty is no surprise; keep the wrong ones first, then sort.\n"
        "See exercise 7.",
    ),
    Misconception(
        id="by-the-logit",
        exercise="most_confident_mistakes",
        belief="The highest logit shows the highest confidence.",
        edits=((CONFIDENT, "confidence, predictions = logits.double().max(1)"),),
        question="Add 100 to all logits of an image. Has the network become more confident?",
        explanation="Only differences of logits within an image count; softmax makes them comparable between images.\n"
        "See hint 1 of exercise 7.",
    ),
    Misconception(
        id="by-the-true-class",
        exercise="most_confident_mistakes",
        belief="The worst mistakes are those with the lowest probability of the true class.",
        edits=((ORDER, "order = logits.softmax(1)[wrong, targets[wrong]].argsort()"),),
        question="Two images: 0.5, 0.49, 0.01 and 0.9, 0.05, 0.05, the last class is true. Which answer was surer?",
        explanation="That sorts by the loss, also a good list, but another one: confidence is about the answer given.\n"
        "See exercise 7.",
    ),
    Misconception(
        id="by-the-margin",
        exercise="most_confident_mistakes",
        belief="Confidence is the distance between the best and the second best probability.",
        edits=(
            (
                ORDER,
                "two = logits.double().softmax(1).topk(2).values[wrong]\n"
                "    order = (two[:, 0] - two[:, 1]).argsort(descending=True)",
            ),
        ),
        question="Which number stands for confidence in exercise 5?",
        explanation="The margin is a measure of its own; confidence is the highest probability.\nSee exercise 7.",
        seen_in="margin sampling in active learning (Scheffer et al. 2001)",
    ),
    Misconception(
        id="positions-among-the-mistakes",
        exercise="most_confident_mistakes",
        belief="The sort gives indices of images.",
        edits=(("return wrong[order][:n]", "return order[:n]"),),
        question="You sorted only the mistakes. What does position 0 of that list refer to?",
        explanation="argsort counts within what it was given, the mistakes; wrong[order] leads back to the images.\n"
        "See hint 3 of exercise 7.",
    ),
    Misconception(
        id="confidences-instead-of-indices",
        exercise="most_confident_mistakes",
        belief="The confidences of the mistakes are asked for.",
        edits=(("return wrong[order][:n]", "return confidence[wrong][order][:n]"),),
        question="How will the caller find the pictures that belong to your numbers?",
        explanation="Indices lead to the pictures, the names and the confidences alike.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="all-mistakes",
        exercise="most_confident_mistakes",
        belief="All mistakes are asked for, in order.",
        edits=(("return wrong[order][:n]", "return wrong[order]"),),
        question="How many did the caller ask for?",
        explanation="The n worst are enough to look at; slicing by [:n] also copes with fewer.\nSee exercise 7.",
    ),
    Misconception(
        id="filled-up-with-right-answers",
        exercise="most_confident_mistakes",
        belief="n indices come back in any case.",
        edits=(
            (ORDER, "ranked = torch.where(predictions != targets, confidence, confidence - 2)"),
            ("return wrong[order][:n]", "return ranked.argsort(descending=True)[:n]"),
        ),
        question="A network makes 4 mistakes, and you are asked for 9. Which are the other 5?",
        explanation="A right answer is no mistake, not even the last on the list: fewer come back.\n"
        "See the docstring of exercise 7.",
    ),
    Misconception(
        id="squeeze-takes-one-dimension",
        exercise="most_confident_mistakes",
        belief="squeeze() removes only the second dimension of what nonzero() gives.",
        edits=((WRONG, WRONG.replace(".flatten()", ".squeeze()")),),
        question="What shape has nonzero().squeeze() if there is exactly one mistake?",
        explanation="squeeze() takes away every dimension of length 1, so a single index loses both.\n"
        "See hint 2 of exercise 7.",
    ),
    Misconception(
        id="a-list-of-integers-becomes-int64",
        exercise="most_confident_mistakes",
        belief="torch.tensor makes int64 of every list of indices, the empty one included.",
        edits=(("return wrong[order][:n]", "return torch.tensor([wrong[k].item() for k in order[:n]])"),),
        question="Which dtype has torch.tensor([]), and can it be used as an index?",
        explanation="torch.tensor goes by what is in the list; where nothing is, it makes float32, which is no index.\n"
        "See “Returns” in the docstring of exercise 7.",
    ),
    Misconception(
        id="float32-tells-certainties-apart",
        exercise="most_confident_mistakes",
        belief="float32 has digits enough to tell confidences apart.",
        edits=((CONFIDENT, CONFIDENT.replace(".double()", "")),),
        question="What does float32 make of a probability of 0.999999998?",
        explanation="Between 0.99999994 and 1 float32 has no number: the surest mistakes all tie, in chance order.\n"
        "See “Returns” in the docstring of exercise 7.",
    ),
]

PICTURE = "images[i].permute(1, 2, 0).numpy()"
TEXT = 'text = f"{said} {confidence[i]:.0%}"'

PICTURES = [
    Misconception(
        id="reshape-for-permute",
        exercise="show_predictions",
        belief="reshape(H, W, 3) makes a picture of (3, H, W).",
        edits=((PICTURE, "images[i].reshape(*images[i].shape[1:], 3).numpy()"),),
        question="Do your pictures look like nine small grey copies, three by three?",
        explanation="reshape keeps the order in memory, so three red values become one pixel; permute moves axes.\n"
        "See hint 1 of exercise 8.",
    ),
    Misconception(
        id="columns-and-rows-swapped",
        exercise="show_predictions",
        belief="The picture is images[i].T.",
        edits=((PICTURE, "images[i].permute(2, 1, 0).numpy()"),),
        question="Are the ships in your pictures sailing uphill?",
        explanation="Transposing (3, H, W) gives (W, H, 3): every picture lies on its side.\nSee hint 1 of exercise 8.",
        seen_in=".T of a (C, H, W) array",
    ),
    Misconception(
        id="blue-green-red",
        exercise="show_predictions",
        belief="Channels are in the order blue, green, red.",
        edits=((PICTURE, PICTURE.replace("images[i]", "images[i].flip(0)")),),
        question="Is your sky orange?",
        explanation="CIFAR-10's rows hold red, green, blue, as matplotlib expects; OpenCV turns them round.\n"
        "See “The idea: a row of bytes is a picture” in lesson 5.",
        seen_in="OpenCV's order of channels",
    ),
    Misconception(
        id="pictures-by-position",
        exercise="show_predictions",
        belief="The first axes show the first image, the next the next.",
        edits=(("axes, chosen.tolist(), strict=False", "axes, range(len(chosen)), strict=False"),),
        question="Is the image in your third frame number 3 of all, or the third of those chosen?",
        explanation="The chosen indices say which images; the position only says where on the page.\n"
        "See hint 2 of exercise 8.",
    ),
    Misconception(
        id="first-mistakes",
        exercise="show_predictions",
        belief="Any mistakes will do.",
        edits=(
            (
                "most_confident_mistakes(logits, targets, 2 * columns)",
                "(predictions != targets).nonzero().flatten()[: 2 * columns]",
            ),
        ),
        question="Which mistakes say more of the network: those it guessed, or those it was sure of?",
        explanation="The most confident mistakes are shown, which exercise 7 has found.\n"
        "See the docstring of exercise 8.",
    ),
    Misconception(
        id="half-as-many-pictures",
        exercise="show_predictions",
        belief="There is one row of each kind.",
        edits=(
            (".flatten()[: 2 * columns]", ".flatten()[:columns]"),
            (
                "most_confident_mistakes(logits, targets, 2 * columns)",
                "most_confident_mistakes(logits, targets, columns)",
            ),
        ),
        question="How many pictures of each kind does the docstring name?",
        explanation="2 * columns right answers and as many mistakes: two rows of each.\n"
        "See the docstring of exercise 8.",
    ),
    Misconception(
        id="always-enough-pictures",
        exercise="show_predictions",
        belief="There are always enough right answers and enough mistakes.",
        edits=(("axes, chosen.tolist(), strict=False", "axes, chosen.tolist(), strict=True"),),
        question="What does your function do for a network that makes no mistake?",
        explanation="With fewer mistakes than frames some frames stay empty, and nothing fails.\n"
        "See the docstring of exercise 8.",
    ),
    Misconception(
        id="a-row-at-least",
        exercise="show_predictions",
        belief="There is always something to show in either half.",
        edits=(
            ("part.subplots(2, columns)", "part.subplots(math.ceil(len(chosen) / columns), columns, squeeze=False)"),
        ),
        question="How many rows of frames do you ask for when the network makes no mistake?",
        explanation="No picture, no row; and matplotlib refuses to make a grid of 0 rows.\n"
        "See “or none” in the docstring of exercise 8.",
    ),
    Misconception(
        id="eight-columns-whatever",
        exercise="show_predictions",
        belief="A row always holds eight pictures.",
        edits=(("confidence, predictions = logits", "columns = 8\n    confidence, predictions = logits"),),
        question="What changes in your figure with columns=2?",
        explanation="columns decides how many pictures stand in a row, and so how many there are in all.\n"
        "See the docstring of exercise 8.",
    ),
    Misconception(
        id="confidence-of-the-true-class",
        exercise="show_predictions",
        belief="The percentage belongs to the true class.",
        edits=((TEXT, 'text = f"{said} {logits.softmax(1)[i, targets[i]]:.0%}"'),),
        question="“cat 3%, is dog”: how sure was the network when it said cat?",
        explanation="The number stands beside the name that was given, and says how sure the network was of it.\n"
        "See the docstring of exercise 8.",
    ),
    Misconception(
        id="logits-for-per-cent",
        exercise="show_predictions",
        belief="The highest logit is the confidence.",
        edits=(("logits.softmax(1).max(1)", "logits.max(1)"),),
        question="Do your percentages ever exceed 100?",
        explanation="Logits become probabilities by softmax.\nSee hint 2 of exercise 8.",
    ),
    Misconception(
        id="true-name-left-out",
        exercise="show_predictions",
        belief="A mistake's title names what it was called, and that is enough.",
        edits=(('("" if said == true else f"\\nis {true}")', '""'),),
        question="Can the reader tell from the title what the picture really is?",
        explanation="A mistake is only understood with both names: what it was called and what it is.\n"
        "See the docstring of exercise 8.",
    ),
    Misconception(
        id="true-name-for-all",
        exercise="show_predictions",
        belief="Every title says what the picture really is, that of a right answer as well.",
        edits=(('("" if said == true else f"\\nis {true}")', 'f"\\nis {true}"'),),
        question="How does a reader who glances at “cat 93%, is cat” tell it from a mistake?",
        explanation="For a right answer both names are one; the second name stands only where it says something new.\n"
        "See the docstring of exercise 8.",
    ),
    Misconception(
        id="true-name-first",
        exercise="show_predictions",
        belief="A title begins with what the picture is.",
        edits=((TEXT, 'said, true = true, said; text = f"{said} {confidence[i]:.0%}"'),),
        question="“cat 93%, is dog”: which of the two did the network say?",
        explanation="The percentage belongs to the name that was given: that name comes first, then what is true.\n"
        "See the docstring of exercise 8.",
    ),
    Misconception(
        id="names-by-image",
        exercise="show_predictions",
        belief="names holds one name for each image.",
        edits=(("names[predictions[i]], names[targets[i]]", "names[i % len(names)], names[targets[i]]"),),
        question="How many names are there, and how many images?",
        explanation="names holds one name for each class: look them up by predictions[i] and targets[i].\n"
        "See the docstring of exercise 8.",
    ),
]

GRADIENT = "(gradient,) = torch.autograd.grad(logits[0, target], kept[0])"
WEIGHTS = "weights = gradient.mean(dim=(2, 3), keepdim=True)"
HEAT = "heat = (weights * kept[0].detach()).sum(dim=1)"
MASKED = "return heat[0].relu()"
LOOK = """    hook = layer.register_forward_hook(keep)
    try:
        with evaluating(model):
            logits = model(image[None])  # (1, C)
    finally:
        hook.remove()
"""

HEATMAPS = [
    Misconception(
        id="gradient-of-the-probability",
        exercise="grad_cam",
        belief="The gradient is that of the class's probability.",
        edits=((GRADIENT, GRADIENT.replace("logits[0, target]", "logits.softmax(1)[0, target]")),),
        question="What is the slope of a softmax that says 99.99 %?",
        explanation="Behind a saturated softmax every gradient vanishes, and other classes mix in. Take the score\n"
        "before the softmax, the logit. See the formula in “Where does it look?”.",
        seen_in=f"{SELVARAJU}, section 3, stresses that the score is taken before the softmax",
    ),
    Misconception(
        id="gradient-of-the-loss",
        exercise="grad_cam",
        belief="The gradient is that of the loss.",
        edits=((GRADIENT, GRADIENT.replace("logits[0, target]", "-logits.log_softmax(1)[0, target]")),),
        question="Which pixels raise the loss, those for the class or those against it?",
        explanation="The loss falls where the class's score rises, so all signs are turned, and the softmax mixes in\n"
        "the other classes. See the formula in “Where does it look?”.",
    ),
    Misconception(
        id="gradient-of-the-log-probability",
        exercise="grad_cam",
        belief="The gradient is that of the logarithm of the class's probability.",
        edits=((GRADIENT, GRADIENT.replace("logits[0, target]", "logits.log_softmax(1)[0, target]")),),
        question="Does your map for “cat” change when only the logit of “ship” depends on a pixel?",
        explanation="log_softmax subtracts what speaks for all other classes; Grad-CAM asks for this logit alone.\n"
        "See the formula in “Where does it look?”.",
    ),
    Misconception(
        id="gradient-of-all-logits",
        exercise="grad_cam",
        belief="The gradient is that of the sum of all logits.",
        edits=((GRADIENT, GRADIENT.replace("logits[0, target]", "logits.sum()")),),
        question="Does your map depend on the class asked about?",
        explanation="The question is where the network looks for one class: that class's logit alone.\n"
        "See the formula in “Where does it look?”.",
    ),
    Misconception(
        id="always-the-predicted-class",
        exercise="grad_cam",
        belief="The class asked about is the one predicted.",
        edits=((GRADIENT, GRADIENT.replace("logits[0, target]", "logits.max()")),),
        question="The network says cat. Where would it look for a dog?",
        explanation="The target is an argument, so that a mistake can be asked for what speaks for the truth.\n"
        "See the signature in exercise 9.",
    ),
    Misconception(
        id="relu-left-out",
        exercise="grad_cam",
        belief="What speaks against the class belongs in the map.",
        edits=((MASKED, "return heat[0]"),),
        question="Can your map be negative?",
        explanation="Negative values speak for other classes; the ReLU leaves what speaks for this one.\n"
        "See the formula in “Where does it look?”.",
        seen_in=f"{SELVARAJU}, section 3, reports worse maps without it",
    ),
    Misconception(
        id="absolute-value-for-relu",
        exercise="grad_cam",
        belief="The map holds absolute values.",
        edits=((MASKED, "return heat[0].abs()"),),
        question="Does a pixel that speaks against the class shine as brightly as one that speaks for it?",
        explanation="ReLU sets what speaks against the class to 0; the absolute value makes it shine.\n"
        "See the formula in “Where does it look?”.",
    ),
    Misconception(
        id="strongest-gradient-as-weight",
        exercise="grad_cam",
        belief="A map's weight is the largest gradient in it.",
        edits=((WEIGHTS, "weights = gradient.amax(dim=(2, 3), keepdim=True)"),),
        question="The formula has a sum over all positions and a number it is divided by. Which mean is that?",
        explanation="The weight is the mean gradient over all positions.\nSee the formula in “Where does it look?”.",
    ),
    Misconception(
        id="summed-gradients-as-weight",
        exercise="grad_cam",
        belief="A map's weight is the sum of its gradients.",
        edits=((WEIGHTS, "weights = gradient.sum(dim=(2, 3), keepdim=True)"),),
        question="What stands before the two sums in the formula, and what does it do to them?",
        explanation="The sum is divided by the number of positions: a map's weight is the mean of its gradients.\n"
        "See the formula in “Where does it look?”.",
    ),
    Misconception(
        id="gradient-times-activation",
        exercise="grad_cam",
        belief="Each position is weighed by its own gradient.",
        edits=((WEIGHTS, "weights = gradient"),),
        question="How many weights has a map: one, or one at each position?",
        explanation="Grad-CAM averages the gradient over the map first: one weight a map. Without the average it is\n"
        "another method. See the formula in “Where does it look?”.",
        seen_in="Draelos & Carin 2020 call this variant HiResCAM",
    ),
    Misconception(
        id="positive-weights-only",
        exercise="grad_cam",
        belief="Only positive gradients count.",
        edits=((WEIGHTS, "weights = gradient.relu().mean(dim=(2, 3), keepdim=True)"),),
        question="Where does the formula have its ReLU: around the gradient or around the sum?",
        explanation="The weights may be negative; only the finished sum is cut off at 0.\n"
        "See the formula in “Where does it look?”.",
        seen_in="Chattopadhyay et al. 2018, Grad-CAM++, has a ReLU there",
    ),
    Misconception(
        id="maps-averaged-over-channels",
        exercise="grad_cam",
        belief="The weighted maps are averaged.",
        edits=((HEAT, HEAT.replace(".sum(dim=1)", ".mean(dim=1)")),),
        question="What is divided by the number of maps in the formula?",
        explanation="The weighted maps are added up; only the gradients are averaged, over positions.\n"
        "See the formula in “Where does it look?”.",
    ),
    Misconception(
        id="scaled-to-1",
        exercise="grad_cam",
        belief="The map is scaled so that its largest value is 1.",
        edits=((MASKED, "return heat[0].relu() / heat[0].relu().max().clamp(min=1e-12)"),),
        question="Can two of your maps be compared with each other?",
        explanation="Scaling is a matter of drawing. In the map itself it hides how little may speak for the class.\n"
        "See the docstring of exercise 9.",
    ),
    Misconception(
        id="map-keeps-the-batch",
        exercise="grad_cam",
        belief="The map keeps the dimension of the batch.",
        edits=((MASKED, "return heat.relu()"),),
        question="What shape does the docstring promise?",
        explanation="One image in, one map (h, w) out.\nSee the docstring of exercise 9.",
    ),
    Misconception(
        id="squeeze-takes-the-batch-alone",
        exercise="grad_cam",
        belief="squeeze() removes the dimension of the batch and no other.",
        edits=((MASKED, "return heat.squeeze().relu()"),),
        question="What shape has a map of one row and three columns after squeeze()?",
        explanation="squeeze() takes away every dimension of length 1, and a map may be one pixel high or wide.\n"
        "heat[0] takes the batch alone; see “Returns” in the docstring of exercise 9.",
    ),
    Misconception(
        id="map-as-large-as-the-image",
        exercise="grad_cam",
        belief="The map is as large as the image.",
        edits=(
            (MASKED, "return nn.functional.interpolate(heat[None].relu(), image.shape[1:], mode='bilinear')[0, 0]"),
        ),
        question="How many positions has the layer's map, and where would the others come from?",
        explanation="Enlarging adds no knowledge; the map is returned as it is, and enlarged for drawing.\n"
        "See the docstring of exercise 9.",
    ),
    Misconception(
        id="looks-in-whatever-mode",
        exercise="grad_cam",
        belief="The mode of the network doesn't matter for looking.",
        edits=(("with evaluating(model):", "if True:"),),
        question="A batch of one image in training mode: which mean does the batch norm subtract?",
        explanation="In training mode the image is normalised by itself, dropout drops, and the running statistics\n"
        "move. See “Two modes” in lesson 2.",
    ),
    Misconception(
        id="stays-in-evaluation-mode",
        exercise="grad_cam",
        belief="The network may stay in evaluation mode.",
        edits=(("with evaluating(model):", "model.eval()\n        if True:"),),
        question="Someone calls your function between two epochs. In which mode does the training go on?",
        explanation="From there on the norms would stand still; leave every mode as it was.\n"
        "See `evaluating` above exercise 9.",
    ),
    Misconception(
        id="wakes-frozen-parts",
        exercise="grad_cam",
        belief="model.train() brings the modes back.",
        edits=(
            ("with evaluating(model):", "model.eval()\n        if True:"),
            ("if not 0 <= target", "model.train()\n    if not 0 <= target"),
        ),
        question="A norm was frozen in evaluation mode while all else trained. In which mode is it now?",
        explanation="model.train() reaches every part, also those that were in evaluation mode on purpose.\n"
        "See `evaluating` above exercise 9.",
    ),
    Misconception(
        id="children-are-all-modules",
        exercise="grad_cam",
        belief="children() gives every module of a network.",
        edits=(
            (
                "        with evaluating(model):\n            logits = model(image[None])",
                "        modes = [(part, part.training) for part in (model, *model.children())]\n"
                "        model.eval()\n        try:\n            logits = model(image[None])",
            ),
            (
                "    finally:\n        hook.remove()",
                "        finally:\n            for part, mode in modes:\n                part.training = mode\n"
                "    finally:\n        hook.remove()",
            ),
        ),
        question="A ResNet has blocks, and the blocks have norms. Which of them does children() of the ResNet give?",
        explanation="children() stops at the first level, but eval() goes all the way down, and so does modules().\n"
        "See `evaluating` above exercise 9.",
    ),
    Misconception(
        id="a-block-has-one-mode",
        exercise="grad_cam",
        belief="All modules in a block have the mode of the block.",
        edits=(
            (
                "        with evaluating(model):\n            logits = model(image[None])",
                "        was, modes = model.training, [(part, part.training) for part in model.children()]\n"
                "        model.eval()\n        try:\n            logits = model(image[None])",
            ),
            (
                "    finally:\n        hook.remove()",
                "        finally:\n            model.train(was)\n            for part, mode in modes:\n"
                "                part.train(mode)\n    finally:\n        hook.remove()",
            ),
        ),
        question="A block trains, and one norm in it was frozen. What does block.train() do to that norm?",
        explanation="train() of a block reaches every module in it; to bring modes back, note each module's own.\n"
        "See `evaluating` above exercise 9.",
    ),
    Misconception(
        id="gradients-pile-up",
        exercise="grad_cam",
        belief="backward() on the logit leaves nothing behind.",
        edits=((GRADIENT, "logits[0, target].backward()\n    gradient = kept[0].grad"),),
        question="What is in the parameters' .grad after your function, and what will the optimizer do with it?",
        explanation="backward() adds to the .grad of parameters, and the next step takes it along.\n"
        "torch.autograd.grad gives only the gradient asked for; see hint 2 of exercise 9.",
    ),
    Misconception(
        id="freezes-the-network",
        exercise="grad_cam",
        belief="The parameters may be frozen for the purpose.",
        edits=(("    hook = layer", "    model.requires_grad_(False)\n    hook = layer"),),
        question="Which parameters will still learn after your function was called?",
        explanation="requires_grad is part of the model's state, and who calls you doesn't expect it changed.\n"
        "See the docstring of exercise 9.",
    ),
    Misconception(
        id="map-with-a-graph",
        exercise="grad_cam",
        belief="It does no harm if the map asks for a gradient.",
        edits=((HEAT, HEAT.replace(".detach()", "")),),
        question="What does .numpy() say to your map?",
        explanation="A map that hangs on the graph keeps it in memory and can't be drawn; detach it.\n"
        "See the docstring of exercise 9.",
    ),
    Misconception(
        id="hook-left-behind",
        exercise="grad_cam",
        belief="A hook vanishes with the function that registered it.",
        edits=(("hook.remove()", "pass"),),
        question="Call your function a hundred times. How many hooks run in the next forward pass?",
        explanation="The layer keeps the hook, and with it all that the hook keeps, until hook.remove().\n"
        "See hint 2 of exercise 9.",
    ),
    Misconception(
        id="hook-left-behind-after-an-error",
        exercise="grad_cam",
        belief="The line that removes the hook is always reached.",
        edits=(("    finally:\n        hook.remove()", "    finally:\n        pass\n    hook.remove()"),),
        question="The forward pass runs out of memory. Which of your lines runs next?",
        explanation="An error jumps over the lines that follow; what must happen in any case stands under finally.\n"
        "See hint 2 of exercise 9.",
    ),
    Misconception(
        id="a-refusal-needs-no-cleaning-up",
        exercise="grad_cam",
        belief="Only an error of the network needs cleaning up after, not a class that is refused.",
        edits=(
            ("    finally:\n        hook.remove()", "    except Exception:\n        hook.remove()\n        raise"),
            (GRADIENT, "hook.remove()\n    " + GRADIENT),
        ),
        question="Your function raises its own error for class 6. Which of your lines were left out by that?",
        explanation="An error of your own leaves a function as any other does: clean up first, or under finally.\n"
        "See “also after an error” in the docstring of exercise 9.",
    ),
    Misconception(
        id="modes-come-back-if-all-goes-well",
        exercise="grad_cam",
        belief="The line that brings the modes back is always reached.",
        edits=(
            (
                "with evaluating(model):",
                "modes = {module: module.training for module in model.modules()}\n"
                "        model.eval()\n        if True:",
            ),
            (GRADIENT, "for module, mode in modes.items():\n        module.training = mode\n    " + GRADIENT),
        ),
        question="The forward pass fails, and somebody catches the error. In which mode does the training go on?",
        explanation="An error jumps over the lines that follow; finally, or a context manager, is always passed.\n"
        "See `evaluating` above exercise 9.",
    ),
    Misconception(
        id="thaws-if-all-goes-well",
        exercise="grad_cam",
        belief="The line that thaws what was frozen for the purpose is always reached.",
        edits=(
            (
                "    hook = layer",
                "    asked = [(p, p.requires_grad) for p in model.parameters()]\n"
                "    model.requires_grad_(False)\n    hook = layer",
            ),
            (GRADIENT, "for p, value in asked:\n        p.requires_grad_(value)\n    " + GRADIENT),
        ),
        question="You ask about a class that doesn't exist. Which parameters still learn afterwards?",
        explanation="An error jumps over the lines that follow; what must happen in any case stands under finally.\n"
        "See “also after an error” in the docstring of exercise 9.",
    ),
    Misconception(
        id="all-hooks-are-mine",
        exercise="grad_cam",
        belief="Whatever hooks the layer has were registered here.",
        edits=(("hook.remove()", "layer._forward_hooks.clear()"),),
        question="Somebody counts the calls of the layer with a hook. Does it still count after your function?",
        explanation="A layer may have hooks of others; what registering returned removes your own and no other.\n"
        "See hint 2 of exercise 9.",
    ),
    Misconception(
        id="there-is-always-a-graph",
        exercise="grad_cam",
        belief="The layer's output is always part of a graph.",
        edits=(("output.detach().requires_grad_()", "output"),),
        question="No parameter of a frozen network asks for a gradient. What does its output hang on?",
        explanation="Without a parameter or input that requires a gradient no graph is built; start one at the layer.\n"
        "See hint 3 of exercise 9.",
    ),
    Misconception(
        id="maps-stay-as-they-were",
        exercise="grad_cam",
        belief="Nothing behind the layer changes its output.",
        edits=(("return kept[-1].clone()", "return kept[-1]"),),
        question="What does ReLU(inplace=True) do to the tensor that your hook has kept?",
        explanation="What follows may write into the layer's output; hand a copy on and keep the original.\n"
        "See hint 3 of exercise 9.",
    ),
    Misconception(
        id="target-minus-1-is-the-last-class",
        exercise="grad_cam",
        belief="Any number is a class.",
        edits=(("if not 0 <= target < logits.shape[1]:", "if False:"),),
        question="What does logits[0, -1] give?",
        explanation="Python counts negative indices from the end, so -1 silently asks about the last class.\n"
        "See “Raises” in the docstring of exercise 9.",
    ),
    Misconception(
        id="only-minus-1-is-no-class",
        exercise="grad_cam",
        belief="Indexing refuses a class that is too large clearly enough.",
        edits=(("if not 0 <= target < logits.shape[1]:", "if target < 0:"),),
        question="Which error does logits[0, 6] raise for six classes, and does it say that it is about the target?",
        explanation="The last class is C - 1. An IndexError from inside tells nobody that the target was wrong.\n"
        "See “Raises” in the docstring of exercise 9.",
    ),
    Misconception(
        id="a-batch-will-do",
        exercise="grad_cam",
        belief="There is no need to check the image.",
        edits=(("if image.ndim != 3:", "if False:"),),
        question="Which image of a batch should your single map belong to?",
        explanation="One image gives one map; the message of a layer deep inside doesn't tell what went wrong.\n"
        "See “Raises” in the docstring of exercise 9.",
    ),
    Misconception(
        id="an-image-has-three-dimensions-at-most",
        exercise="grad_cam",
        belief="An image can only have too many dimensions.",
        edits=(("if image.ndim != 3:", "if image.ndim > 3:"),),
        question="What shape has a grey picture, and what does the first layer say to it?",
        explanation="Without its channels an image has two dimensions; the error should come from here and say so.\n"
        "See “Raises” in the docstring of exercise 9.",
    ),
]

MEAN = "return (model(images) + model(images.flip(-1))) / 2"
MODES = "with evaluating(model), torch.no_grad():"

FLIPS = [
    Misconception(
        id="flipped-upside-down",
        exercise="predict_with_flips",
        belief="The mirror image is flipped along dimension 2.",
        edits=((MEAN, MEAN.replace("flip(-1)", "flip(2)")),),
        question="Which is dimension 2 of (N, 3, H, W), and what happens to a ship that is flipped along it?",
        explanation="Dimension 2 is the height: ships stand on their heads, which the network has never seen.\n"
        "See “A second look”.",
    ),
    Misconception(
        id="turned-by-180-degrees",
        exercise="predict_with_flips",
        belief="A mirror image is flipped along height and width.",
        edits=((MEAN, MEAN.replace("flip(-1)", "flip((2, 3))")),),
        question="Flip a picture along both axes. Is that still a mirror image?",
        explanation="Both flips together turn the picture by 180 degrees; the training data has only left and right.\n"
        "See “A second look”.",
    ),
    Misconception(
        id="order-of-the-batch-flipped",
        exercise="predict_with_flips",
        belief="images.flip(0) mirrors the images.",
        edits=((MEAN, MEAN.replace("flip(-1)", "flip(0)")),),
        question="What stands along dimension 0 of (N, 3, H, W)?",
        explanation="Dimension 0 numbers the images: each would be averaged with another image of the batch.\n"
        "See “A second look”.",
    ),
    Misconception(
        id="mirror-image-only",
        exercise="predict_with_flips",
        belief="The mirror image replaces the image.",
        edits=((MEAN, "return model(images.flip(-1))"),),
        question="How many looks at each image does your average hold?",
        explanation="One look at the mirror image is no better than one at the image; their mean is.\n"
        "See “A second look”.",
    ),
    Misconception(
        id="flips-need-no-second-look",
        exercise="predict_with_flips",
        belief="The network has learned from flips, so that one look is enough.",
        edits=((MEAN, "return model(images)"),),
        question="Does your network give an image and its mirror image the very same logits?",
        explanation="Augmentation makes the two answers alike, not equal; what differs is averaged away.\n"
        "See “A second look”.",
    ),
    Misconception(
        id="sum-of-the-logits",
        exercise="predict_with_flips",
        belief="The two answers are added.",
        edits=((MEAN, MEAN.replace(" / 2", "")),),
        question="The largest logit stays the largest. What becomes of the confidence?",
        explanation="A sum is as good as a mean for the class, but it halves the temperature: twice too sure.\n"
        "See “A second look”.",
        seen_in="implementations that only report accuracy",
    ),
    Misconception(
        id="mean-of-the-probabilities",
        exercise="predict_with_flips",
        belief="The probabilities are averaged.",
        edits=((MEAN, "return (model(images).softmax(1) + model(images.flip(-1)).softmax(1)) / 2"),),
        question="What will the next function do with your result, if it takes logits?",
        explanation="Probabilities may be averaged, too, but the result must be logits; else softmax comes twice.\n"
        "See “A second look”.",
    ),
    Misconception(
        id="larger-of-the-two",
        exercise="predict_with_flips",
        belief="Of the two answers the higher logit counts.",
        edits=((MEAN, "return torch.maximum(model(images), model(images.flip(-1)))"),),
        question="What does the maximum do to the logit of a class that one of the two looks rightly ruled out?",
        explanation="The maximum keeps every overestimate; the mean lets the errors of the two looks cancel.\n"
        "See “A second look”.",
    ),
    Misconception(
        id="mean-of-the-classes",
        exercise="predict_with_flips",
        belief="The predicted classes are averaged.",
        edits=((MEAN, "return (model(images).argmax(1) + model(images.flip(-1)).argmax(1)) / 2"),),
        question="One look says class 2, the other class 6. Is it class 4?",
        explanation="Numbers of classes are names; an average of names means nothing. Average logits.\n"
        "See “A second look”.",
    ),
    Misconception(
        id="predicts-in-whatever-mode",
        exercise="predict_with_flips",
        belief="The mode of the network doesn't matter for predicting.",
        edits=((MODES, "with torch.no_grad():"),),
        question="What does dropout do to your two looks, and what do the norms learn from the test?",
        explanation="In training mode an answer depends on its neighbours, and test images move the statistics.\n"
        "See “Two modes” in lesson 2.",
    ),
    Misconception(
        id="predicts-and-stays-in-evaluation-mode",
        exercise="predict_with_flips",
        belief="The network may stay in evaluation mode.",
        edits=((MODES, "model.eval()\n    with torch.no_grad():"),),
        question="Someone calls your function between two epochs. In which mode does the training go on?",
        explanation="From there on the norms would stand still; leave every mode as it was.\n"
        "See `evaluating` above exercise 9.",
    ),
    Misconception(
        id="predicts-and-wakes-frozen-parts",
        exercise="predict_with_flips",
        belief="model.train() brings the modes back.",
        edits=(
            (MODES, "model.eval()\n    with torch.no_grad():"),
            (MEAN, MEAN.replace("return", "logits =") + "\n    model.train()\n    return logits"),
        ),
        question="A norm was frozen in evaluation mode while all else trained. In which mode is it now?",
        explanation="model.train() reaches every part, also those that were in evaluation mode on purpose.\n"
        "See `evaluating` above exercise 9.",
    ),
    Misconception(
        id="predicts-with-a-graph",
        exercise="predict_with_flips",
        belief="eval() switches gradients off.",
        edits=((MODES, "with evaluating(model):"),),
        question="What does result.requires_grad say, and how much memory does a test of 10,000 images take?",
        explanation="eval() changes norms and dropout only; it's torch.no_grad() that builds no graph.\n"
        "See “Two modes” in lesson 2.",
    ),
    Misconception(
        id="gradients-come-on-again-by-themselves",
        exercise="predict_with_flips",
        belief="Gradients that were switched off are on again when the function ends.",
        edits=((MODES, "torch.set_grad_enabled(False)\n    with evaluating(model):"),),
        question="What does loss.backward() say in the next training step after your function?",
        explanation="set_grad_enabled(False) holds on; torch.no_grad() as a block ends with the block.\n"
        "See the docstring of exercise 10.",
    ),
    Misconception(
        id="gradients-were-on-before",
        exercise="predict_with_flips",
        belief="Gradients are always on where the function is called, so they are switched on at its end.",
        edits=(
            (MODES, "torch.set_grad_enabled(False)\n    with evaluating(model):"),
            (MEAN, MEAN.replace("return", "logits =") + "\n    torch.set_grad_enabled(True)\n    return logits"),
        ),
        question="Somebody calls your function in a block of torch.no_grad(). What does the rest of that block do?",
        explanation="Whoever switched gradients off wants them off after the call, too; torch.no_grad() as a block\n"
        "brings back what was before. See “on or off as before” in the docstring of exercise 10.",
    ),
    Misconception(
        id="detach-builds-no-graph",
        exercise="predict_with_flips",
        belief="With detach() at the end no graph is built.",
        edits=(
            (MODES, "with evaluating(model):"),
            (MEAN, "return ((model(images) + model(images.flip(-1))) / 2).detach()"),
        ),
        question="When detach() runs, what has the network already kept of every layer for a backward pass?",
        explanation="The graph is built while the network runs; detach() comes when memory is already full.\n"
        "See hint 2 of exercise 10.",
    ),
    Misconception(
        id="modes-of-children-only",
        exercise="predict_with_flips",
        belief="children() gives every module of a network.",
        edits=(
            (
                MODES,
                "modes = [(part, part.training) for part in (model, *model.children())]\n    model.eval()\n"
                "    with torch.no_grad():",
            ),
            (
                MEAN,
                MEAN.replace("return", "logits =")
                + "\n    for part, mode in modes:\n        part.training = mode\n    return logits",
            ),
        ),
        question="A ResNet has blocks, and the blocks have norms. Which of them does children() of the ResNet give?",
        explanation="children() stops at the first level, but eval() goes all the way down, and so does modules().\n"
        "See `evaluating` above exercise 9.",
    ),
    Misconception(
        id="images-turned-round-in-place",
        exercise="predict_with_flips",
        belief="Nobody needs the images as they were after the second look.",
        edits=(
            (
                MEAN,
                "logits = model(images)\n        images.copy_(images.flip(-1))\n"
                "        return (logits + model(images)) / 2",
            ),
        ),
        question="Somebody looks at the same images with another network after you. Which way round are they?",
        explanation="copy_ writes into the caller's tensor, and so does images[:] = …; flip gives a mirrored copy.\n"
        "See “left unchanged” in the docstring of exercise 10.",
    ),
    Misconception(
        id="squeeze-leaves-logits-alone",
        exercise="predict_with_flips",
        belief="Logits have no dimension of length 1 that squeeze() could take away.",
        edits=((MEAN, "return ((model(images) + model(images.flip(-1))) / 2).squeeze()"),),
        question="What shape have your logits for a batch of a single image?",
        explanation="One image gives logits of shape (1, C), and squeeze() makes (C,) of them.\n"
        "See “Returns” in the docstring of exercise 10.",
    ),
]

MISCONCEPTIONS = [
    *TOPK,
    *BOOTSTRAP,
    *CONFUSION,
    *REPORT,
    *CALIBRATION,
    *TEMPERATURE,
    *MISTAKES,
    *PICTURES,
    *HEATMAPS,
    *FLIPS,
]
