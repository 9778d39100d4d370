// Our index, as a contender of bench/peers/search: one command a line on stdin, one answer a line on stdout.
//
//   asterism_peer_index_worker THREADS
//   rows FILE.npy | queries FILE.npy        f32, [rows, dim]
//   build M EXPANSION i8|bf16               seconds
//   exact K                                 seconds
//   filter FILE | filter none               a byte a row, 0 or 1: rows allowed
//   search EXPANSION K                      seconds, distances and nodes a query, how it was done
//   ids FILE                                the last answers, u32 [queries, k], 0xFFFFFFFF where there are fewer
//   add FIRST COUNT | remove FIRST COUNT    seconds
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/first_error.hpp"
#include "base/thread_pool.hpp"
#include "command_worker.hpp"
#include "index/exact_scan.hpp"
#include "index/graph_index.hpp"

namespace {

using namespace asterism;  // NOLINT(google-build-using-namespace): a program of its own
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Worker {
 public:
  explicit Worker(std::size_t thread_count) : pool_(thread_count) {}

  Result<std::string> answer(const std::string& command, std::istringstream& arguments) {
    if (command == "rows") return read(arguments, rows_);
    if (command == "queries") return read(arguments, queries_);
    if (command == "build") return build(arguments);
    if (command == "exact") return exact(arguments);
    if (command == "filter") return filter(arguments);
    if (command == "search") return search(arguments);
    if (command == "ids") return write_ids(arguments);
    if (command == "add" || command == "remove") return change(command == "add", arguments);
    return fail(ErrorCode::kUsage, "unknown command '" + command + "'");
  }

 private:
  Result<std::string> read(std::istringstream& arguments, Tensor& into) {
    auto tensor = bench::read_vectors(arguments);
    if (!tensor) return std::unexpected(tensor.error());
    // A copy: a mapping would be read from the file while it is measured.
    values_of(into) = std::vector<float>(tensor->as<float>().begin(), tensor->as<float>().end());
    into = *tensor;
    return std::to_string(into.shape()[0]);
  }

  std::vector<float>& values_of(const Tensor& tensor) { return &tensor == &rows_ ? row_values_ : query_values_; }
  std::size_t dim() const { return static_cast<std::size_t>(rows_.shape()[1]); }
  VectorRows rows() const { return float_rows(row_values_, dim()); }
  std::size_t query_count() const { return query_values_.size() / dim(); }

  Result<std::string> build(std::istringstream& arguments) {
    GraphSettings settings{.metric = Metric::kCosine, .dim = dim()};
    std::string code;
    arguments >> settings.connectivity >> settings.expansion_add >> code;
    settings.code = code == "bf16" ? GraphCode::kBF16 : GraphCode::kI8;
    const Clock::time_point start = Clock::now();
    auto built = GraphIndex::build(settings, rows(), AllowedPositions::all(), {.pool = &pool_});
    if (!built) return std::unexpected(built.error());
    const double seconds = seconds_since(start);
    index_.emplace(std::move(*built));
    return fmt::format("{} {}", seconds, index_->memory_size_bytes());
  }

  Result<std::string> exact(std::istringstream& arguments) {
    arguments >> k_;
    const Clock::time_point start = Clock::now();
    auto found = scan_nearest(rows(), query_values_, query_count(), k_, {.allowed = allowed_, .pool = &pool_});
    if (!found) return std::unexpected(found.error());
    const double seconds = seconds_since(start);
    hits_ = std::move(*found);
    return std::to_string(seconds);
  }

  Result<std::string> filter(std::istringstream& arguments) {
    std::string path;
    arguments >> path;
    allowed_ = {};
    if (path == "none") return std::string("none");
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    bitmap_.assign((bytes.size() + 63) / 64, 0);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bitmap_[i / 64] |= static_cast<std::uint64_t>(bytes[i] != 0) << (i % 64);
    }
    allowed_ = AllowedPositions::bitmap(bitmap_);
    return std::to_string(allowed_.count(bytes.size()));
  }

  Result<std::string> search(std::istringstream& arguments) {
    SearchOptions options;
    arguments >> options.expansion >> options.k;
    k_ = options.k;
    options.allowed = allowed_;
    std::vector<SearchCounters> counters(query_count());
    hits_.assign(query_count(), {});
    FirstError error;
    const Clock::time_point start = Clock::now();
    pool_.parallel_for(query_count(), 8, [&](std::size_t begin, std::size_t end) {
      for (std::size_t q = begin; q < end; ++q) {
        SearchOptions one = options;
        one.counters = &counters[q];
        auto found = index_->search_rescored(rows(), std::span(query_values_).subspan(q * dim(), dim()), one);
        if (!found) return error.set(found.error());
        hits_[q] = std::move(*found);
      }
    });
    const double seconds = seconds_since(start);
    if (auto first = error.take()) return std::unexpected(*first);
    double distances = 0.0;
    double nodes = 0.0;
    for (const SearchCounters& each : counters) {
      distances += static_cast<double>(each.distances_computed);
      nodes += static_cast<double>(each.nodes_visited);
    }
    const auto count = static_cast<double>(query_count());
    return fmt::format("{} {} {}", seconds, distances / count, nodes / count);
  }

  Result<std::string> write_ids(std::istringstream& arguments) {
    std::string path;
    arguments >> path;
    std::ofstream file(path, std::ios::binary);
    for (const auto& hits : hits_) {
      for (std::size_t i = 0; i < k_; ++i) {
        const std::uint32_t id = i < hits.size() ? hits[i].position : 0xFFFF'FFFF;
        file.write(reinterpret_cast<const char*>(&id), sizeof id);
      }
    }
    if (!file.flush()) return fail(ErrorCode::kIo, path + ": cannot be written");
    return std::to_string(hits_.size());
  }

  Result<std::string> change(bool add, std::istringstream& arguments) {
    std::uint32_t first = 0;
    std::size_t count = 0;
    arguments >> first >> count;
    std::vector<std::uint32_t> positions(count);
    std::iota(positions.begin(), positions.end(), first);
    const Clock::time_point start = Clock::now();
    if (add) {
      if (auto added = index_->add(rows(), positions, {.pool = &pool_}); !added) return std::unexpected(added.error());
    } else {
      for (const std::uint32_t position : positions) {
        if (auto removed = index_->remove(position); !removed) return std::unexpected(removed.error());
      }
    }
    return std::to_string(seconds_since(start));
  }

  ThreadPool pool_;
  Tensor rows_;
  Tensor queries_;
  std::vector<float> row_values_;
  std::vector<float> query_values_;
  std::optional<GraphIndex> index_;
  std::vector<std::uint64_t> bitmap_;
  AllowedPositions allowed_;
  std::vector<std::vector<Hit>> hits_;
  std::size_t k_ = 10;
};

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::serve_commands<Worker>(argument_count, arguments, "asterism_peer_index_worker");
}
