"""OpenAI's Python client with this server: openai_client.py [URL]"""

import sys

from openai import OpenAI

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
client = OpenAI(base_url=f"{url}/v1", api_key="the server's key, or any word where it has none")

print("models:", [model.id for model in client.models.list()])
answer = client.embeddings.create(model="builtin", input=["a red coat", "a warm jacket"], dimensions=64)
for row in answer.data:
    print(row.index, len(row.embedding), row.embedding[:3])
print(answer.usage.total_tokens, "tokens")
