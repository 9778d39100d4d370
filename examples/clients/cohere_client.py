"""Cohere's Python client with this server: cohere_client.py [URL]"""

import sys

import cohere

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
client = cohere.ClientV2(api_key="the server's key, or any word where it has none", base_url=url)

answer = client.embed(
    model="builtin", texts=["a red coat"], input_type="search_document", embedding_types=["float"], output_dimension=64
)
print(len(answer.embeddings.float_[0]), "values,", answer.meta.billed_units.input_tokens, "tokens")
