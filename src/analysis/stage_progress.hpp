// Says how far a stage of an analysis is, now and then, and whether to go on.
//
// Thread-safety: none; belongs to the thread that called. Cost: a look at the clock.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <string_view>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"

namespace asterism {

class StageProgress {
 public:
  StageProgress(const AnalysisRun& run, std::string_view stage, std::size_t total)
      : run_(run), stage_(stage), total_(total) {}

  // kCancelled where the run was asked to stop. Says `done` of total at most 20 times a second, and the end always.
  Result<void> at(std::size_t done) {
    if (run_.is_cancelled()) {
      return fail(ErrorCode::kCancelled, fmt::format("{}: stopped at {} of {}", stage_, done, total_));
    }
    const auto now = std::chrono::steady_clock::now();
    if (run_.progress && (done == total_ || now - said_ >= std::chrono::milliseconds(50))) {
      said_ = now;
      run_.progress(stage_, done, total_);
    }
    return {};
  }

 private:
  const AnalysisRun& run_;
  std::string_view stage_;
  std::size_t total_;
  std::chrono::steady_clock::time_point said_{};
};

}  // namespace asterism
