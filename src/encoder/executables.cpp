#include "encoder/executables.hpp"

#include <utility>

namespace asterism {
namespace {

// A call with fewer tokens than this for each thread is small: sharing it out would leave threads idle.
constexpr std::size_t kSmallTokenCountPerThread = 512;
// Compiling costs about as much as this many tokens: a call below it makes do with the other form if that is ready.
constexpr std::size_t kCompileTokenCount = 4096;
// Small calls that a ready bulk form serves before the latency form is compiled for those that follow.
constexpr std::size_t kSmallCallsBeforeCompile = 2;

}  // namespace

Executables::Executables(std::unique_ptr<Backend> backend, Graph graph, ParameterMap parameters, const Options& options)
    : backend_(std::move(backend)), graph_(std::move(graph)), parameters_(std::move(parameters)), options_(options) {}

Result<Executables::Choice> Executables::choose(std::size_t token_count) {
  const std::scoped_lock lock(mutex_);
  const bool single = options_.bulk_only || options_.thread_count == 1;
  const bool small = !single && token_count < kSmallTokenCountPerThread * options_.thread_count;
  bool use_latency = small;
  if (small && bulk_ && !latency_) {
    use_latency = ++small_call_count_ > kSmallCallsBeforeCompile;
  } else if (!small && !single && latency_ && !bulk_) {
    use_latency = token_count < kCompileTokenCount;
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
    auto made = backend_->compile(
        graph_, parameters_,
        {.precision = options_.precision, .thread_count = thread_count, .stream_count = stream_count});
    if (!made) {
      return std::unexpected(made.error());
    }
    slot = *std::move(made);
  }
  return slot.get();
}

}  // namespace asterism
