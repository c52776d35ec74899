"""`genrelab data fetch`."""

from __future__ import annotations

from pathlib import Path

import click

FMA_URL = "https://os.unil.cloud.switch.ch/fma"
SUBSETS = ("small", "medium", "large", "full")


@click.command()
@click.argument("dataset", type=click.Choice(["fma"]), expose_value=False)
@click.option("--subset", type=click.Choice(SUBSETS), default="small", show_default=True)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path(".genrelab/data/fma"),
    show_default=True,
    help="Folder to put it in.",
)
@click.option("--url", default=FMA_URL, show_default=True, help="Where the archives are.")
def fetch(subset: str, root: Path, url: str) -> None:
    """Download a dataset, check it and unpack it; the same command goes on after an interruption.

    FMA needs about twice the size of its archive while it is unpacked, and half of that afterwards: small 7.2 GiB,
    medium 22 GiB, large 93 GiB, full 879 GiB, and 2 GiB for the metadata.
    """
    from genrelab.data.fetch.fma import fetch_fma  # requests takes a tenth of a second to import

    fetch_fma(root, subset, url, click.echo)
