"""What commits cost on a flash that counts, ours and littlefs's counted alike."""

from dataclasses import dataclass, field


@dataclass
class Cost:
    """Sums over `commits` calls that made something durable.

    records         that were programmed for them, copies included
    e_programs_max  most programs in one commit of the registers alone
    erases_inside   commits that contained an erase; read_max: most bytes read in one
    erased          erase counts of the sectors in question
    spreads         highest less lowest erase count, looked at ten times on the way
    """

    name: str
    commits: int = 0
    records: int = 0
    bytes: int = 0
    erases: int = 0
    e_programs_max: int = 0
    erases_inside: int = 0
    read_max: int = 0
    erased: list[int] = field(default_factory=list)
    spreads: list[int] = field(default_factory=list)

    @property
    def spread(self) -> int:
        return max(self.erased) - min(self.erased)

    def worst_after(self, commits: int) -> float:
        """Erases of the worst sector after so many commits: the mean goes on as measured, and
        the worst stays as far above it as it ever was."""
        mean = self.erases / len(self.erased)
        above = max([max(self.erased) - mean, *self.spreads])
        return mean * commits / self.commits + above
