"""`daypass host enroll --over-ssh LIST`: an operator takes over the hosts there are, by the ssh access there is."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.cli.output import data, good, json_data, note, printable, show_hint, warn
from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.api import JoinTokensResponse
    from daypass.cli.administration import Administration
    from daypass.client.fleet.listing import Target
    from daypass.client.fleet.takeover import Outcome

__all__ = ["OverSsh"]

_MAX_LIST = 4 << 20  # characters
_AT_ONCE = 200  # tokens that one act makes


@dataclass(frozen=True, slots=True)
class OverSsh:
    """What was asked for. `options`: further `-o` of ssh, for the way in that there is now."""

    ca: Administration
    listed: str  # a file; - for standard input
    wave: int
    parallel: int
    keep_going: bool
    options: Sequence[str]

    def run(self, *, as_json: bool) -> bool:
        """Wave after wave; says what became of each; whether all of them are enrolled now."""
        from daypass.client.fleet.listing import read_list
        from daypass.client.fleet.waves import untried

        targets = read_list(self._text())
        told = _Progress(len(targets))
        outcomes: list[Outcome] = []
        try:
            for start in range(0, len(targets), _AT_ONCE):
                batch = targets[start : start + _AT_ONCE]
                ended, stopped = self._batch(batch, told)
                outcomes += ended
                if stopped:
                    outcomes += untried(targets[start + _AT_ONCE :])
                    break
        except KeyboardInterrupt:
            note(f"\nstopped after {told.done} of {len(targets)} hosts")
            show_hint("run it again with the same list: hosts that are done are left alone")
            raise
        _report(outcomes, as_json=as_json)
        return all(each.state in _FINE for each in outcomes)

    def _batch(self, batch: Sequence[Target], told: _Progress) -> tuple[list[Outcome], bool]:
        from daypass.client.fleet.takeover import Takeover, script
        from daypass.client.fleet.waves import Waves

        answer = self._tokens(batch)
        tokens = {target.name: token for target, token in zip(batch, answer.tokens, strict=True)}
        with _authorities(batch, answer.host_ca) as file:
            waves = Waves(Takeover(file, script, self.options), told.tell, self.wave, self.parallel, self.keep_going)
            outcomes = waves.run(batch, tokens)
        return outcomes, waves.stops(outcomes)

    def _tokens(self, batch: Sequence[Target]) -> JoinTokensResponse:
        from daypass.api import HostWanted, JoinTokensRequest, JoinTokensResponse

        wanted = [HostWanted(name=each.name, aliases=list(each.aliases), labels=each.labels) for each in batch]
        purpose = f"enrol {batch[0].name}" + (f" and {len(batch) - 1} more hosts" if len(batch) > 1 else "")
        return self.ca.call("join_tokens", JoinTokensRequest(hosts=wanted), JoinTokensResponse, purpose)

    def _text(self) -> str:
        try:
            if self.listed == "-":
                return sys.stdin.read(_MAX_LIST)
            with Path(self.listed).open(encoding="utf-8") as file:
                return file.read(_MAX_LIST)
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"the list of hosts can't be read from {self.listed}", code="list.file") from error


_FINE = ("enrolled", "already")


@contextmanager
def _authorities(batch: Sequence[Target], host_ca: Sequence[str]) -> Iterator[Path]:
    """A known_hosts file that believes our host CA for these names, and nobody else."""
    with tempfile.TemporaryDirectory(prefix="daypass-") as folder:
        file = Path(folder) / "known_hosts"
        names = ",".join(each.name for each in batch)
        file.write_text("".join(f"@cert-authority {names} {key}\n" for key in host_ca), encoding="ascii")
        yield file


class _Progress:
    """A line for each host as it is done: `  3/120  web-3.example.com  enrolled  2.1 s`."""

    def __init__(self, count: int) -> None:
        self._count, self.done = count, 0

    def tell(self, outcome: Outcome) -> None:
        self.done += 1
        said = f": {printable(outcome.said)}" if outcome.said else ""
        paint = good if outcome.state in _FINE else warn
        number = f"{self.done:>{len(str(self._count))}}/{self._count}"
        note(f"{number}  {outcome.target.name}  {paint(outcome.state)}{said}  {outcome.seconds:.1f} s")


def _report(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    if as_json:
        json_data([
            {"name": each.target.name, "state": each.state, "said": each.said, "seconds": round(each.seconds, 1)}
            for each in outcomes
        ])  # fmt: skip
        return
    counts = {state: sum(each.state == state for each in outcomes) for state in (*_FINE, "failed", "untried")}
    data(f"{counts['enrolled']} enrolled, {counts['already']} were already")
    for each in outcomes:
        if each.state == "failed":
            data(f"failed: {each.target.name}: {printable(each.said)}")
    if counts["untried"]:
        data(f"untried: {counts['untried']}, from {next(e.target.name for e in outcomes if e.state == 'untried')} on")
    if counts["failed"]:
        show_hint("mend these and run it again with the same list: hosts that are done are left alone")
