// What an earlier run of the same job left, and how much of it can be kept.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/log.hpp"
#include "pipeline/job_files.hpp"
#include "pipeline/manifest.hpp"

namespace asterism {

struct ResumePlan {
  std::optional<Manifest> before;  // none: there was no earlier run
  std::vector<bool> kept;          // per shard of `before`: both files are there, of the listed size and digest
  RowsSummary kept_summary;
  bool marks_trusted = false;  // the inputs are regular files, unchanged since, or folders and lists that marks check
  bool indirect = false;       // some are folders or lists: whether they have changed shows only on the way

  // True when the inputs need not even be read.
  bool nothing_to_do() const;
};

// Reads every listed shard once, to compare its digest. kMismatch for another job's manifest or shards without one.
Result<ResumePlan> plan_resume(const JobFiles& files, const JobDescription& job, const LogSink& sink,
                               const CancelFlag* cancel);

}  // namespace asterism
