"""What a student and an instructor see in a real browser: a check report in JupyterLab, a score in the formgrader.

`make test-browser` runs this; screenshots go to `build/screenshots/`.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect, sync_playwright

from course import build
from course.lesson import ROOT
from course.notebooks import answer

LESSON, NOTEBOOK, NAME = "lesson_03", "lessons/lesson_03/basic_block.ipynb", "PlainBlock"
SCREENSHOTS = ROOT / "build" / "screenshots"
SECONDS = 120
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the page, also what can't be seen
    "apputils-extension/notification": {"fetchNews": "false"},  # or a question covers the cells
}
expect.set_options(timeout=1000 * SECONDS)


@pytest.fixture(scope="session")
def page():
    """A tab of Debian's or anybody's Chromium."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.fail("no Chromium here: `apt install chromium`, or name one with CHROMIUM=/path/to/it", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(1000 * SECONDS)
        yield page
        browser.close()


@pytest.fixture
def serve(tmp_path):
    """Starts JupyterLab in a folder, and gives its address."""
    processes = []

    def serve(folder, **environment):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        for place, setting in SETTINGS.items():
            path = tmp_path / "settings" / "@jupyterlab" / f"{place}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(setting))
        environment = os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")} | environment
        command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--ServerApp.port={port}"]
        command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root"]
        log = (tmp_path / "server.log").open("w")
        processes.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log))
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{address}/api")
                return address
            except urllib.error.URLError:
                assert time.monotonic() < end, (tmp_path / "server.log").read_text()
                assert processes[-1].poll() is None, (tmp_path / "server.log").read_text()

    yield serve
    for process in processes:
        process.terminate()
        process.wait(30)


def test_a_student_sees_what_is_to_do_types_an_answer_and_sees_it_pass(page, serve, tmp_path):
    for folder in ("lessons", "solutions", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / "course" / folder)
    (tmp_path / "course" / NOTEBOOK).write_text(build.release(LESSON))
    address = serve(tmp_path / "course", COURSE_ROOT=str(tmp_path / "course"), OMP_NUM_THREADS="1")
    page.goto(f"{address}/lab/tree/{NOTEBOOK}?reset")
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    stub = cells.filter(has_text=re.compile(f"class {NAME}\\b")).first
    check = cells.filter(has_text=f'check("{NAME}"').first
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first).to_be_attached()
    for i in range(cells.count()):
        run(page, cells.nth(i))
        if cells.nth(i).inner_text() == check.inner_text():
            break
    report = check.locator(".jp-OutputArea-output").first
    expect(report).to_contain_text(f"{NAME}: not implemented yet, 0 of 2 points")
    expect(report).to_contain_text("○ to do")
    screenshot(page, check, "check-untouched")

    wrong = reference().replace("self.bn2 = nn.BatchNorm2d(out_channels)", "self.bn2 = self.bn1")
    type_into(page, stub, wrong)
    run(page, stub), run(page, check)
    expect(report).to_contain_text("✗ FAIL")
    expect(report).to_contain_text("Question to ask yourself: When one norm serves two convolutions")
    expect(report.locator("details").first).not_to_have_attribute("open", "")
    screenshot(page, check, "check-wrong")

    type_into(page, stub, reference())
    run(page, stub), run(page, check)
    expect(report).to_contain_text(f"{NAME}: passed, 2 of 2 points")
    expect(report).to_contain_text("Unsaved changes")
    screenshot(page, check, "check-passed")


def test_an_instructor_sees_the_score_of_a_graded_submission(page, serve, tmp_path):
    notebook = nbformat.reads(build.release(LESSON), as_version=4)
    answer(notebook, NAME).source = reference()
    path = tmp_path / "submitted" / "ada" / LESSON / Path(NOTEBOOK).name
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)  # the course is the folder that its settings lie in
    for command in ("generate_assignment", "autograde"):
        command = [
            sys.executable, "-m", "nbgrader", command, LESSON, f"--CourseDirectory.source_directory={build.SOURCES}",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    page.goto(f"{serve(tmp_path)}/formgrader/manage_submissions/{LESSON}")
    row = page.locator("tr").filter(has_text="ada")
    expect(row).to_contain_text("graded")
    expect(row).to_contain_text("2 / 9")
    screenshot(page, row, "formgrader")


def reference():
    """The reference's answer to the exercise."""
    return answer(build.source_notebook(LESSON), NAME).source


def run(page, cell):
    """Run a cell, and wait until it has another number; a kernel that is starting may need to be asked again."""
    prompt = cell.locator(".jp-InputPrompt").first
    before = prompt.inner_text()
    for _ in range(SECONDS // 10):
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        with contextlib.suppress(AssertionError):
            expect(prompt).not_to_have_text(before, timeout=5000)
            break
    expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))


def type_into(page, cell, text):
    """Replace what stands in a cell."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def screenshot(page, element, name):
    """Keep what the page shows around an element."""
    element.scroll_into_view_if_needed()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    element.screenshot(path=SCREENSHOTS / f"{name}.png")
