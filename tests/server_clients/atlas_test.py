"""Parquet tables of an atlas, read by pyarrow."""

from __future__ import annotations

import io
import json
import time

from clients import ClientTest, main


class Parquet(ClientTest):
    def arguments(self) -> tuple[str, ...]:
        return ("--collections", str(self.folder / "collections"), *self.options)

    def items(self) -> list[dict[str, object]]:
        """More than one row group: those are written at 64 MB."""
        out: list[dict[str, object]] = []
        for i in range(240):
            metadata: dict[str, object] = {"kind": f"k{i % 3}", "day": f"2026-01-{1 + i % 28:02d}"}
            if i % 7:
                metadata["price"] = i + 0.5
            text = "ü" * (1 << 20) if i < 40 else f"text {i}"
            out.append({"id": f"i{i}", "text": text, "vector": [1.0, float(i), -2.5], "metadata": metadata})
        return out

    def test_pyarrow_reads_what_was_added(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        settings = {"name": "t", "dim": 3, "metric": "dot", "text_columns": ["none"]}
        status, _, body = self.ask("POST", "/v1/collections", json.dumps(settings))
        self.assertEqual(status, 201, body)
        items = self.items()
        for begin in range(0, len(items), 20):
            batch = json.dumps(items[begin : begin + 20], ensure_ascii=False).encode()
            status, _, body = self.ask("POST", "/v1/collections/t/items", batch, content_type="application/json")
            self.assertEqual(status, 200, body)
        base = "/v1/collections/t/atlas"
        for _ in range(6000):
            status, _, body = self.ask("GET", base)
            if status != 202:
                break
            time.sleep(0.1)
        self.assertEqual(status, 200, body)
        name = json.loads(body)["projections"][0]["name"]
        status, _, file = self.ask("GET", f"{base}/export?format=parquet&projection={name}")
        self.assertEqual(status, 200, file[:200])
        table = pq.read_table(io.BytesIO(file))
        table.validate(full=True)
        self.assertEqual(table.column_names, ["id", "text", "kind", "day", "price", "x", "y", "vector"])
        self.assertEqual(table.schema.field("day").type, pa.timestamp("ms", tz="UTC"))
        self.assertGreater(pq.ParquetFile(io.BytesIO(file)).num_row_groups, 1)
        self.assertEqual(table["id"].to_pylist(), [item["id"] for item in items])
        self.assertEqual(table["vector"].to_pylist(), [item["vector"] for item in items])
        self.assertEqual(table["text"].to_pylist(), [item["text"] for item in items])
        prices = table["price"].to_pylist()
        self.assertEqual(prices[:3], [None, 1.5, 2.5])
        self.assertEqual(table["price"].null_count, len(range(0, len(items), 7)))
        self.assertEqual(table["x"].null_count, 0)


if __name__ == "__main__":
    main()
