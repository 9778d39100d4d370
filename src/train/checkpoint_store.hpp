// Checkpoints of a run: each one safetensors file that appears whole or not at all, with the run's progress as JSON in
// its header, so that state and progress can never disagree.
//
//   checkpoints/step-00000120.safetensors   everything that the next step depends on
//   checkpoints/best.safetensors            the parameters of the best epoch
//
// Ownership: values. Thread-safety: one thread; the run's lock keeps other processes out. Cost: a write and an fsync of
// the state; reading maps the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "graph/graph.hpp"

namespace asterism {

struct Checkpoint {
  ParameterMap tensors;
  Json progress;
  std::filesystem::path file;
};

class CheckpointStore {
 public:
  // Makes the folder, and removes what a killed run left half written.
  static Result<CheckpointStore> open(std::filesystem::path folder, std::int64_t checkpoint_count);

  // Only after the new one is on the disk do older ones go: of a full disk, the last good one is left.
  Result<void> save(std::int64_t step, const ParameterMap& state, const Json& progress);
  // The newest that can be read: a damaged one is named to `log` and passed over. kCorrupt where all are damaged.
  Result<std::optional<Checkpoint>> latest(const LogSink& log) const;
  Result<void> save_best(const ParameterMap& parameters, const Json& progress);
  Result<std::optional<Checkpoint>> best() const;
  // Files of steps, oldest first.
  Result<std::vector<std::filesystem::path>> steps() const;
  // Starting over.
  Result<void> clear();

 private:
  CheckpointStore(std::filesystem::path folder, std::int64_t checkpoint_count)
      : folder_(std::move(folder)), checkpoint_count_(checkpoint_count) {}

  std::filesystem::path folder_;
  std::int64_t checkpoint_count_ = 1;
};

}  // namespace asterism
