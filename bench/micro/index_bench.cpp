// The exact scan beside the bandwidth of the machine's memory, and the products of codes.
//
// "of_bandwidth" is bytes a second of the scan over those of a plain read of as much memory by as many threads,
// measured just before in the same run; "cpu_of_bandwidth" is the same by the processor time of the process, which
// other work on the machine changes less. Each answer is checked against the scalar kernels first.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_pool.hpp"
#include "index/exact_scan.hpp"
#include "index/vector_rows.hpp"
#include "kernels/code_dots.hpp"
#include "kernels/kept_rows.hpp"

namespace {

using namespace asterism;  // NOLINT(google-build-using-namespace): a program of its own
using Clock = std::chrono::steady_clock;

// Of all threads of the process together.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The shortest of some runs, by the clock on the wall and by the processor time of each thread.
struct Shortest {
  double seconds = 1e9;
  double processor_seconds = 1e9;
};

template <typename Work>
double time_once(Shortest& shortest, std::size_t thread_count, Work work) {
  const Clock::time_point start = Clock::now();
  const double processor_start = processor_seconds();
  work();
  const double used = (processor_seconds() - processor_start) / static_cast<double>(thread_count);
  const std::chrono::duration<double> seconds = Clock::now() - start;
  shortest.seconds = std::min(shortest.seconds, seconds.count());
  shortest.processor_seconds = std::min(shortest.processor_seconds, used);
  return seconds.count();
}

constexpr std::size_t kDim = 384;
// Well beyond any cache.
constexpr std::size_t kSizeBytes = 512U << 20;
constexpr int kReadRepeats = 5;

struct Rows {
  std::vector<std::byte> bytes;
  VectorRows view;
};

// Random rows: a few different ones, again and again.
Rows make_rows(VectorType type) {
  Rows rows;
  const std::size_t stride = vector_stride_bytes(type, kDim);
  const std::size_t row_count = kSizeBytes / stride;
  rows.bytes.resize(row_count * stride);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  constexpr std::size_t kDifferent = 1000;
  std::vector<float> vector(kDim);
  for (std::size_t r = 0; r < row_count; ++r) {
    const auto row = std::span(rows.bytes).subspan(r * stride, stride);
    if (r >= kDifferent) {
      std::ranges::copy(std::span(rows.bytes).subspan((r - kDifferent) * stride, stride), row.begin());
      continue;
    }
    std::ranges::generate(vector, [&] { return normal(random); });
    (void)quantise_row(type, vector, row.first(vector_size_bytes(type, kDim)));
  }
  rows.view = {.data = rows.bytes,
               .row_count = row_count,
               .dim = kDim,
               .type = type,
               .stride_bytes = stride,
               .verifier = nullptr};
  return rows;
}

// The time to sum all 64-bit words, fetched well ahead: what the memory gives.
Shortest read_all(std::span<const std::byte> bytes, ThreadPool& pool) {
  constexpr std::size_t kFetchedAheadLines = 64;
  Shortest shortest;
  for (int repeat = 0; repeat < kReadRepeats; ++repeat) {
    std::atomic<std::uint64_t> total{0};
    time_once(shortest, pool.thread_count(), [&] {
      pool.parallel_for(bytes.size() / 64, 1U << 14, [&](std::size_t begin, std::size_t end) {
        std::uint64_t sums[8] = {};
        for (std::size_t line = begin; line < end; ++line) {
          __builtin_prefetch(bytes.data() + (line + kFetchedAheadLines) * 64);
          std::uint64_t words[8];
          std::memcpy(words, bytes.data() + line * 64, sizeof words);
          for (std::size_t i = 0; i < 8; ++i) {
            sums[i] += words[i];
          }
        }
        total += std::accumulate(std::begin(sums), std::end(sums), std::uint64_t{0});
      });
    });
    benchmark::DoNotOptimize(total.load());
  }
  return shortest;
}

bool answer_is_right(const VectorRows& rows, std::span<const float> query) {
  const KeptRows kept{.data = rows.row(0), .stride_bytes = rows.stride_bytes, .dim = kDim, .type = rows.type};
  std::vector<float> found(100);
  std::vector<float> expected(100);
  kept_dots(kept, query, found, {});
  kept_dots_scalar(kept, query, expected, {});
  return std::ranges::equal(found, expected, [](float a, float b) { return std::abs(a - b) < 1e-3F; });
}

void scan(benchmark::State& state, VectorType type, Metric metric) {
  const Rows rows = make_rows(type);
  ThreadPool pool(static_cast<std::size_t>(state.range(0)));
  std::vector<float> query(kDim);
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::ranges::generate(query, [&] { return normal(random); });
  if (!answer_is_right(rows.view, query)) {
    state.SkipWithError("the answer differs from the scalar kernel");
    return;
  }
  const Shortest read = read_all(rows.bytes, pool);
  Shortest scanned;
  for (auto _ : state) {
    Result<std::vector<Hit>> hits;
    state.SetIterationTime(time_once(scanned, pool.thread_count(), [&] {
      hits = scan_nearest(rows.view, query, 10, {.metric = metric, .pool = &pool});
    }));
    if (!hits || hits->size() != 10) {
      state.SkipWithError("the scan failed");
      return;
    }
    state.SetLabel(std::to_string(hits->front().position));
  }
  const double gigabytes = static_cast<double>(rows.bytes.size()) / 1e9;
  state.counters["GB_per_s"] = gigabytes / scanned.seconds;
  state.counters["read_GB_per_s"] = gigabytes / read.seconds;
  state.counters["of_bandwidth"] = read.seconds / scanned.seconds;
  state.counters["cpu_GB_per_s"] = gigabytes / scanned.processor_seconds;
  state.counters["cpu_read_GB_per_s"] = gigabytes / read.processor_seconds;
  state.counters["cpu_of_bandwidth"] = read.processor_seconds / scanned.processor_seconds;
}

void products(benchmark::State& state, const CodeDots& dots, std::size_t code_bytes) {
  std::vector<std::byte> codes(64 * code_bytes);
  std::mt19937 random(3);
  for (std::byte& byte : codes) {
    byte = static_cast<std::byte>(random() & 0x3F);
  }
  std::size_t next = 0;
  float sum = 0.0F;
  for (auto _ : state) {
    sum += dots.product(codes.data(), codes.data() + next * code_bytes, kDim);
    next = (next + 1) % 64;
  }
  benchmark::DoNotOptimize(sum);
}

const bool kRegistered = [] {
  for (const VectorType type : {VectorType::kF32, VectorType::kF16, VectorType::kBF16, VectorType::kI8}) {
    for (const Metric metric : {Metric::kDot, Metric::kCosine, Metric::kEuclidean}) {
      const std::string name = "scan/" + std::string(vector_type_name(type)) + "/" + std::string(metric_name(metric));
      benchmark::RegisterBenchmark(name.c_str(), [type, metric](benchmark::State& state) { scan(state, type, metric); })
          ->Arg(1)
          ->Arg(static_cast<std::int64_t>(available_processor_count()))
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
  for (const CodeDots& dots : i8_code_dots()) {
    benchmark::RegisterBenchmark(("product/i8/" + std::string(dots.name)).c_str(),
                                 [&dots](benchmark::State& state) { products(state, dots, kDim); });
  }
  for (const CodeDots& dots : bf16_code_dots()) {
    benchmark::RegisterBenchmark(("product/bf16/" + std::string(dots.name)).c_str(),
                                 [&dots](benchmark::State& state) { products(state, dots, 2 * kDim); });
  }
  return true;
}();

}  // namespace
