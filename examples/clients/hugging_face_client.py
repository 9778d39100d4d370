"""huggingface_hub's InferenceClient with this server: hugging_face_client.py [URL]"""

import sys

from huggingface_hub import InferenceClient

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
client = InferenceClient(model=url)

print("shape:", client.feature_extraction("a red coat").shape)
print("scores:", client.sentence_similarity("a red coat", other_sentences=["a warm jacket", "tax law"]))
