#include "encoder/executables.hpp"

#include <cstdint>
#include <utility>

namespace asterism {
namespace {

// Small calls that a ready bulk form serves before the latency form is compiled for those that follow.
constexpr std::size_t kSmallCallsBeforeCompile = 2;
// A call whose runs would be filled up by more than one row in so many does without the bulk form.
constexpr std::size_t kFillingShareMax = 8;

}  // namespace

Executables::Executables(Compile compile, const Options& options) : compile_(std::move(compile)), options_(options) {}

// Whether a call of this size is better off without the bulk form.
bool Executables::is_small(std::size_t size) const {
  if (options_.bulk_only) {
    return false;
  }
  if (options_.bulk_row_count != 0) {
    const std::size_t rows = options_.bulk_row_count;
    const std::size_t filling = (rows - size % rows) % rows;
    if (filling > size / kFillingShareMax) {
      return true;
    }
  }
  return options_.thread_count > 1 && size < options_.small_size_per_thread * options_.thread_count;
}

Result<Executables::Choice> Executables::choose(std::size_t size) {
  const std::scoped_lock lock(mutex_);
  const bool small = is_small(size);
  bool use_latency = small;
  if (small && bulk_ && !latency_) {
    use_latency = ++small_call_count_ > kSmallCallsBeforeCompile;
  } else if (!small && latency_ && !bulk_) {
    use_latency = size < options_.compile_size;
  }
  if (use_latency) {
    auto executable = compile(latency_, {.thread_count = options_.thread_count, .stream_count = 1});
    if (!executable) {
      return std::unexpected(executable.error());
    }
    return Choice{.executable = *executable, .stream_count = 1};
  }
  auto executable = compile(bulk_, {.thread_count = 1,
                                    .stream_count = options_.thread_count,
                                    .row_count = static_cast<std::int64_t>(options_.bulk_row_count)});
  if (!executable) {
    return std::unexpected(executable.error());
  }
  return Choice{.executable = *executable, .stream_count = options_.thread_count};
}

Result<const Executable*> Executables::compile(std::unique_ptr<Executable>& slot, const CompileOptions& options) {
  if (!slot) {
    CompileOptions wanted = options;
    wanted.precision = options_.precision;
    auto made = compile_(wanted);
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
