"""One look for every figure of the course: on a white ground in light and dark themes alike, few lines, safe colours.

The colours are those of Okabe & Ito (2008), *Color Universal Design*, which colour-blind readers can tell apart.
"""

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, GREY = "#CC79A7", "#56B4E9", "#999999"


def set_style() -> None:
    """Give this look to every figure that the notebook draws from now on."""
    import matplotlib.pyplot as plt  # here, since the tests of a lesson need its colours at most

    plt.rcParams.update(
        {
            "figure.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY]),
        }
    )
