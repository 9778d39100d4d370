"""Cohere's own Python client against /v2."""

from __future__ import annotations

from typing import Any

import clients
from clients import TEXTS, ClientTest, cosine


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

    def test_bytes_and_bits_are_those_of_the_floats(self) -> None:
        import base64
        import math
        import struct

        types = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
        found = client_of(self.url).embed(
            model="builtin", texts=TEXTS, input_type="search_document", embedding_types=types
        ).embeddings  # fmt: skip
        for i, row in enumerate(found.float_):
            dim = len(row)
            signed = found.int8[i]
            self.assertEqual(found.uint8[i], [value + 128 for value in signed])
            self.assertTrue(all(-127 <= value <= 127 for value in signed))
            scale = 127 * math.sqrt(dim) / 8
            for real, value in zip(row, signed, strict=True):
                self.assertLessEqual(abs(max(-127.0, min(127.0, real * scale)) - value), 0.51)
            self.assertGreater(cosine(row, [float(value) for value in signed]), 0.999)
            bits = [int("".join("1" if value > 0 else "0" for value in row[j : j + 8]), 2) for j in range(0, dim, 8)]
            self.assertEqual(found.ubinary[i], bits)
            self.assertEqual(found.binary[i], [value - 128 for value in bits])
            self.assertEqual(struct.unpack(f"<{dim}f", base64.b64decode(found.base64[i])), tuple(
                struct.unpack(f"<{dim}f", struct.pack(f"<{dim}f", *row))))  # fmt: skip

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
