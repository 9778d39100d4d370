// What the text families read from config.json, checked once: private to src/models.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/graph.hpp"

namespace asterism {

// Largest values accepted in a configuration: far above any published encoder, far below what could overflow.
inline constexpr std::int64_t kLayerCountMax = 512;
inline constexpr std::int64_t kHiddenSizeMax = 1 << 16;
inline constexpr std::int64_t kIntermediateSizeMax = 1 << 19;
inline constexpr std::int64_t kVocabularySizeMax = 1 << 24;
inline constexpr std::int64_t kPositionCountMax = 1 << 20;
inline constexpr std::int64_t kTokenTypeCountMax = 1 << 10;

// The sizes of a BERT-shaped encoder under one set of names.
struct TextConfig {
  std::int64_t hidden_size = 0;
  std::int64_t layer_count = 0;
  std::int64_t head_count = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t position_count = 0;
  std::int64_t vocabulary_size = 0;
  Activation activation = Activation::kGeluErf;

  std::int64_t head_dim() const noexcept { return hidden_size / head_count; }
};

// The keys under which a family stores the sizes, and what transformers takes where a key is missing.
struct TextConfigKeys {
  std::string_view hidden_size;
  std::string_view layer_count;
  std::string_view head_count;
  std::string_view intermediate_size;
  std::string_view activation;
  TextConfig defaults;
};

// kCorrupt for an absurd value, kUnsupported for a value that would change the numbers. Allocates nothing.
Result<TextConfig> read_text_config(const Json& config, const TextConfigKeys& keys, std::string_view source);

struct SizeRule {
  std::string_view key;
  std::int64_t most = 1;
  std::int64_t missing = 1;  // the value where the key is missing
};
// An integer from 1 to `most`.
Result<std::int64_t> read_size(const Json& config, const SizeRule& rule, std::string_view source);

// Names as in transformers' ACT2FN; kUnsupported lists what is known.
Result<Activation> activation_by_name(std::string_view name, std::string_view source);

// Refuses a configuration value that asks for another computation: kUnsupported names key and value.
Result<void> expect_absent_or(const Json& config, std::string_view key, const Json& accepted, std::string_view source);

}  // namespace asterism
