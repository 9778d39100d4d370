#include "encoder/executables.hpp"

#include <utility>

namespace asterism {
namespace {

// Small calls that a ready bulk form serves before the latency form is compiled for those that follow.
constexpr std::size_t kSmallCallsBeforeCompile = 2;

}  // namespace

Executables::Executables(Compile compile, const Options& options) : compile_(std::move(compile)), options_(options) {}

Result<Executables::Choice> Executables::choose(std::size_t size) {
  const std::scoped_lock lock(mutex_);
  const bool single = options_.bulk_only || options_.thread_count == 1;
  const bool small = !single && size < options_.small_size_per_thread * options_.thread_count;
  bool use_latency = small;
  if (small && bulk_ && !latency_) {
    use_latency = ++small_call_count_ > kSmallCallsBeforeCompile;
  } else if (!small && !single && latency_ && !bulk_) {
    use_latency = size < options_.compile_size;
  }
  if (use_latency) {
    auto executable = compile(latency_, options_.thread_count, 1);
    if (!executable) {
      return std::unexpected(executable.error());
    }
    return Choice{.executable = *executable, .stream_count = 1};
  }
  auto executable = compile(bulk_, 1, options_.thread_count);
  if (!executable) {
    return std::unexpected(executable.error());
  }
  return Choice{.executable = *executable, .stream_count = options_.thread_count};
}

Result<const Executable*> Executables::compile(std::unique_ptr<Executable>& slot, std::size_t thread_count,
                                               std::size_t stream_count) {
  if (!slot) {
    auto made = compile_({.precision = options_.precision, .thread_count = thread_count, .stream_count = stream_count});
    if (!made) {
      return std::unexpected(made.error());
    }
    slot = *std::move(made);
  }
  return slot.get();
}

Executables::Compile compile_graph(std::unique_ptr<Backend> backend, Graph graph, ParameterMap parameters) {
  // std::function must be copyable, and a backend is not.
  return [backend = std::shared_ptr<Backend>(std::move(backend)), graph = std::move(graph),
          parameters = std::move(parameters)](const CompileOptions& options) {
    return backend->compile(graph, parameters, options);
  };
}

}  // namespace asterism
