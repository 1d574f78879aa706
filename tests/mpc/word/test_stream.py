"""Random words, elements and permutations: exactly uniform, and the same for everyone with the key."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from scipy import stats

from mpcgov.mpc.word import stream
from mpcgov.mpc.word.field import P
from mpcgov.mpc.word.stream import Stream

KEY = bytes(range(32))


def test_a_stream_is_aes_in_counter_mode_and_goes_on_where_it_stopped():
    nonce = (7).to_bytes(8, "big") + bytes(8)
    expected = Cipher(algorithms.AES256(KEY), modes.CTR(nonce)).encryptor().update(bytes(8 * 100_000))
    assert Stream(KEY, 7).words(100_000).tobytes() == expected
    parts = Stream(KEY, 7)
    assert b"".join(parts.words(n).tobytes() for n in (1, 3, 50_000, 49_996)) == expected


def test_numbers_and_keys_give_other_words():
    words = [Stream(KEY, n).words(1)[0] for n in range(50)]
    words += [Stream(bytes([n]) * 32, 0).words(1)[0] for n in range(50)]
    assert len(set(words)) == 100


def test_the_one_pattern_that_is_no_element_is_drawn_again():
    class Rigged(Stream):
        singles = 0

        def words(self, count):
            words = super().words(count)
            if count == 10:
                words[[2, 7]] = 2**64 - 1
            if count == 1:
                self.singles += 1
                words[0] = P if self.singles == 1 else 40 + self.singles
            return words

    elements = Rigged(KEY).elements(10)
    assert elements.max() < P
    assert (elements[2], elements[7]) == (42, 43)


def test_elements_are_spread_evenly():
    elements = Stream(KEY, 1).elements(200_000)
    counts = np.bincount((elements // (P // 64 + 1)).astype(int), minlength=64)
    assert stats.chisquare(counts).pvalue > 1e-6


def test_permutations_are_uniform_and_the_same_for_everyone_with_the_key():
    assert (Stream(KEY, 5).permutation(1000) == Stream(KEY, 5).permutation(1000)).all()
    counts = Counter(tuple(Stream(KEY, n).permutation(4)) for n in range(6000))
    assert sorted(counts) == sorted(itertools.permutations(range(4)))
    assert stats.chisquare(list(counts.values())).pvalue > 1e-6


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_permutations_of_any_size_hold_every_row_once(count):
    assert sorted(Stream(KEY).permutation(count)) == list(range(count))


def test_a_word_that_would_bias_the_permutation_is_drawn_again():
    order = np.arange(3)
    # 2^64 mod 3 = 1: the word 0 gives a product whose low half, 0, is below 1
    assert stream._shuffle(np.array([0, 2**63, 2**63], np.uint64), order) == 3
    assert stream._shuffle(np.array([0], np.uint64), np.arange(3)) == -1


def test_a_permutation_that_runs_out_of_words_draws_more():
    class Rigged(Stream):
        def words(self, count):
            return np.zeros(count, np.uint64) if count == 3 else super().words(count)

    assert sorted(Rigged(KEY).permutation(3)) == [0, 1, 2]
