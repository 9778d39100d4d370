"""Tokenizing with byte-level BPE: vocabularies of a real size, trained at run time, as RoBERTa's and CLIP's files have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corpus import read_ag_news, read_banking77, read_cranfield, read_stsb
from environment import data_folder
from options import BenchmarkSkipped, Options
from tokenizer import compare, tokenizer_corpus

VOCABULARY_SIZE = 50_000
MERGE_COUNT_MIN = 30_000
CLIP_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
READERS = {
    "ag_news": read_ag_news,
    "cranfield": read_cranfield,
    "stsb": read_stsb,
    "banking77": read_banking77,
}


def training_texts() -> list[str]:
    return [
        text for name, read in READERS.items() if (data_folder() / name).is_dir() for text in read(data_folder() / name)
    ]


def make_roberta(texts: list[str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        min_frequency=1,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    return tokenizer


def make_clip(texts: list[str]) -> Any:
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    steps = [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    split = pre_tokenizers.Split(Regex(CLIP_PATTERN), "removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|startoftext|>", "<|endoftext|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        min_frequency=1,
        # CLIP's vocabulary has every byte inside a word and at its end.
        special_tokens=[*special, *(c + "</w>" for c in alphabet)],
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = [token for token in document["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.post_processor = processors.RobertaProcessing(
        (special[1], 1), (special[0], 0), trim_offsets=False, add_prefix_space=False
    )
    return tokenizer


def make_folder(options: Options, name: str, texts: list[str]) -> Path:
    folder = options.cache / "bpe" / name
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = {"roberta": make_roberta, "clip": make_clip}[name](texts)
    tokenizer.save(str(folder / "tokenizer.json"))
    merges = len(json.loads(tokenizer.to_str())["model"]["merges"])
    print(f"{name}: trained on {len(texts)} texts, {tokenizer.get_vocab_size()} tokens, {merges} merges")
    if merges < MERGE_COUNT_MIN:
        print(f"note: {merges} merges, fewer than the {MERGE_COUNT_MIN} of a real model")
    return folder


def run(options: Options) -> None:
    if not options.peers_available():
        raise BenchmarkSkipped("no Python environment of the peers to train with (make -C bench/peers/text env)")
    corpus = tokenizer_corpus(options)
    texts = training_texts() or corpus.texts
    for name in ("roberta", "clip"):
        compare(options, f"bpe-{name}", make_folder(options, name, texts), corpus)
