"""Opening at the receiver: Lagrange over the integers, and the check that all shares agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcgov.errors import PeerError
from mpcgov.opening import BLOCK, _combine, from_bytes, lagrange, open_shares, to_bytes

P = 2**61 - 1
OTHER = 2**89 - 1


def deal(secrets: list[int], degree: int, m: int, coefficients: list[int]) -> dict[int, list[int]]:
    def at(x: int, secret: int) -> int:
        return (secret + sum(c * x ** (k + 1) for k, c in enumerate(coefficients[:degree]))) % P

    return {x: [at(x, secret) for secret in secrets] for x in range(1, m + 1)}


@given(
    st.lists(st.integers(-(2**60) + 1, 2**60 - 1), min_size=1, max_size=5),
    st.sampled_from([(3, 1), (4, 1), (5, 1), (5, 2), (7, 1), (7, 3)]),
    st.lists(st.integers(0, P - 1), min_size=3, max_size=3),
)
def test_opening_gives_back_what_was_dealt(secrets: list[int], shape: tuple[int, int], coefficients: list[int]) -> None:
    m, degree = shape
    assert open_shares(deal(secrets, degree, m, coefficients), degree, P) == secrets


@pytest.mark.parametrize("party", [1, 2, 3, 4])
@pytest.mark.parametrize("position", [0, 1])
def test_one_wrong_share_of_any_party_is_found(party: int, position: int) -> None:
    shares = deal([5, 7], 1, 4, [11, 0, 0])
    shares[party][position] = (shares[party][position] + 1) % P
    with pytest.raises(PeerError, match="the shares don't agree"):
        open_shares(shares, 1, P)


@pytest.mark.parametrize("position", [0, BLOCK - 1, BLOCK, 2 * BLOCK])
def test_long_tables_are_opened_and_checked_in_every_block(position: int) -> None:
    secrets = list(range(-BLOCK, BLOCK + 1))
    shares = deal(secrets, 1, 3, [11, 0, 0])
    assert open_shares(shares, 1, P) == secrets
    shares[2][position] ^= 1
    with pytest.raises(PeerError, match="the shares don't agree"):
        open_shares(shares, 1, P)


def test_without_a_share_to_spare_nothing_is_opened() -> None:
    shares = deal([5], 1, 2, [11, 0, 0])
    with pytest.raises(PeerError, match="every party"):
        open_shares(shares, 1, P)


@given(st.lists(st.integers(0, P - 1), min_size=1, max_size=4), st.lists(st.integers(0, P - 1), min_size=4, max_size=4))
def test_words_and_integers_give_the_same_sums(column: list[int], weights: list[int]) -> None:
    columns = [[(x * k + k) % P for x in column] for k in range(1, 5)]
    exact = [sum(c[i] * w for c, w in zip(columns, weights, strict=True)) % P for i in range(len(column))]
    assert list(_combine(columns, weights, P)) == exact


@pytest.mark.parametrize("x", [0, 1, 2**31 - 1, 2**31, 2**60, P - 2, P - 1])
@pytest.mark.parametrize("weight", [0, 1, 2**31 - 1, 2**31, 2**60, P - 2, P - 1])
def test_products_of_words_are_exact_at_the_edges(x: int, weight: int) -> None:
    assert list(_combine([[x]], [weight], P)) == [x * weight % P]


def test_a_wider_field_is_opened_too() -> None:
    shares = {x: [(5 + 11 * x) % OTHER, (OTHER - 3 + 2**80 * x) % OTHER] for x in (1, 2, 3)}
    assert open_shares(shares, 1, OTHER) == [5, -3]


def test_weights_at_a_point_of_the_base_pick_that_point() -> None:
    assert lagrange([1, 2, 3], 2, P) == [0, 1, 0]


@given(st.lists(st.integers(0, P - 1), max_size=5), st.integers(8, 12))
def test_field_elements_survive_their_bytes(elements: list[int], width: int) -> None:
    assert list(from_bytes(to_bytes(elements, width), width, P, len(elements))) == elements


@pytest.mark.parametrize(("data", "says"), [(b"\xff" * 8, "no field element"), (b"\0" * 7, "length"), (b"", "length")])
def test_bytes_that_are_no_shares_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(PeerError, match=says):
        from_bytes(data, 8, P, 1)
