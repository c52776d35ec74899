"""The search of one candidate: a list of proposals, kept in one file with what Ax knows.

Each proposal is a pure function of that file, the seed and the results of earlier trials, told in the order of
trials and `parallel` trials late. So a search that was killed goes on with the proposals of one that was not, and
they do not depend on which trial ends first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.search import Settings
from genrelab.config.space import every_setting
from genrelab.files import recall_json, write_json
from genrelab.study.search.ax.ask import propose_ax
from genrelab.study.search.plan import Outcome, Plan, key
from genrelab.study.search.sobol import centre, propose_sobol, stratified_start


@attrs.define
class Search:
    """One candidate's search.

    Args:
        file: where the proposals are kept.
        plan: what decides them.
    """

    file: Path
    plan: Plan
    _known: dict[str, Any] | None = None
    _start: list[Settings] | None = None

    @property
    def proposals(self) -> list[Settings]:
        """Settings of every trial so far."""
        found: list[Settings] = self._state()["proposals"]
        return found

    def known(self, outcomes: Sequence[Outcome], number: int) -> Sequence[Outcome] | None:
        """Return the outcomes that decide about a trial; None where too few of the first trials have ended.

        Args:
            outcomes: of ended trials, in order, without gaps.
            number: of the trial.
        """
        count = self.count_known(number)
        return outcomes[:count] if len(outcomes) >= count else None

    def count_known(self, number: int) -> int:
        """Return of how many of the first trials the outcomes decide about a trial."""
        return max(0, number - self.plan.search.parallel + 1)

    def is_over(self, known: Sequence[Outcome]) -> bool:
        """Tell whether failures or the time of the known trials end the search before its last trial."""
        search = self.plan.search
        return has_failed(self.plan, known) or 0 < search.seconds <= sum(o.seconds for o in known)

    def propose(self, known: Sequence[Outcome]) -> Settings | None:
        """Propose the settings of the next trial and keep them.

        Args:
            known: the outcomes that decide about it.

        Returns:
            The settings, or None where the space is exhausted.
        """
        state, proposals = self._state(), self.proposals
        ax = state["ax"]
        settings: Settings | None
        if len(proposals) < len(self._first()):
            settings = self._first()[len(proposals)]
        elif self.plan.search.method == "fixed":
            settings = None
        elif self.plan.search.method == "grid":
            settings = self._next_of_grid()
        elif self.plan.search.method == "sobol":
            settings = propose_sobol(self.plan, proposals)
        else:
            settings, ax = propose_ax(self.plan, ax, proposals, known)
        if settings is not None:
            self._known = {"proposals": [*proposals, settings], "ax": ax}
            write_json(self.file, self._known)
        return settings

    def _next_of_grid(self) -> Settings | None:
        tried = {key(p) for p in self.proposals}
        left = (s for s in every_setting(self.plan.space) if self.plan.allows(s) and key(s) not in tried)
        return next(left, None)

    def _first(self) -> list[Settings]:
        """Return the settings that are tried before anybody is asked."""
        if self._start is None:
            start = self._own_start() if self.plan.search.method == "bayesian" else []
            known = {key(settings) for settings, _ in self.plan.warm}
            both = {key(s): s for s in [*self.plan.first, *start]}
            self._start = [s for k, s in both.items() if k not in known or s in self.plan.first]
        return self._start

    def _own_start(self) -> list[Settings]:
        if self.plan.search.start == "stratified":
            return stratified_start(self.plan)
        return [] if self.plan.first or self.plan.warm else centre(self.plan)

    def _state(self) -> dict[str, Any]:
        """Return what the file holds; only this process writes it, so it is read once."""
        if self._known is None:
            self._known = recall_json(self.file) or {"proposals": [], "ax": {}}
        return self._known


def has_failed(plan: Plan, outcomes: Sequence[Outcome]) -> bool:
    """Tell whether more of a candidate's trials have failed than may."""
    failures = sum(o.status == "failed" for o in outcomes)
    return failures > plan.search.max_failure_share * plan.trials()
