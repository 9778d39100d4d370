"""Cohere's own Python client against /v2."""

from __future__ import annotations

from typing import Any

import clients
from clients import TEXTS, ClientTest


def client_of(url: str, key: str = "any") -> Any:
    import cohere

    return cohere.ClientV2(api_key=key, base_url=url)


class Cohere(ClientTest):
    def test_vectors_are_those_of_embed(self) -> None:
        answer = client_of(self.url).embed(
            model="builtin", texts=TEXTS, input_type="search_document", embedding_types=["float"]
        )
        self.assert_same_vectors(answer.embeddings.float_, TEXTS)
        self.assertEqual(answer.texts, TEXTS)
        self.assertEqual(answer.meta.api_version.version, "2")
        self.assertGreater(answer.meta.billed_units.input_tokens, len(TEXTS))

    def test_errors_are_the_client_s_own(self) -> None:
        import cohere

        with self.assertRaises(cohere.BadRequestError) as empty:
            client_of(self.url).embed(model="builtin", texts=[], input_type="search_document")
        self.assertIn("cannot be empty", str(empty.exception))


class CohereWithKeys(ClientTest):
    keys = clients.KEYS

    def test_a_key_is_needed(self) -> None:
        import cohere

        with self.assertRaises(cohere.UnauthorizedError):
            client_of(self.url, "wrong").embed(model="builtin", texts=["a"], input_type="search_query")
        answer = client_of(self.url, "reader-key-1").embed(model="builtin", texts=["a"], input_type="search_query")
        self.assertEqual(len(answer.embeddings.float_), 1)


if __name__ == "__main__":
    clients.main()
