"""Collections of pictures: added by their paths, searched by a picture, shown on a page."""

from __future__ import annotations

import json
import shutil
import tarfile
import unittest
from typing import Any

from support import EXAMPLES, EXIT, ROOT, CliTest

IMAGES = EXAMPLES / "images"


class Pictures(CliTest):
    def setUp(self) -> None:
        super().setUp()
        shutil.copytree(IMAGES, self.folder / "pictures")
        for path in (self.folder / "pictures").rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.paths = sorted(
            str(p.relative_to(self.folder))
            for p in (self.folder / "pictures").rglob("*")
            if p.suffix in (".jpg", ".png", ".webp")
        )
        self.assertGreater(len(self.paths), 4)

    def search(self, *arguments: str) -> list[dict[str, Any]]:
        hits: list[dict[str, Any]] = json.loads(self.ok("search", "photos", *arguments, "--json")[0])["hits"]
        return hits

    def test_a_picture_finds_itself_and_its_path_is_its_id(self) -> None:
        result = json.loads(self.ok("add", "photos", "pictures", "--json")[0])
        self.assertEqual((result["added"], result["failed"]), (len(self.paths), 0))
        self.assertEqual(result["collection"]["model"]["id"], "builtin-image")
        hits = self.search(self.paths[2], "-k", "3")
        self.assertEqual(hits[0]["id"], self.paths[2])
        self.assertAlmostEqual(hits[0]["score"], 1.0, delta=1e-4)
        self.assertEqual(hits[0]["content"], str(self.folder / self.paths[2]))
        self.assertNotIn(self.paths[2], [hit["id"] for hit in self.search("--id", self.paths[2])])
        again = json.loads(self.ok("add", "photos", "pictures", "--json")[0])
        self.assertEqual((again["unchanged"], again["embedded"]), (len(self.paths), 0))
        self.fails("not_found", "search", "photos", "a red car", says=["'a red car'", "image file"])

    def test_a_model_of_both_answers_texts_with_pictures(self) -> None:
        clip = ROOT / "tests" / "golden" / "dual_models" / "clip"
        self.ok("add", "photos", "pictures", "-m", clip)
        # The weights are random: what is found says nothing, that it is found does.
        text = self.search("a red car", "-k", "3")
        self.assertEqual([hit["kind"] for hit in text], ["image"] * 3)
        self.assertEqual(self.search(self.paths[1], "-k", "1")[0]["id"], self.paths[1])
        both = self.search("a red car", "--like", self.paths[1], "-k", "3")
        self.assertEqual(len(both), 3)
        self.assertNotEqual([h["score"] for h in both], [h["score"] for h in text])

    def test_a_page_shows_what_was_found(self) -> None:
        self.ok("add", "photos", "pictures")
        self.ok("search", "photos", self.paths[0], "-k", "3", "--html", "near.html")
        page = (self.folder / "near.html").read_text()
        self.assertEqual(page.count("data:image/jpeg;base64,"), 4)
        self.assertIn("photos (builtin-image): cosine, largest first", page)
        self.assertNotIn("<script", page)
        self.ok("search", "photos", "--queries", "pictures", "-k", "2", "--html", "all.html")
        page = (self.folder / "all.html").read_text()
        self.assertEqual(page.count("<section>"), len(self.paths))
        # A picture that is gone shows as its name; one that the collection keeps is there still.
        shutil.rmtree(self.folder / "pictures")
        self.ok("search", "photos", "--id", self.paths[0], "-k", "3", "--html", "gone.html")
        page = (self.folder / "gone.html").read_text()
        self.assertNotIn("data:image/jpeg;base64,", page)
        self.assertIn(self.paths[1].split("/")[1], page)

    def test_files_are_kept_where_asked(self) -> None:
        self.ok("add", "photos", "pictures", "--keep-files")
        shutil.rmtree(self.folder / "pictures")
        self.ok("search", "photos", "--id", self.paths[0], "-k", "3", "--html", "near.html")
        self.assertEqual((self.folder / "near.html").read_text().count("data:image/jpeg;base64,"), 3)
        self.ok("collection", "export", "photos", "-o", "a.jsonl")
        self.ok("collection", "import", "copy", "a.jsonl")
        self.ok("collection", "export", "copy", "-o", "b.jsonl")
        self.assertEqual((self.folder / "a.jsonl").read_bytes(), (self.folder / "b.jsonl").read_bytes())

    def test_tables_and_archives_of_pictures(self) -> None:
        rows = "".join(f"{path},{i},{path.split('/')[1]}\n" for i, path in enumerate(self.paths))
        self.write("labels.csv", "path,n,label\n" + rows)
        self.ok("add", "photos", "labels.csv", "--kind", "image")
        label = self.paths[0].split("/")[1]
        hits = self.search(self.paths[0], "--filter", f"label = '{label}'")
        self.assertTrue(hits)
        self.assertEqual({hit["metadata"]["label"] for hit in hits}, {label})
        with tarfile.open(self.folder / "shard.tar", "w") as tar:
            for path in self.paths:
                tar.add(self.folder / path, arcname=path)
        result = json.loads(self.ok("add", "packed", "shard.tar", "--json")[0])
        self.assertEqual(result["added"], len(self.paths))
        self.assertIn(
            f"shard.tar:{self.paths[0]}",
            [hit["id"] for hit in json.loads(self.ok("search", "packed", self.paths[0], "--json")[0])["hits"]],
        )

    def test_files_that_are_no_pictures_cost_their_rows(self) -> None:
        self.write("pictures/broken.jpg", "no picture")
        done = self.run_program("add", "photos", "pictures", "--json")
        self.assertEqual(done.returncode, EXIT["partial"], done.stderr.decode())
        result = json.loads(done.stdout)
        self.assertEqual((result["added"], result["failed"]), (len(self.paths), 1))
        self.assertIn("pictures/broken.jpg", done.stderr.decode())
        self.write("in.txt", "a text\n")
        self.fails("unsupported", "add", "photos", "in.txt", says=["builtin-image"])
        self.fails("unsupported", "add", "texts", "in.txt", "-m", "builtin-image", says=["takes texts"])
        self.assertFalse((self.folder / "texts").exists())


if __name__ == "__main__":
    unittest.main()
