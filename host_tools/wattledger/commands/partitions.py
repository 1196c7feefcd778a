"""wattledger partitions"""

from pathlib import Path

import typer

from wattledger import partitions


def command(
    board: str = typer.Option(..., "--board", help="Folder name below boards/."),
    output: Path = typer.Option(..., "--output", help="File to write."),
) -> None:
    """Write the partition table of a board, for esptool to flash at 0x8000."""
    table = partitions.of_board(board)
    output.write_bytes(partitions.encode(table))
    for p in table:
        print(f"{p.offset:#010x} {p.size:#010x} {p.kind:5} {p.name}")
    print(f"{output}: flash it at {partitions.TABLE_OFFSET:#x}")
