"""huggingface_hub's InferenceClient, which asks one model's address for everything."""

from __future__ import annotations

from typing import Any

import clients
from clients import TEXTS, ClientTest, cosine


class HuggingFace(ClientTest):
    def inference_clients(self) -> list[Any]:
        from huggingface_hub import InferenceClient

        return [InferenceClient(model=self.url), InferenceClient(base_url=self.url)]

    def test_feature_extraction_gives_the_vectors_of_embed(self) -> None:
        for client in self.inference_clients():
            found = [client.feature_extraction(text, normalize=True, truncate=True)[0] for text in TEXTS]
            self.assert_same_vectors(found, TEXTS)

    def test_sentence_similarity_is_the_cosine(self) -> None:
        vectors = self.vectors_of_embed(TEXTS)
        expected = [cosine(vectors[0], other) for other in vectors[1:]]
        for client in self.inference_clients():
            found = client.sentence_similarity(TEXTS[0], other_sentences=TEXTS[1:])
            self.assertEqual(len(found), len(expected))
            for ours, theirs in zip(found, expected, strict=True):
                self.assertAlmostEqual(ours, theirs, places=5)

    def test_an_error_carries_the_server_s_words(self) -> None:
        from huggingface_hub.errors import HfHubHTTPError

        for client in self.inference_clients():
            with self.assertRaises(HfHubHTTPError) as wrong:
                client.feature_extraction("a", prompt_name="nowhere")
            self.assertIn("has no prompt", str(wrong.exception))


if __name__ == "__main__":
    clients.main()
