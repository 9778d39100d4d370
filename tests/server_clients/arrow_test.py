"""Vectors as an Arrow stream, read by pyarrow."""

from __future__ import annotations

import json

from clients import TEXTS, ClientTest, main


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


if __name__ == "__main__":
    main()
