"""A drawn profile: a page to save, open in a browser or show in a notebook."""

from __future__ import annotations

import os
import sys
import tempfile
from html import escape
from pathlib import Path


class ProfilePage:
    """A drawn profile.

    Attributes
    ----------
    html : str
        The whole page.
    path : Path or None
        Where it was last saved.
    """

    def __init__(self, html: str, height: int) -> None:
        self.html = html
        self.path: Path | None = None
        self._height = height
        self._displayed = False

    def __repr__(self) -> str:
        where = f", saved as {str(self.path)!r}" if self.path else ""
        return f"<ProfilePage: {len(self.html) / 1000:,.0f} kB{where}>"

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write the page to a file.

        Parameters
        ----------
        filename : path
            Where to; an existing file is replaced.
        """
        self.path = Path(filename)
        self.path.write_text(self.html, encoding="utf-8")

    def open(self) -> None:
        """Open the page in a browser, from a temporary file if it is not saved."""
        import webbrowser

        path = self.path
        if path is None:
            handle, name = tempfile.mkstemp(prefix="raskt-profile-", suffix=".html")
            os.close(handle)
            path = Path(name)
            self.save(path)
        webbrowser.open(path.resolve().as_uri())

    def display(self) -> None:
        """Show the page in the notebook, below the cell."""
        from IPython.display import HTML, display

        display(HTML(self._frame()))
        self._displayed = True

    def _repr_html_(self) -> str | None:
        # As the value of a cell it would appear a second time.
        return None if self._displayed else self._frame()

    def _frame(self) -> str:
        # A frame of its own keeps the page's style and the notebook's apart.
        return (
            f'<div><iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" '
            f'style="width:100%;height:{self._height}px;border:0"></iframe></div>'
        )


def in_notebook() -> bool:
    """Return whether this program runs in a Jupyter kernel."""
    # A notebook has imported IPython before the user's first line.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
