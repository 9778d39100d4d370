"""OpenAI's own Python client against /v1."""

from __future__ import annotations

import base64
import struct
from typing import Any

import clients
from clients import TEXTS, ClientTest


def client_of(url: str, key: str = "any") -> Any:
    import openai

    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


class OpenAi(ClientTest):
    def test_vectors_are_those_of_embed(self) -> None:
        client = client_of(self.url)
        # The client asks for base64 unless told otherwise, and decodes it.
        for format in ({}, {"encoding_format": "float"}):
            answer = client.embeddings.create(model="builtin", input=TEXTS, **format)
            self.assertEqual([row.index for row in answer.data], list(range(len(TEXTS))))
            self.assert_same_vectors([row.embedding for row in answer.data], TEXTS)
            self.assertEqual(answer.model, "builtin")
            self.assertGreater(answer.usage.prompt_tokens, len(TEXTS))
        packed = client.embeddings.create(model="builtin", input=TEXTS[0], encoding_format="base64").data[0].embedding
        values = base64.b64decode(packed)
        self.assert_same_vectors([struct.unpack(f"<{len(values) // 4}f", values)], TEXTS[:1])

    def test_dimensions_are_the_first_ones_at_length_1(self) -> None:
        whole = client_of(self.url).embeddings.create(model="builtin", input=TEXTS[0]).data[0].embedding
        cut = client_of(self.url).embeddings.create(model="builtin", input=TEXTS[0], dimensions=16).data[0].embedding
        scale = sum(value * value for value in whole[:16]) ** -0.5
        self.assert_vectors_near([cut], [[value * scale for value in whole[:16]]], clients.TOLERANCE)

    def test_models(self) -> None:
        client = client_of(self.url)
        self.assertEqual([model.id for model in client.models.list()], ["builtin"])
        self.assertEqual(client.models.retrieve("builtin").owned_by, "asterism")

    def test_errors_are_the_client_s_own(self) -> None:
        import openai

        client = client_of(self.url)
        with self.assertRaises(openai.BadRequestError) as empty:
            client.embeddings.create(model="builtin", input=[])
        self.assertIn("cannot be empty", str(empty.exception))
        with self.assertRaises(openai.BadRequestError) as large:
            client.embeddings.create(model="builtin", input="a", dimensions=100_000)
        self.assertEqual(large.exception.type, "invalid_request_error")
        self.assertIn("dimensions", large.exception.message)
        with self.assertRaises(openai.NotFoundError):
            client.models.retrieve("other/model")


class OpenAiWithKeys(ClientTest):
    keys = clients.KEYS

    def test_errors_of_keys_are_the_client_s_own(self) -> None:
        import openai

        with self.assertRaises(openai.AuthenticationError):
            client_of(self.url, "wrong").embeddings.create(model="builtin", input="a")
        self.assertEqual(len(client_of(self.url, "reader-key-1").embeddings.create(model="builtin", input="a").data), 1)
        with self.assertRaises(openai.RateLimitError):
            for _ in range(8):
                client_of(self.url, "slow-key-12").embeddings.create(model="builtin", input="a")


if __name__ == "__main__":
    clients.main()
