// Names of a job's files, and what stands under them before it starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

struct JobFiles {
  std::filesystem::path folder;  // of OUT; "." when it names none
  std::string stem;              // OUT's name without extension
  std::string extension;         // with its dot; may be empty
  bool sharded = false;
  // Ends of the names of the vector files, one an output, where each output has its file: "layer3" makes
  // "vectors-00000.layer3.npy". Empty = one file.
  std::vector<std::string> parts;

  // For a job without shards `shard` does not matter.
  std::vector<std::filesystem::path> vectors(std::uint64_t shard) const;
  std::filesystem::path rows(std::uint64_t shard) const;
  std::filesystem::path manifest() const;
  std::filesystem::path lock() const;
};

struct JobFilesOptions {
  bool sharded = false;
  std::span<const std::string> inputs = {};
  std::span<const std::string> separate_outputs = {};  // names of outputs that have a file each
};

// kNotFound when the folder is missing; kInvalidArgument when OUT is a directory, one of its files is an input, or two
// outputs would have the same file.
Result<JobFiles> plan_job_files(const std::string& output, const JobFilesOptions& options);

// Removes the temporary files that a killed run of this job left. Call it with the job's lock held. Temporaries of a
// process that still lives are somebody else's, and stay.
void remove_stale_temporaries(const JobFiles& files);

// kMismatch when there is a shard of another job, which would be taken for this one's. `listed_count`: shards that the
// manifest lists, nullopt without a manifest. The one after them is no stranger: a killed run may have finished it
// without listing it.
Result<void> expect_no_foreign_shards(const JobFiles& files, std::optional<std::uint64_t> listed_count);

}  // namespace asterism
