"""A page of an executed notebook that shows under Jenkins' default policy: files beside it, no script, no inline style."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

from legion_ci.core.files import write_atomic

PAGE, STYLE, NOTEBOOK = "notebook.html", "notebook.css", "notebook.ipynb"
_OUTPUTS = "notebook_outputs"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; background: #fff; }
pre { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; margin: 0; padding: .6rem .8rem; }
.jp-InputArea, .input_area, .highlight { background: #f5f7fa; border-radius: 4px; }
.jp-InputPrompt, .jp-OutputPrompt, .prompt { color: #6a7686; font: 12px ui-monospace, monospace; margin-top: .8rem; }
.jp-OutputArea-output, .output_area { margin: .3rem 0; }
[data-mime-type="application/vnd.jupyter.stderr"], .output_error, .output_stderr { background: #fdecea; }
table { border-collapse: collapse; font-size: 13px; } th, td { padding: .2rem .6rem; border-bottom: 1px solid #dde3ea; text-align: right; }
img { max-width: 100%; }
"""
_SCRIPT = re.compile(r"<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_INLINE = re.compile(r"""\s(style|on\w+)\s*=\s*("[^"]*"|'[^']*')(?=[^<>]*>)""", re.IGNORECASE)


def write(executed: Path, documents: Path, name: str) -> tuple[str, ...]:
    """Write the page, its style, its pictures and the executed notebook; returns the names of the two to open."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter
    from traitlets.config import Config

    settings = Config()
    settings.ExtractOutputPreprocessor.enabled = True
    body, found = HTMLExporter(template_name="basic", config=settings).from_filename(
        str(executed), resources={"output_files_dir": _OUTPUTS, "unique_key": "output"}
    )
    shutil.rmtree(documents / _OUTPUTS, ignore_errors=True)
    (documents / _OUTPUTS).mkdir(parents=True)
    for path, content in found.get("outputs", {}).items():
        (documents / path).write_bytes(content)
    write_atomic(documents / STYLE, _STYLE + HtmlFormatter().get_style_defs(".highlight"))
    shutil.copyfile(executed, documents / NOTEBOOK)
    write_atomic(documents / PAGE, _page(name, _without_scripts(body)))
    return (PAGE, NOTEBOOK)


def _without_scripts(body: str) -> str:
    """Scripts and inline styles, which Jenkins would not run, taken out, so that what is archived is what is seen."""
    return _INLINE.sub("", _SCRIPT.sub("", body))


def _page(name: str, body: str) -> str:
    title = html.escape(name)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<link rel="stylesheet" href="{STYLE}"></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n'
    )
