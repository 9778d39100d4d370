"""Small BPE tokenizers for the goldens, built as the files of known models are, and variants that exchange single parts of them.

Trained on the repository's example texts and on generated strings. Each base has one file; a variant is told in bpe_variants.json
as those of tokenizer_models.py are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from tokenizer_strings import GOLDEN

EXAMPLES = GOLDEN.parents[2] / "examples" / "data"
BASES = ("roberta", "clip", "fallback", "words", "affixes")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CLIP_MARKED = r"<\|startoftext\|>|<\|endoftext\|>|" + CLIP
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
METASPACE = "\u2581"


def example_texts() -> list[str]:
    lines = (EXAMPLES / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)) for line in lines] + (EXAMPLES / "queries.txt").read_text("utf-8").splitlines()


def bpe(vocabulary: list[str], merges: Sequence[list[str] | str], **settings: object) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
    }
    ids = {text: i for i, text in enumerate(dict.fromkeys(vocabulary))}
    return {**defaults, **settings, "vocab": ids, "merges": merges}


def document(model: dict[str, Any], **parts: object) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    )
    return {"version": "1.0", **empty, "added_tokens": [], **parts, "model": model}


def token(content: str, index: int, **flags: bool) -> dict[str, Any]:
    defaults = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": index, "content": content, **defaults, **flags}


def trained(
    pre_tokenizer: pre_tokenizers.PreTokenizer,
    texts: list[str],
    normalizer: normalizers.Normalizer | None = None,
    **settings: Any,
) -> tuple[list[str], list[list[str]]]:
    """The vocabulary in the order of its ids, and the merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(show_progress=False, **settings))
    model = json.loads(tokenizer.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].__getitem__), model["merges"]


def byte_level(*, prefix: bool, regex: bool = True) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def roberta_processing(sep: tuple[str, int], cls: tuple[str, int], *, trim: bool, prefix: bool) -> dict[str, Any]:
    ends = {"sep": list(sep), "cls": list(cls)}
    return {"type": "RobertaProcessing", **ends, "trim_offsets": trim, "add_prefix_space": prefix}


def template(before: tuple[str, int]) -> dict[str, Any]:
    name, index = before
    single = [{"SpecialToken": {"id": name, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    special = {name: {"id": name, "ids": [index], "tokens": [name]}}
    return {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special}


def split(regex: str, behavior: str, *, invert: bool = False) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def text_split(text: str, behavior: str, *, invert: bool = False) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"String": text}, "behavior": behavior, "invert": invert}


def cuts(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def steps(*normalizer_steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "normalizers": list(normalizer_steps)}


def processors(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "processors": list(children)}


CLIP_NORMALIZER = steps(
    {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}
)


def make_roberta(texts: list[str]) -> dict[str, Any]:
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary, merges = trained(
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        texts,
        vocab_size=1400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    mask = len(vocabulary)
    return document(
        bpe([*vocabulary, "<mask>"], merges),
        added_tokens=[*(token(t, i) for i, t in enumerate(special)), token("<mask>", mask, lstrip=True)],
        pre_tokenizer=byte_level(prefix=False),
        post_processor=roberta_processing(("</s>", 2), ("<s>", 0), trim=True, prefix=False),
        padding={"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"},
    )  # fmt: skip


def make_clip(texts: list[str]) -> dict[str, Any]:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    _, merges = trained(
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        [text.lower() for text in texts],
        vocab_size=1200,
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
    )
    # Bytes, bytes at the end of a word, what merges make, special tokens: the order of CLIP's own vocabulary.
    merges = [pair for pair in merges if "\u0120" not in "".join(pair)]
    vocabulary = [*alphabet, *(c + "</w>" for c in alphabet), *(a + b for a, b in merges)]
    begin = len(dict.fromkeys(vocabulary))
    names = ["<|startoftext|>", "<|endoftext|>"]
    return document(
        bpe([*vocabulary, *names], merges, unk_token=names[1], end_of_word_suffix="</w>"),
        added_tokens=[token(names[0], begin, normalized=True), token(names[1], begin + 1)],
        normalizer=CLIP_NORMALIZER,
        pre_tokenizer=cuts(
            split(CLIP, "Removed", invert=True), {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
        ),
        post_processor=roberta_processing((names[1], begin + 1), (names[0], begin), trim=False, prefix=False),
    )


def make_fallback(texts: list[str]) -> dict[str, Any]:
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary, merges = trained(
        pre_tokenizers.Metaspace(), texts, vocab_size=1300, limit_alphabet=300, special_tokens=special
    )
    return document(
        bpe(vocabulary, [" ".join(pair) for pair in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True),
        added_tokens=[token(t, i, normalized=True) for i, t in enumerate(special[:3])],
        normalizer=steps(
            {"type": "Prepend", "prepend": METASPACE},
            {"type": "Replace", "pattern": {"String": " "}, "content": METASPACE},
        ),
        post_processor=template(("<s>", 1)),
    )


def make_words(texts: list[str]) -> dict[str, Any]:
    vocabulary, merges = trained(
        pre_tokenizers.Whitespace(), texts, vocab_size=900, limit_alphabet=250, special_tokens=["[UNK]", "[PAD]"]
    )
    return document(bpe(vocabulary, merges, unk_token="[UNK]"), pre_tokenizer={"type": "Whitespace"})


def make_affixes(texts: list[str]) -> dict[str, Any]:
    affixes = {"continuing_subword_prefix": "##", "end_of_word_suffix": "@"}
    vocabulary, merges = trained(
        pre_tokenizers.BertPreTokenizer(),
        texts,
        normalizer=normalizers.BertNormalizer(),
        vocab_size=1200,
        limit_alphabet=200,
        special_tokens=["[UNK]"],
        **affixes,
    )
    return document(
        bpe(vocabulary, merges, unk_token="[UNK]", fuse_unk=True, **affixes),
        normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        pre_tokenizer={"type": "BertPreTokenizer"},
    )  # fmt: skip


def bpe_variants() -> list[dict[str, Any]]:
    def variant(name: str, base: str, **parts: object) -> dict[str, Any]:
        return {"name": name, "base": base, "parts": parts}

    def plain_added(content: str, **flags: bool) -> dict[str, Any]:
        defaults = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        return {"content": content, **defaults, **flags}

    nfc, nfkc, lower = {"type": "NFC"}, {"type": "NFKC"}, {"type": "Lowercase"}
    bytes_alone = byte_level(prefix=False, regex=False)
    trims, keeps = (
        {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": True}
        for prefix, trim in ((True, True), (False, False))
    )
    ends = (("</s>", 2), ("<s>", 0))
    added = [
        plain_added("<left>", lstrip=True),
        plain_added("<right>", rstrip=True),
        plain_added("solo", normalized=True, single_word=True),
        plain_added("  "),
        plain_added(" the", normalized=True),
    ]
    spaced = {"type": "Replace", "pattern": {"String": " "}, "content": METASPACE}
    words = ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
    return [
        variant("gpt2", "roberta", post_processor=keeps),
        variant("gpt2_trimmed", "roberta", post_processor=trims),
        variant("prefix_space", "roberta", pre_tokenizer=byte_level(prefix=True), post_processor=roberta_processing(*ends, trim=True, prefix=True)),
        variant("prefix_space_trimmed", "roberta", pre_tokenizer=byte_level(prefix=True), post_processor=roberta_processing(*ends, trim=True, prefix=False)),
        variant("prefix_space_lower", "roberta", normalizer=lower, pre_tokenizer=byte_level(prefix=True)),
        variant("byte_added", "roberta", added_tokens=added),
        variant("byte_added_prefix", "roberta", added_tokens=added, normalizer=nfkc, pre_tokenizer=byte_level(prefix=True), post_processor=trims),
        variant("byte_whole", "roberta", pre_tokenizer=bytes_alone),
        variant("byte_whole_prefix", "roberta", pre_tokenizer=byte_level(prefix=True, regex=False), post_processor=trims),
        variant("llama3", "roberta", pre_tokenizer=cuts(split(LLAMA3, "Isolated"), bytes_alone), post_processor=processors({**keeps, "trim_offsets": True}, template(("<s>", 0))), model={"ignore_merges": True}),
        variant("llama3_trimmed", "roberta", pre_tokenizer=cuts(split(LLAMA3, "Isolated"), byte_level(prefix=True)), post_processor=processors(trims)),
        variant("qwen2", "roberta", normalizer=nfc, pre_tokenizer=cuts(split(QWEN2, "Isolated"), bytes_alone), post_processor=keeps),
        variant("gpt2_nfkc_lower", "roberta", normalizer=steps(nfkc, lower)),
        *(variant(f"split_{word.lower()}", "roberta", pre_tokenizer=cuts(split(CLIP, word), bytes_alone)) for word in words),
        *(variant(f"gaps_{word.lower()}", "roberta", pre_tokenizer=cuts(split(CLIP_MARKED, word, invert=True), byte_level(prefix=True))) for word in words),
        *(variant(f"text_{word.lower()}", "roberta", pre_tokenizer=cuts(text_split("e", word), text_split("  ", word, invert=True), bytes_alone)) for word in words),
        variant("clip_marked", "clip", pre_tokenizer=cuts(split(CLIP_MARKED, "Removed", invert=True), byte_level(prefix=False))),
        variant("clip_cased", "clip", normalizer=nfc, post_processor=trims),
        variant("clip_ignoring_merges", "clip", model={"ignore_merges": True}),
        variant("mistral", "fallback", normalizer=None, pre_tokenizer={"type": "Metaspace", "replacement": METASPACE, "prepend_scheme": "first", "split": False}),
        variant("gemma", "fallback", normalizer=spaced, pre_tokenizer=text_split(" ", "MergedWithPrevious")),
        variant("no_fallback", "fallback", model={"byte_fallback": False}),
        variant("no_fallback_apart", "fallback", model={"byte_fallback": False, "fuse_unk": False}),
        variant("words_fused", "words", model={"fuse_unk": True}),
        variant("words_dropped", "words", model={"unk_token": None}),
        variant("words_trimmed", "words", model={"unk_token": None}, pre_tokenizer=None, post_processor=trims, added_tokens=added),
        variant("affixes_apart", "affixes", model={"fuse_unk": False}, pre_tokenizer={"type": "WhitespaceSplit"}),
    ]  # fmt: skip


def train_bases(folder: Path, generated: list[str]) -> dict[str, dict[str, Any]]:
    # Example texts weigh more than generated ones: merges should be those of words.
    texts = example_texts() * 20 + generated[:4000]
    makers: dict[str, Callable[[list[str]], dict[str, Any]]] = {
        "roberta": make_roberta,
        "clip": make_clip,
        "fallback": make_fallback,
        "words": make_words,
        "affixes": make_affixes,
    }
    documents = {}
    for name in BASES:
        documents[name] = makers[name](texts)
        text = json.dumps(documents[name], ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return documents
