"""Paths to what the tests read: approved texts, recorded bundles, the contract, vectors."""

from __future__ import annotations

from registry.paths import OPS, ROOT

TESTS = ROOT / "tests"
APPROVED_EVENTS = TESTS / "registry" / "stored"
MERKLE_VECTORS = TESTS / "registry" / "merkle_vectors.json"
CONTRACT = TESTS / "api" / "contract.graphql"
BUNDLES = TESTS / "bundles"
STRANGERS = OPS / "strangers"
WITNESS = OPS / "aeo-witness"
