"""cross_correlate: a kernel slides over an image, in NumPy and without padding."""

import numpy as np
import torch
import torch.nn.functional as F

from course.student import randn

LIBRARY = ["conv"]


def array(*shape):
    return randn(*shape, dtype=torch.float64).numpy()


def reference(image, kernel):
    image, kernel = (torch.tensor(np.array(a, dtype=np.float64, order="C"))[None, None] for a in (image, kernel))
    return F.conv2d(image, kernel)[0, 0].numpy()


def test_slides_a_non_square_kernel_over_a_non_square_image(student):
    image, kernel = array(5, 7), array(3, 2)
    student.returns(
        lambda lesson: lesson.cross_correlate(image, kernel), lambda: reference(image, kernel), without=LIBRARY
    )


def test_keeps_the_fractions_that_a_kernel_makes_of_an_integer_image(student):
    image, kernel = torch.randint(0, 256, (6, 4), dtype=torch.uint8).numpy(), array(2, 3)
    student.returns(
        lambda lesson: lesson.cross_correlate(image, kernel), lambda: reference(image, kernel), without=LIBRARY
    )


def test_multiplies_whole_numbers_without_wrapping_around(student):
    image, kernel = (torch.randint(200, 256, shape, dtype=torch.int16).numpy() for shape in ((5, 4), (2, 3)))

    student.returns(
        lambda lesson: lesson.cross_correlate(image, kernel), lambda: reference(image, kernel), without=LIBRARY
    )


def test_gives_float64_whatever_the_dtype_of_the_image(student):
    image, kernel = array(4, 5), array(2, 3)
    student.returns(
        lambda lesson: [
            str(lesson.cross_correlate(image.astype(dtype), kernel.astype(dtype)).dtype)
            for dtype in ("int16", "float32")
        ],
        lambda: ["float64", "float64"],
        without=LIBRARY,
    )


def test_takes_views_of_other_arrays(student):
    image, kernel = array(4, 6), array(2, 3)
    student.returns(
        lambda lesson: lesson.cross_correlate(image.T[1:], kernel[::-1, ::-1]),
        lambda: reference(image.T[1:], kernel[::-1, ::-1]),
        without=LIBRARY,
    )


def test_gives_an_array_of_one_number_when_the_kernel_covers_the_image(student):
    image, kernel = array(3, 4), array(3, 4)
    student.returns(
        lambda lesson: lesson.cross_correlate(image, kernel), lambda: reference(image, kernel), without=LIBRARY
    )


def test_leaves_the_image_and_the_kernel_as_they_were(student):
    image, kernel = array(4, 5), array(2, 3)

    def probe(lesson):
        out = lesson.cross_correlate(image, kernel)
        return {"out": out, "image": image, "kernel": kernel}

    student.returns(probe, lambda: {"out": reference(image, kernel), "image": image, "kernel": kernel}, without=LIBRARY)


def test_refuses_a_kernel_wider_than_the_image(student):
    image, kernel = array(5, 3), array(2, 4)
    student.raises(lambda lesson: lesson.cross_correlate(image, kernel), ValueError, naming=[image.shape, kernel.shape])


def test_refuses_a_kernel_taller_than_the_image(student):
    image, kernel = array(3, 5), array(4, 2)
    student.raises(lambda lesson: lesson.cross_correlate(image, kernel), ValueError, naming=[image.shape, kernel.shape])
