// A loaded model as what the scheduler runs: its texts, lists of token ids, or pictures' files.
//
// Thread-safety: any thread. Cost: a row of tokens is its ids, four bytes each.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "scheduler/model_pool.hpp"
#include "scheduler/scheduler.hpp"

namespace asterism {

enum class RowKind : std::uint8_t { kText, kTokens, kImage };

struct BatchBudget {
  std::size_t token_count = 16384;
  std::size_t pixel_count = std::size_t{64} * 224 * 224;
};

// The row of RowKind::kTokens that `ids` are.
std::string row_of_tokens(std::span<const std::uint32_t> ids);

// kTokens of a model without pooling gives a vector a token.
std::shared_ptr<const RowEncoder> model_rows(std::shared_ptr<const LoadedModel> model, RowKind kind,
                                             const BatchBudget& budget = {});

}  // namespace asterism
