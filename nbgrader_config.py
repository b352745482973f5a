"""nbgrader's settings: sources come from `solutions/`, releases go to `lessons/`.

    nbgrader generate_assignment lesson_03 --force
    nbgrader autograde lesson_03
    nbgrader generate_feedback lesson_03
    nbgrader export
"""

from pathlib import Path

from course.build import preprocessors, write_sources

c = get_config()  # noqa: F821  (nbgrader puts it here)
root = str(Path(__file__).parent)

c.CourseDirectory.course_id = "resnet18"
c.CourseDirectory.root = root
c.CourseDirectory.source_directory = "build/source"
c.CourseDirectory.release_directory = "lessons"
c.GenerateAssignment.preprocessors = preprocessors()
c.ExecutePreprocessor.timeout = 300

write_sources()
