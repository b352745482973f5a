"""Correct but unusual answers to lesson 0."""

from course.diagnosis import Accepted

ACCEPTED = [
    Accepted(
        exercise="mean_of_squares",
        name="a dot product over a count",
        source="""
def mean_of_squares(x):
    flat = x.reshape(-1)
    if not len(flat):
        raise ValueError(f"no elements in {tuple(x.shape)}")
    return flat @ flat / len(flat)
""",
    ),
    Accepted(
        exercise="mean_of_squares",
        name="a loop over the elements",
        source="""
def mean_of_squares(x):
    if x.numel() == 0:
        raise ValueError(f"{x.shape} is empty")
    total = torch.zeros((), dtype=x.dtype)
    for value in x.flatten():
        total = total + value**2
    return total / x.numel()
""",
    ),
    Accepted(
        exercise="mean_of_squares",
        name="a loss of the library",
        source="""
def mean_of_squares(x):
    if 0 in x.shape:
        raise ValueError("no elements in " + " x ".join(map(str, x.shape)))
    return torch.nn.functional.mse_loss(x, torch.zeros_like(x))
""",
    ),
    Accepted(
        exercise="mean_of_squares",
        name="in float64 inside",
        source="""
def mean_of_squares(x):
    if x.nelement() < 1:
        raise ValueError(f"empty: {tuple(x.shape)}")
    return (x.double() ** 2).mean().to(x.dtype)
""",
    ),
]
