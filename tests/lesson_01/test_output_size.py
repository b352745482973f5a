"""output_size: how many positions a kernel takes along one axis."""


def test_counts_the_positions_of_a_kernel_without_padding(student):
    def probe(lesson):
        sizes = [lesson.output_size(9, 3), lesson.output_size(7, 1), lesson.output_size(5, 5)]
        return {"sizes": sizes, "fractions": any(isinstance(size, float) for size in sizes)}

    student.returns(probe, lambda: {"sizes": [7, 7, 1], "fractions": False})


def test_counts_padding_at_both_ends(student):
    student.returns(
        lambda lesson: [
            lesson.output_size(9, 3, padding=1),
            lesson.output_size(5, 7, padding=2),
        ],
        lambda: [9, 3],
    )


def test_leaves_out_the_last_step_that_would_run_over_the_end(student):
    student.returns(
        lambda lesson: [
            lesson.output_size(9, 3, stride=2),  # no pixel left over
            lesson.output_size(10, 3, stride=2),  # half a step left over
            lesson.output_size(7, 3, stride=3),  # a third of a step left over
        ],
        lambda: [4, 4, 2],
    )


def test_gives_the_sizes_inside_resnet18(student):
    student.returns(
        lambda lesson: [
            lesson.output_size(224, 7, 2, 3),
            lesson.output_size(112, 3, 2, 1),
            lesson.output_size(56, 3, 1, 1),
            lesson.output_size(56, 1, 2, 0),
        ],
        lambda: [112, 56, 56, 28],
    )


def test_refuses_a_kernel_longer_than_the_padded_axis(student):
    student.raises(lambda lesson: lesson.output_size(3, 6, padding=1), ValueError, naming=[6, 5])
    student.raises(lambda lesson: lesson.output_size(3, 6, stride=2, padding=1), ValueError, naming=[6, 5])


def test_refuses_a_stride_below_one(student):
    student.raises(lambda lesson: lesson.output_size(9, 3, stride=0), ValueError, naming=["stride"])
    student.raises(lambda lesson: lesson.output_size(9, 3, stride=-1), ValueError, naming=["stride"])


def test_refuses_a_negative_padding(student):
    student.raises(lambda lesson: lesson.output_size(9, 3, padding=-1), ValueError, naming=["padding"])


def test_takes_a_padding_of_more_than_half_the_kernel(student):
    student.returns(lambda lesson: lesson.output_size(4, 1, padding=1), lambda: 6)
