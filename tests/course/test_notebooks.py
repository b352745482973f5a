"""The reference notebooks run from top to bottom, and every figure is drawn."""

import nbformat
import pytest
from nbclient import NotebookClient

from course.build import source_notebook
from course.lesson import released

SECONDS = 90


@pytest.mark.parametrize("lesson", released())
def test_the_reference_notebook_runs_from_top_to_bottom(lesson, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = source_notebook(lesson)
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(tmp_path)}}).execute()

    drawn = [cell for cell in notebook.cells if "plt.show()" in cell.source]
    assert drawn
    for cell in drawn:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source
    checks = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    for cell in checks:
        results = [output.data["text/plain"] for output in cell.outputs if output.output_type == "execute_result"]
        assert list(map(float, results)) == [cell.metadata.nbgrader.points], cell.source


@pytest.mark.parametrize("lesson", released())
def test_every_figure_is_described_in_words(lesson):
    cells = source_notebook(lesson).cells
    for cell, following in zip(cells, [*cells[1:], nbformat.v4.new_markdown_cell()], strict=True):
        if cell.cell_type == "code" and "plt.show()" in cell.source:
            assert following.source.startswith("*Figure: "), cell.source
