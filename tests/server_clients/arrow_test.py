"""Vectors as an Arrow stream, read by pyarrow."""

from __future__ import annotations

import json

from clients import ROOT, TEXTS, TOLERANCE, ClientTest, main


class Arrow(ClientTest):
    def test_pyarrow_reads_the_vectors_of_embed(self) -> None:
        import pyarrow as pa

        for texts in (TEXTS, TEXTS[:1]):
            body = json.dumps({"inputs": texts, "normalize": True})
            accept = "application/vnd.apache.arrow.stream"
            status, headers, stream = self.ask("POST", "/embed", body, accept=accept)
            self.assertEqual((status, headers["content-type"]), (200, accept))
            table = pa.ipc.open_stream(stream).read_all()
            table.validate(full=True)
            self.assertEqual(table.column_names, ["embedding"])
            self.assertEqual(table.schema.field("embedding").type.value_type, pa.float32())
            self.assert_same_vectors(table["embedding"].to_pylist(), texts)


class ArrowOfTokens(ClientTest):
    options = ("-m", str(ROOT / "tests" / "golden" / "sentence_transformers" / "old_mean_normalize"))

    def test_pyarrow_reads_a_list_of_vectors_a_text(self) -> None:
        import pyarrow as pa

        texts = ["hello", "the river is long", "an old man with bread"]
        for inputs in (texts, texts[:1]):
            body = json.dumps({"inputs": inputs})
            told = json.loads(self.ask("POST", "/embed_all", body)[2])
            accept = "application/vnd.apache.arrow.stream"
            status, headers, stream = self.ask("POST", "/embed_all", body, accept=accept)
            self.assertEqual((status, headers["content-type"]), (200, accept))
            table = pa.ipc.open_stream(stream).read_all()
            table.validate(full=True)
            dim = len(told[0][0])
            self.assertEqual(table.schema.field("embedding").type, pa.list_(pa.field(
                "item", pa.list_(pa.field("item", pa.float32(), nullable=False), dim), nullable=False)))  # fmt: skip
            rows = table["embedding"].to_pylist()
            self.assertEqual([len(row) for row in rows], [len(row) for row in told])
            for ours, theirs in zip(rows, told, strict=True):
                self.assert_vectors_near(ours, theirs, TOLERANCE)


if __name__ == "__main__":
    main()
