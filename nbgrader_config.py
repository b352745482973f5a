"""nbgrader's settings: sources come from `solutions/`, releases go to `lessons/`.

nbgrader reads notebooks and our sources are scripts, so every nbgrader command first brings `build/source/` up to date.
"""

import os
import sys
from pathlib import Path

from course import build, grading

c = get_config()  # noqa: F821  (nbgrader puts it here)

c.CourseDirectory.course_id = "resnet18"
c.CourseDirectory.root = str(Path(__file__).parent)
c.CourseDirectory.source_directory = "build/source"
c.CourseDirectory.release_directory = "lessons"
c.GenerateAssignment.preprocessors = build.preprocessors()
c.Autograde.sanitize_preprocessors = grading.sanitizers()
c.Autograde.autograde_preprocessors = grading.preprocessors()
c.ExecutePreprocessor.timeout = 300

build.write_sources()
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # where alembic lies
