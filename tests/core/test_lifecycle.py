"""The table of states: a walk over all of it."""

import itertools

import pytest

from mpcgov.errors import PeerError
from mpcgov.lifecycle import TERMINAL, TRANSITIONS, WAITING, Event, State, after


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_an_event_leads_where_the_table_says_or_nowhere(state: State, event: Event) -> None:
    if event in TRANSITIONS.get(state, {}):
        assert after(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(PeerError, match=state.value):
            after(state, event)


def test_nothing_leaves_a_terminal_state_and_every_state_is_reached() -> None:
    reached = {state for row in TRANSITIONS.values() for state in row.values()} | {State.PROPOSED}
    assert reached == set(State)
    assert {State.DENIED, State.REJECTED, State.RELEASED, State.ABORTED, State.FAILED, State.EXPIRED,
            State.CANCELLED} == TERMINAL  # fmt: skip


def test_data_moves_only_after_all_approved_and_committed() -> None:
    into_running = [(s, e) for s, row in TRANSITIONS.items() for e, to in row.items() if to is State.RUNNING]
    into_ready = [(s, e) for s, row in TRANSITIONS.items() for e, to in row.items() if to is State.READY]
    assert into_running == [(State.READY, Event.COMMIT)]
    assert into_ready == [(State.APPROVED, Event.ALL_APPROVED)]


def test_every_waiting_state_can_expire_and_be_cancelled() -> None:
    for state in WAITING:
        assert TRANSITIONS[state][Event.EXPIRE] is State.EXPIRED
        assert TRANSITIONS[state][Event.CANCEL] is State.CANCELLED
