"""The wrong beliefs about data, executable."""

from course.diagnosis import Misconception

KUANGLIU = "the deviations 0.2023, 0.1994, 0.2010 of many CIFAR-10 recipes, kuangliu/pytorch-cifar among them"
SNIPPET = "the dataset's own page reads its files with pickle.load(fo, encoding='bytes')"
OFFICIAL_CUTOUT = "uoguelph-mlrg/Cutout, the authors' code, cuts 2 * (size // 2) pixels: the same for even sizes only"

IMAGES = "return torch.from_numpy(data).reshape(-1, 3, 32, 32), labels"
LABELS = 'torch.tensor(values[b"labels"])'


def images_as(reading: str) -> tuple[tuple[str, str], ...]:
    """The edit that makes the images of a file in another way."""
    return ((IMAGES, f"return {reading}, labels"),)


FILES = [
    Misconception(
        id="rows-hold-whole-pixels",
        exercise="load_batch",
        belief="A row of the file holds pixel after pixel: red, green and blue of the first, then of the second.",
        edits=images_as("torch.from_numpy(data).reshape(-1, 32, 32, 3).permute(0, 3, 1, 2)"),
        question="Which image value stands in byte 1 of a row, and which in byte 1024?",
        explanation="All 1,024 red values come first, then the green, then the blue: channels before pixels.\n"
        "See the strip of bytes in “The idea”; read wrongly, a photo becomes nine small grey ones.",
        seen_in="PIL and OpenCV keep images pixel by pixel",
    ),
    Misconception(
        id="channels-last-images",
        exercise="load_batch",
        belief="Images have the shape (N, 32, 32, 3).",
        edits=images_as("torch.from_numpy(data).reshape(-1, 3, 32, 32).permute(0, 2, 3, 1)"),
        question="Which dimension does a convolution of lesson 1 take for the channels?",
        explanation="torch's layers expect (N, C, H, W). matplotlib wants the channels last: permute to draw.\n"
        "See “Returns” in the docstring.",
        seen_in="torchvision.datasets.CIFAR10 keeps its data as (N, 32, 32, 3), for PIL",
    ),
    Misconception(
        id="blue-first",
        exercise="load_batch",
        belief="The channels come in the order blue, green, red.",
        edits=images_as("torch.from_numpy(data).reshape(-1, 3, 32, 32).flip(1)"),
        question="What colour is the sky in your pictures?",
        explanation="The first 1,024 bytes of a row are red. Blue first is a habit of OpenCV.\n"
        "See the three planes drawn in “The idea”.",
        seen_in="OpenCV's imread gives BGR",
    ),
    Misconception(
        id="column-after-column",
        exercise="load_batch",
        belief="A channel is stored column after column.",
        edits=images_as("torch.from_numpy(data).reshape(-1, 3, 32, 32).transpose(2, 3)"),
        question="The first 32 bytes: are they the top line of the picture or its left edge?",
        explanation="A channel is stored line by line (row-major): bytes 0 to 31 are the top line.\n"
        "See the formula in “The idea”: byte 1024 c + 32 y + x.",
        seen_in="MATLAB, for which there is a version of the files, stores column after column",
    ),
    Misconception(
        id="numbers-from-0-to-1",
        exercise="load_batch",
        belief="Loading scales the pixels to numbers from 0 to 1.",
        edits=images_as("torch.from_numpy(data).reshape(-1, 3, 32, 32) / 255"),
        question="How much memory do 50,000 images take as float32, and how much as bytes?",
        explanation="The file holds bytes, and bytes take a quarter of the memory and of the time to move.\n"
        "Scaling comes last, in normalize; see “Returns” in the docstring.",
        seen_in="torchvision.transforms.ToTensor scales as it converts",
    ),
    Misconception(
        id="labels-first",
        exercise="load_batch",
        belief="The labels are given first and the images second.",
        edits=((IMAGES, "return labels, torch.from_numpy(data).reshape(-1, 3, 32, 32)"),),
        question="In which order does the docstring name the two?",
        explanation="The pair is (images, labels), as in every data set of torch: input first, target second.\n"
        "See “Returns” in the docstring.",
    ),
    Misconception(
        id="keys-are-text",
        exercise="load_batch",
        belief="The dictionary's keys are text, such as 'data'.",
        edits=(('values[b"data"], torch', 'values["data"], torch'),),
        question="What does list(values) print, and what does the small b in front of a key mean?",
        explanation="Python 2 wrote the files, and its strings were bytes. Python 3 tells the two apart: b'data'.\n"
        "See the first bytes of the file in “The idea”.",
        seen_in="torchvision reads the same files with encoding='latin1' to get text",
    ),
    Misconception(
        id="labels-of-32-bits",
        exercise="load_batch",
        belief="Labels are small numbers, so int32 will do.",
        edits=((LABELS, 'torch.tensor(values[b"labels"], dtype=torch.int32)'),),
        question="Which dtype does torch's cross-entropy take for class indices?",
        explanation="Class indices are int64 throughout torch; cross_entropy and one_hot refuse int32.\n"
        "See “Returns” in the docstring.",
    ),
    Misconception(
        id="labels-stay-a-list",
        exercise="load_batch",
        belief="The labels are fine as the list that the file holds.",
        edits=((LABELS, 'values[b"labels"]'),),
        question="What does labels[index] give for a list, if index is a tensor of 128 numbers?",
        explanation="A batch picks many labels at once by a tensor of indices, which only a tensor allows.\n"
        "See “Returns” in the docstring: int64 of shape (N,).",
        seen_in="torchvision.datasets.CIFAR10.targets is a list",
    ),
    Misconception(
        id="batch-label-is-the-label",
        exercise="load_batch",
        belief="batch_label holds the label of the images.",
        edits=(
            (
                LABELS,
                'torch.full((len(values[b"data"]),), int(values[b"batch_label"].split(b"_")[2][:1]))',
            ),
        ),
        question="How many labels does a file with images of all ten classes need, and how many are in batch_label?",
        explanation="b'batch_label' names the file (“training batch 1 of 5”); b'labels' has one number an image.\n"
        "See the table of keys in “The idea”.",
    ),
    Misconception(
        id="any-row-becomes-images",
        exercise="load_batch",
        belief="If there are as many rows as labels, the rows can be cut into images.",
        edits=(("if data.shape != (len(labels), 3 * 32 * 32):", "if len(data) != len(labels):"),),
        question="Six grey images of 1,024 bytes: how many colour images does your reshape make of them?",
        explanation="reshape(-1, 3, 32, 32) takes any multiple of 3,072 bytes, across the rows' ends.\n"
        "See “Raises” in the docstring: the rows' length is checked, too.",
    ),
    Misconception(
        id="nobody-counts-the-labels",
        exercise="load_batch",
        belief="A file whose rows have the right length has the right number of labels.",
        edits=(("if data.shape != (len(labels), 3 * 32 * 32):", "if data.shape[1:] != (3 * 32 * 32,):"),),
        question="When would you notice that a file has one label fewer than images?",
        explanation="One label too few shifts every label after it, and training only looks a little worse.\n"
        "See “Raises” in the docstring: the labels are counted.",
    ),
    Misconception(
        id="pickles-are-data",
        exercise="load_batch",
        belief="A pickle is plain data, so pickle.load can read any file.",
        edits=(("values = unpickle(path)", 'values = __import__("pickle").load(open(path, "rb"), encoding="bytes")'),),
        question="What may happen on your machine if the file comes from somebody you don't know?",
        explanation="A pickle is a program; loading it may call any function. unpickle allows only arrays.\n"
        "See the box on pickles in “The idea”.",
        seen_in=SNIPPET,
    ),
    Misconception(
        id="one-image-is-no-batch",
        exercise="load_batch",
        belief="squeeze() takes away only what is not needed.",
        edits=images_as("torch.from_numpy(data).reshape(-1, 3, 32, 32).squeeze()"),
        question="What shape do your images have if the file holds only one?",
        explanation="squeeze() takes every dimension of size 1 away, and for one image the first is such a dimension.\n"
        "See “Returns” in the docstring: (N, 3, 32, 32), for N = 1 as well.",
    ),
    Misconception(
        id="a-longer-row-holds-the-image-too",
        exercise="load_batch",
        belief="A row of more than 3,072 bytes begins with the 3,072 of the image.",
        edits=(
            (
                "data.shape != (len(labels), 3 * 32 * 32)",
                "data.ndim != 2 or len(data) != len(labels) or data.shape[1] < 3 * 32 * 32",
            ),
            ("torch.from_numpy(data).reshape", "torch.from_numpy(data[:, : 3 * 32 * 32]).reshape"),
        ),
        question="The binary version of CIFAR-10 has rows of 3,073 bytes. What is the first of them?",
        explanation="There the label comes first: every pixel would be one place off, and no error says so.\n"
        "See “Raises” in the docstring: rows of 3,072 bytes, no more and no fewer.",
        seen_in="the binary version of CIFAR-10 puts a label of one byte before each image",
    ),
    Misconception(
        id="every-failure-is-a-value-error",
        exercise="load_batch",
        belief="Whatever is wrong with a file is a ValueError.",
        edits=(
            (
                "    values = unpickle(path)",
                "    try:\n        values = unpickle(path)\n"
                "    except Exception as error:\n        raise ValueError(str(error)) from error",
            ),
        ),
        question="A file that isn't there, a page of the web under the file's name: can a caller tell the two apart?",
        explanation="Let errors through that you can't mend: who catches an UnpicklingError downloads the file again.\n"
        "See “Raises” in the docstring: a pickle.UnpicklingError.",
    ),
    Misconception(
        id="one-file-is-the-training-set",
        exercise="load_cifar10",
        belief="data_batch_1 holds the training images.",
        edits=(("for number in range(1, 6)]", "for number in range(1, 2)]"),),
        question="How many images do you get, and how many has the training set?",
        explanation="The 50,000 training images are spread over five files of 10,000.\n"
        "See the list of files in “The idea”.",
    ),
    Misconception(
        id="range-ends-with-5",
        exercise="load_cifar10",
        belief="range(1, 5) counts from 1 to 5.",
        edits=(("range(1, 6)", "range(1, 5)"),),
        question="What does list(range(1, 5)) print?",
        explanation="range stops before its end; 10,000 images are missing and nothing complains.\n"
        "Count what you have loaded, always; see hint 1 of exercise 2.",
    ),
    Misconception(
        id="files-count-from-0",
        exercise="load_cifar10",
        belief="The files are numbered from 0 to 4.",
        edits=(("range(1, 6)", "range(5)"),),
        question="Which name does your error say is missing, and which names are in the folder?",
        explanation="The files are data_batch_1 to data_batch_5.\nSee the list of files in “The idea”.",
    ),
    Misconception(
        id="later-files-first",
        exercise="load_cifar10",
        belief="The order of the files doesn't matter.",
        edits=(("range(1, 6)", "range(5, 0, -1)"),),
        question="A classmate says: look at image 123. Will you both see the same one?",
        explanation="The order gives every image its number; splits and reports refer to it.\n"
        "See the first line of the docstring: 1 to 5, in this order.",
        seen_in="os.listdir and glob give files in any order",
    ),
    Misconception(
        id="trains-on-the-test-images",
        exercise="load_cifar10",
        belief="All six files are for training: the more the better.",
        edits=(("range(1, 6)] if train", 'range(1, 6)] + ["test_batch"] if train'),),
        question="On which images will you then measure how well the net does on images it has never seen?",
        explanation="A test image that was trained on measures memory, not skill.\n"
        "See “Statistics”: the test images must not leak into anything.",
    ),
    Misconception(
        id="the-other-part",
        exercise="load_cifar10",
        belief="train=True leaves the training images out.",
        edits=(("if train else", "if not train else"),),
        question="How many images does load_cifar10(root) give?",
        explanation="train=True asks for the 50,000 training images, train=False for the 10,000 test images.\n"
        "See “Args” in the docstring.",
    ),
    Misconception(
        id="always-the-training-images",
        exercise="load_cifar10",
        belief="The training images are all that is ever read.",
        edits=(('if train else ["test_batch"]', ""),),
        question="What does load_cifar10(root, train=False) give?",
        explanation="Somebody who asks for test images and gets training images reports a dream of an accuracy.\n"
        "See “Args” in the docstring.",
    ),
    Misconception(
        id="a-stack-of-files",
        exercise="load_cifar10",
        belief="The five files are stacked, so that the first dimension counts the files.",
        edits=(("torch.cat(images), torch.cat(labels)", "torch.stack(images), torch.stack(labels)"),),
        question="How many dimensions has your result, and how many has a batch of images?",
        explanation="The files are only a way to pack: joined along the first dimension, they are one set.\n"
        "See “Returns” in the docstring: (N, 3, 32, 32).",
    ),
    Misconception(
        id="root-is-the-parent-only",
        exercise="load_cifar10",
        belief="root is always the folder that holds cifar-10-batches-py.",
        edits=(("if not folder.is_dir():", "if False:"),),
        question="What if somebody names the folder that the files are in?",
        explanation="Both are natural ways to name the place, and the docstring promises both.\n"
        "See “Args” in the docstring.",
        seen_in="torchvision.datasets.CIFAR10(root) takes the parent only",
    ),
    Misconception(
        id="root-is-the-folder-only",
        exercise="load_cifar10",
        belief="root is always the folder that the files are in.",
        edits=(('Path(root) / "cifar-10-batches-py"', "Path(root)"),),
        question="What if somebody names the folder above, as torchvision wants it?",
        explanation="Both are natural ways to name the place, and the docstring promises both.\n"
        "See “Args” in the docstring.",
    ),
    Misconception(
        id="enough-bytes-are-right-bytes",
        exercise="load_batch",
        belief="If the bytes are enough for the labels, the rows are right.",
        edits=(("data.shape != (len(labels), 3 * 32 * 32)", "data.size != len(labels) * 3 * 32 * 32"),),
        question="Six grey images of 1,024 bytes and two labels: what do your two images show?",
        explanation="Three grey images make one colourful muddle of the right size; compare shapes, not sizes.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="a-label-too-many-does-no-harm",
        exercise="load_batch",
        belief="Only labels that are missing matter; one too many is never asked for.",
        edits=(
            (
                "data.shape != (len(labels), 3 * 32 * 32)",
                "data.shape[1:] != (3 * 32 * 32,) or len(labels) < len(data)",
            ),
        ),
        question="Four images and five labels: which of the five is the one too many?",
        explanation="If it is the first, every image has the label of its neighbour, and nobody can tell.\n"
        "See “Raises” in the docstring: N rows and N labels.",
    ),
    Misconception(
        id="every-array-has-rows",
        exercise="load_batch",
        belief="The data of a file always have two dimensions.",
        edits=(
            (
                "data.shape != (len(labels), 3 * 32 * 32)",
                "data.shape[1] != 3 * 32 * 32 or len(data) != len(labels)",
            ),
        ),
        question="Somebody saved a single image as a plain array of 3,072 bytes. What is at position 1 of its shape?",
        explanation="An IndexError from inside says nothing of the file; compare the whole shape with (N, 3072).\n"
        "See hint 2 of exercise 1.",
    ),
    Misconception(
        id="a-path-is-a-path-object",
        exercise="load_batch",
        belief="Whoever names a file hands in a Path.",
        edits=(
            (
                "    values = unpickle(path)",
                "    if not path.exists():\n        raise FileNotFoundError(path)\n    values = unpickle(path)",
            ),
        ),
        question="What happens when you ask a string for .exists?",
        explanation="A path may be a string or a Path; Path(path) takes both.\nSee the signature of exercise 1.",
    ),
    Misconception(
        id="what-is-there-will-do",
        exercise="load_cifar10",
        belief="If a file is missing, the others will do.",
        edits=(("for file in files), strict=True)", "for file in files if (folder / file).exists()), strict=True)"),),
        question="A download broke off after four files. When would you notice?",
        explanation="With a fifth of the images gone everything runs, and your accuracy is that of another set.\n"
        "See “Raises” in the docstring: a FileNotFoundError.",
    ),
    Misconception(
        id="all-that-begins-with-data-batch",
        exercise="load_cifar10",
        belief="Every file whose name begins with data_batch holds training images.",
        edits=(
            (
                '[f"data_batch_{number}" for number in range(1, 6)]',
                'sorted(path.name for path in folder.glob("data_batch*"))',
            ),
        ),
        question="Somebody has made a copy of data_batch_2 beside it. How often does the net see its images?",
        explanation="A folder gathers copies and leftovers; a pattern takes them all, and some images count twice.\n"
        "See the first line of the docstring: data_batch_1 to data_batch_5, by name.",
    ),
    Misconception(
        id="a-root-is-a-string",
        exercise="load_cifar10",
        belief="Whoever names a folder hands in a string.",
        edits=(('Path(root) / "cifar-10-batches-py"', 'Path(root + "/cifar-10-batches-py")'),),
        question="What is Path('data') + '/cifar-10-batches-py'?",
        explanation="A folder may be a string or a Path; Path(root) / name takes both.\nSee hint 2 of exercise 2.",
    ),
]

STATS = "return mean.float(), std.float()"


def stats_as(mean: str, std: str) -> tuple[tuple[str, str], ...]:
    """The edit that computes both in another way, from `pixels`, float64 (N, C, H, W)."""
    return ((STATS, f"pixels = images.double() / 255; return {mean}, {std}"),)


ALL = "(0, 2, 3)"
RIGHT_MEAN = f"pixels.mean({ALL}).float()"
RIGHT_STD = f"pixels.std({ALL}, correction=0).float()"

STATISTICS = [
    Misconception(
        id="statistics-of-bytes",
        exercise="channel_stats",
        belief="The statistics are those of the bytes, from 0 to 255.",
        edits=(("part.double() / 255", "part.double()"),),
        question="Published means of CIFAR-10 are near 0.5. What do they count as 1?",
        explanation="255 counts as 1, so a mean lies between 0 and 1.\nSee the formula in “Statistics”.",
    ),
    Misconception(
        id="a-byte-has-256-steps",
        exercise="channel_stats",
        belief="A byte has 256 values, so it is divided by 256.",
        edits=(("part.double() / 255", "part.double() / 256"),),
        question="What becomes of white, the byte 255?",
        explanation="White is 255 and counts as 1, so 255 is what bytes are divided by.\n"
        "See the formula in “Statistics”.",
    ),
    Misconception(
        id="one-number-for-all-channels",
        exercise="channel_stats",
        belief="One mean and one deviation serve all channels.",
        edits=stats_as(
            f"{RIGHT_MEAN}.mean().expand(pixels.shape[1])", "pixels.std(correction=0).float().expand(pixels.shape[1])"
        ),
        question="Is there as much blue in your pictures as red?",
        explanation="Each channel has a mean of its own; blue is the darkest in most photographs.\n"
        "See the histograms in “What is in the pictures”.",
    ),
    Misconception(
        id="statistics-of-each-pixel",
        exercise="channel_stats",
        belief="Every pixel position has its own mean and deviation.",
        edits=stats_as("pixels.mean(0).float()", "pixels.std(0, correction=0).float()"),
        question="What shape does the docstring promise?",
        explanation="A mean image exists, and you have seen it, but normalize wants one number a channel.\n"
        "See “Returns” in the docstring: (C,).",
        seen_in="Krizhevsky et al. 2012, section 2, subtract the mean of each pixel",
    ),
    Misconception(
        id="statistics-of-each-image",
        exercise="channel_stats",
        belief="Every image has its own mean and deviation.",
        edits=stats_as("pixels.mean((1, 2, 3)).float()", "pixels.std((1, 2, 3), correction=0).float()"),
        question="If every image is brought to mean 0, can the net still tell day from night?",
        explanation="One pair of numbers a channel for the whole set leaves the differences between images alone.\n"
        "See “Returns” in the docstring: (C,), not (N,).",
    ),
    Misconception(
        id="channels-are-last",
        exercise="channel_stats",
        belief="The channels are the last dimension.",
        edits=stats_as("pixels.mean((0, 1, 2)).float()", "pixels.std((0, 1, 2), correction=0).float()"),
        question="In (N, C, H, W), which number is the position of the channels?",
        explanation="The channel is dimension 1, so 0, 2 and 3 are averaged over, as in batch norm.\n"
        "See lesson 2, exercise 1.",
        seen_in="recipes for torchvision's dataset.data, which is (N, 32, 32, 3)",
    ),
    Misconception(
        id="deviation-before-mean",
        exercise="channel_stats",
        belief="The deviation comes first and the mean second.",
        edits=stats_as(RIGHT_STD, RIGHT_MEAN),
        question="In which order does the docstring name the two?",
        explanation="The pair is (mean, std). torch.std_mean gives them the other way round.\n"
        "See “Returns” in the docstring.",
        seen_in="the order of torch.std_mean",
    ),
    Misconception(
        id="statistics-in-float64",
        exercise="channel_stats",
        belief="The statistics stay in the precision that they were computed in.",
        edits=((STATS, "return mean, std"),),
        question="What dtype does the docstring promise?",
        explanation="Sum in float64 by all means, and hand on float32: it is what the images become.\n"
        "See “Returns” in the docstring.",
    ),
    Misconception(
        id="average-of-the-images-deviations",
        exercise="channel_stats",
        belief="The deviation of the set is the average of its images' deviations.",
        edits=stats_as(RIGHT_MEAN, "pixels.std((2, 3), correction=0).mean(0).float()"),
        question="Two images, one all black and one all white: what deviation has each, and what have both together?",
        explanation="An average over images misses how far the images' means lie apart, and comes out too small.\n"
        "See “Predict, then run: three deviations”.",
        seen_in=KUANGLIU,
    ),
    Misconception(
        id="deviation-of-the-mean-image",
        exercise="channel_stats",
        belief="The deviation is that of the mean image.",
        edits=stats_as(RIGHT_MEAN, "pixels.mean(0).std((1, 2), correction=0).float()"),
        question="How much contrast is left in the mean of 50,000 images?",
        explanation="Averaging the images first takes nearly all the contrast away.\n"
        "See “Predict, then run: three deviations”.",
    ),
    Misconception(
        id="deviation-of-the-images-means",
        exercise="channel_stats",
        belief="The deviation says how far the images' means lie apart.",
        edits=stats_as(RIGHT_MEAN, "pixels.mean((2, 3)).std(0, correction=0).float()"),
        question="What would your deviation be for a set in which all images have the same mean?",
        explanation="The contrast inside the images counts as well: it is the deviation of all pixels.\n"
        "See the formula in “Statistics”.",
    ),
    Misconception(
        id="unbiased-deviation",
        exercise="channel_stats",
        belief="The sum of squares is divided by one less than the number of values.",
        edits=stats_as(RIGHT_MEAN, f"pixels.std({ALL}).float()"),
        question="Is there a larger set whose deviation you want to estimate, or are these all the values?",
        explanation="n - 1 corrects an estimate from a sample; here the whole set is there. torch's default is n - 1.\n"
        "See the formula in “Statistics”.",
        seen_in="the default of torch.std",
    ),
    Misconception(
        id="variance-for-deviation",
        exercise="channel_stats",
        belief="The second number is the variance.",
        edits=((STATS, "return mean.float(), std.square().float()"),),
        question="If x is measured in shades of grey, in what unit is your second number?",
        explanation="normalize divides by the deviation, the root of the variance.\nSee the formula in “Statistics”.",
    ),
    Misconception(
        id="average-over-parts",
        exercise="channel_stats",
        belief="The mean of the parts' means and deviations is that of the whole.",
        edits=(
            stats_as(
                *(
                    f"torch.stack([part.{one} for part in pixels.split(250)]).mean(0).float()"
                    for one in ("mean((0, 2, 3))", "std((0, 2, 3), correction=0)")
                )
            )[0],
        ),
        question="Two parts, one all black and one all white: what deviation has each, and what have both together?",
        explanation="A last, smaller part counts too much then, and how far apart the parts lie doesn't count at all.\n"
        "Add up sums and sums of squares; see hint 2 of exercise 3.",
    ),
    Misconception(
        id="three-channels-always",
        exercise="channel_stats",
        belief="All images have three channels, so there are three means and three deviations.",
        edits=((STATS, "return mean[:3].float(), std[:3].float()"),),
        question="How many numbers does your function give for images with a fourth channel?",
        explanation="Satellites see infrared as well; C is whatever the images have.\nSee the shapes in the docstring.",
    ),
    Misconception(
        id="squares-in-float32",
        exercise="channel_stats",
        belief="float32 has digits enough for the mean of the squares minus the square of the mean.",
        edits=(("part.double() / 255", "part.float() / 255"),),
        question="Two numbers agree in their first five digits. How many of seven digits has their difference?",
        explanation="Where a channel hardly varies, the two are nearly equal and their difference is mostly rounding.\n"
        "float64 has digits to spare; see hint 2 of exercise 3.",
    ),
    Misconception(
        id="a-difference-of-equals-is-zero",
        exercise="channel_stats",
        belief="The mean of the squares is never less than the square of the mean, on a computer too.",
        edits=((".clamp(min=0)", ""),),
        question="All values of a channel are equal. What may rounding make of a difference that should be 0?",
        explanation="It may come out as -1e-17, and the root of that is NaN: clamp it at 0 before the root.\n"
        "See “Returns” in the docstring: 0 for a channel of equal values.",
    ),
    Misconception(
        id="an-epsilon-under-the-root",
        exercise="channel_stats",
        belief="A small number under the root, as in batch norm, is too small to be seen.",
        edits=((".clamp(min=0).sqrt()", ".clamp(min=0).add(1e-8).sqrt()"),),
        question="What is the root of 0.00000001?",
        explanation="The root makes small numbers larger: 1e-8 becomes 1e-4. Batch norm divides by it, you don't.\n"
        "See “Returns” in the docstring: right to 1e-5, and 0 for equal values.",
        seen_in="the eps of torch.nn.BatchNorm2d",
    ),
]

SPLIT = [
    Misconception(
        id="chance-keeps-classes-even",
        exercise="stratified_split",
        belief="A random split has the same share of each class by itself.",
        edits=(
            (
                "held_out[members[: round(fraction * len(members))]] = True",
                "held_out[order[: round(fraction * len(labels))]] = True",
            ),
        ),
        question="How many images of each class did you hold out, under three different seeds?",
        explanation="A random split has it on average only; small classes fare worst.\n"
        "See “Predict, then run: how even is chance?”.",
        seen_in="torch.utils.data.random_split",
    ),
    Misconception(
        id="rounds-down",
        exercise="stratified_split",
        belief="A share of a class is rounded down to whole images.",
        edits=(("round(fraction * len(members))", "int(fraction * len(members))"),),
        question="A tenth of 19 images: which whole number is nearest?",
        explanation="int() cuts the digits off: 2.7 becomes 2, and 0.29 * 100 becomes 28. round() takes the nearest.\n"
        "See “Args” in the docstring.",
    ),
    Misconception(
        id="rounds-up",
        exercise="stratified_split",
        belief="A share of a class is rounded up, so that no class goes without.",
        edits=(("round(fraction * len(members))", "math.ceil(fraction * len(members))"),),
        question="A tenth of 11 images: which whole number is nearest?",
        explanation="The docstring promises the nearest number; rounding up holds out too much of every class.\n"
        "See “Args” in the docstring.",
        seen_in="scikit-learn's train_test_split rounds the size of the test part up",
    ),
    Misconception(
        id="one-of-each-class-at-least",
        exercise="stratified_split",
        belief="No class goes without an image held out, however small the share.",
        edits=(("round(fraction * len(members))", "max(1, round(fraction * len(members)))"),),
        question="How many images are left to train on if the fraction is 0?",
        explanation="The nearest number may be 0, and for a fraction of 0 it must be: train on all of them.\n"
        "See “Args” in the docstring.",
    ),
    Misconception(
        id="every-share-takes-one-at-least",
        exercise="stratified_split",
        belief="Only a fraction of 0 takes nothing of a class; any larger one takes at least one image.",
        edits=(
            (
                "round(fraction * len(members))",
                "(max(1, round(fraction * len(members))) if fraction > 0 else 0)",
            ),
        ),
        question="A twentieth of 9 images: which whole number is nearest?",
        explanation="0.45 is nearer to 0 than to 1. One of 9 is a ninth, more than twice the share of the others.\n"
        "See “Args” in the docstring: rounded to the nearest number.",
    ),
    Misconception(
        id="a-split-has-two-sides",
        exercise="stratified_split",
        belief="A share of nothing or of everything is no split.",
        edits=(("if not 0 <= fraction <= 1:", "if not 0 < fraction < 1:"),),
        question="The last run shall train on all the images. Which fraction does it ask for?",
        explanation="0 and 1 are shares like any other; one of the two sides is empty then.\n"
        "See “Args” in the docstring: from 0 to 1.",
        seen_in="scikit-learn's train_test_split refuses both",
    ),
    Misconception(
        id="the-same-number-of-each-class",
        exercise="stratified_split",
        belief="Stratified means the same number of images of each class.",
        edits=(
            (
                "round(fraction * len(members))",
                "round(fraction * len(labels) / len(labels.unique()))",
            ),
        ),
        question="If one class has twice as many images as another, what does the same share of each mean?",
        explanation="The held-out part is to look like the whole: large classes stay large.\n"
        "In CIFAR-10 all classes are equal and both are the same; see the example in “A fair split”.",
    ),
    Misconception(
        id="fraction-is-kept",
        exercise="stratified_split",
        belief="The fraction is the share to keep.",
        edits=(("round(fraction * len(members))", "round((1 - fraction) * len(members))"),),
        question="With a fraction of 0.1, on how many images do you still train?",
        explanation="The fraction is held out, and held_out is the second of the two.\n"
        "See “Args” and “Returns” in the docstring.",
        seen_in="train_size instead of test_size in scikit-learn's train_test_split",
    ),
    Misconception(
        id="fraction-in-percent",
        exercise="stratified_split",
        belief="The fraction is given in percent.",
        edits=(("round(fraction * len(members))", "round(fraction / 100 * len(members))"),),
        question="What is 0.1 of 5,000 images?",
        explanation="A fraction goes from 0 to 1.\nSee “Args” in the docstring.",
    ),
    Misconception(
        id="both-sides-overlap",
        exercise="stratified_split",
        belief="All images may be trained on, also those held out.",
        edits=(("(~held_out).nonzero().flatten(), held_out", "torch.arange(len(labels)), held_out"),),
        question="What does an accuracy mean if the net has been trained on the same images?",
        explanation="Held out means not trained on: each index belongs to exactly one side.\n"
        "See “Returns” in the docstring.",
    ),
    Misconception(
        id="masks-for-indices",
        exercise="stratified_split",
        belief="A split is a pair of masks.",
        edits=(("return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()", "return ~held_out, held_out"),),
        question="How long is your first result, and what does it hold?",
        explanation="Indices, int64: they can be counted, sorted and stored. A mask is as long as all the labels.\n"
        "See “Returns” in the docstring.",
    ),
    Misconception(
        id="indices-in-any-order",
        exercise="stratified_split",
        belief="The order of the indices doesn't matter.",
        edits=(
            (
                "(~held_out).nonzero().flatten(), held_out.nonzero().flatten()",
                "order[~held_out[order]], order[held_out[order]]",
            ),
        ),
        question="Would two ways of splitting that hold out the same images give you the same tensors?",
        explanation="Sorted indices make equal splits equal tensors. Shuffling is the job of Batches.\n"
        "See “Returns” in the docstring.",
    ),
    Misconception(
        id="the-first-of-each-class",
        exercise="stratified_split",
        belief="The first images of each class can be held out as well as any.",
        edits=(
            (
                "order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))",
                "order = torch.arange(len(labels))",
            ),
        ),
        question="What changes in your split when the seed changes?",
        explanation="Files have an order, often by time or by source; its beginning is seldom like the rest.\n"
        "See “A fair split”: within a class, chance decides.",
    ),
    Misconception(
        id="a-run-of-each-class",
        exercise="stratified_split",
        belief="Images that follow one another, from a random place on, are as random a choice as any.",
        edits=(
            (
                "members = order[labels[order] == label]  # this class in random order",
                "members = (labels == label).nonzero().flatten().roll(int(order[0]))",
            ),
        ),
        question="Suppose the files hold the frames of films, one film after the other. What is in your held-out part?",
        explanation="Neighbours in a file are often alike: a run of them is a few films, and a draw is some of each.\n"
        "See “A fair split”: within a class, chance decides, for each image.",
    ),
    Misconception(
        id="one-split-for-all-seeds",
        exercise="stratified_split",
        belief="A split is repeatable only if the function fixes its seed itself.",
        edits=(("manual_seed(seed)", "manual_seed(0)"),),
        question="How would you find out how much your result depends on the split?",
        explanation="The caller chooses the seed, and with it the split.\nSee “Args” in the docstring.",
    ),
    Misconception(
        id="seeds-everybody",
        exercise="stratified_split",
        belief="torch.manual_seed is the way to make a draw repeatable.",
        edits=(
            (
                "order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))",
                "torch.manual_seed(seed); order = torch.randperm(len(labels))",
            ),
        ),
        question="Which other random numbers of the program come out differently after your function has run?",
        explanation="torch.manual_seed sets the generator that everybody shares: the next weights come from it, too.\n"
        "A generator of your own leaves it alone; see “Args” in the docstring.",
    ),
    Misconception(
        id="no-seed-at-all",
        exercise="stratified_split",
        belief="A split may come out differently every time.",
        edits=(
            (
                "torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))",
                "torch.randperm(len(labels))",
            ),
        ),
        question="Tomorrow you go on with today's net. Which images has it been trained on?",
        explanation="If the split can't be repeated, held-out images turn into training images on the next day.\n"
        "See “Args” in the docstring: the same seed gives the same split.",
        seen_in="random_split without a generator",
    ),
    Misconception(
        id="more-than-everything",
        exercise="stratified_split",
        belief="Only a negative share makes no sense.",
        edits=(("if not 0 <= fraction <= 1:", "if fraction < 0:"),),
        question="What should a fraction of 1.5 hold out?",
        explanation="Slicing past the end raises nothing: everything is held out and nothing is left to train on.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="less-than-nothing",
        exercise="stratified_split",
        belief="Only a share of more than 1 makes no sense.",
        edits=(("if not 0 <= fraction <= 1:", "if fraction > 1:"),),
        question="What does members[: -2] give?",
        explanation="A negative end counts from the back: a fraction of -0.1 would hold out nine tenths.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="empty-list-of-indices",
        exercise="stratified_split",
        belief="torch.tensor of a list of indices is always int64.",
        edits=(
            (
                "return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()",
                "return tuple(torch.tensor(side.nonzero().flatten().tolist()) for side in (~held_out, held_out))",
            ),
        ),
        question="What does torch.tensor([]).dtype say?",
        explanation="An empty list has no integers to tell by: it becomes float32, which is no index.\n"
        "See “Returns” in the docstring: int64.",
    ),
    Misconception(
        id="squeeze-makes-a-list",
        exercise="stratified_split",
        belief="squeeze() turns a column of indices, (n, 1), into a vector, however many there are.",
        edits=(
            (
                "(~held_out).nonzero().flatten(), held_out.nonzero().flatten()",
                "(~held_out).nonzero().squeeze(), held_out.nonzero().squeeze()",
            ),
        ),
        question="If one image is held out, what does len(held_out) say?",
        explanation="squeeze() takes away every dimension of size 1: of (1, 1) nothing is left but a number.\n"
        "flatten() always leaves one dimension; see hint 2 of exercise 5.",
    ),
    Misconception(
        id="classes-from-0-to-9",
        exercise="stratified_split",
        belief="Classes are numbered from 0 to 9.",
        edits=(("labels.unique()", "range(10)"),),
        question="How many images of a class number 12 does your function hold out?",
        explanation="Classes are what occurs in the labels, however they are numbered.\nSee hint 3 of exercise 5.",
    ),
    Misconception(
        id="seed-0-is-no-seed",
        exercise="stratified_split",
        belief="A seed of 0 means that the split need not be repeated.",
        edits=(("torch.Generator().manual_seed(seed))", "torch.Generator().manual_seed(seed) if seed else None)"),),
        question="What does `if seed` say of the most usual seed of all?",
        explanation="0 is a seed like any other, and false to Python; only None would mean none.\n"
        "See “Args” in the docstring: 0, 1, …",
        seen_in="np.random.default_rng(seed or None)",
    ),
]

MADE = "return x.mul_(scale[:, None, None]).sub_(shift[:, None, None])"
NORMALIZE = [
    Misconception(
        id=name,
        exercise="normalize",
        belief=belief,
        edits=edits,
        question=question,
        explanation=explanation,
        seen_in=seen_in,
    )
    for name, belief, edits, question, explanation, seen_in in [
        (
            "bytes-are-not-scaled",
            "The bytes are centred and scaled as they are.",
            (("1 / (255 * std)", "1 / std"),),
            "The mean is near 0.5. How much does a byte of 200 change when the mean is subtracted?",
            "The statistics count 255 as 1, so the bytes must be divided by 255 before they meet.\nSee the formula.",
            "",
        ),
        (
            "centred-before-scaled-to-1",
            "The mean is subtracted from the bytes, and then everything is divided by 255.",
            (("mean / std", "mean / (255 * std)"),),
            "In what unit is the mean: does it count 255 as 255 or as 1?",
            "The mean counts 255 as 1. First divide the bytes by 255, then subtract.\nSee the formula.",
            "",
        ),
        (
            "divides-by-256",
            "A byte is divided by 256.",
            (("1 / (255 * std)", "1 / (256 * std)"),),
            "What becomes of white, the byte 255?",
            "White is 255 and counts as 1.\nSee the formula in “Statistics”.",
            "",
        ),
        (
            "divides-before-centring",
            "First comes the division by the deviation, then the mean is subtracted.",
            (("mean / std  #", "mean  #"),),
            "The mean was measured before the division. In what unit must it be afterwards?",
            "(x - mean) / std isn't x / std - mean; it is x / std - mean / std.\nSee the formula.",
            "",
        ),
        (
            "divides-by-the-variance",
            "A channel is divided by its variance.",
            (("scale, shift = ", "std = std**2; scale, shift = "),),
            "What is the deviation of a channel afterwards?",
            "Dividing by the deviation makes the deviation 1.\nSee the formula.",
            "",
        ),
        (
            "lines-up-by-itself",
            "A vector of shape (C,) lines up with the channels by itself.",
            ((MADE, "return x.mul_(scale).sub_(shift)"),),
            "Broadcasting compares shapes from the right. Which dimension does (C,) meet first?",
            "(C,) meets the width: an error, or nonsense where the width happens to be C.\nSee lesson 2, exercise 2.",
            "",
        ),
        (
            "lines-up-with-the-rows",
            "One new axis lets a vector of shape (C,) meet the channels.",
            ((MADE, "return x.mul_(scale[:, None]).sub_(shift[:, None])"),),
            "Which dimension of (N, C, H, W) does a shape of (C, 1) line up with?",
            "(C, 1) meets height and width; it takes two new axes to get to the channels.\nSee lesson 2, exercise 2.",
            "",
        ),
        (
            "statistics-of-the-batch",
            "A batch is normalised with its own statistics.",
            (("scale, shift = ", "mean, std = channel_stats(images); scale, shift = "),),
            "Would the same image come out the same in another batch?",
            "That is batch norm. Here fixed numbers serve all images, in training and in testing.\nSee “Statistics”.",
            "",
        ),
        (
            "half-is-the-mean-of-everything",
            "Mean and deviation are 0.5 for pictures.",
            (("scale, shift = ", "mean = std = torch.full_like(mean, 0.5); scale, shift = "),),
            "Where in your code are the arguments used?",
            "0.5 brings bytes to -1 … 1, which is a choice too, but not what the caller asked for.\nSee “Args”.",
            "Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)) in PyTorch's CIFAR-10 tutorial",
        ),
        (
            "normalises-in-float64",
            "Normalised images are float64.",
            (("images.to(torch.float32, copy=True)", "images.double()"),),
            "What dtype do the weights of your convolutions have?",
            "Images meet float32 weights; float64 takes twice the memory and raises an error there.\n"
            "See the docstring.",
            "",
        ),
        (
            "one-number-for-three-channels",
            "A mean of shape (1,) is fine, as broadcasting spreads it.",
            (("if values.shape != images.shape[1:2]:", "if False:"),),
            "Did the caller mean one number for all channels, or lose two?",
            "What broadcasts by accident is found late; a ValueError with both shapes is found at once.\nSee “Raises”.",
            "",
        ),
        (
            "the-deviation-is-like-the-mean",
            "If the mean has the right shape, so has the deviation.",
            (("for values in (mean, std):", "for values in (mean,):"),),
            "Which shape of std does your function take without a word?",
            "Somebody may have a mean a channel and one deviation for all; broadcasting takes that.\nSee “Raises”.",
            "",
        ),
        (
            "three-statistics-always",
            "Images have three channels.",
            (("values.shape != images.shape[1:2]", "values.shape != (3,)"),),
            "What does your function say to images with a fourth channel, and four statistics?",
            "C is whatever the images have.\nSee the shapes in the docstring.",
            "",
        ),
        (
            "as-many-numbers-as-channels",
            "C numbers are C numbers, whatever their shape.",
            (("values.shape != images.shape[1:2]", "len(values) != images.shape[1]"),),
            "What does broadcasting make of statistics of shape (C, 1, 1) to which you add two axes?",
            "Statistics are (C,); another shape broadcasts to something else, or not at all.\nSee “Raises”.",
            "",
        ),
        (
            "statistics-rescaled-in-place",
            "The statistics may be brought to the scale of the bytes where they are.",
            (
                (
                    "scale, shift = 1 / (255 * std), mean / std",
                    "mean *= 255; std *= 255; scale, shift = 1 / std, mean / std",
                ),
            ),
            "The second batch comes with the same two tensors. What do they hold by then?",
            "`mean *= 255` changes the caller's tensor, and every later batch finds it changed once more.\n"
            "See “Args”: left unchanged.",
            "",
        ),
    ]
]

COIN = "torch.rand(n, device=images.device, generator=generator) < 0.5"
BOTH = "both.index_select(0, torch.arange(n, device=images.device) + n * coin)"


def where(drawn: str) -> str:
    """What belongs to a belief about where chance comes from, in `drawn`."""
    return f"{drawn}\nSee “Augmentation, a batch at a time”: who owns the generator can repeat the draw."


def beliefs_about_chance(exercise: str, call: str) -> list[Misconception]:
    """The wrong sources of random numbers, for an exercise that draws by `call` with generator=generator in it."""
    return [
        Misconception(
            id=f"{exercise}-draws-from-the-global-generator",
            exercise=exercise,
            belief="Random numbers come from torch's global generator, and the argument is for show.",
            edits=tuple((text, text.replace(", generator=generator", "")) for text in call.split(" … ")),
            question="Two calls with generators in the same state: do they give the same images?",
            explanation=where("Whoever draws from the global generator changes everybody's random numbers."),
            seen_in="torchvision's transforms draw from the global generator",
        ),
        Misconception(
            id=f"{exercise}-seeds-a-generator-of-its-own",
            exercise=exercise,
            belief="A draw is repeatable only if the function fixes its seed itself.",
            edits=tuple(
                (text, text.replace("=generator", "=torch.Generator().manual_seed(0)")) for text in call.split(" … ")
            ),
            question="What does the second batch draw, and the third?",
            explanation=where("With a fixed seed inside, every batch of the run gets the same draw."),
        ),
        Misconception(
            id=f"{exercise}-starts-the-generator-anew",
            exercise=exercise,
            belief="The generator has to be started from its seed in each call.",
            edits=(
                (call.split(" … ")[0], "generator.manual_seed(generator.initial_seed()) and " + call.split(" … ")[0]),
            ),
            question="What do two calls in a row draw from one generator?",
            explanation=where("A generator that is started anew deals the same numbers again."),
        ),
    ]


def passing_through_float32(exercise: str, source: str, result: str) -> Misconception:
    """The belief that float32 holds whatever images hold, where `source` is read and `result` is given back."""
    return Misconception(
        id=f"{exercise}-passes-through-float32",
        exercise=exercise,
        belief="Images can pass through float32 on their way, as the dtype is restored at the end.",
        edits=(
            (source, f"dtype, images = images.dtype, images.float()\n    {source}"),
            (result, f"{result}.to(dtype)"),
        ),
        question="How many digits has a float64, and how many of them come back out of a float32?",
        explanation="float32 keeps seven digits, and restoring the dtype doesn't restore the others.\n"
        "Move pixels and compute nothing; see “Args” in the docstring: of any dtype.",
    )


FLIP = [
    Misconception(
        id="turns-upside-down",
        exercise="random_flip",
        belief="Mirroring exchanges top and bottom.",
        edits=(("images.flip(3)", "images.flip(2)"),),
        question="In (N, C, H, W), along which dimension do you walk from left to right?",
        explanation="Left and right are the ends of a row: dimension 3, the width. Cats seldom stand on their heads.\n"
        "See the figure after exercise 8: the line “flip”.",
    ),
    Misconception(
        id="turns-half-round",
        exercise="random_flip",
        belief="A mirrored image is turned by 180 degrees.",
        edits=(("images.flip(3)", "images.flip(2, 3)"),),
        question="Where in a mirror is your head?",
        explanation="A mirror exchanges left and right only: dimension 3 alone is reversed.\n"
        "See the figure with the flips.",
    ),
    Misconception(
        id="mirrors-the-channels",
        exercise="random_flip",
        belief="Dimension 1 runs from left to right.",
        edits=(("images.flip(3)", "images.flip(1)"),),
        question="What happened to the colours?",
        explanation="Dimension 1 counts the channels; reversing it exchanges red and blue.\n"
        "See the figure with the flips.",
    ),
    Misconception(
        id="one-coin-for-the-batch",
        exercise="random_flip",
        belief="One coin decides for the whole batch.",
        edits=((COIN, "(torch.rand(1, device=images.device, generator=generator) < 0.5).expand(n)"),),
        question="How many of the images in one batch are mirrored?",
        explanation="With one coin for all, a batch is all mirrored or not at all, and batches get less varied.\n"
        "See the docstring: each image has a coin of its own.",
        seen_in="a random transform of torchvision applied to a whole batch draws once",
    ),
    Misconception(
        id="mirrors-every-image",
        exercise="random_flip",
        belief="Every image is mirrored.",
        edits=((COIN, COIN.replace("0.5", "2")),),
        question="How does the net get to see the pictures as they are?",
        explanation="Every image mirrored is no more varied than none: it takes both kinds.\n"
        "See the docstring: probability 1/2.",
    ),
    Misconception(
        id="bell-shaped-coin",
        exercise="random_flip",
        belief="torch.randn gives random numbers between 0 and 1.",
        edits=((COIN, COIN.replace("rand(", "randn(")),),
        question="How often is a standard normal number below 0.5?",
        explanation="randn is normal (below 0.5 in 69 % of draws), rand is uniform from 0 to 1.\n"
        "See the docstring: probability 1/2.",
    ),
    Misconception(
        id="flips-in-float",
        exercise="random_flip",
        belief="Flipped images are float32.",
        edits=((BOTH, BOTH + ".float()"),),
        question="What dtype do you get for bytes?",
        explanation="Mirroring moves pixels and computes nothing, so bytes stay bytes, at a quarter of the cost.\n"
        "See “Returns” in the docstring.",
    ),
    Misconception(
        id="flips-in-place",
        exercise="random_flip",
        belief="The batch may be overwritten with its flipped self.",
        edits=((f"return {BOTH}", f"return images.copy_({BOTH})"),),
        question="Whose images are these, and what will they look like in the next epoch?",
        explanation="A batch may be a view of the data set itself: then every epoch flips what the last has left.\n"
        "See “left unchanged” in the docstring.",
    ),
    *beliefs_about_chance("random_flip", "torch.rand(n, device=images.device, generator=generator)"),
    Misconception(
        id="exactly-half-of-each-batch",
        exercise="random_flip",
        belief="A probability of one half means half of each batch.",
        edits=((COIN, "torch.randperm(n, device=images.device, generator=generator) < n // 2"),),
        question="How often is the image of a batch of one mirrored?",
        explanation="A coin for each image gives half on average; an exact half makes images depend on each other.\n"
        "See the docstring: a coin of its own.",
    ),
    passing_through_float32("random_flip", "n = len(images)", BOTH),
]

DRAW = "torch.randint(2 * padding + 1, (2, n), device=images.device, generator=generator)"
FILLED = "padded[:n, :, padding : padding + height, padding : padding + width] = images"
CROP = [
    Misconception(
        id="one-window-for-the-batch",
        exercise="random_crop",
        belief="One window is drawn for the whole batch.",
        edits=(
            (
                "(2, n), device=images.device, generator=generator)",
                "(2, 1), device=images.device, generator=generator)",
            ),
        ),
        question="By how much is the first image of a batch shifted, and by how much the second?",
        explanation="Each image draws a place of its own; a batch that moves together is less varied.\n"
        "See the docstring.",
        seen_in="a random transform of torchvision applied to a whole batch draws once",
    ),
    Misconception(
        id="shifts-one-way",
        exercise="random_crop",
        belief="The window starts at the image's corner and moves away from it.",
        edits=((DRAW, f"padding + {DRAW.replace('2 * padding + 1', 'padding + 1')}"),),
        question="Can your window show the padding above the image? And to the left?",
        explanation="Of 2 * padding + 1 places, padding lie on either side of the middle.\nSee “By hand”.",
    ),
    Misconception(
        id="pads-one-corner",
        exercise="random_crop",
        belief="The image stands in a corner, and all the padding is on the other two sides.",
        edits=((FILLED, "padded[:n, :, 2 * padding :, 2 * padding :] = images"),),
        question="Where does the image itself lie in the padded one?",
        explanation="Zeros go on each of the four sides, so the image can move both ways.\n"
        "See “Args” in the docstring.",
    ),
    Misconception(
        id="one-place-short",
        exercise="random_crop",
        belief="With p pixels on either side there are 2p places.",
        edits=((DRAW, DRAW.replace("2 * padding + 1", "2 * padding")),),
        question="With a padding of 1, which places can a window of 3 take in 5 pixels?",
        explanation="A window of h pixels in h + 2p has 2p + 1 places, and randint leaves its end out.\nSee “By hand”.",
        seen_in="the RandomCrop of PyTorch's data loading tutorial (pytorch/tutorials, issue 876)",
    ),
    Misconception(
        id="same-shift-down-and-right",
        exercise="random_crop",
        belief="One random number gives the shift in both directions.",
        edits=((DRAW, DRAW.replace("(2, n)", "(1, n)") + ".expand(2, n)"),),
        question="Can an image move to the right without moving down?",
        explanation="Rows and columns are drawn by themselves; otherwise images move on the diagonal only.\n"
        "See the docstring.",
    ),
    Misconception(
        id="resizes-the-window",
        exercise="random_crop",
        belief="A random crop cuts a smaller window and enlarges it.",
        edits=(
            (
                "return runs.index_select(0, start)",
                "return torch.nn.functional.interpolate("
                "images[:, :, padding // 2 :, padding // 2 :].double(), size=(height, width)).to(images.dtype)"
                " if down.sum() >= 0 else runs.index_select(0, start)",
            ),
        ),
        question="Has anything in your images become larger?",
        explanation="That is another augmentation (Szegedy et al. 2015). Here the image moves and keeps its size.\n"
        "See the figure after exercise 8: the line “crop”.",
        seen_in="torchvision's RandomResizedCrop, right for ImageNet",
    ),
    Misconception(
        id="mirrors-the-border",
        exercise="random_crop",
        belief="The border is filled with the image's mirror image.",
        edits=((FILLED, "padded[:n] = torch.nn.functional.pad(images, [padding] * 4, mode='reflect')"),),
        question="What does your padded image hold in its corner?",
        explanation="A reflected border looks more natural and works as well, but here zeros are asked for.\n"
        "See the docstring.",
        seen_in="Zagoruyko & Komodakis 2016, wide residual networks, pad by reflection",
    ),
    Misconception(
        id="repeats-the-border",
        exercise="random_crop",
        belief="The border is filled with the image's outermost pixels.",
        edits=((FILLED, "padded[:n] = torch.nn.functional.pad(images, [padding] * 4, mode='replicate')"),),
        question="What does your padded image hold in its corner?",
        explanation="Repeated edges draw stripes at the border; the docstring asks for zeros.\n"
        "See the figure after exercise 8: the line “crop”.",
    ),
    Misconception(
        id="rolls-round",
        exercise="random_crop",
        belief="What leaves the image on one side comes in on the other.",
        edits=((FILLED, "padded[:n] = torch.nn.functional.pad(images, [padding] * 4, mode='circular')"),),
        question="Where in the picture are the cat's ears, if the cat has moved up?",
        explanation="torch.roll is a shift too, but it puts the ears below the paws. Zeros come in instead.\n"
        "See the figure after exercise 8: the line “crop”.",
        seen_in="torch.roll as a cheap shift",
    ),
    Misconception(
        id="crops-without-padding",
        exercise="random_crop",
        belief="The image is not padded, so the window is smaller.",
        edits=(
            (
                ".view_as(padded[:n])[:, :, :height, :width]",
                ".view_as(padded[:n])[:, :, : height - 2 * padding, : width - 2 * padding]",
            ),
        ),
        question="What is the shape of your result?",
        explanation="A net of one size needs images of one size: padding makes room for the window to move.\n"
        "See “Returns”.",
    ),
    Misconception(
        id="channels-move-apart",
        exercise="random_crop",
        belief="Every channel is cropped by itself.",
        edits=(
            (
                "return runs.index_select(0, start)",
                "return random_crop(images.flatten(0, 1)[:, None], padding, generator).view_as(images)"
                " if channels > 1 else runs.index_select(0, start)",
            ),
        ),
        question="Where is the red of an edge, and where its green?",
        explanation="The channels of an image belong together; drawn apart, every edge gets coloured fringes.\n"
        "See the figure after exercise 8: the line “crop”.",
    ),
    Misconception(
        id="rounds-a-uniform-number",
        exercise="random_crop",
        belief="A uniform number from 0 to 2p, rounded, gives every place the same chance.",
        edits=(
            (
                DRAW,
                "(torch.rand(2, n, device=images.device, generator=generator) * 2 * padding).round().long()",
            ),
        ),
        question="Which numbers are rounded to 0, and which to 1?",
        explanation="Only 0 … 0.5 becomes 0, but 0.5 … 1.5 becomes 1: the ends come half as often.\nSee the docstring.",
    ),
    Misconception(
        id="crops-in-float",
        exercise="random_crop",
        belief="Cropped images are float32.",
        edits=(("runs.index_select(0, start)", "runs.index_select(0, start).float()"),),
        question="What dtype do you get for bytes?",
        explanation="Shifting moves pixels and computes nothing: bytes stay bytes, at a quarter of the cost.\n"
        "See “Returns”.",
    ),
    Misconception(
        id="crops-in-place",
        exercise="random_crop",
        belief="The batch may be overwritten with its shifted self.",
        edits=(
            (
                "return runs.index_select(0, start).view_as(padded[:n])[:, :, :height, :width]",
                "return images.copy_(runs.index_select(0, start).view_as(padded[:n])[:, :, :height, :width])",
            ),
        ),
        question="What is left of an image after fifty epochs of shifts?",
        explanation="A batch may be a view of the data set: then the images wander out of the frame, epoch by epoch.\n"
        "See “left unchanged” in the docstring.",
    ),
    *beliefs_about_chance("random_crop", DRAW),
    Misconception(
        id="a-pack-of-windows",
        exercise="random_crop",
        belief="Places dealt from a shuffled list are as good as drawn, as each window then comes equally often.",
        edits=(
            (
                f"down, right = {DRAW}",
                "place = torch.randperm(n, device=images.device, generator=generator) % (2 * padding + 1) ** 2\n"
                "    down, right = place // (2 * padding + 1), place % (2 * padding + 1)",
            ),
        ),
        question="Which window does the image of a batch of one get?",
        explanation="A list of n numbers holds the first n windows: small batches never see the others.\n"
        "See “Args” in the docstring: the same chance for all, whatever the size of the batch.",
    ),
    Misconception(
        id="images-lie-line-by-line",
        exercise="random_crop",
        belief="Every padded batch lies in memory image by image, channel by channel, line by line.",
        edits=(
            (
                "images.new_zeros(n + 1, channels, height + 2 * padding, width + 2 * padding)",
                "torch.nn.functional.pad(torch.cat([images, images[:1]]), [padding] * 4)",
            ),
            ("padded.flatten().unfold(0, size, 1)", "padded.as_strided((n * size + 1, size), (1, 1))"),
        ),
        question="What does padded.stride() say for images that came by permute or in channels_last?",
        explanation="as_strided reads the memory as it lies; F.pad keeps the order of what it was given.\n"
        "flatten() or contiguous() brings it in line first; see “Args” in the docstring.",
    ),
    Misconception(
        id="cuts-from-the-end",
        exercise="random_crop",
        belief="[p:-p] leaves p out at either end, for p = 0 too.",
        edits=((FILLED, "padded[:n, :, padding:-padding, padding:-padding] = images"),),
        question="What is list(range(5))[0:-0]?",
        explanation="-0 is 0, so [0:-0] is empty: nothing fits. Count from the front: [p : p + height].\n"
        "See “Args” in the docstring: 0 or more.",
    ),
    passing_through_float32(
        "random_crop",
        "n, channels, height, width = images.shape",
        "return runs.index_select(0, start).view_as(padded[:n])[:, :, :height, :width]",
    ),
]

Y = "torch.randint(height, (n, 1), device=images.device, generator=generator)"
X = "torch.randint(width, (n, 1), device=images.device, generator=generator)"
ROUNDED = "(torch.rand(n, 1, device=images.device, generator=generator) * (side - 1)).round().long()"
HOLE = "rows[:, None, :, None] & columns[:, None, None, :]"
CUT = f"return images.masked_fill({HOLE}, 0)"
CUTOUT = [
    Misconception(
        id="the-square-stays-inside",
        exercise="cutout",
        belief="The whole square lies inside the image.",
        edits=(
            (Y, Y.replace("height", "height - size + 1") + " + size // 2"),
            (X, X.replace("width", "width - size + 1") + " + size // 2"),
        ),
        question="Does your square always cut the same number of pixels?",
        explanation="A square that stays inside cuts the middle far too often. The centre is drawn; it may stick out.\n"
        "See DeVries & Taylor 2017, section 3, on why this matters.",
        seen_in="Zhong et al. 2017, random erasing, stays inside",
    ),
    Misconception(
        id="one-square-for-the-batch",
        exercise="cutout",
        belief="One square is drawn for the whole batch.",
        edits=(
            (Y, Y.replace("(n, 1)", "(1, 1)") + ".expand(n, 1)"),
            (X, X.replace("(n, 1)", "(1, 1)") + ".expand(n, 1)"),
        ),
        question="Which part of the first image is missing, and which of the second?",
        explanation="Each image loses a square of its own.\nSee “Returns” in the docstring.",
    ),
    Misconception(
        id="a-square-for-each-channel",
        exercise="cutout",
        belief="Every channel loses a square of its own.",
        edits=(
            (
                CUT,
                "return cutout(images.flatten(0, 1)[:, None], size, generator).view_as(images)"
                f" if images.shape[1] > 1 else images.masked_fill({HOLE}, 0)",
            ),
        ),
        question="What colour is the hole in your images?",
        explanation="One square through all channels hides what is there; one channel alone hides little.\n"
        "See the docstring.",
    ),
    Misconception(
        id="rows-or-columns",
        exercise="cutout",
        belief="A pixel is cut if its row or its column is in the square.",
        edits=((HOLE, HOLE.replace("&", "|")),),
        question="What shape has the hole: a square, or a cross?",
        explanation="A pixel lies in the square if its row and its column do. With “or” you get a cross.\nSee hint 3.",
    ),
    Misconception(
        id="keeps-only-the-square",
        exercise="cutout",
        belief="The square is what remains of the image.",
        edits=((f"masked_fill({HOLE}, 0)", f"masked_fill(~({HOLE}), 0)"),),
        question="How much of the image is left?",
        explanation="The square is cut out; all the rest stays.\nSee the figure after exercise 8: the line “cutout”.",
    ),
    Misconception(
        id="filled-with-the-images-mean",
        exercise="cutout",
        belief="The square is filled with the mean of the image.",
        edits=((CUT, f"return torch.where({HOLE}, images.mean((2, 3), keepdim=True), images)"),),
        question="What does a normalised image hold where it is of the mean colour of all images?",
        explanation="After normalize the mean of all images is 0, and 0 is what the square is filled with.\n"
        "See the docstring.",
    ),
    Misconception(
        id="size-is-the-radius",
        exercise="cutout",
        belief="The square reaches from the centre by its size in each direction.",
        edits=(
            ("- y + size // 2", "- y + size"),
            ("- x + size // 2", "- x + size"),
            ("(down < size)", "(down < 2 * size)"),
            ("(right < size)", "(right < 2 * size)"),
        ),
        question="How many pixels long is a side of your square?",
        explanation="size is the side, so the square reaches size // 2 from its centre.\nSee the docstring.",
    ),
    Misconception(
        id="both-halves-alike",
        exercise="cutout",
        belief="The square is rows y - size // 2 up to, but not including, y + size // 2, for odd sizes too.",
        edits=(("(down < size)", "(down < size // 2 * 2)"), ("(right < size)", "(right < size // 2 * 2)")),
        question="With a size of 3, how many rows are cut?",
        explanation="From y - size // 2 to just before y + size // 2 there is one row too few if size is odd.\n"
        "See the docstring: `size` of them.",
        seen_in=OFFICIAL_CUTOUT,
    ),
    Misconception(
        id="the-middle-row-counts-twice",
        exercise="cutout",
        belief="The square has size // 2 rows on either side of its centre and the centre's own, for even sizes too.",
        edits=(("(down < size)", "(down < size // 2 * 2 + 1)"), ("(right < size)", "(right < size // 2 * 2 + 1)")),
        question="With a size of 4, how many rows are cut?",
        explanation="2 + 1 + 2 is 5. An even square has no middle row.\nSee the docstring: `size` of them.",
    ),
    Misconception(
        id="centre-on-the-diagonal",
        exercise="cutout",
        belief="One random number gives the row and the column of the centre.",
        edits=((f"x = {X}", "x = y * width // height"),),
        question="Is the upper right corner ever cut?",
        explanation="Row and column are drawn by themselves, or the squares lie on the diagonal.\nSee the docstring.",
    ),
    Misconception(
        id="rows-for-columns",
        exercise="cutout",
        belief="The row of the centre is drawn from the width and its column from the height.",
        edits=((f"x = {X}", f"x = {X}; x, y = y, x"),),
        question="How many rows has an image of height 5 and width 7?",
        explanation="Rows are counted by the height. On square images nobody notices.\nSee the docstring.",
    ),
    Misconception(
        id="rounds-a-uniform-centre",
        exercise="cutout",
        belief="A uniform number from 0 to the last pixel's, rounded, gives every pixel the same chance.",
        edits=((Y, ROUNDED.replace("side", "height")), (X, ROUNDED.replace("side", "width"))),
        question="Which numbers are rounded to 0, and which to 1?",
        explanation="Only 0 … 0.5 becomes 0, but 0.5 … 1.5 becomes 1: the ends come half as often.\nSee the docstring.",
    ),
    Misconception(
        id="cuts-in-float",
        exercise="cutout",
        belief="Images that have been cut are float32.",
        edits=((CUT, CUT + ".float()"),),
        question="What dtype do you get for bytes?",
        explanation="A cut computes nothing, so the dtype stays.\nSee “Returns” in the docstring.",
    ),
    Misconception(
        id="cuts-in-place",
        exercise="cutout",
        belief="The batch itself may be cut, in place.",
        edits=(("images.masked_fill(", "images.masked_fill_("),),
        question="What is left of an image after fifty epochs of cuts?",
        explanation="A batch may be a view of the data set: then the holes add up, epoch by epoch.\n"
        "See “left unchanged” in the docstring.",
    ),
    Misconception(
        id="no-larger-than-the-image",
        exercise="cutout",
        belief="A square can't be larger than the image, so its size is limited to that.",
        edits=(
            (
                "n, _, height, width = images.shape",
                "n, _, height, width = images.shape\n    size = min(size, height, width)",
            ),
        ),
        question="A square of 8 around the last of 5 rows: which rows does it cover?",
        explanation="The square sticks out, so a larger one still cuts more of what is inside.\n"
        "See “Args” in the docstring: it may be larger than the image.",
    ),
    Misconception(
        id="one-pixel-at-least",
        exercise="cutout",
        belief="A square has at least one pixel.",
        edits=(("n, _, height, width = images.shape", "n, _, height, width = images.shape\n    size = max(size, 1)"),),
        question="How would somebody who compares sizes ask for no cutout at all?",
        explanation="A square of side 0 has no pixels: nothing is cut, and a comparison of sizes can begin there.\n"
        "See “Args” in the docstring: 0 or more.",
    ),
    *beliefs_about_chance("cutout", f"{Y} … {X}"),
    passing_through_float32("cutout", "n, _, height, width = images.shape", CUT),
]

SPLIT_UP = "self.order(epoch).to(self.images.device).split(self.batch_size)[start:]"
DEALT = "torch.randperm(n, generator=seeded(self.seed, k)) if self.shuffle else torch.arange(n) for k in packs"
LOADED = "yield self.images.index_select(0, index), self.labels.index_select(0, index)"
TAKEN = "return torch.cat(dealt)[first % n :][: self.epoch_size]"
BATCHES = [
    Misconception(
        id="drops-the-rest",
        exercise="Batches",
        belief="The last batch is left out if it is smaller.",
        edits=((SPLIT_UP, SPLIT_UP + "[: self.epoch_size // self.batch_size - start]"),),
        question="How many images does an epoch of 50 show in batches of 16?",
        explanation="A smaller last batch is fine; in an evaluation, images left out falsify the result.\n"
        "See “Args” in the docstring.",
        seen_in="drop_last=True in torch's DataLoader",
    ),
    Misconception(
        id="draws-with-replacement",
        exercise="Batches",
        belief="Shuffling means drawing an image at random each time.",
        edits=((DEALT, DEALT.replace("torch.randperm(n,", "torch.randint(n, (n,),")),),
        question="How many of the images come at least once in an epoch?",
        explanation="Drawn with replacement, only 63 % of the images come in an epoch, some of them thrice.\n"
        "See the docstring: a pack of cards.",
        seen_in="RandomSampler(replacement=True)",
    ),
    Misconception(
        id="labels-stay-behind",
        exercise="Batches",
        belief="The images are shuffled, and the labels are handed out in order.",
        edits=(
            (
                "for index in " + SPLIT_UP,
                "for index, plain in zip("
                + SPLIT_UP
                + ", (torch.arange(self.epoch_size) % len(self.images)).split(self.batch_size)[start:])",
            ),
            ("self.labels.index_select(0, index)", "self.labels.index_select(0, plain)"),
        ),
        question="Which label does the first image of your batch have in the data set?",
        explanation="One index picks both. Out of step, they teach only guessing.\nSee “What broke, what it means”.",
    ),
    Misconception(
        id="always-shuffles",
        exercise="Batches",
        belief="Batches are always shuffled.",
        edits=((DEALT, "torch.randperm(n, generator=seeded(self.seed, k)) for k in packs"),),
        question="When the predictions for the test images come back, which image does the first belong to?",
        explanation="Without shuffle the order is that of the data, so that results can be matched to images.\n"
        "See “Args”.",
    ),
    Misconception(
        id="never-shuffles",
        exercise="Batches",
        belief="The files are in random order already, so nothing needs to be shuffled.",
        edits=((DEALT, "torch.arange(n) for k in packs"),),
        question="Which images share a batch in the first epoch, and which in the second?",
        explanation="The same neighbours in the same order give the same push every epoch.\n"
        "See “What broke, what it means”.",
    ),
    Misconception(
        id="one-order-for-all-epochs",
        exercise="Batches",
        belief="The data are shuffled once, and every epoch follows that order.",
        edits=((DEALT, DEALT.replace("seeded(self.seed, k)", "seeded(self.seed)")),),
        question="Which images share a batch in the first epoch, and which in the second?",
        explanation="Each pack is shuffled anew; its number belongs in the key of its generator.\nSee the docstring.",
    ),
    Misconception(
        id="one-order-for-all-seeds",
        exercise="Batches",
        belief="The number of the epoch alone decides the order.",
        edits=((DEALT, DEALT.replace("seeded(self.seed, k)", "seeded(k)")),),
        question="What differs between two runs with different seeds?",
        explanation="The order depends on the seed and the pack, or two seeds aren't two runs.\nSee the docstring.",
    ),
    Misconception(
        id="seed-plus-epoch",
        exercise="Batches",
        belief="The sum of seed and epoch makes a good seed.",
        edits=((DEALT, DEALT.replace("seeded(self.seed, k)", "seeded(self.seed + k)")),),
        question="Seed 1 in epoch 1 and seed 2 in epoch 0: what do they have in common?",
        explanation="Sums collide: run 2 repeats run 1's orders, one epoch earlier. `seeded` takes two numbers.\n"
        "See “Batches that can be repeated”.",
        seen_in="torch's DistributedSampler shuffles with seed + epoch",
    ),
    Misconception(
        id="a-generator-that-lives-on",
        exercise="Batches",
        belief="One generator, made at the start, shuffles epoch after epoch.",
        edits=(
            (
                "self.shuffle, self.seed = shuffle, seed",
                "self.shuffle, self.seed = shuffle, seed; self.generator = seeded(seed)",
            ),
            (DEALT, DEALT.replace("seeded(self.seed, k)", "self.generator")),
        ),
        question="A run stops in epoch 7. How does a new process get to the order of epoch 7?",
        explanation="The order then depends on how often it was asked for; a resumed run gets another one.\n"
        "See “Batches that can be repeated”: a function of seed, epoch and step.",
        seen_in="torch's DataLoader with generator=…",
    ),
    Misconception(
        id="shuffles-with-the-global-generator",
        exercise="Batches",
        belief="torch's global generator shuffles, as torch.manual_seed makes it repeatable.",
        edits=((DEALT, DEALT.replace("torch.randperm(n, generator=seeded(self.seed, k))", "torch.randperm(n)")),),
        question="What else draws from the global generator between two epochs?",
        explanation="Dropout draws from it, too: one more draw anywhere changes the order.\n"
        "See “Batches that can be repeated”.",
        seen_in="torch's DataLoader by default",
    ),
    Misconception(
        id="reseeds-the-global-generator",
        exercise="Batches",
        belief="torch.manual_seed before each shuffle is the way to repeat an order.",
        edits=(
            (
                DEALT,
                DEALT.replace(
                    "torch.randperm(n, generator=seeded(self.seed, k))",
                    "(torch.manual_seed(1000 * self.seed + k), torch.randperm(n))[1]",
                ),
            ),
        ),
        question="Which other random numbers of the program come out differently after your epoch has begun?",
        explanation="The global generator belongs to everybody: your seed would decide dropout's masks as well.\n"
        "`seeded` gives a generator of your own; see the docstring.",
    ),
    Misconception(
        id="start-counts-images",
        exercise="Batches",
        belief="start is the number of images to leave out.",
        edits=((SPLIT_UP, SPLIT_UP.replace("[start:]", "").replace(".split", "[start:].split")),),
        question="With start=1 and batches of 16, what is the first image that you see?",
        explanation="start counts batches, as a training loop counts its steps.\nSee the docstring of `epoch`.",
    ),
    Misconception(
        id="start-is-for-show",
        exercise="Batches",
        belief="An epoch always begins at its beginning.",
        edits=((SPLIT_UP, SPLIT_UP.replace("[start:]", "")),),
        question="After a restart in the middle of an epoch, which images does the net see twice?",
        explanation="A run that goes on enters the epoch where it left it.\nSee the docstring of `epoch`.",
    ),
    Misconception(
        id="start-shuffles-anew",
        exercise="Batches",
        belief="What is left of an epoch can be dealt in a new order.",
        edits=(
            (
                SPLIT_UP,
                "self.order(epoch + 1000 * (start > 0)).to(self.images.device).split(self.batch_size)[start:]",
            ),
        ),
        question="After a restart in the middle of an epoch, are there images that come twice, or not at all?",
        explanation="A new order deals some of the cards again that are out already.\nSee the docstring of `epoch`.",
        seen_in="most loops that resume a DataLoader in mid-epoch",
    ),
    Misconception(
        id="each-epoch-opens-a-pack",
        exercise="Batches",
        belief="Every epoch opens a new pack and leaves the rest of the old one.",
        edits=(
            (
                "packs = range(first // n,",
                "packs = range(epoch, epoch + math.ceil(self.epoch_size / n)) or range(first // n,",
            ),
            (TAKEN, TAKEN.replace("[first % n :]", "")),
        ),
        question="After three short epochs, has every image come equally often?",
        explanation="The next epoch goes on dealing where the last ended: none comes twice before each came once.\n"
        "See the docstring.",
    ),
    Misconception(
        id="long-epochs-open-a-pack",
        exercise="Batches",
        belief="An epoch longer than the pack opens a new one, and what was left of the last is put away.",
        edits=(
            (
                "n, first = len(self.images), epoch * self.epoch_size",
                "n, packs = len(self.images), math.ceil(self.epoch_size / len(self.images))\n"
                "        first = epoch * (packs * n if self.epoch_size > n else self.epoch_size)",
            ),
        ),
        question="After two epochs of 50 out of 20 images, has every image come equally often?",
        explanation="Long epochs are dealt like short ones: twice 50 are five whole packs, so each comes five times.\n"
        "See the docstring: the next one goes on dealing where it ended.",
    ),
    Misconception(
        id="the-same-first-images",
        exercise="Batches",
        belief="A short epoch shows the first images of the data, shuffled.",
        edits=(
            (
                "n, first = len(self.images), epoch * self.epoch_size",
                "n, first = min(len(self.images), self.epoch_size), epoch * self.epoch_size",
            ),
        ),
        question="Does every image come at all?",
        explanation="Short epochs go through all the images, a part at a time.\nSee the docstring: a pack of cards.",
    ),
    Misconception(
        id="one-shuffled-pack-over-and-over",
        exercise="Batches",
        belief="The pack is shuffled once an epoch, and dealt again as often as the epoch needs.",
        edits=(
            (DEALT, DEALT.replace("seeded(self.seed, k)", "seeded(self.seed, epoch if self.epoch_size >= n else k)")),
        ),
        question="In an epoch longer than the pack, what comes after the last card?",
        explanation="Each time through the pack is shuffled anew.\nSee the docstring.",
    ),
    Misconception(
        id="order-of-a-pack",
        exercise="Batches",
        belief="order() gives the order of a pack, and an epoch takes its part of it.",
        edits=(
            (TAKEN, "self.dealt = torch.cat(dealt)[first % n :][: self.epoch_size]\n        return dealt[0]"),
            (SPLIT_UP, SPLIT_UP.replace("self.order(epoch)", "(self.order(epoch), self.dealt)[1]")),
        ),
        question="How many numbers has order(0) if an epoch shows 12 of 30 images?",
        explanation="An epoch may take part of a pack or several: its order has epoch_size numbers, those it shows.\n"
        "See the docstring of `order`.",
    ),
    Misconception(
        id="int32-is-large-enough",
        exercise="Batches",
        belief="int32 will do for the indices, as 50,000 images can be numbered in it.",
        edits=((TAKEN, TAKEN + ".int()"),),
        question="Which dtype does the docstring of `order` promise?",
        explanation="Indices are int64 throughout torch; what takes int32 in one place refuses it in another.\n"
        "See the docstring of `order`.",
    ),
    Misconception(
        id="counts-full-batches",
        exercise="Batches",
        belief="The number of batches is the size divided by the batch size, rounded down.",
        edits=(("math.ceil(self.epoch_size / self.batch_size)", "self.epoch_size // self.batch_size"),),
        question="How many batches does list(batches) hold, and what does len(batches) say?",
        explanation="The smaller batch at the end counts, too: rounded up.\nSee the docstring of `__len__`.",
    ),
    Misconception(
        id="counts-all-images",
        exercise="Batches",
        belief="The number of batches follows from the number of images.",
        edits=(("math.ceil(self.epoch_size / self.batch_size)", "math.ceil(len(self.images) / self.batch_size)"),),
        question="How many batches of 16 are there in an epoch of 20 images, out of 50?",
        explanation="An epoch has epoch_size images; a schedule that counts the steps relies on it.\n"
        "See the docstring of `__len__`.",
    ),
    Misconception(
        id="attributes-are-nobodys-business",
        exercise="Batches",
        belief="What a class keeps is its own business, under whatever name.",
        edits=(
            ("self.shuffle, self.seed = shuffle, seed", "self.shuffle, self._seed = shuffle, seed"),
            (DEALT, DEALT.replace("self.seed", "self._seed")),
        ),
        question="Which attributes does the docstring promise, and what do batches.seed and batches.epoch_size give?",
        explanation="The augmentation takes its seed from the batches, and a training loop the size of an epoch.\n"
        "See “Attributes” in the docstring.",
    ),
    Misconception(
        id="labels-are-not-counted",
        exercise="Batches",
        belief="Images and labels come from one file, so their numbers agree.",
        edits=(("if len(images) != len(labels):", "if False:"),),
        question="images[kept] and labels: what happens if one of the two was split and the other wasn't?",
        explanation="Too many labels are never noticed; each image just gets a wrong one.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="empty-batches-are-fine",
        exercise="Batches",
        belief="Nobody asks for a batch of 0 images.",
        edits=(("if min(batch_size, self.epoch_size) < 1:", "if False:"),),
        question="What does 4 // 8 give, as in batch_size // world_size on a large machine?",
        explanation="A size of 0 comes from a division somewhere; say so at once, with the number.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="zero-is-none",
        exercise="Batches",
        belief="An epoch_size of 0 means that none was given.",
        edits=(("len(images) if epoch_size is None else epoch_size", "epoch_size or len(images)"),),
        question="What does `0 or 50` give, and did the caller mean 50?",
        explanation="None means all; 0 is a size, and one too small. `or` can't tell the two apart.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="in-order-from-the-first",
        exercise="Batches",
        belief="Without shuffling every epoch begins with image 0.",
        edits=(
            (
                "n, first = len(self.images), epoch * self.epoch_size",
                "if not self.shuffle:\n            return torch.arange(self.epoch_size)\n"
                "        n, first = len(self.images), epoch * self.epoch_size",
            ),
        ),
        question="Epochs of 12 images, 30 in all, not shuffled: when does image 20 come?",
        explanation="A pack that nobody shuffled is dealt like any other: on from where the last epoch ended.\n"
        "See the docstring.",
    ),
    Misconception(
        id="in-order-means-rolled",
        exercise="Batches",
        belief="Without shuffling an epoch is one pack that begins at another place, cut off after epoch_size.",
        edits=(
            (
                "n, first = len(self.images), epoch * self.epoch_size",
                "if not self.shuffle:\n"
                "            return torch.arange(len(self.images)).roll(-epoch * self.epoch_size)[: self.epoch_size]\n"
                "        n, first = len(self.images), epoch * self.epoch_size",
            ),
        ),
        question="How many images does an epoch of 50 out of 20 show, if they aren't shuffled?",
        explanation="Past the end a slice is just shorter. A pack that nobody shuffled is opened anew as well.\n"
        "See the docstring: an epoch may be longer than the pack.",
    ),
    Misconception(
        id="a-slice-will-do-in-order",
        exercise="Batches",
        belief="Without shuffling a batch is a slice of the images, from its first number on.",
        edits=(
            (
                LOADED,
                "yield (self.images.index_select(0, index), self.labels.index_select(0, index)) if self.shuffle else"
                " (self.images[index[0] :][: len(index)], self.labels[index[0] :][: len(index)])",
            ),
        ),
        question="30 images in epochs of 12: which images does the batch hold that begins with number 28?",
        explanation="A slice ends with the data; a batch that reaches past the end goes on with image 0.\n"
        "See the docstring: the next epoch goes on dealing where the last one ended.",
    ),
    Misconception(
        id="a-last-image-is-squeezed",
        exercise="Batches",
        belief="squeeze(0) on the images of a batch does nothing, as a batch has several.",
        edits=(("self.images.index_select(0, index)", "self.images.index_select(0, index).squeeze(0)"),),
        question="49 images in batches of 16: what shape have the images of the last batch?",
        explanation="A batch of one image is a batch: (1, C, H, W). Without its first dimension a net refuses it.\n"
        "See “Args” in the docstring: the last batch may be smaller.",
    ),
    Misconception(
        id="a-last-label-is-squeezed",
        exercise="Batches",
        belief="squeeze() on the labels of a batch does nothing, as they have one dimension only.",
        edits=(("self.labels.index_select(0, index)", "self.labels.index_select(0, index).squeeze()"),),
        question="49 labels in batches of 16: what shape have the labels of the last batch?",
        explanation="One label in a batch has the shape (1,), and squeeze() makes a bare number of it.\n"
        "See “Args” in the docstring: the last batch may be smaller.",
    ),
    Misconception(
        id="nothing-left-means-all",
        exercise="Batches",
        belief="If start is past the last batch, the epoch begins again.",
        edits=(("[start:]", "[start if start < len(self) else 0 :]"),),
        question="A run stopped after the last step of an epoch. How many batches of that epoch has it still to see?",
        explanation="None are left. An epoch that begins again shows every image once more than it should.\n"
        "See the docstring of `epoch`: from number `start` on.",
    ),
    Misconception(
        id="a-batch-holds-no-more-than-there-are",
        exercise="Batches",
        belief="A batch can't hold more images than there are, so batch_size is limited to that.",
        edits=(
            (
                "self.images, self.labels, self.batch_size = images, labels, batch_size",
                "self.images, self.labels, self.batch_size = images, labels, min(batch_size, len(images))",
            ),
        ),
        question="50 images, batches of 64, epochs of 100: how many images has the first batch?",
        explanation="An epoch longer than the pack fills large batches, too, and a last batch is smaller by itself.\n"
        "See “Attributes” in the docstring: batch_size as given.",
    ),
    Misconception(
        id="a-run-has-a-hundred-orders",
        exercise="Batches",
        belief="A hundred times the seed plus the number of the pack never makes the same seed twice.",
        edits=((DEALT, DEALT.replace("seeded(self.seed, k)", "torch.Generator().manual_seed(100 * self.seed + k)")),),
        question="Seed 1 in epoch 100 and seed 2 in epoch 0: which number does each of them give?",
        explanation="A longer run meets the orders of its neighbour; a larger factor only puts that off.\n"
        "`seeded` takes both numbers; see “Batches that can be repeated”.",
    ),
    Misconception(
        id="digits-side-by-side",
        exercise="Batches",
        belief="Ten times the seed plus the number of the pack makes a seed of its own for each pair.",
        edits=((DEALT, DEALT.replace("seeded(self.seed, k)", "seeded(10 * self.seed + k)")),),
        question="Seed 1 in epoch 10 and seed 2 in epoch 0: which number does each of them give?",
        explanation="Epoch 10 of one run is epoch 0 of the next; products and exclusive ors collide, too.\n"
        "`seeded` takes both numbers; see “Batches that can be repeated”.",
    ),
    Misconception(
        id="seed-0-shuffles-anew",
        exercise="Batches",
        belief="A seed of 0 means that no seed was given.",
        edits=((DEALT, DEALT.replace("seeded(self.seed, k)", "(seeded(self.seed, k) if self.seed else None)")),),
        question="What does `if self.seed` say of the default?",
        explanation="0 is a seed like any other, and false to Python; the default run must be repeatable, too.\n"
        "See “Args” in the docstring: 0, 1, …",
    ),
    Misconception(
        id="seed-0-keeps-one-order",
        exercise="Batches",
        belief="A seed of 0 means none, and without a seed a fresh generator will do.",
        edits=((DEALT, DEALT.replace("seeded(self.seed, k)", "(seeded(self.seed, k) if self.seed else seeded())")),),
        question="With seed 0, which images share a batch in the first epoch, and which in the second?",
        explanation="0 is a seed, and false to Python: `if self.seed` leaves the number of the pack out for it.\n"
        "See “Args” in the docstring: 0, 1, …",
    ),
    Misconception(
        id="labels-without-images-do-no-harm",
        exercise="Batches",
        belief="Only images without a label are a mistake.",
        edits=(("if len(images) != len(labels):", "if len(images) > len(labels):"),),
        question="images[kept] and labels: whose label does image 0 get?",
        explanation="More labels than images means that one of the two was split and the other wasn't.\n"
        "See “Raises” in the docstring.",
    ),
    Misconception(
        id="sizes-are-never-negative",
        exercise="Batches",
        belief="0 is the only size that makes no sense.",
        edits=(("min(batch_size, self.epoch_size) < 1", "0 in (batch_size, self.epoch_size)"),),
        question="What does your object do with a batch_size of -4, and when does somebody notice?",
        explanation="A negative size comes from a subtraction somewhere; say so at once, with the number.\n"
        "See “Raises” in the docstring: smaller than 1.",
    ),
    Misconception(
        id="only-an-empty-epoch-is-refused",
        exercise="Batches",
        belief="A batch_size may come out negative, but an epoch_size can only be too small by being 0.",
        edits=(("min(batch_size, self.epoch_size) < 1", "batch_size < 1 or self.epoch_size == 0"),),
        question="What does len(batches) give for an epoch_size of -3?",
        explanation="An epoch of -3 images fails later, or shows an order that ends 3 before the end of the data.\n"
        "See “Raises” in the docstring: a size smaller than 1, whichever of the two.",
    ),
    Misconception(
        id="there-is-always-an-image",
        exercise="Batches",
        belief="An epoch of all images has at least one.",
        edits=(
            (
                "min(batch_size, self.epoch_size) < 1",
                "batch_size < 1 or (epoch_size is not None and epoch_size < 1)",
            ),
        ),
        question="A filter left no images over. How many has an epoch of all of them?",
        explanation="An empty data set gives epochs of size 0, and a mean over nothing later on.\n"
        "See “Raises” in the docstring: that of an epoch of all images included.",
    ),
]

MISCONCEPTIONS = [*FILES, *STATISTICS, *SPLIT, *NORMALIZE, *FLIP, *CROP, *CUTOUT, *BATCHES]
