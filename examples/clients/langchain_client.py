"""LangChain's embeddings with this server: langchain_client.py [URL]"""

import sys

from langchain_openai import OpenAIEmbeddings

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
# False: texts are sent as they are. Otherwise LangChain sends ids of OpenAI's tokenizer, which mean other words here.
embeddings = OpenAIEmbeddings(model="builtin", base_url=f"{url}/v1", api_key="any", check_embedding_ctx_length=False)

print(len(embeddings.embed_query("a red coat")), "values")
print(len(embeddings.embed_documents(["a red coat", "a warm jacket"])), "vectors")
