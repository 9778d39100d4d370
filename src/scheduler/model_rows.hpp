// A loaded model as what the scheduler runs: its texts, or its pictures' files. Thread-safety: any thread.
#pragma once

#include <cstdint>
#include <memory>

#include "scheduler/model_pool.hpp"
#include "scheduler/scheduler.hpp"

namespace asterism {

enum class RowKind : std::uint8_t { kText, kImage };

struct BatchBudget {
  std::size_t token_count = 16384;
  std::size_t pixel_count = std::size_t{64} * 224 * 224;
};

std::shared_ptr<const RowEncoder> model_rows(std::shared_ptr<const LoadedModel> model, RowKind kind,
                                             const BatchBudget& budget = {});

}  // namespace asterism
