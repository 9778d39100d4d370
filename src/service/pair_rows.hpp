// Pairs of texts with a score that people gave them: STS and its like.
//
// csv, tsv or jsonl. Columns by name; a csv or tsv file without a header (the STS form: sentence, sentence, score) is
// known by a first line whose third field is a number, and has its columns by place. Thread-safety: pure function.
// Cost: one pass; all pairs are held in memory.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/text_reader.hpp"

namespace asterism::service {

struct PairRows {
  std::vector<std::string> first;    // [pairs]
  std::vector<std::string> second;   // [pairs]
  std::vector<double> gold;          // [pairs]
  std::vector<std::string> ids;      // [pairs]: the line that a pair stands in
  std::uint64_t left_out_count = 0;  // pairs without a text or a score that is a finite number
};

struct PairFile {
  std::string path;
  TextFormat format = TextFormat::kAuto;
  // Of both texts and the score; an empty one is found among the usual names (sentence1, sentence_A, text1, ...).
  std::array<std::string, 3> columns = {};
};

// kNotFound lists the columns that there are; kInvalidArgument with fewer than 2 usable pairs.
Result<PairRows> read_pairs(const PairFile& file);

}  // namespace asterism::service
