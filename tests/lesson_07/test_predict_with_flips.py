"""predict_with_flips: the mean of two looks at each image."""

import torch
from torch import nn

from course.student import fill_, randn


def network():
    """Four logits from images of 5 x 6 pixels; it notices every flip."""
    return fill_(nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(90, 4))).double()


def mean_logits(model, images):
    with torch.no_grad():
        both = torch.stack([model.eval()(images), model.eval()(images.flip(3))])
    return both.mean(0)


def test_averages_the_logits_of_image_and_mirror_image(student):
    model, images = network().eval(), randn(7, 3, 5, 6, dtype=torch.float64)
    student.returns(lambda lesson: lesson.predict_with_flips(model, images), lambda: mean_logits(model, images))


def test_predicts_in_evaluation_mode_and_leaves_every_mode_as_it_was(student):
    model, images = network(), randn(7, 3, 5, 6, dtype=torch.float64)
    model.train()
    model[0].eval()  # a norm that is frozen

    def state(model, logits):
        return {
            "logits": logits,
            "part of a graph": logits.requires_grad,
            "gradients are on": torch.is_grad_enabled(),
            "modes": [part.training for part in model.modules()],
            "state": model.state_dict(),
        }

    student.returns(
        lambda lesson: state(model, lesson.predict_with_flips(model, images)),
        lambda: state(model, mean_logits(network(), images)),
    )
