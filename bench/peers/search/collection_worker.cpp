// Our collection, as a contender of bench/peers/search --stores: one command a line on stdin, one answer a line on
// stdout. What is measured is all that a search of a collection does: the check for new writes, the planner, the index,
// the ids of the items.
//
//   asterism_peer_collection_worker THREADS
//   rows FILE.npy | queries FILE.npy        f32, [rows, dim]
//   folder FOLDER                           where the collection is made anew
//   build                                   seconds for adding and indexing; the settings of the graph are the store's
//   call N                                  questions a call
//   search EXPANSION K                      seconds of all queries
//   ids FILE                                the last answers, u32 [queries, k], 0xFFFFFFFF where there are fewer
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "command_worker.hpp"
#include "store/embedded_store.hpp"

namespace {

using namespace asterism;  // NOLINT(google-build-using-namespace): a program of its own
using Clock = std::chrono::steady_clock;

constexpr std::size_t kAddCount = 2000;
constexpr std::uint32_t kNone = 0xFFFF'FFFF;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Worker {
 public:
  explicit Worker(std::size_t thread_count) : thread_count_(thread_count) {}

  Result<std::string> answer(const std::string& command, std::istringstream& arguments) {
    if (command == "rows") return read(arguments, rows_);
    if (command == "queries") return read(arguments, queries_);
    if (command == "folder") return take_folder(arguments);
    if (command == "build") return build();
    if (command == "call") return take_call(arguments);
    if (command == "search") return search(arguments);
    if (command == "ids") return write_ids(arguments);
    return fail(ErrorCode::kUsage, "unknown command '" + command + "'");
  }

 private:
  Result<std::string> read(std::istringstream& arguments, std::vector<float>& into) {
    const auto tensor = bench::read_vectors(arguments);
    if (!tensor) return std::unexpected(tensor.error());
    dim_ = static_cast<std::size_t>(tensor->shape()[1]);
    into.assign(tensor->as<float>().begin(), tensor->as<float>().end());
    return std::to_string(into.size() / dim_);
  }

  Result<std::string> take_folder(std::istringstream& arguments) {
    arguments >> folder_;
    return folder_;
  }

  Result<std::string> take_call(std::istringstream& arguments) {
    arguments >> call_count_;
    return std::to_string(call_count_);
  }

  Result<std::string> build() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    const Clock::time_point start = Clock::now();
    auto store = EmbeddedStore::create(folder_, {.dim = dim_});
    if (!store) return std::unexpected(store.error());
    const std::size_t row_count = rows_.size() / dim_;
    for (std::size_t first = 0; first < row_count; first += kAddCount) {
      std::vector<Item> items;
      for (std::size_t i = first; i < std::min(first + kAddCount, row_count); ++i) {
        const auto values = std::span(rows_).subspan(i * dim_, dim_);
        items.push_back({.id = std::to_string(i), .vector = std::vector<float>(values.begin(), values.end())});
      }
      if (auto added = (*store)->add(items); !added) return std::unexpected(added.error());
    }
    if (auto built = (*store)->build_index({}); !built) return std::unexpected(built.error());
    const double seconds = seconds_since(start);
    store->reset();
    auto opened = EmbeddedStore::open(folder_, {.read_only = true, .thread_count = thread_count_});
    if (!opened) return std::unexpected(opened.error());
    store_ = std::move(*opened);
    return std::to_string(seconds);
  }

  Result<std::string> search(std::istringstream& arguments) {
    std::size_t expansion = 0;
    arguments >> expansion >> k_;
    if (!store_) return fail(ErrorCode::kUsage, "search: expected a build before it");
    std::vector<NearestRequest> requests;
    for (std::size_t at = 0; at < queries_.size(); at += dim_) {
      requests.push_back({.query = std::span(queries_).subspan(at, dim_),
                          .k = k_,
                          .mode = SearchMode::kApproximate,
                          .expansion = expansion,
                          .parts = {.metadata = false, .content = false}});
    }
    hits_.clear();
    const Clock::time_point start = Clock::now();
    for (std::size_t first = 0; first < requests.size(); first += call_count_) {
      const auto call = std::span(requests).subspan(first, std::min(call_count_, requests.size() - first));
      if (auto answered = ask(call); !answered) return std::unexpected(answered.error());
    }
    return std::to_string(seconds_since(start));
  }

  Result<void> ask(std::span<const NearestRequest> call) {
    if (call.size() == 1) {
      auto found = store_->nearest(call.front());
      if (!found) return std::unexpected(found.error());
      hits_.push_back(std::move(found->hits));
      return {};
    }
    auto found = store_->nearest_batch(call);
    if (!found) return std::unexpected(found.error());
    for (StoreHits& each : *found) hits_.push_back(std::move(each.hits));
    return {};
  }

  Result<std::string> write_ids(std::istringstream& arguments) {
    std::string path;
    arguments >> path;
    std::ofstream file(path, std::ios::binary);
    for (const auto& hits : hits_) {
      for (std::size_t i = 0; i < k_; ++i) {
        std::uint32_t id = kNone;
        if (i < hits.size()) {
          const std::string& text = hits[i].item.id;
          std::from_chars(text.data(), text.data() + text.size(), id);
        }
        file.write(reinterpret_cast<const char*>(&id), sizeof id);
      }
    }
    if (!file.flush()) return fail(ErrorCode::kIo, path + ": cannot be written");
    return std::to_string(hits_.size());
  }

  std::size_t thread_count_;
  std::size_t call_count_ = 1;
  std::size_t dim_ = 0;
  std::size_t k_ = 10;
  std::string folder_;
  std::vector<float> rows_;
  std::vector<float> queries_;
  std::unique_ptr<EmbeddedStore> store_;
  std::vector<std::vector<SearchHit>> hits_;
};

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::serve_commands<Worker>(argument_count, arguments, "asterism_peer_collection_worker");
}
