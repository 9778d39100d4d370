// Static distillation: from a transformer to a table with one vector a token.
//
//   every vocabulary token -> the teacher ([CLS] token [SEP], mean over the three) -> PCA -> frequency weight -> int8
//
// The method is model2vec 0.10's `distill` with its defaults (github.com/MinishLab/model2vec): SIF weights a / (a + p),
// p by Zipf's law over the order of the vocabulary, which BERT's vocabularies have by frequency. The folder written is
// model2vec's layout and loads in both libraries. Deterministic: the same teacher gives the same bytes on one machine.
// Cost: one run of the teacher over the vocabulary (3 tokens a text) and a PCA; memory vocabulary x hidden floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"

namespace asterism {

// How the table is stored. int8 has one scale for the whole table, which the normalisation at the end makes irrelevant.
enum class StaticStorage : std::uint8_t { kInt8, kF16, kF32 };

struct DistillProgress {
  std::size_t token_count_done = 0;
  std::size_t token_count = 0;
};

struct DistillOptions {
  std::size_t dim = 256;
  double sif_coefficient = 1e-4;  // in (0, 1); 0 = no weighting
  StaticStorage storage = StaticStorage::kInt8;
  // Leave out tokens that the tokenizer never gives ("[unused7]" always goes). Results do not change, the files shrink.
  bool drop_unreachable = true;
  std::size_t thread_count = 0;                             // 0 = as many processors as this process may use
  const CancelFlag* cancel = nullptr;                       // borrowed; may be null
  std::function<void(const DistillProgress&)> on_progress;  // from the calling thread
};

struct DistillResult {
  std::size_t token_count = 0;  // rows of the table
  std::size_t token_count_dropped = 0;
  std::size_t dim = 0;
  double explained_variance_ratio = 0.0;
  std::uint64_t size_bytes = 0;  // of all files written
};

// Writes config.json, model.safetensors, tokenizer.json and modules.json into `folder`, which may exist; files of these
// names are replaced. `teacher` is what Encoder::load takes, except a static model (kUnsupported).
// kInvalidArgument for options outside their range; kCancelled leaves nothing behind.
Result<DistillResult> distill(std::string_view teacher, const std::filesystem::path& folder,
                              const DistillOptions& options = {});

}  // namespace asterism
