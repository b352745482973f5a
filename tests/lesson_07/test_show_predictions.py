"""show_predictions: right answers and the most confident mistakes, as pictures with titles."""

import re

import torch

NAMES = ["auk", "bee", "cod", "doe"]
SURE = [0.922, 0.871, 0.813, 0.762, 0.713, 0.652, 0.613, 0.562, 0.893, 0.834, 0.782, 0.731, 0.672, 0.632, 0.541, 0.952]
CALLED = [2, 0, 3, 1, 1, 3, 0, 2, 2, 0, 1, 3, 3, 1, 2, 0]
RIGHT = [True, False, True, True, False, False, True, False, True, False, True, False, False, True, False, True]


def answered():
    """Pictures of noise, logits that are as sure as SURE, and targets."""
    images = torch.randint(256, (len(SURE), 3, 5, 7), dtype=torch.uint8)
    called = torch.tensor(CALLED)
    targets = torch.where(torch.tensor(RIGHT), called, (called + 1) % 4)
    probabilities = torch.ones(len(SURE), 4)
    probabilities[torch.arange(len(SURE)), targets] = 3.0  # the true class of a mistake comes second
    probabilities[torch.arange(len(SURE)), called] = 0.0
    probabilities *= ((1 - torch.tensor(SURE)) / probabilities.sum(1))[:, None]
    probabilities[torch.arange(len(SURE)), called] = torch.tensor(SURE)
    return images, probabilities.log() + 3, targets


def pictures(figure):
    """The axes that hold a picture: the picture, (H, W, 3) of 0 … 255, and all words that stand with it."""
    found = []
    for ax in figure.axes:
        if ax.images:
            picture = torch.as_tensor(ax.images[0].get_array().tolist(), dtype=torch.float64)
            words = [ax.get_title(loc) for loc in ("left", "center", "right")] + [ax.get_xlabel(), ax.get_ylabel()]
            scale = 1 if picture.max() > 1 else 255
            found.append((picture * scale, " ".join(words + [text.get_text() for text in ax.texts])))
    return found


def number_of(picture, images):
    """Which of the images it is; where it is none, what it looks like at its upper left."""
    for i, image in enumerate(images.permute(0, 2, 3, 1).double()):
        if image.shape == picture.shape and (image - picture).abs().max() < 1:
            return i
    return {"unlike any image, with the shape": list(picture.shape), "upper left": picture.flatten()[:3].round()}


def shown(figure, images):
    """Which images the figure shows, in their order; or the first picture that is none of them."""
    numbers = [number_of(picture, images) for picture, _ in pictures(figure)]
    return next((number for number in numbers if isinstance(number, dict)), sorted(numbers, key=str))


def said(figure, images):
    """The names, in order, and the per cent with each image, by its number."""
    words = {}
    for picture, text in pictures(figure):
        percent = re.search(r"([\d.]+)\s*(?:%|per ?cent)", text, re.IGNORECASE)
        value = float(percent[1]) if percent else None
        names = re.findall("|".join(NAMES), text.lower())
        if len({*names}) > 1:
            names = list(dict.fromkeys(names))  # a mistake may say a name twice
        words[str(number_of(picture, images))] = [*names, value if value is None else round(value)]
    return words


def test_shows_the_first_right_answers_and_the_surest_mistakes_upright_and_in_colour(student):
    images, logits, targets = answered()
    student.returns(
        lambda lesson: shown(lesson.show_predictions(images, logits, targets, NAMES, columns=2), images),
        lambda: sorted([0, 2, 3, 6, 1, 9, 11, 4], key=str),
    )


def test_says_what_each_was_called_how_surely_and_what_a_mistake_really_is(student):
    images, logits, targets = answered()

    def expected():
        chosen = [0, 2, 1, 9]
        names = {i: dict.fromkeys([NAMES[CALLED[i]], NAMES[targets[i]]]) for i in chosen}
        return {str(i): [*names[i], round(100 * SURE[i])] for i in chosen}

    student.returns(
        lambda lesson: said(lesson.show_predictions(images, logits, targets, NAMES, columns=1), images), expected
    )


def test_shows_fewer_pictures_where_there_are_fewer(student):
    images, logits, targets = answered()
    parts = slice(6), slice(4), slice(3, 6)  # three mistakes of six, one of four, one right answer of three
    student.returns(
        lambda lesson: [
            shown(lesson.show_predictions(images[part], logits[part], targets[part], NAMES, columns=2), images)
            for part in parts
        ],
        lambda: [list(range(len(SURE)))[part] for part in parts],
    )


def test_shows_what_there_is_where_nothing_is_wrong_or_nothing_right(student):
    images, logits, targets = answered()
    parts = slice(2, 4), slice(4, 6)

    def probe(lesson):
        def numbers(part):
            figure = lesson.show_predictions(images[part], logits[part], targets[part], NAMES, columns=1)
            return shown(figure, images)

        try:
            numbers(slice(3, 6))
        except ValueError:
            return "one right answer for two places is refused"
        return [numbers(part) for part in parts]

    student.returns(probe, lambda: [list(range(len(SURE)))[part] for part in parts])
