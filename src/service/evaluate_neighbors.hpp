// Use case: what is near in one space, is it near in another? (analysis/neighborhood_scores.hpp)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/bootstrap.hpp"
#include "analysis/neighborhood_scores.hpp"
#include "asterism/error.hpp"
#include "service/evaluation_data.hpp"
#include "service/evaluation_report.hpp"

namespace asterism::service {

struct NeighborTaskOptions {
  BootstrapOptions bootstrap;
  NeighborhoodOptions neighborhood;
};

// Each system of `systems` against `original`: of the same rows, whose ids and labels (or none) are given. The label
// agreement is that of the system; the original stands beside them with its own.
Result<TaskResult> evaluate_neighbors(const VectorSystem& original, std::span<const VectorSystem> systems,
                                      std::span<const std::string> ids, std::span<const std::int32_t> labels,
                                      const NeighborTaskOptions& options, const AnalysisRun& run);

}  // namespace asterism::service
