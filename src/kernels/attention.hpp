// Scaled dot-product attention over packed texts: each text attends to itself alone, whatever its length.
//
// Rows of query, key and value lie `*_stride` elements apart, so that slices of one [tokens, 3 * hidden] matrix need no
// copy. Heads split a row in equal parts. Source: Vaswani et al. 2017, "Attention Is All You Need", equation 1.
// Thread-safety: pure functions; disjoint units may run on different threads. Cost: a text of n tokens takes about
// 4 * n * n * head_dim operations a head; scratch is 2 * n * head_dim floats and a few rows of n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace asterism {

template <typename Element>
struct BasicAttentionProblem {
  const Element* query = nullptr;  // [tokens, hidden], rows query_stride apart
  const Element* key = nullptr;
  const Element* value = nullptr;
  Element* output = nullptr;  // [tokens, hidden], rows output_stride apart
  std::size_t query_stride = 0;
  std::size_t key_stride = 0;
  std::size_t value_stride = 0;
  std::size_t output_stride = 0;
  std::span<const std::int32_t> offsets;  // [texts + 1]: begins at 0, never falls, ends within the tokens
  std::size_t head_count = 0;
  std::size_t head_dim = 0;
  float scale = 0.0F;
  bool causal = false;  // a token attends to itself and those before it

  std::size_t text_count() const noexcept { return offsets.empty() ? 0 : offsets.size() - 1; }
  // One unit of work is one head of one text; unit = text * head_count + head.
  std::size_t unit_count() const noexcept { return text_count() * head_count; }
};

using AttentionProblem = BasicAttentionProblem<float>;
// bfloat16 by its bits; sums are float32, results are rounded to the nearest. Where the processor multiplies pairs of
// bfloat16, the weights are rounded as well.
using AttentionProblemBf16 = BasicAttentionProblem<std::uint16_t>;

// Working memory of one thread; grows to the longest text it has seen.
using AttentionScratch = std::vector<float>;

// Units [unit_begin, unit_end), vectorised for the processor at hand. Writes the rows of those texts and heads only.
void attention(const AttentionProblem& problem, std::size_t unit_begin, std::size_t unit_end,
               AttentionScratch& scratch);
void attention(const AttentionProblemBf16& problem, std::size_t unit_begin, std::size_t unit_end,
               AttentionScratch& scratch);

// The same in plain double arithmetic: the oracle of the tests.
void attention_scalar(const AttentionProblem& problem, std::size_t unit_begin, std::size_t unit_end);

}  // namespace asterism
