"""LangChain's embeddings, over OpenAI's routes and over Hugging Face's client."""

from __future__ import annotations

import clients
from clients import TEXTS, ClientTest


class LangChain(ClientTest):
    def test_open_ai_embeddings(self) -> None:
        from langchain_openai import OpenAIEmbeddings

        # Otherwise the client sends the ids of OpenAI's tokenizer, which mean other words to any other model.
        client = OpenAIEmbeddings(
            model="builtin", base_url=f"{self.url}/v1", api_key="any", check_embedding_ctx_length=False
        )
        self.assert_same_vectors(client.embed_documents(TEXTS), TEXTS)
        self.assert_same_vectors([client.embed_query(TEXTS[0])], TEXTS[:1])

    def test_hugging_face_embeddings(self) -> None:
        from huggingface_hub import InferenceClient
        from langchain_huggingface import HuggingFaceEndpointEmbeddings

        # An address as `model` is refused by the class itself; its client takes one.
        embeddings = HuggingFaceEndpointEmbeddings(model="builtin", model_kwargs={"normalize": True})
        embeddings.client = InferenceClient(model=self.url)
        self.assert_same_vectors(embeddings.embed_documents(TEXTS), TEXTS)
        self.assert_same_vectors([embeddings.embed_query(TEXTS[0])], TEXTS[:1])


if __name__ == "__main__":
    clients.main()
