#include "graph/backend.hpp"

#include <fmt/format.h>

namespace asterism {

Result<void> check_compile(const Graph& graph, const ParameterMap& parameters, const CompileOptions& options) {
  if (auto ok = graph.verify(); !ok) {
    return ok;
  }
  if (auto ok = graph.check_bound(parameters); !ok) {
    return ok;
  }
  if (options.thread_count == 0 || options.stream_count == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("compile: expected at least 1 thread and 1 stream, found {} and {}", options.thread_count,
                            options.stream_count));
  }
  return {};
}

}  // namespace asterism
