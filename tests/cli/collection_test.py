"""Collections of texts as a user has them: made, filled, searched, kept in versions, written out and read back."""

from __future__ import annotations

import array
import contextlib
import json
import random
import signal
import sqlite3
import struct
import subprocess
import unittest
from pathlib import Path
from typing import Any

from support import EXIT, PROGRAM, CliTest, environment, read_jsonl, read_npy, write_npy

SHOP = """sku,title,price,colour,maker,stock,code
A1,red running shoes,59.9,red,Ondo,12,007
A2,blue rain jacket,120,blue,Halm,0,8
A3,red cotton shirt,19.5,red,Halm,5,9
A4,leather boots,149,,Ondo,7,10
A5,waterproof hiking jacket,180,green,Ondo,3,11
A6,cotton socks,5,white,Halm,true,12
"""


class ShopTest(CliTest):
    """A collection of six products, with metadata."""

    def setUp(self) -> None:
        super().setUp()
        self.write("shop.csv", SHOP)
        self.add()

    def add(self, *extra: str) -> dict[str, Any]:
        stdout, _ = self.ok("add", "shop", "shop.csv", "--column", "title", "--id", "sku", *extra, "--json")
        result: dict[str, Any] = json.loads(stdout)
        return result

    def search(self, *arguments: str | Path) -> list[dict[str, Any]]:
        stdout, _ = self.ok("search", "shop", *arguments, "--json")
        hits: list[dict[str, Any]] = json.loads(stdout)["hits"]
        return hits

    def ids(self, *arguments: str | Path) -> list[str]:
        return [hit["id"] for hit in self.search(*arguments)]

    def show(self, name: str = "shop") -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.ok("collection", "show", name, "--json")[0])
        return status


class AddAndSearch(ShopTest):
    def test_texts_are_found_by_meaning_with_their_metadata(self) -> None:
        hits = self.search("a jacket for wet weather", "-k", "2")
        self.assertEqual({hit["id"] for hit in hits}, {"A2", "A5"})
        self.assertGreaterEqual(hits[0]["score"], hits[1]["score"])
        by_id = {hit["id"]: hit for hit in self.search("shoes")}
        self.assertEqual(
            by_id["A1"]["metadata"],
            {"price": 59.9, "colour": "red", "maker": "Ondo", "stock": 12, "code": "007"},
        )
        self.assertNotIn("colour", by_id["A4"]["metadata"])
        self.assertIs(by_id["A6"]["metadata"]["stock"], True)

    def test_the_same_rows_again_are_not_embedded_again_and_changed_ones_replace(self) -> None:
        again = self.add()
        self.assertEqual((again["added"], again["updated"], again["unchanged"], again["embedded"]), (0, 0, 6, 0))
        self.write("shop.csv", SHOP.replace("leather boots", "rubber boots").replace("19.5", "21"))
        changed = self.add()
        self.assertEqual((changed["updated"], changed["unchanged"], changed["embedded"]), (2, 4, 1))
        self.assertEqual(changed["collection"]["items"], 6)
        self.assertEqual(self.search("rubber boots", "-k", "1")[0]["content"], "rubber boots")

    def test_metadata_are_those_that_are_asked_for(self) -> None:
        self.ok("add", "some", "shop.csv", "--column", "title", "--metadata", "price,maker")
        stdout, _ = self.ok("search", "some", "socks", "-k", "1", "--json")
        hit = json.loads(stdout)["hits"][0]
        self.assertEqual(hit["metadata"], {"price": 5, "maker": "Halm"})
        self.assertEqual(hit["id"], "shop.csv:7")
        self.ok("add", "none", "shop.csv", "--column", "title", "--metadata", "none")
        self.assertEqual(json.loads(self.ok("get", "none", "shop.csv:7", "--json")[0])["metadata"], {})
        self.fails(
            "not_found", "add", "other", "shop.csv", "--column", "title", "--metadata", "prize",
            says=["\"prize\"", "did you mean \"price\"?"],
        )  # fmt: skip
        self.assertFalse((self.folder / "other").exists())
        self.write("r.jsonl", '{"text":"a","price":1}\n')
        _, stderr = self.ok("add", "other", "r.jsonl", "--metadata", "price,prize")
        self.assertIn("--metadata prize: no row has it", stderr)
        self.assertNotIn("price:", stderr)

    def test_filters(self) -> None:
        self.assertEqual(set(self.ids("clothes", "--filter", "price < 60 and maker = 'Halm'")), {"A3", "A6"})
        self.assertEqual(self.ids("clothes", "--filter", "colour is null"), ["A4"])
        self.assertEqual(self.ids("clothes", "--filter", "price > 1000"), [])
        self.fails(
            "not_found", "search", "shop", "x", "--filter", "prize < 3", says=["'prize'", "did you mean 'price'?"]
        )
        self.fails("usage", "search", "shop", "x", "--filter", "price <", says=["at byte 7", "expected a value"])

    def test_words_and_meaning_together(self) -> None:
        stdout, _ = self.ok("search", "shop", "hiking", "--hybrid", "--json")
        result = json.loads(stdout)
        self.assertEqual(result["score"], "reciprocal rank")
        self.assertEqual(result["hits"][0]["id"], "A5")
        self.assertEqual(set(self.ids("--keywords", "cotton")), {"A3", "A6"})
        self.ok("add", "silent", "shop.csv", "--column", "title", "--text-columns", "none")
        self.fails("invalid_argument", "search", "silent", "--keywords", "cotton", says=["--text-columns"])

    def test_groups_and_diversity(self) -> None:
        hits = self.search("jacket", "--group-by", "maker", "-k", "6")
        self.assertEqual(sorted(hit["metadata"]["maker"] for hit in hits), ["Halm", "Ondo"])
        hits = self.search("jacket", "--group-by", "maker", "--group-size", "2", "-k", "6")
        self.assertEqual(sorted(hit["metadata"]["maker"] for hit in hits), ["Halm", "Halm", "Ondo", "Ondo"])
        self.fails(
            "not_found", "search", "shop", "jacket", "--group-by", "makr", says=["group by", "did you mean 'maker'"]
        )
        self.assertEqual(set(self.ids("jacket", "-k", "2")), {"A2", "A5"})
        self.assertNotEqual(set(self.ids("jacket", "-k", "2", "--diversity", "0.7")), {"A2", "A5"})

    def test_like_an_item_and_unlike_another(self) -> None:
        nearest = self.ids("--id", "A2", "-k", "5")
        self.assertEqual(nearest[0], "A5")
        self.assertNotIn("A2", nearest)
        self.assertNotIn("A5", self.ids("--id", "A2", "--unlike-id", "A5", "-k", "2"))
        self.assertEqual(len(self.ids("shoes", "--like", "boots", "--unlike", "jacket")), 6)
        self.fails("not_found", "search", "shop", "--id", "B1", says=['"B1"'])

    def test_limits_of_the_score_are_those_of_the_metric(self) -> None:
        all_scores = [hit["score"] for hit in self.search("jacket")]
        limit = all_scores[1]
        self.assertEqual([h["score"] for h in self.search("jacket", "--min-score", str(limit - 1e-6))], all_scores[:2])
        self.fails("invalid_argument", "search", "shop", "jacket", "--max-distance", "1", says=["--min-score"])
        self.fails("usage", "search", "shop", "jacket", "--max-distance", "1", "--min-score", "0", says=["found both"])

    def test_many_queries_are_a_line_each(self) -> None:
        self.write("queries.jsonl", '{"id":"q1","text":"rain jacket"}\n{"nothing":1}\n{"text":"cotton socks"}\n')
        done = self.run_program("search", "shop", "--queries", "queries.jsonl", "-k", "1", "--json")
        self.assertEqual(done.returncode, EXIT["partial"], done.stderr.decode())
        self.assertIn("queries.jsonl:2", done.stderr.decode())
        results = read_jsonl(done.stdout.decode())
        self.assertEqual([r["query"] for r in results], ["q1", "cotton socks"])
        self.assertEqual([r["hits"][0]["id"] for r in results], ["A2", "A6"])
        self.fails("invalid_argument", "search", "shop", "x", "--queries", "queries.jsonl", says=["found both"])

    def test_vectors_search_too(self) -> None:
        self.write("q.txt", "blue rain jacket\ncotton socks\n")
        self.ok("embed", "q.txt", "-o", "q.npy")
        results = read_jsonl(self.ok("search", "shop", "--vector", "q.npy", "-k", "1", "--json")[0])
        self.assertEqual([r["hits"][0]["id"] for r in results], ["A2", "A6"])
        for result in results:
            self.assertAlmostEqual(result["hits"][0]["score"], 1.0, delta=1e-5)
        write_npy(self.folder / "short.npy", [[1.0, 2.0]])
        self.fails("invalid_argument", "search", "shop", "--vector", "short.npy", says=["256", "found 2"])

    def test_a_search_explains_itself(self) -> None:
        stdout, _ = self.ok("search", "shop", "jacket", "--filter", "price < 100", "--explain", "--json")
        explanation = json.loads(stdout)["explanation"]
        self.assertIn("exact", explanation["plan"])
        self.assertEqual((explanation["rows"], explanation["rows_filtered"]), (6, 3))
        text, _ = self.ok("search", "shop", "jacket", "--explain")
        for part in ("score: cosine, larger is nearer", "plan:", "reason:", "compared:", "price: 120"):
            self.assertIn(part, text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 100, line)

    def test_get_delete_and_duplicates(self) -> None:
        item = json.loads(self.ok("get", "shop", "A3", "--json", "--with", "vector")[0])
        self.assertEqual((item["content"], len(item["vector"])), ("red cotton shirt", 256))
        done = self.run_program("get", "shop", "A1", "nobody")
        self.assertEqual(done.returncode, EXIT["not_found"])
        self.assertIn("A1", done.stdout.decode())
        self.write("copy.csv", "sku,title\nC1,cotton socks\n")
        self.ok("add", "shop", "copy.csv", "--column", "title", "--id", "sku")
        pairs = read_jsonl(self.ok("duplicates", "shop", "--json")[0])
        self.assertEqual([(p["id"], p["duplicate"], p["equal_content"]) for p in pairs], [("A6", "C1", True)])
        near = read_jsonl(self.ok("duplicates", "shop", "--threshold", "0.5", "--json")[0])
        self.assertIn({"A2", "A5"}, [{p["id"], p["duplicate"]} for p in near])
        self.assertIn("2 items would", self.ok("delete", "shop", "--filter", "price < 20", "--dry-run")[0])
        self.assertEqual(self.show()["items"], 7)
        self.assertIn("2 items", self.ok("delete", "shop", "--filter", "price < 20")[0])
        _, stderr = self.ok("delete", "shop", "C1", "nobody")
        self.assertIn("nobody", stderr)
        self.assertEqual(self.show()["items"], 4)
        self.fails("invalid_argument", "delete", "shop", says=["neither"])


class Keeping(ShopTest):
    def test_ctrl_c_ends_the_comparing_of_all_pairs(self) -> None:
        rows, dim = 20_000, 256
        drawn = random.Random(3)
        values = array.array("f", (drawn.uniform(-1.0, 1.0) for _ in range(rows + dim)))
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}".ljust(117) + "\n"
        with (self.folder / "many.npy").open("wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
            for row in range(rows):
                file.write(values[row : row + dim].tobytes())
        self.ok("add", "many", "--vectors", "many.npy", "--no-index")
        running = subprocess.Popen(
            [PROGRAM, "duplicates", "many", "--threshold", "0.999"],
            cwd=self.folder, env=environment(self.home), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert running.stderr is not None
        self.assertIn(b"comparing", running.stderr.readline())
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=120)
        self.assertEqual(running.returncode, EXIT["cancelled"], stderr.decode())
        self.assertIn("stopped after", stderr.decode())
        self.fails("invalid_argument", "duplicates", "shop", "--threshold", "5", says=["-1 to 1", "found 5"])

    def test_versions_are_searched_and_gone_back_to(self) -> None:
        self.ok("collection", "version", "create", "shop", "first")
        self.ok("delete", "shop", "A2")
        self.assertNotIn("A2", self.ids("rain jacket"))
        self.assertEqual(self.ids("rain jacket", "-k", "1", "--at-version", "first"), ["A2"])
        self.assertEqual([v["name"] for v in self.show()["versions"]], ["first"])
        self.fails("invalid_argument", "collection", "version", "create", "shop", "first", says=["first"])
        self.ok("collection", "version", "restore", "shop", "first")
        self.assertEqual(self.ids("rain jacket", "-k", "1"), ["A2"])
        self.ok("collection", "version", "drop", "shop", "first")
        self.fails("not_found", "search", "shop", "x", "--at-version", "first", says=["first"])

    def test_export_and_import_give_the_same_collection(self) -> None:
        self.ok("collection", "export", "shop", "-o", "a.jsonl")
        self.ok("collection", "import", "copy", "a.jsonl")
        self.ok("collection", "export", "copy", "-o", "b.jsonl")
        self.assertEqual((self.folder / "a.jsonl").read_bytes(), (self.folder / "b.jsonl").read_bytes())
        self.ok("collection", "export", "shop", "-o", "c.jsonl", "--vectors", "c.npy")
        items = read_jsonl((self.folder / "c.jsonl").read_text())[1:]
        whole = read_jsonl((self.folder / "a.jsonl").read_text())[1:]
        self.assertEqual(read_npy(self.folder / "c.npy"), [[struct.unpack("<f", struct.pack("<f", x))[0]
                                                            for x in item["vector"]] for item in whole])  # fmt: skip
        self.assertNotIn("vector", items[0])
        self.ok("collection", "import", "third", "c.jsonl")
        self.ok("collection", "export", "third", "-o", "d.jsonl")
        self.assertEqual((self.folder / "a.jsonl").read_bytes(), (self.folder / "d.jsonl").read_bytes())
        self.ok("collection", "export", "shop", "-o", "few.jsonl", "--filter", "price < 20")
        self.assertEqual(len(read_jsonl((self.folder / "few.jsonl").read_text())), 3)

    def test_files_that_are_no_export_are_refused_by_their_line(self) -> None:
        self.fails("corrupt", "collection", "import", "x", "shop.csv", says=["shop.csv:1"])
        self.write("empty.jsonl", "")
        self.fails("corrupt", "collection", "import", "x", "empty.jsonl", says=["empty.jsonl", "found nothing"])
        self.ok("collection", "export", "shop", "-o", "a.jsonl")
        text = (self.folder / "a.jsonl").read_text()
        self.write("bad.jsonl", text + '{"id":"z","kind":"text","vector":[1]}\n')
        self.fails("invalid_argument", "collection", "import", "y", "bad.jsonl", says=["bad.jsonl:8", "256"])
        self.write("newer.jsonl", text.replace('{"asterism_collection":1', '{"asterism_collection":2', 1))
        self.fails("unsupported", "collection", "import", "z", "newer.jsonl", says=["format 1"])
        self.ok("collection", "create", "other", "--dim", "3")
        self.fails("mismatch", "collection", "import", "other", "a.jsonl", says=["3 dimensions", "256 dimensions"])

    def test_list_show_verify_compact_drop(self) -> None:
        self.ok("add", "more/notes", "shop.csv", "--column", "title")
        listed = json.loads(self.ok("collection", "list", "--json")[0])
        self.assertEqual([c["collection"] for c in listed], ["./more/notes", "./shop"])
        self.assertIn("more/notes", self.ok("collection", "list", "more")[0])
        status = self.show()
        self.assertEqual((status["items"], status["dim"], status["metric"]), (6, 256, "cosine"))
        self.assertEqual(status["model"]["id"], "builtin")
        self.assertIn("6 items: sound", self.ok("collection", "verify", "shop")[0])
        self.ok("collection", "compact", "shop")
        self.assertEqual(self.ids("rain jacket", "-k", "1"), ["A2"])
        self.fails("usage", "collection", "drop", "shop", says=["--yes"])
        self.write("shop/mine.txt", "not the collection's")
        self.fails("invalid_argument", "collection", "drop", "shop", "--yes", says=["mine.txt"])
        (self.folder / "shop" / "mine.txt").unlink()
        self.ok("collection", "drop", "shop", "--yes")
        self.assertFalse((self.folder / "shop").exists())
        self.fails("not_found", "collection", "drop", "shop", "--yes", says=["shop"])

    def test_a_damaged_index_is_no_reason_to_fail(self) -> None:
        before = self.search("rain jacket")
        for file in sorted((self.folder / "shop" / "index").iterdir()):
            if file.suffix == ".bin":
                file.write_bytes(file.read_bytes()[:100])
        stdout, stderr = self.ok("search", "shop", "rain jacket", "--json")
        self.assertEqual(json.loads(stdout)["hits"], before)
        self.assertIn("`asterism collection index shop`", stderr)
        done = self.run_program("collection", "verify", "shop")
        self.assertEqual(done.returncode, EXIT["corrupt"])
        self.assertIn("1 problem", done.stdout.decode())
        self.ok("collection", "index", "shop")
        self.assertEqual(self.ok("search", "shop", "rain jacket", "--json")[1], "")
        self.ok("collection", "verify", "shop")


class OwnVectors(CliTest):
    def test_vectors_alone_and_beside_rows(self) -> None:
        rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, 0.0]]
        write_npy(self.folder / "v.npy", rows)
        self.ok("add", "own", "--vectors", "v.npy", "--metric", "euclidean")
        write_npy(self.folder / "q.npy", [[0.0, 1.0, 0.0]])
        text, _ = self.ok("search", "own", "--vector", "q.npy", "-k", "2")
        self.assertIn("euclidean, smaller is nearer", text)
        hits = json.loads(self.ok("search", "own", "--vector", "q.npy", "--max-distance", "0.7", "--json")[0])["hits"]
        self.assertEqual([h["id"] for h in hits], ["1", "2"])
        self.assertAlmostEqual(hits[1]["score"], 0.4**0.5, delta=1e-5)
        self.fails("invalid_argument", "search", "own", "a text", says=["no model", "--vector"])

        self.write("rows.jsonl", '{"id":"a","text":"x","n":1}\n{"id":"b","text":"y"}\n{"id":"c","text":"z"}\n')
        self.ok("add", "named", "rows.jsonl", "--vectors", "v.npy")
        hits = json.loads(self.ok("search", "named", "--vector", "q.npy", "-k", "1", "--json")[0])["hits"]
        self.assertEqual((hits[0]["id"], hits[0]["content"]), ("b", "y"))
        self.write("two.txt", "a\nb\n")
        self.fails("mismatch", "add", "named2", "two.txt", "--vectors", "v.npy", says=["2 rows", "found 3"])
        self.assertFalse((self.folder / "named2").exists())

    def test_vectors_that_cannot_be_cost_their_rows(self) -> None:
        write_npy(self.folder / "v.npy", [[1.0, 2.0], [float("nan"), 1.0], [0.0, 0.0], [2.0, 1.0]])
        done = self.run_program("add", "own", "--vectors", "v.npy", "--json")
        self.assertEqual(done.returncode, EXIT["partial"], done.stderr.decode())
        result = json.loads(done.stdout)
        self.assertEqual((result["added"], result["failed"]), (2, 2))
        stderr = done.stderr.decode()
        self.assertIn("v.npy: row 1", stderr)
        self.assertIn("v.npy: row 2", stderr)
        self.assertIn("no cosine", stderr)
        write_npy(self.folder / "long.npy", [[1.0, 2.0, 3.0]])
        done = self.run_program("add", "own", "--vectors", "long.npy")
        self.assertIn("expected 2 components", done.stderr.decode())
        write_npy(self.folder / "q.npy", [[float("nan"), 1.0]])
        self.fails("invalid_argument", "search", "own", "--vector", "q.npy", says=["finite"])


class BadInput(CliTest):
    def test_rows_that_fail_cost_themselves(self) -> None:
        big = json.dumps({"text": "big", "id": "big", "note": "x" * (10 << 20)})
        self.write("in.jsonl", '{"text":"a","id":"1"}\nnonsense\n' + big + '\n{"text":"b","id":"2"}\n')
        done = self.run_program("add", "c", "in.jsonl", "--json")
        self.assertEqual(done.returncode, EXIT["partial"], done.stderr.decode())
        result = json.loads(done.stdout)
        self.assertEqual((result["added"], result["failed"]), (2, 2))
        self.assertIn("in.jsonl:2", done.stderr.decode())
        self.assertIn("in.jsonl:3", done.stderr.decode())

    def test_of_one_id_in_a_batch_the_last_counts(self) -> None:
        self.write("in.jsonl", '{"text":"first","id":"1"}\n{"text":"last","id":"1"}\n')
        stdout, _ = self.ok("add", "c", "in.jsonl", "--json")
        summary = json.loads(stdout)
        self.assertEqual((summary["rows"], summary["added"], summary["repeated"]), (2, 1, 1))
        _, stderr = self.ok("add", "c", "in.jsonl")
        self.assertIn("1 row left out: a later row of the input has the same id", stderr)
        self.assertEqual(json.loads(self.ok("get", "c", "1", "--json")[0])["content"], "last")

    def test_odd_ids_are_ids(self) -> None:
        ids = ["it's", 'say "hi"', "a\nb", "%_", "é", "'; DROP TABLE item; --", "nul\0nul"]
        self.write("in.jsonl", "".join(json.dumps({"id": i, "text": f"text {n}"}) + "\n" for n, i in enumerate(ids)))
        self.ok("add", "c", "in.jsonl")
        self.ok("collection", "export", "c", "-o", "c.jsonl")
        items = read_jsonl((self.folder / "c.jsonl").read_text())[1:]
        self.assertEqual([item["id"] for item in items], ids)
        for i in ids[:-1]:
            self.assertEqual(json.loads(self.ok("get", "c", i, "--json")[0])["id"], i)
            self.ok("delete", "c", "--", i)
        self.assertEqual(json.loads(self.ok("collection", "show", "c", "--json")[0])["items"], 1)

    def test_texts_that_are_not_utf8_survive_an_export(self) -> None:
        self.write("in.txt", b"caf\xe9\nplain\n")
        self.ok("add", "c", "in.txt")
        self.ok("collection", "export", "c", "-o", "a.jsonl")
        self.assertIn('"content_base64":"Y2Fm6Q=="', (self.folder / "a.jsonl").read_text())
        self.ok("collection", "import", "d", "a.jsonl")
        self.ok("collection", "export", "d", "-o", "b.jsonl")
        self.assertEqual((self.folder / "a.jsonl").read_bytes(), (self.folder / "b.jsonl").read_bytes())

    def test_a_collection_of_a_later_version_is_refused(self) -> None:
        self.write("in.txt", "a\n")
        self.ok("add", "c", "in.txt")
        with contextlib.closing(sqlite3.connect(self.folder / "c" / "collection.sqlite")) as database:
            database.execute("PRAGMA user_version = 99")
            database.commit()
        for command in (("search", "c", "x"), ("add", "c", "in.txt"), ("collection", "show", "c")):
            self.fails("unsupported", *command, says=["found 99", "later version"])

    def test_a_model_whose_files_changed_is_another_model(self) -> None:
        model = self.copy_model("old_mean_normalize")
        self.write("in.txt", "the river is long\nbread and music\n")
        self.ok("add", "c", "in.txt", "-m", "model")
        self.ok("search", "c", "river", "-k", "1")
        weights = bytearray((model / "model.safetensors").read_bytes())
        weights[-1] ^= 1
        (model / "model.safetensors").write_bytes(weights)
        self.fails("mismatch", "search", "c", "river", says=[str(model), "other files"])
        self.write("more.txt", "stone\n")
        self.fails("mismatch", "add", "c", "more.txt", says=[str(model)])
        # What needs no model still works.
        self.ok("search", "c", "--id", "in.txt:1", "-k", "1")

    def test_what_is_wrong_with_the_command(self) -> None:
        self.write("in.txt", "a\nb\n")
        self.fails("not_found", "search", "nowhere", "x", says=["nowhere", "asterism collection create"])
        self.fails("not_found", "add", "c", "missing.txt", says=["missing.txt"])
        self.assertFalse((self.folder / "c").exists())
        self.ok("add", "c", "in.txt")
        self.fails("limit_exceeded", "search", "c", "x", "-k", "1000000", says=["100000"])
        self.fails("usage", "search", "c", "x", "-k", "0", says=["-k"])
        self.fails("invalid_argument", "search", "c", says=["nothing"])
        self.fails("invalid_argument", "search", "c", "\U0001f996", says=["a vector of zeros", "ask in other words"])
        self.fails("mismatch", "add", "c", "in.txt", "-m", "all-MiniLM-L6-v2", says=["'builtin'", "all-MiniLM-L6-v2"])
        self.fails("invalid_argument", "collection", "create", "c", "-m", "builtin", says=["already"])
        self.fails("usage", "collection", "create", "d", says=["-m", "--dim"])
        self.fails(
            "usage", "collection", "create", "d", "--dim", "3", "--metric", "cosin", says=["did you mean cosine?"]
        )
        self.fails("usage", "collection", "shwo", "c", says=["did you mean show?"])
        self.write("folder/file.txt", "x")
        self.fails("invalid_argument", "collection", "create", "folder", "-m", "builtin", says=["other files"])
        self.fails("invalid_argument", "add", "s3://bucket", "in.txt", says=["s3://", "milvus://"])


if __name__ == "__main__":
    unittest.main()
