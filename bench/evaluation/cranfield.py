"""Write the Cranfield collection (1,400 abstracts, 225 questions) in the form that `asterism evaluate retrieval` reads.

Run: python bench/evaluation/cranfield.py SOURCE TARGET
SOURCE holds cran.all.1400.xml, cran.qry.xml and cranqrel.trec.txt (the TREC form of the collection).
TARGET gets corpus.jsonl, queries.jsonl and a copy of the judgements.

Judgements number the questions by their order in the file, not by their <num>, which skips some.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path


def parts(text: str, tag: str) -> list[str]:
    """What stands in each element of this name, blanks made one."""
    return [" ".join(found.split()) for found in re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)]


def main() -> None:
    """Read SOURCE, write TARGET."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    corpus = (options.source / "cran.all.1400.xml").read_text(encoding="utf-8", errors="replace")
    with (options.target / "corpus.jsonl").open("w", encoding="utf-8") as out:
        # The text begins with the title.
        for number, text in zip(parts(corpus, "docno"), parts(corpus, "text"), strict=True):
            out.write(json.dumps({"_id": number, "text": text}) + "\n")
    queries = (options.source / "cran.qry.xml").read_text(encoding="utf-8", errors="replace")
    with (options.target / "queries.jsonl").open("w", encoding="utf-8") as out:
        for place, text in enumerate(parts(queries, "title"), start=1):
            out.write(json.dumps({"_id": str(place), "text": text}) + "\n")
    shutil.copy(options.source / "cranqrel.trec.txt", options.target / "qrels.txt")


if __name__ == "__main__":
    main()
