"""The wrong beliefs of lesson 0, each as the smallest edit of the reference that holds it."""

from course.diagnosis import Misconception

RETURN = "return x.square().mean()"

MISCONCEPTIONS = [
    Misconception(
        id="square-of-mean",
        exercise="mean_of_squares",
        belief="the square of the mean is the mean of the squares",
        edits=((RETURN, "return x.mean().square()"),),
        question="What do the two give for (1, -1)?",
        explanation="The mean of (1, -1) is 0, and so is its square; the mean of the squares is 1.\n"
        "See 'Predict, then run': the two differ by the variance.",
    ),
    Misconception(
        id="sum-of-squares",
        exercise="mean_of_squares",
        belief="a sum over the elements is as good as their mean",
        edits=((RETURN, "return x.square().sum()"),),
        question="What happens to your value if every element comes twice?",
        explanation="A mean doesn't change when every element comes twice; a sum doubles.\n"
        "See the formula: 1/n stands before it.",
    ),
    Misconception(
        id="root-of-mean",
        exercise="mean_of_squares",
        belief="the mean of squares ends with a root, as a length or a root mean square does",
        edits=((RETURN, "return x.square().mean().sqrt()"),),
        question="What is your value for a tensor whose elements are all 3?",
        explanation="The root mean square of threes is 3; their mean of squares is 9.\n"
        "See the formula: there is no root in it.",
    ),
    Misconception(
        id="mean-of-absolutes",
        exercise="mean_of_squares",
        belief="taking signs away is all that squaring is for",
        edits=((RETURN, "return x.abs().mean()"),),
        question="By how much does your value grow if every element is doubled?",
        explanation="Doubling every element makes the mean of squares four times as large: large ones count for more.\n"
        "See 'One number for many'.",
    ),
    Misconception(
        id="mean-over-rows",
        exercise="mean_of_squares",
        belief="the mean goes over the first dimension and leaves the others",
        edits=((RETURN, "return x.square().mean(0)"),),
        question="Which shape does the docstring promise, whatever the shape of x?",
        explanation="`mean()` without a dimension goes over all elements, and the result has shape ().\n"
        "See 'Returns' in the docstring.",
    ),
    Misconception(
        id="half-of-mean",
        exercise="mean_of_squares",
        belief="the one half that makes a gradient neat belongs in the loss",
        edits=((RETURN, "return x.square().mean() / 2"),),
        question="What do you get for a single element, 2, and what does the formula give?",
        explanation="Some books halve the squared error, for a neater gradient; the mean of squares has no half.\n"
        "See the formula.",
        seen_in="Bishop 2006, Pattern Recognition and Machine Learning, section 1.1, halves the sum of squares",
    ),
    Misconception(
        id="unbiased-mean",
        exercise="mean_of_squares",
        belief="every mean of squares divides by n - 1",
        edits=((RETURN, "return x.square().sum() / (x.numel() - 1)"),),
        question="What do you divide by if there is only one number?",
        explanation="n - 1 corrects a variance for a mean estimated from the same numbers; here there is none.\n"
        "See the formula; lesson 2 comes back to n - 1.",
    ),
    Misconception(
        id="squares-in-place",
        exercise="mean_of_squares",
        belief="the input is mine to overwrite once I have it",
        edits=((RETURN, "with torch.no_grad():\n        x.square_()\n    return x.mean()"),),
        question="What does the caller find in x after your function has returned?",
        explanation="Operations that end in an underscore change the tensor that the caller still holds.\n"
        "See 'Args' in the docstring: x is left unchanged.",
    ),
    Misconception(
        id="number-not-tensor",
        exercise="mean_of_squares",
        belief="a single number is best returned as a Python number",
        edits=((RETURN, "return x.square().mean().item()"),),
        question="How would a gradient find its way back through a Python number?",
        explanation="`.item()` leaves the graph: nothing can be trained through it.\nSee 'Returns' in the docstring.",
    ),
    Misconception(
        id="detached",
        exercise="mean_of_squares",
        belief="a loss is only looked at, so it needs no graph",
        edits=((RETURN, "return x.detach().square().mean()"),),
        question="What does autograd need to know of your value to send a gradient to x?",
        explanation="`detach` cuts the value off from x, and its gradient with it.\nSee 'Returns' in the docstring.",
    ),
    Misconception(
        id="always-float32",
        exercise="mean_of_squares",
        belief="all tensors are float32",
        edits=((RETURN, "return x.float().square().mean()"),),
        question="Which dtype does the docstring promise for a float64 input?",
        explanation="Gradients are checked in float64; a cast to float32 throws half of the digits away.\n"
        "See 'Returns'.",
    ),
    Misconception(
        id="empty-is-zero",
        exercise="mean_of_squares",
        belief="the mean of nothing is zero",
        edits=(
            (
                'raise ValueError(f"the mean of no elements is undefined: x has shape {tuple(x.shape)}")',
                "return x.sum()",
            ),
        ),
        question="Which number would make the mean of no elements right, and who would notice that there were none?",
        explanation="0 / 0 is no number. A clear error now is better than a wrong curve an hour later.\nSee 'Raises'.",
    ),
    Misconception(
        id="empty-is-nan",
        exercise="mean_of_squares",
        belief="nan says clearly enough that something went wrong",
        edits=(
            (
                'raise ValueError(f"the mean of no elements is undefined: x has shape {tuple(x.shape)}")',
                "return x.mean()",
            ),
        ),
        question="After a thousand more steps, how would you find out where the nan came from?",
        explanation="nan spreads silently through everything that it touches; an error names the place.\nSee 'Raises'.",
    ),
]
