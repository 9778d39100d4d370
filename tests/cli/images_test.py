"""Images and models of both texts and images: `similarity`, `classify`, `models layers`, `models show`."""

from __future__ import annotations

import base64
import json
import math
import re
import shutil
import unittest
from typing import Any

from support import EXAMPLES, EXIT, ROOT, CliTest, cosine, read_jsonl

DUAL = ROOT / "tests" / "golden" / "dual_models"
IMAGE_MODELS = ROOT / "tests" / "golden" / "image_models"
PICTURES = EXAMPLES / "images"


class Dual:
    """A tiny model of texts and images with the answers of transformers."""

    def __init__(self, name: str) -> None:
        self.folder = DUAL / name
        self.expected: dict[str, Any] = json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))
        self.texts: list[str] = self.expected["texts"]
        self.pictures = [PICTURES / path for path in self.expected["pictures"]]
        self.options = ["-m", str(self.folder), "--precision", "f32"]

    def tolerance(self, name: str) -> float:
        values = [abs(x) for row in self.expected[name] for x in row]
        return max(20 * self.expected["noise"][name], 1e-5 * max(values))

    def chances(self, image: int, labels: list[int]) -> list[float]:
        logits = [self.expected["logits_per_image"][image][j] for j in labels]
        if "siglip" in self.folder.name:
            return [1 / (1 + math.exp(-x)) for x in logits]
        total = sum(math.exp(x) for x in logits)
        return [math.exp(x) / total for x in logits]


def shape_of(values: Any) -> list[int]:
    return [len(values), *shape_of(values[0])] if isinstance(values, list) else []


class BothTowers(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.models = [Dual("clip"), Dual("siglip")]

    def test_texts_have_the_vectors_of_the_original(self) -> None:
        for model in self.models:
            with self.subTest(model.folder.name):
                lines = "".join(json.dumps({"text": text}) + "\n" for text in model.texts)
                stdout, _ = self.ok("embed", "-", "--format", "jsonl", *model.options, stdin=lines)
                rows = [row["embedding"] for row in read_jsonl(stdout)]
                self.assert_vectors_near(rows, model.expected["text_embeds"], model.tolerance("text_embeds"))

    def test_images_have_the_vectors_of_the_original(self) -> None:
        for model in self.models:
            with self.subTest(model.folder.name):
                stdout, _ = self.ok("embed", *model.pictures, *model.options)
                rows = [row["embedding"] for row in read_jsonl(stdout)]
                self.assert_vectors_near(rows, model.expected["image_embeds"], model.tolerance("image_embeds"))

    def test_similarity_of_a_text_and_an_image_is_their_cosine(self) -> None:
        for model in self.models:
            expected = cosine(model.expected["text_embeds"][0], model.expected["image_embeds"][1])
            stdout, _ = self.ok("similarity", model.texts[0], model.pictures[1], *model.options, "--json")
            result = json.loads(stdout)
            self.assertEqual(result["kinds"], ["text", "image"])
            self.assertAlmostEqual(result["score"], expected, delta=1e-4)

    def test_kind_makes_a_text_of_the_name_of_a_file(self) -> None:
        picture = self.models[0].pictures[0]
        stdout, _ = self.ok("similarity", picture, picture, "--kind", "text", *self.models[0].options, "--json")
        self.assertEqual(json.loads(stdout)["kinds"], ["text", "text"])

    def test_a_text_finds_its_nearest_pictures(self) -> None:
        for model in self.models:
            stdout, _ = self.ok(
                "similarity", model.texts[1], *(a for p in model.pictures for a in ("--in", str(p))), "--top", "3",
                *model.options, "--json",
            )  # fmt: skip
            scores = [cosine(model.expected["text_embeds"][1], row) for row in model.expected["image_embeds"]]
            order = sorted(range(len(scores)), key=lambda i: -scores[i])[:3]
            nearest = json.loads(stdout)["nearest"]
            self.assertEqual([hit["source"] for hit in nearest], [str(model.pictures[i]) for i in order])

    def test_labels_have_the_probabilities_of_the_original(self) -> None:
        chosen = [0, 1, 4]
        for model in self.models:
            with self.subTest(model.folder.name):
                self.write("labels.txt", "".join(f"  {model.texts[j]}\n\n" for j in chosen))
                stdout, _ = self.ok(
                    "classify", *model.pictures, "--labels-file", "labels.txt", *model.options, "--json"
                )
                rows = read_jsonl(stdout)
                self.assertEqual([row["source"] for row in rows], [str(p) for p in model.pictures])
                for i, row in enumerate(rows):
                    chances = model.chances(i, chosen)
                    found = {top["label"]: top["probability"] for top in row["top"]}
                    for j, chance in zip(chosen, chances, strict=True):
                        self.assertAlmostEqual(found[model.texts[j]], chance, delta=1e-4)
                    listed = [top["probability"] for top in row["top"]]
                    self.assertEqual(listed, sorted(listed, reverse=True))

    def test_a_template_stands_around_every_label(self) -> None:
        model = self.models[0]
        as_template, _ = self.ok(
            "classify",
            model.pictures[0],
            "--labels",
            "cat, dog",
            "--template",
            "a {} of a {}",
            *model.options,
            "--json",
        )
        spelled, _ = self.ok(
            "classify", model.pictures[0], "--labels", "a cat of a cat,a dog of a dog", *model.options, "--json"
        )
        logits = [[top["logit"] for top in json.loads(text)["top"]] for text in (as_template, spelled)]
        self.assertEqual(logits[0], logits[1])
        self.fails(
            "invalid_argument", "classify", model.pictures[0], "--labels", "a", "--template", "x", *model.options,
            says=["template"],
        )  # fmt: skip

    def test_rows_that_fail_are_counted_and_keep_their_place(self) -> None:
        model = self.models[0]
        self.write("photos/b.jpg", b"no picture")
        shutil.copy(model.pictures[0], self.folder / "photos" / "a.jpg")
        shutil.copy(model.pictures[1], self.folder / "photos" / "c.png")
        done = self.run_program("classify", "photos", "--labels", "a,b", *model.options, "--json")
        self.assertEqual(done.returncode, EXIT["partial"], done.stderr.decode())
        rows = read_jsonl(done.stdout.decode())
        self.assertEqual(["top" in row for row in rows], [True, False, True])
        self.assertIn("code", rows[1]["error"])
        done = self.run_program("classify", "photos", "--labels", "a,b", *model.options)
        self.assertIn("failed: ", done.stdout.decode())
        self.assertIn("1 of 3 rows failed", done.stderr.decode())
        done = self.run_program("similarity", "a", "--in", "photos", *model.options, "--json")
        self.assertEqual(done.returncode, EXIT["partial"], done.stderr.decode())
        self.assertEqual(json.loads(done.stdout)["failed"], 1)

    def test_a_tokenizer_that_is_not_implemented_leaves_the_images(self) -> None:
        folder = self.models[1].folder
        shutil.copytree(folder, self.folder / "model")
        tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        tokenizer["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
        self.write("model/tokenizer.json", json.dumps(tokenizer))
        picture = self.models[1].pictures[0]
        stdout, stderr = self.ok("embed", picture, "-m", "model", "--precision", "f32")
        rows = [row["embedding"] for row in read_jsonl(stdout)]
        expected = self.models[1].expected["image_embeds"][:1]
        self.assert_vectors_near(rows, expected, self.models[1].tolerance("image_embeds"))
        self.assertIn("Precompiled", stderr)
        self.fails("unsupported", "similarity", "a", "b", "--kind", "text", "-m", "model", says=["expected images"])

    def test_show_says_that_it_takes_both(self) -> None:
        stdout, _ = self.ok("models", "show", self.models[1].folder)
        self.assertRegex(stdout, r"takes +texts and images")
        self.assertRegex(stdout, r"logit of a pair +20 x cosine -6.5")
        stdout, _ = self.ok("models", "show", self.models[0].folder, "--json")
        info = json.loads(stdout)
        self.assertAlmostEqual(info["logit_scale"], 20.0, delta=1e-4)
        self.assertIsNone(info["logit_bias"])
        self.assertIn("tokenizer", info)

    def test_layers_of_either_tower(self) -> None:
        stdout, stderr = self.ok("models", "layers", self.models[0].folder, "--json")
        images = [layer["name"] for layer in json.loads(stdout)]
        self.assertEqual(images[0], "input")
        self.assertIn("--kind text", stderr)
        stdout, stderr = self.ok("models", "layers", self.models[0].folder, "--kind", "text", "--json")
        texts = json.loads(stdout)
        self.assertEqual(stderr, "")
        self.assertTrue(all(layer["shape"].startswith("[tokens, ") for layer in texts))
        self.assertFalse({layer["name"] for layer in texts} & set(images))


class ImageModels(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.model = IMAGE_MODELS / "vit_hf_classifier"
        self.options = ["-m", str(self.model), "--precision", "f32"]
        self.pictures = sorted(PICTURES.rglob("*.jpg"))[:5]

    def test_layers_have_shapes_aliases_and_costs(self) -> None:
        stdout, _ = self.ok("models", "layers", self.model, "--json")
        layers = json.loads(stdout)
        self.assertEqual(layers[0]["name"], "input")
        self.assertEqual(layers[0]["multiply_adds"], 0)
        self.assertRegex(layers[0]["shape"], r"^\[rows, 3, \d+, \d+\]$")
        every = [name for layer in layers for name in [layer["name"], *layer["aliases"]]]
        self.assertEqual(len(every), len(set(every)))
        for alias in ("forward_features", "penultimate", "logits", "features.0"):
            self.assertIn(alias, every)
        costs = {name: layer["multiply_adds"] for layer in layers for name in [layer["name"], *layer["aliases"]]}
        self.assertGreater(costs["logits"], costs["penultimate"])
        self.assertGreater(costs["forward_features"], costs["features.0"])
        stdout, _ = self.ok("models", "layers", self.model)
        self.assertRegex(stdout.splitlines()[0], r"layer +op +shape +multiply-adds, an image +also called")
        self.assertRegex(stdout, r"linear +\[rows, 7\] +\d+\.\d\d [MGk]")

    def test_layers_at_another_size(self) -> None:
        resnet = IMAGE_MODELS / "resnet_timm_basic"
        small = json.loads(self.ok("models", "layers", resnet, "--image-size", "32", "--json")[0])
        large = json.loads(self.ok("models", "layers", resnet, "--image-size", "64x96", "--json")[0])
        self.assertEqual(large[0]["shape"], "[rows, 3, 64, 96]")
        self.assertEqual([layer["name"] for layer in small], [layer["name"] for layer in large])
        self.assertGreater(large[-1]["multiply_adds"], 3 * small[-1]["multiply_adds"])

    def test_every_layer_is_one_that_embed_takes(self) -> None:
        layers = json.loads(self.ok("models", "layers", self.model, "--json")[0])
        for layer in layers[:3] + layers[-3:]:
            with self.subTest(layer["name"]):
                stdout, _ = self.ok("embed", self.pictures[0], *self.options, "--layer", layer["name"])
                sizes = [int(n) for n in re.findall(r"\d+", layer["shape"])]
                self.assertEqual(shape_of(read_jsonl(stdout)[0]["embedding"]), sizes)

    def test_what_layers_refuses(self) -> None:
        self.fails("unsupported", "models", "layers", self.model, "--kind", "text", says=["takes texts"])
        text_model = ROOT / "tests" / "golden" / "sentence_transformers" / "old_mean_normalize"
        self.fails("unsupported", "models", "layers", text_model, "--kind", "image", says=["takes images"])
        self.fails("invalid_argument", "models", "layers", text_model, "--image-size", "8", says=["--image-size"])

    def test_show_has_what_images_have_and_nothing_of_texts(self) -> None:
        stdout, _ = self.ok("models", "show", self.model)
        self.assertRegex(stdout, r"takes +images\n")
        self.assertRegex(stdout, r"image +\[3, 32, 32\]")
        self.assertRegex(stdout, r"preprocessing +\S+")
        for word in ("token", "prompts"):
            self.assertNotIn(word, stdout.split("\n\n")[0].replace(str(self.model), ""))
        info = json.loads(self.ok("models", "show", self.model, "--json")[0])
        self.assertEqual((info["takes_texts"], info["takes_images"]), (False, True))
        self.assertEqual(info["image_shape"], [3, 32, 32])
        self.assertIsInstance(info["preprocess"], dict)
        self.assertNotIn("tokenizer", info)
        self.assertNotIn("prompts", info)

    def test_a_cut_is_announced_only_when_a_layer_was_asked_for(self) -> None:
        _, stderr = self.ok("embed", self.pictures[0], *self.options, "-o", "a.npy")
        self.assertNotIn("graph cut", stderr)
        _, stderr = self.ok("embed", self.pictures[0], *self.options, "--layer", "features.0", "-o", "b.npy")
        self.assertIn("graph cut at the layer", stderr)

    def test_classes_of_the_model_itself_have_its_names(self) -> None:
        stdout, _ = self.ok("classify", self.pictures[0], *self.options, "--top", "7", "--json")
        (row,) = read_jsonl(stdout)
        self.assertEqual({top["label"] for top in row["top"]}, {f"label {i}" for i in range(7)})
        self.assertAlmostEqual(sum(top["probability"] for top in row["top"]), 1.0, delta=1e-6)
        logits = read_jsonl(self.ok("embed", self.pictures[0], *self.options, "--layer", "logits")[0])[0]["embedding"]
        for top in row["top"]:
            self.assertEqual(top["label"], f"label {top['index']}")
            self.assertAlmostEqual(top["logit"], logits[top["index"]], delta=1e-5)
        stdout, _ = self.ok("classify", self.pictures[0], *self.options, "--top", "1")
        self.assertRegex(stdout, r"\n +\d+\.\d\d %  label \d\n")

    def test_what_classify_refuses(self) -> None:
        picture = str(self.pictures[0])
        self.fails("unsupported", "classify", picture, *self.options, "--labels", "a,b", says=["CLIP"])
        headless = ["-m", str(IMAGE_MODELS / "resnet_timm_no_head")]
        self.fails("unsupported", "classify", picture, *headless, says=["classifier"])
        self.fails("usage", "classify", picture, *self.options, "--labels", "a", "--labels-file", "b", says=["both"])
        self.write("none.txt", "\n \n")
        self.fails("invalid_argument", "classify", picture, *self.options, "--labels-file", "none.txt", says=["label"])
        self.write("texts.txt", "a\n")
        self.fails("invalid_argument", "classify", "texts.txt", *self.options, says=["expected images"])


class Pictures(CliTest):
    """Pictures against pictures."""

    def setUp(self) -> None:
        super().setUp()
        self.options = ["-m", str(IMAGE_MODELS / "vit_hf"), "--precision", "f32"]
        self.photos = self.folder / "photos"
        self.photos.mkdir()
        for path in sorted(PICTURES.rglob("*.jpg"))[:6]:
            shutil.copy(path, self.photos / f"{path.parent.name}-{path.name}")
        self.names = sorted(str(path.relative_to(self.folder)) for path in self.photos.iterdir())
        stdout, _ = self.ok("embed", "photos", *self.options)
        self.vectors = {row["source"]: row["embedding"] for row in read_jsonl(stdout)}

    def ranked(self, name: str, *, itself: bool) -> list[str]:
        others = [other for other in self.names if itself or other != name]
        return sorted(others, key=lambda other: -cosine(self.vectors[name], self.vectors[other]))

    def test_every_pair(self) -> None:
        stdout, _ = self.ok("similarity", *self.names[:3], *self.options, "--json")
        result = json.loads(stdout)
        self.assertEqual(result["kinds"], ["image"] * 3)
        for i in range(3):
            for j in range(3):
                expected = cosine(self.vectors[self.names[i]], self.vectors[self.names[j]])
                self.assertAlmostEqual(result["scores"][i][j], expected, delta=1e-5)

    def test_nearest_files(self) -> None:
        stdout, _ = self.ok("similarity", self.names[2], "--in", "photos", "--top", "4", *self.options, "--json")
        result = json.loads(stdout)
        self.assertEqual((result["rows"], result["kind"], result["query"]), (6, "image", self.names[2]))
        self.assertEqual([hit["source"] for hit in result["nearest"]], self.ranked(self.names[2], itself=True)[:4])
        stdout, _ = self.ok("similarity", self.names[2], "--in", "photos", "--top", "1", *self.options)
        self.assertEqual(stdout.splitlines()[1].split(), ["1.0000", self.names[2]])

    def test_each_shows_the_neighbours_of_rows_of_the_input(self) -> None:
        stdout, _ = self.ok("similarity", "--in", "photos", "--each", "3", "--top", "2", *self.options, "--json")
        queries = json.loads(stdout)["queries"]
        self.assertEqual([query["query"] for query in queries], self.names[::2])
        for query in queries:
            found = [hit["source"] for hit in query["nearest"]]
            self.assertEqual(found, self.ranked(query["query"], itself=False)[:2])
        self.fails("invalid_argument", "similarity", "--in", "-", "--each", "3", says=["standard input"])

    def test_a_page_has_the_pictures_in_it_and_no_markup_of_names(self) -> None:
        evil = self.photos / "<img src=x onerror=alert(1)>&\"'.jpg"
        shutil.copy(self.folder / self.names[0], evil)
        _, stderr = self.ok("similarity", "--in", "photos", "--each", "7", "--html", "page.html", *self.options)
        self.assertIn("page.html", stderr)
        page = (self.folder / "page.html").read_text(encoding="utf-8")
        self.assertNotIn("<img src=x", page)
        self.assertIn("&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;.jpg", page)
        pictures = re.findall(r'<img alt="[^"<>]*" src="data:image/jpeg;base64,([A-Za-z0-9+/=]+)">', page)
        self.assertEqual(len(pictures), 7 + 7 * 6)
        self.assertEqual(page.count("<img "), len(pictures))
        for picture in pictures:
            self.assertEqual(base64.b64decode(picture, validate=True)[:3], b"\xff\xd8\xff")
        self.assertNotIn("http", page.replace("http-equiv", ""))
        self.assertNotIn("<script", page)

    def test_what_is_refused(self) -> None:
        self.write("broken.jpg", b"no picture")
        self.fails("unsupported", "similarity", self.names[0], "broken.jpg", *self.options, says=["broken.jpg"])
        self.fails("not_found", "similarity", self.names[0], "gone.jpg", *self.options, says=["gone.jpg"])
        self.fails("unsupported", "similarity", "a", "b", "--kind", "text", *self.options, says=["expected images"])
        self.fails("usage", "similarity", "a", "b", "--html", "x.html", says=["--html"])
        self.fails("usage", "similarity", "a", "--in", "photos", "--each", "2", says=["both"])


if __name__ == "__main__":
    unittest.main()
