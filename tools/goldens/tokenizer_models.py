"""Small tokenizers for the goldens: three trained vocabularies and variants that exchange single parts of them.

A variant is {"name", "base", "parts"}: the base's tokenizer.json with the given top-level parts (and "model" members) replaced.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from tokenizer_bpe_models import BASES as BPE_BASES
from tokenizer_bpe_models import bpe_variants, train_bases
from tokenizer_strings import GOLDEN, decode, make_string, read_alphabet

TRAINING_SEED = 10_000_000
TRAINING_COUNT = 20_000
RARE_CHARACTER_COUNT = 40
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def corpus() -> list[str]:
    alphabet = read_alphabet()
    return [decode(make_string(TRAINING_SEED + i, alphabet))[0].replace("\x00", "") for i in range(TRAINING_COUNT)]


def train_wordpiece(lowercase: bool, texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]", "[unused12]"]
    tokenizer.train_from_iterator(
        texts,
        trainers.WordPieceTrainer(vocab_size=2200, limit_alphabet=700, special_tokens=special, show_progress=False),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def train_unigram(texts: list[str]) -> Tokenizer:
    """In the shape of model2vec's vocabulary-quantised models."""
    tokenizer = Tokenizer(models.Unigram())
    steps: list[normalizers.Normalizer] = [normalizers.BertNormalizer()]
    steps += [normalizers.Replace(sign, f" {sign} ") for sign in PUNCTUATION]
    steps += [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    # Trained on words, and only with characters that are common enough to fit the vocabulary.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    counts = Counter("".join(map(tokenizer.normalizer.normalize_str, texts)))
    rare = {ord(c): None for c, count in counts.items() if count < RARE_CHARACTER_COUNT}
    texts = [tokenizer.normalizer.normalize_str(text).translate(rare) for text in texts]
    special = ["[PAD]", "[UNK]", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(
        texts,
        trainers.UnigramTrainer(vocab_size=2400, special_tokens=special, unk_token="[UNK]", show_progress=False),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    return tokenizer


def added(content: str, **flags: bool) -> dict[str, Any]:
    defaults = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"content": content, **defaults, **flags}


def variants() -> list[dict[str, Any]]:
    bert = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    }
    whitespace, split = {"type": "Whitespace"}, {"type": "WhitespaceSplit"}
    tokens = [
        added("<left>", lstrip=True),
        added("<right>", rstrip=True, special=True),
        added("<both>", lstrip=True, rstrip=True),
        added("solo", single_word=True),
        added("[unused123]"),
        added("\u3000"),
    ]
    normalized = [
        added("<ENT>", normalized=True),
        added("<éclair>", normalized=True, lstrip=True),
        added("unbelievable", normalized=True, single_word=True),
        added("don't", normalized=True, rstrip=True),
    ]

    def variant(name: str, base: str, **parts: object) -> dict[str, Any]:
        return {"name": name, "base": base, "parts": parts}

    def punctuation(behavior: str) -> dict[str, Any]:
        return {"type": "Sequence", "pretokenizers": [split, {"type": "Punctuation", "behavior": behavior}]}

    def sequence(*steps: dict[str, Any]) -> dict[str, Any]:
        return {"type": "Sequence", "normalizers": list(steps)}

    def replace(pattern: dict[str, str], content: str) -> dict[str, Any]:
        return {"type": "Replace", "pattern": pattern, "content": content}

    def metaspace(scheme: str, split_on: bool) -> dict[str, Any]:
        return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split_on}

    lower, accents = {"type": "Lowercase"}, {"type": "StripAccents"}
    return [
        variant("no_clean_text", "uncased", normalizer={**bert, "clean_text": False}),
        variant("no_chinese_chars", "uncased", normalizer={**bert, "handle_chinese_chars": False}),
        variant("accents_kept", "uncased", normalizer={**bert, "strip_accents": False}),
        variant("accents_stripped_cased", "cased", normalizer={**bert, "strip_accents": True, "lowercase": False}),
        variant("added_raw", "uncased", added_tokens=tokens),
        variant("added_normalized", "uncased", added_tokens=tokens + normalized),
        variant("added_normalized_nfkc", "cased", normalizer={"type": "NFKC"}, pre_tokenizer=split, added_tokens=normalized),
        variant("nfd_marks", "uncased", normalizer=sequence({"type": "NFD"}, lower, accents), pre_tokenizer=whitespace),
        variant("nfc_words", "cased", normalizer={"type": "NFC"}, pre_tokenizer=whitespace),
        variant("nfkc_strip", "cased", normalizer=sequence({"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": False})),
        variant("nfkd_plain", "unigram", normalizer={"type": "NFKD"}, pre_tokenizer=None),
        variant("nothing", "cased", normalizer=None, pre_tokenizer=None, post_processor=None),
        variant("strip_right", "cased", normalizer={"type": "Strip", "strip_left": False, "strip_right": True}, pre_tokenizer=None),
        variant("punctuation_removed", "uncased", pre_tokenizer=punctuation("Removed")),
        variant("punctuation_isolated", "uncased", pre_tokenizer=punctuation("Isolated")),
        variant("punctuation_previous", "uncased", pre_tokenizer=punctuation("MergedWithPrevious")),
        variant("punctuation_next", "uncased", pre_tokenizer=punctuation("MergedWithNext")),
        variant("punctuation_contiguous", "uncased", pre_tokenizer=punctuation("Contiguous")),
        variant("replace_text", "cased", normalizer=sequence(replace({"String": "the"}, "\u00e9"), replace({"String": " "}, ""), replace({"String": "\u00e9"}, "xyz "))),
        variant("replace_chain", "uncased", normalizer=sequence(replace({"String": "a"}, "bc"), replace({"String": "b"}, ""), replace({"String": "c"}, " c "), bert)),
        variant("replace_run", "uncased", normalizer=sequence(bert, replace({"Regex": " {2,}"}, "-"), replace({"Regex": "\\."}, " dot "), replace({"Regex": "o+"}, "0"))),
        variant("replace_space", "cased", normalizer=replace({"Regex": "\\s"}, "_"), pre_tokenizer={"type": "BertPreTokenizer"}),
        variant("prepend", "unigram", normalizer=sequence({"type": "Prepend", "prepend": "\u2581x"}, replace({"String": " "}, "\u2581")), pre_tokenizer=None),
        variant("metaspace_first", "unigram", normalizer={"type": "Strip", "strip_left": True, "strip_right": True}, pre_tokenizer=metaspace("first", True), added_tokens=[added("<left>", lstrip=True), added("solo", normalized=True)]),
        variant("metaspace_always_split", "unigram", normalizer={"type": "NFC"}, pre_tokenizer=metaspace("always", True), added_tokens=tokens),
        variant("metaspace_never", "unigram", normalizer=lower, pre_tokenizer={"type": "Sequence", "pretokenizers": [whitespace, metaspace("never", True)]}),
        variant("byte_fallback", "unigram", normalizer={"type": "NFC"}, model={"byte_fallback": True}),
        variant("prefix_empty", "uncased", model={"continuing_subword_prefix": ""}),
        variant("short_words", "uncased", model={"max_input_chars_per_word": 4}),
        variant("long_words", "cased", pre_tokenizer=None, model={"max_input_chars_per_word": 100_000}),
        variant("bert_processing", "uncased", post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}),
        variant("roberta_processing", "uncased", post_processor={"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[MASK]", 4], "trim_offsets": False, "add_prefix_space": False}),
    ]  # fmt: skip


def number_added_tokens(document: dict[str, Any], tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The base's added tokens and the given ones, those outside the vocabulary numbered from its end."""
    vocabulary = document["model"]["vocab"]
    known = dict(vocabulary) if isinstance(vocabulary, dict) else {text: i for i, (text, _) in enumerate(vocabulary)}
    result = list(document["added_tokens"])
    for token in tokens:
        known.setdefault(token["content"], len(known))
        result.append({"id": known[token["content"]], **token})
    return result


def write_variants(path: Path, documents: dict[str, dict[str, Any]], variants: list[dict[str, Any]]) -> None:
    lines = []
    for variant in variants:
        # Ids are written out, so that the reader need not number tokens.
        parts = dict(variant["parts"])
        if "added_tokens" in parts:
            parts["added_tokens"] = number_added_tokens(documents[variant["base"]], parts["added_tokens"])
        lines.append(json.dumps({**variant, "parts": parts}, ensure_ascii=False))
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def write_bpe_models(folder: Path = GOLDEN) -> None:
    write_variants(folder / "bpe_variants.json", train_bases(folder, corpus()), bpe_variants())


def write_models(folder: Path = GOLDEN) -> None:
    texts = corpus()
    bases = {
        "uncased": train_wordpiece(True, texts),
        "cased": train_wordpiece(False, texts),
        "unigram": train_unigram(texts),
    }
    documents = {}
    for name, tokenizer in bases.items():
        documents[name] = json.loads(tokenizer.to_str())
        if name == "unigram":
            documents[name]["model"]["vocab"] = [
                [text, round(score, 4)] for text, score in documents[name]["model"]["vocab"]
            ]
        (folder / f"{name}.json").write_text(json.dumps(documents[name], ensure_ascii=False) + "\n", encoding="utf-8")
    write_variants(folder / "variants.json", documents, variants())


def read_variants(folder: Path = GOLDEN) -> list[dict[str, Any]]:
    """Every model of the goldens: {"name", "json"}, the bases first."""
    bases = {
        name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("uncased", "cased", "unigram", *BPE_BASES)
    }
    result = [{"name": name, "json": document} for name, document in bases.items()]
    told = [json.loads((folder / name).read_text(encoding="utf-8")) for name in ("variants.json", "bpe_variants.json")]
    for variant in [*told[0], *told[1]]:
        document, parts = bases[variant["base"]], variant["parts"]
        changed = {**document, **{key: value for key, value in parts.items() if key != "model"}}
        changed["model"] = {**document["model"], **parts.get("model", {})}
        result.append({"name": variant["name"], "json": changed})
    return result
