"""The tree is the one of RFC 6962: the Certificate Transparency reference vectors, and properties over all shapes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.exceptions import LedgerError
from improvement.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# From the Certificate Transparency project's merkle_tree tests.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
L0, L0_1, L0_3 = ROOTS[0], ROOTS[1], ROOTS[3]
L1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
L2_3 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
L4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
L4_5 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
L4_7 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
L6_7 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
INCLUSION = [(0, 1, []), (0, 8, [L1, L2_3, L4_7]), (5, 8, [L4, L6_7, L0_3]), (2, 3, [L0_1]), (1, 5, [L0, L2_3, L4])]
CONSISTENCY = [(1, 1, []), (1, 8, [L1, L2_3, L4_7]), (6, 8, [L4_5, L6_7, L0_3]), (2, 5, [L2_3, L4])]

LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
SIZES = st.integers(1, 70)


def forest(size: int) -> Tree:
    return Tree(leaf_hash(b"%d" % number) for number in range(size))


def plain_root(leaves: list[bytes]) -> bytes:
    """The definition in RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(plain_root(leaves[:split]), plain_root(leaves[split:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_reference_roots(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert (frontier.root().hex(), Tree(LEAVES).root(size).hex()) == (ROOTS[size - 1], ROOTS[size - 1])


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_inclusion_proofs_are_the_reference_proofs(index: int, size: int, proof: list[str]) -> None:
    assert [node.hex() for node in Tree(LEAVES).inclusion_proof(index, size)] == proof


@pytest.mark.parametrize(("old", "size", "proof"), CONSISTENCY)
def test_consistency_proofs_are_the_reference_proofs(old: int, size: int, proof: list[str]) -> None:
    assert [node.hex() for node in Tree(LEAVES).consistency_proof(old, size)] == proof


def test_the_empty_log_has_the_reference_root() -> None:
    assert Frontier().root() == Tree().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_frontier_tree_and_definition_agree(lines: list[bytes]) -> None:
    leaves = [leaf_hash(line) for line in lines]
    frontier = Frontier()
    for leaf in leaves:
        frontier = Frontier.load(frontier.size, frontier.dump())
        frontier.append(leaf)
    assert frontier.root() == Tree(leaves).root() == plain_root(leaves)


@given(st.data(), SIZES)
def test_inclusion_proofs_verify_and_only_for_their_leaf_and_place(data: st.DataObject, size: int) -> None:
    tree, index = forest(size), data.draw(st.integers(0, size - 1))
    leaf, proof, root = leaf_hash(b"%d" % index), tree.inclusion_proof(index), tree.root()
    assert verify_inclusion(leaf, index, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"forged"), index, size, proof, root)
    assert not any(verify_inclusion(leaf, other, size, proof, root) for other in range(-1, size + 1) if other != index)
    assert not verify_inclusion(leaf, index, size, [*proof, EMPTY_ROOT], root)
    assert not proof or not verify_inclusion(leaf, index, size, proof[:-1], root)


@given(st.data(), SIZES)
def test_consistency_proofs_verify_and_only_for_their_roots(data: st.DataObject, size: int) -> None:
    tree, old = forest(size), data.draw(st.integers(0, size))
    proof, root, old_root = tree.consistency_proof(old), tree.root(), tree.root(old)
    assert verify_consistency(old, old_root, size, root, proof)
    assert not verify_consistency(old, leaf_hash(b"forged"), size, root, proof)
    assert old == 0 or not verify_consistency(old, old_root, size, leaf_hash(b"forged"), proof)
    assert not verify_consistency(old, old_root, size, root, [*proof, EMPTY_ROOT])
    assert old == size or not verify_consistency(size, root, old, old_root, proof)


@pytest.mark.parametrize(("size", "data"), [(-1, b""), (0, bytes(32)), (3, bytes(32)), (3, bytes(63)), (4, bytes(64))])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(LedgerError, match="head is damaged"):
        Frontier.load(size, data)


def test_proofs_beyond_the_log_are_refused() -> None:
    tree = forest(3)
    for ask in (lambda: tree.root(4), lambda: tree.inclusion_proof(3), lambda: tree.consistency_proof(3, 2)):
        with pytest.raises(LedgerError):
            ask()
