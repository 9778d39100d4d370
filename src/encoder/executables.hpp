// The compiled forms of one graph, made when first needed.
//
// Bulk: as many runs side by side as there are threads, one thread each; best throughput, since nothing waits for
// anything. Latency: one run on all threads; best for a call that has too few tokens to share out. With one thread, or
// batch-invariant, there is only the bulk form, unless that form fills its runs up: then calls that would run mostly
// filling use the other. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
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
    // In units of what a call counts: tokens of texts, or images. A call with fewer for each thread than this is small:
    // sharing it out would leave threads idle.
    std::size_t small_size_per_thread = 512;
    // Compiling costs about as much as this many: a call below it makes do with the other form if that is ready.
    std::size_t compile_size = 4096;
    // Rows of every run of the bulk form, which is then compiled for exactly these (CompileOptions::row_count); 0 =
    // any.
    std::size_t bulk_row_count = 0;
  };
  using Compile = std::function<Result<std::unique_ptr<Executable>>(const CompileOptions&)>;
  // `compile` is called under a lock, once a form.
  Executables(Compile compile, const Options& options);

  struct Choice {
    const Executable* executable = nullptr;
    std::size_t stream_count = 1;
  };
  // For a call of `size` tokens or images. Borrowed: valid as long as this object.
  Result<Choice> choose(std::size_t size);

 private:
  bool is_small(std::size_t size) const;
  Result<const Executable*> compile(std::unique_ptr<Executable>& slot, const CompileOptions& options);

  Compile compile_;
  Options options_;
  std::mutex mutex_;
  std::unique_ptr<Executable> bulk_;
  std::unique_ptr<Executable> latency_;
  std::size_t small_call_count_ = 0;
};

// Compiles this graph on this backend, whatever the form.
Executables::Compile compile_graph(std::unique_ptr<Backend> backend, Graph graph, ParameterMap parameters);

}  // namespace asterism
