"""`edge-agent docs`: the pages that messages name, which are here whether or not there is a network."""

from typing import Annotated

import typer

from edge_agent.cli.output import JsonOption, print_json
from edge_agent.shipped import shipped


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(docs)


def docs(
    page: Annotated[str, typer.Argument(help="A page, such as packs.  [default: a list of all]")] = "",
    as_json: JsonOption = False,
) -> None:
    """Print a page of the documentation (Markdown), or which there are."""
    from edge_agent.model.errors import SettingsError

    pages = {path.stem: path for path in sorted(shipped("docs").glob("*.md"))}
    texts = {name: path.read_text("utf-8") for name, path in pages.items()}
    titles = {name: text.partition("\n")[0].removeprefix("# ") for name, text in texts.items()}
    if not page:
        if as_json:
            print_json({"pages": titles})
        else:
            width = max(map(len, titles))
            typer.echo("\n".join(f"{name:<{width}}  {title}" for name, title in titles.items()))
        return
    name = page.removeprefix("docs/").removesuffix(".md")
    if name not in texts:
        raise SettingsError(f"There is no page {page[:80]!r}.", f"There are: {', '.join(texts)}.")
    if as_json:
        print_json({"page": name, "text": texts[name]})
    else:
        typer.echo(texts[name], nl=False)
