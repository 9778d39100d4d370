// The compiled forms of one graph, made when first needed.
//
// Bulk: as many runs side by side as there are threads, one thread each; best throughput, since nothing waits for
// anything. Latency: one run on all threads; best for a call that has too few tokens to share out. With one thread, or
// batch-invariant, there is only the bulk form. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

#include "asterism/error.hpp"
#include "graph/backend.hpp"

namespace asterism {

class Executables {
 public:
  struct Options {
    ComputePrecision precision = ComputePrecision::kF32;
    std::size_t thread_count = 1;
    bool bulk_only = false;
  };
  Executables(std::unique_ptr<Backend> backend, Graph graph, ParameterMap parameters, const Options& options);

  struct Choice {
    const Executable* executable = nullptr;
    std::size_t stream_count = 1;
  };
  // For a call of `token_count` tokens. Borrowed: valid as long as this object.
  Result<Choice> choose(std::size_t token_count);

 private:
  Result<const Executable*> compile(std::unique_ptr<Executable>& slot, std::size_t thread_count,
                                    std::size_t stream_count);

  std::unique_ptr<Backend> backend_;
  Graph graph_;
  ParameterMap parameters_;
  Options options_;
  std::mutex mutex_;
  std::unique_ptr<Executable> bulk_;
  std::unique_ptr<Executable> latency_;
  std::size_t small_call_count_ = 0;
};

}  // namespace asterism
