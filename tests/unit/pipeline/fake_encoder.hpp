// An encoder without a model, and a folder to work in: for the tests of the streaming job.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.hpp"
#include "pipeline/embed_job.hpp"
#include "scratch_folder.hpp"

namespace asterism {

inline constexpr std::size_t kFakeDim = 3;
// Longest text in "tokens" (bytes) that the fake encoder does not truncate.
inline constexpr std::uint32_t kFakeTokenCountMax = 40;

// Three numbers that depend on every byte of the text (FNV-1a) and on nothing else.
inline void fake_vector(std::string_view text, float* out) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  out[0] = static_cast<float>(hash & 0xFFFFU);
  out[1] = static_cast<float>(hash >> 16U);
  out[2] = static_cast<float>(text.size());
}

// What the fake takes for an image file that it cannot decode.
inline constexpr std::string_view kFakeNoImage = "no image";

inline std::string_view bytes_of(const Payload& row) {
  return row.tensor
             ? std::string_view(reinterpret_cast<const char*>(row.tensor->bytes().data()), row.tensor->bytes().size())
             : std::string_view(row.bytes);
}

// An image's "width" is the number of its bytes.
inline RowReport report_of(const Payload& row) {
  const auto size = static_cast<std::uint32_t>(bytes_of(row).size());
  if (row.kind == PayloadKind::kText) {
    return {.token_count_given = size, .token_count_used = std::min(size, kFakeTokenCountMax)};
  }
  RowReport report{.image_width = size, .image_height = 1};
  if (row.bytes.starts_with(kFakeNoImage)) {
    report.error = Error{ErrorCode::kCorrupt, "expected an image, found other bytes", {}};
  }
  return report;
}

struct FakeEncoder {
  std::atomic<std::uint64_t> row_count{0};     // encoded so far
  std::atomic<std::uint64_t> window_count{0};  // calls so far
  std::size_t row_count_max = 0;               // most rows in one call
  std::chrono::microseconds row_delay{0};
  std::function<std::optional<Error>(std::uint64_t window)> before_window;

  JobEncoder encoder() {
    return {.encode = [this](std::span<const Payload> rows) { return encode(rows); },
            .dim = kFakeDim,
            .settings = {{"model", "fake"}, {"precision", "f32"}}};
  }

  Result<Embeddings> encode(std::span<const Payload> rows) {
    if (before_window) {
      if (auto error = before_window(window_count)) {
        return std::unexpected(*error);
      }
    }
    ++window_count;
    Embeddings made;
    made.row_count = rows.size();
    made.dim = kFakeDim;
    made.values.resize(rows.size() * kFakeDim);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      fake_vector(bytes_of(rows[i]), &made.values[i * kFakeDim]);
      made.reports.push_back(report_of(rows[i]));
      if (row_delay.count() > 0) {
        std::this_thread::sleep_for(row_delay);
      }
    }
    row_count += rows.size();
    row_count_max = std::max(row_count_max, rows.size());
    return made;
  }
};

class JobTest : public testing::Test {
 protected:
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
    return (folder / name).string();
  }

  // "row 0", "row 1", ... with a long one now and then.
  std::string write_rows(const std::string& name, std::size_t count) const {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += "row " + std::to_string(i) + (i % 17 == 5 ? std::string(60, 'x') : "") + "\n";
    }
    return write(name, text);
  }

  EmbedJobOptions options(const std::string& input, const std::string& output,
                          std::uint64_t shard_row_count = 0) const {
    EmbedJobOptions made;
    made.input.inputs = {input};
    made.output = (folder / output).string();
    made.shard_row_count = shard_row_count;
    made.window_row_count = 7;
    return made;
  }

  std::string read(const std::string& name) const {
    const auto text = read_file(folder / name, std::size_t{1} << 30);
    if (!text) {
      ADD_FAILURE() << text.error().to_string();
      return {};
    }
    return *text;
  }

  // Name and content of every file of the folder whose name begins with `prefix`.
  std::map<std::string, std::string> snapshot(const std::string& prefix) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(prefix)) {
        files[name] = read(name);
      }
    }
    return files;
  }

  // Compares file by file, and names those that differ without printing them whole.
  void expect_files(const std::string& prefix, const std::map<std::string, std::string>& expected) const {
    const auto found = snapshot(prefix);
    for (const auto& [name, content] : found) {
      const auto it = expected.find(name);
      EXPECT_NE(it, expected.end()) << "unexpected file " << name;
      EXPECT_TRUE(it == expected.end() || it->second == content) << name << " differs";
    }
    for (const auto& [name, content] : expected) {
      EXPECT_TRUE(found.contains(name)) << "missing file " << name;
    }
  }

  ScratchFolder scratch_{"job"};
  std::filesystem::path folder = scratch_.path();
  FakeEncoder fake;
};

}  // namespace asterism
