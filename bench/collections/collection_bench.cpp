// What an embedded collection costs: adding, building its index, opening, searching, and being rewritten over and over.
// Vectors are drawn around centres, as those of texts lie; what is printed is JSON, one object.
//
//   asterism_collection_bench --rows N [--dim D] [--replacements N] [--folder FOLDER]
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "scratch_folder.hpp"
#include "store/embedded_store.hpp"
#include "store/filter_parser.hpp"

namespace asterism {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatchCount = 2000;
constexpr std::size_t kCenterCount = 1000;
constexpr std::size_t kQueryCount = 500;
constexpr std::size_t kNeighborCount = 10;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of this process now, files it has mapped included as far as they are in memory.
std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

struct Arguments {
  std::size_t row_count = 100'000;
  std::size_t dim = 384;
  std::size_t replacement_count = 0;
  std::string folder;
};

class Vectors {
 public:
  explicit Vectors(std::size_t dim) : dim_(dim), centers_(kCenterCount, std::vector<float>(dim)) {
    for (auto& center : centers_) {
      std::ranges::generate(center, [this] { return normal_(random_); });
    }
  }

  std::vector<float> next() {
    auto vector = centers_[random_() % kCenterCount];
    for (auto& value : vector) {
      value += 0.7F * normal_(random_);
    }
    return vector;
  }

 private:
  std::size_t dim_;
  std::mt19937 random_{384};
  std::normal_distribution<float> normal_;
  std::vector<std::vector<float>> centers_;
};

template <typename T>
T check(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "collection_bench: {}\n", result.error().to_string());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

// Seconds for adding every row once, under the same ids each time; making the vectors is not counted.
double add_all(EmbeddedStore& store, Vectors& vectors, const Arguments& arguments) {
  double seconds = 0.0;
  for (std::size_t first = 0; first < arguments.row_count; first += kBatchCount) {
    std::vector<Item> batch;
    for (std::size_t i = first; i < std::min(first + kBatchCount, arguments.row_count); ++i) {
      Item item;
      item.id = std::to_string(i);
      item.vector = vectors.next();
      item.metadata = fmt::format(R"({{"place":{0},"shelf":{0}}})", i);
      batch.push_back(std::move(item));
    }
    const auto start = Clock::now();
    check(store.add(batch));
    seconds += seconds_since(start);
  }
  return seconds;
}

struct SearchFigures {
  double recall = 0.0;
  double median_ms = 0.0;
  double p99_ms = 0.0;
  double exact_ms = 0.0;
};

SearchFigures search(EmbeddedStore& store, const std::vector<std::vector<float>>& queries) {
  SearchFigures figures;
  std::vector<double> times_ms;
  std::size_t found_count = 0;
  const ItemParts ids{.metadata = false, .content = false, .data = false, .vector = false};
  for (const auto& query : queries) {
    const auto start = Clock::now();
    const auto near = check(store.nearest({.query = query, .k = kNeighborCount, .parts = ids}));
    times_ms.push_back(1e3 * seconds_since(start));
    const auto exact_start = Clock::now();
    const auto exact =
        check(store.nearest({.query = query, .k = kNeighborCount, .mode = SearchMode::kExact, .parts = ids}));
    figures.exact_ms += 1e3 * seconds_since(exact_start) / static_cast<double>(queries.size());
    std::set<std::string> truth;
    for (const auto& hit : exact.hits) {
      truth.insert(hit.item.id);
    }
    for (const auto& hit : near.hits) {
      found_count += truth.count(hit.item.id);
    }
  }
  std::ranges::sort(times_ms);
  figures.recall = static_cast<double>(found_count) / static_cast<double>(queries.size() * kNeighborCount);
  figures.median_ms = times_ms[times_ms.size() / 2];
  figures.p99_ms = times_ms[times_ms.size() * 99 / 100];
  return figures;
}

struct FilterFigures {
  double first_ms = 0.0;  // finding the rows included
  double median_ms = 0.0;
  double recall = 0.0;
};

// With a filter that a share of the rows passes, over a column with an index ("place") or without ("shelf").
FilterFigures search_filtered(EmbeddedStore& store, const std::vector<std::vector<float>>& queries,
                              std::string_view column, std::size_t passing_count) {
  const auto filter = check(parse_filter(fmt::format("{} < {}", column, passing_count)));
  FilterFigures figures;
  std::vector<double> times_ms;
  std::size_t found_count = 0;
  std::size_t asked_count = 0;
  const ItemParts ids{.metadata = false, .content = false, .data = false, .vector = false};
  for (const auto& query : queries) {
    const auto start = Clock::now();
    const auto near = check(store.nearest({.query = query, .k = kNeighborCount, .filter = &filter, .parts = ids}));
    times_ms.push_back(1e3 * seconds_since(start));
    const auto exact = check(store.nearest(
        {.query = query, .k = kNeighborCount, .filter = &filter, .mode = SearchMode::kExact, .parts = ids}));
    std::set<std::string> truth;
    for (const auto& hit : exact.hits) {
      truth.insert(hit.item.id);
    }
    for (const auto& hit : near.hits) {
      found_count += truth.count(hit.item.id);
    }
    asked_count += exact.hits.size();
  }
  figures.first_ms = times_ms.front();
  std::ranges::sort(times_ms);
  figures.median_ms = times_ms[times_ms.size() / 2];
  figures.recall = static_cast<double>(found_count) / static_cast<double>(asked_count);
  return figures;
}

std::string filters_json(EmbeddedStore& store, const std::vector<std::vector<float>>& queries, std::size_t row_count) {
  std::string json;
  for (const std::string_view column : {"place", "shelf"}) {
    for (const std::size_t share : {100U, 10U, 2U}) {
      const auto figures = search_filtered(store, queries, column, row_count / share);
      json += fmt::format(R"({}{{"column":"{}","passing":{},"first_ms":{:.2f},"median_ms":{:.3f},"recall":{:.4f}}})",
                          json.empty() ? "" : ",", column, row_count / share, figures.first_ms, figures.median_ms,
                          figures.recall);
    }
  }
  return "[" + json + "]";
}

std::string state_json(const std::filesystem::path& folder, const std::vector<std::vector<float>>& queries) {
  const auto start = Clock::now();
  const auto store = check(EmbeddedStore::open(folder, {.read_only = true}));
  const auto opened = seconds_since(start);
  check(store->nearest({.query = queries.front(), .k = kNeighborCount}));
  const auto first_answer = seconds_since(start);
  const auto figures = search(*store, queries);
  const auto status = check(store->status());
  return fmt::format(
      R"({{"open_s":{:.4f},"open_and_first_answer_s":{:.4f},"recall":{:.4f},"median_ms":{:.3f},)"
      R"("p99_ms":{:.3f},"exact_ms":{:.3f},"filtered":{},"size_bytes":{},"index_size_bytes":{},"resident_bytes":{}}})",
      opened, first_answer, figures.recall, figures.median_ms, figures.p99_ms, figures.exact_ms,
      filters_json(*store, queries, status.item_count), status.size_bytes, status.index_size_bytes, resident_bytes());
}

void run(const Arguments& arguments) {
  const ScratchFolder scratch("bench");
  const auto folder =
      arguments.folder.empty() ? scratch.path() / "c" : std::filesystem::path(arguments.folder) / "bench-collection";
  CollectionSettings settings;
  settings.dim = arguments.dim;
  settings.columns = {"place"};
  Vectors vectors(arguments.dim);
  std::vector<std::vector<float>> queries(kQueryCount);
  std::ranges::generate(queries, [&] { return vectors.next(); });
  double add_s = 0.0;
  double build_s = 0.0;
  {
    const auto store = check(EmbeddedStore::create(folder, settings));
    add_s = add_all(*store, vectors, arguments);
    const auto start = Clock::now();
    check(store->build_index({}));
    build_s = seconds_since(start);
  }
  fmt::print(R"({{"rows":{},"dim":{},"added_per_s":{:.0f},"build_s":{:.2f},"fresh":{})", arguments.row_count,
             arguments.dim, static_cast<double>(arguments.row_count) / add_s, build_s, state_json(folder, queries));
  for (std::size_t i = 0; i < arguments.replacement_count; ++i) {
    const auto store = check(EmbeddedStore::open(folder, {}));
    add_all(*store, vectors, arguments);
    check(store->build_index({}));
  }
  if (arguments.replacement_count > 0) {
    fmt::print(R"(,"replacements":{},"replaced":{})", arguments.replacement_count, state_json(folder, queries));
  }
  fmt::print("}}\n");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace asterism

int main(int argc, char** argv) {
  asterism::Arguments arguments;
  CLI::App app("What an embedded collection costs.");
  app.add_option("--rows", arguments.row_count);
  app.add_option("--dim", arguments.dim);
  app.add_option("--replacements", arguments.replacement_count, "how often every row is replaced");
  app.add_option("--folder", arguments.folder, "where the collection is made [a temporary folder]");
  CLI11_PARSE(app, argc, argv);
  asterism::run(arguments);
}
