"""The reference's ResNet18 is torchvision's in names, weights and numbers; torchvision's own is refused."""

import pytest
import torch
from torch import nn

from course.checking import judge
from course.lesson import Lesson, all_exercises


@pytest.fixture(scope="module")
def lesson():
    return Lesson.from_solution("lesson_04")


@pytest.mark.parametrize(
    ("stem", "num_classes", "parameters"), [("cifar", 10, 11_173_962), ("imagenet", 1000, 11_689_512)]
)
def test_a_state_dict_of_torchvision_gives_the_logits_of_torchvision(lesson, stem, num_classes, parameters):
    from torchvision.models import resnet18

    torch.manual_seed(0)
    theirs = resnet18(num_classes=num_classes)
    if stem == "cifar":
        theirs.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        theirs.maxpool = nn.Identity()
    theirs.train()(torch.randn(4, 3, 48, 40))  # moves the running statistics
    ours = lesson.ResNet18(num_classes, stem)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert lesson.count_parameters(ours) == sum(p.numel() for p in theirs.parameters()) == parameters

    images = torch.randn(2, 3, 67, 54, dtype=torch.float64)
    with torch.no_grad():
        logits, expected = ours.double().eval()(images), theirs.double().eval()(images)
    torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-10)


def test_the_initial_weights_are_spread_like_those_of_torchvision(lesson):
    from torchvision.models import resnet18

    torch.manual_seed(0)
    theirs, ours = resnet18().state_dict(), lesson.ResNet18(1000, "imagenet").state_dict()
    for name, expected in theirs.items():
        if expected.dim() > 1:
            assert ours[name].std().item() == pytest.approx(expected.std().item(), rel=0.05), name
        else:
            assert ours[name].shape == expected.shape
            assert name == "fc.bias" or ours[name].equal(expected), name


def test_a_net_of_torchvision_is_refused(lesson):
    source = """
class ResNet18(nn.Module):
    def __new__(cls, num_classes=10, stem="cifar"):
        from torchvision.models import resnet18

        if num_classes < 1 or stem not in ("cifar", "imagenet"):
            raise ValueError(f"{num_classes} classes, stem {stem}: not at least 1, cifar or imagenet")
        net = resnet18(num_classes=num_classes)
        if stem == "cifar":
            net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
            nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out")
        return net
"""
    borrowed = Lesson.from_solution("lesson_04")
    exec(source, borrowed.namespace)
    exercise = all_exercises()["ResNet18"]
    verdicts = judge(exercise, borrowed).verdicts["ResNet18"]
    passed = {verdict.sentence for verdict in verdicts if verdict.passed}
    assert passed == {"refuses an unknown stem", "refuses a net without classes"}
    assert "is torchvision's; here you build it from scratch" in verdicts[0].message
