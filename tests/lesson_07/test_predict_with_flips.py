"""predict_with_flips: the mean of two looks at each image."""

import torch
from torch import nn

from course.student import fill_, randn


def network():
    """Four logits from images of 5 x 6 pixels; it notices every flip."""
    block = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5))
    return fill_(nn.Sequential(block, nn.Flatten(), nn.Linear(90, 4))).double()


def mean_logits(model, images):
    with torch.no_grad():
        both = torch.stack([model.eval()(images), model.eval()(images.flip(3))])
    return both.mean(0)


def test_averages_the_logits_of_image_and_mirror_image(student):
    model, batches = network().eval(), [randn(count, 3, 5, 6, dtype=torch.float64) for count in (7, 1)]
    student.returns(
        lambda lesson: [lesson.predict_with_flips(model, images) for images in batches],
        lambda: [mean_logits(model, images) for images in batches],
    )


def test_predicts_in_evaluation_mode_without_a_graph_and_leaves_everything_as_it_was(student):
    model, images = network(), randn(7, 3, 5, 6, dtype=torch.float64)
    model.train()
    model[0][0].eval()  # a norm that is frozen, in a block that trains

    def state(logits, built_a_graph, gradients):
        return {
            "logits": logits,
            "part of a graph": logits.requires_grad,
            "built a graph": built_a_graph,
            "gradients are on": gradients,
            "modes": [part.training for part in model.modules()],
            "state": model.state_dict(),
            "images": images,
        }

    def probe(lesson):
        graphs = []
        model[2].register_forward_hook(lambda module, inputs, output: graphs.append(output.requires_grad))
        logits = lesson.predict_with_flips(model, images)
        gradients = {"where they were on": torch.is_grad_enabled()}
        with torch.no_grad():
            lesson.predict_with_flips(model, images.clone())
            gradients["where they were off"] = torch.is_grad_enabled()
        return state(logits, any(graphs), gradients)

    student.returns(
        probe,
        lambda: state(
            mean_logits(network(), images), False, {"where they were on": True, "where they were off": False}
        ),
    )
