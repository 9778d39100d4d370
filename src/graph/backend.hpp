// What runs a graph: the interface that the reference interpreter, OpenVINO and torch implement.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/graph.hpp"

namespace asterism {

enum class ComputePrecision : std::uint8_t { kF32, kBF16 };

struct CompileOptions {
  ComputePrecision precision = ComputePrecision::kF32;
  // Threads of one run. Runs in parallel each use as many.
  std::size_t thread_count = 1;
  // How many run() calls may proceed at the same time; more wait.
  std::size_t stream_count = 1;
  // Rows that a run has at most, for graphs whose inputs all count rows: a backend may plan for exactly that many and
  // fill shorter runs up. 0 = any number.
  std::int64_t row_count = 0;
};

// One input or output of a run, by the name of its value.
struct Feed {
  std::string name;
  Tensor tensor;
};

class Executable {
 public:
  virtual ~Executable() = default;
  // Feeds every input of the graph (feeds that the graph does not ask for are ignored: a cut graph may need fewer);
  // returns the graph's outputs in order. Thread-safe; waits while `stream_count` runs are under way. Feeds that
  // disagree with the graph or with each other (offsets past the tokens, ids outside a table) are kInvalidArgument: a
  // bad feed never reads outside memory. See graph/feeds.hpp for the checks.
  virtual Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds) const = 0;
};

// What every backend asks before it compiles: the graph whole, its parameters bound, at least one thread and stream.
Result<void> check_compile(const Graph& graph, const ParameterMap& parameters, const CompileOptions& options);

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const noexcept = 0;
  virtual Result<std::unique_ptr<Executable>> compile(const Graph& graph, const ParameterMap& parameters,
                                                      const CompileOptions& options) const = 0;
};

}  // namespace asterism
