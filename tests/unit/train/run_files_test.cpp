// What a run writes while it goes: metrics.csv, event files, checkpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cstring>
#include <fstream>

#include "base/file.hpp"
#include "scratch_folder.hpp"
#include "train/checkpoint_store.hpp"
#include "train/event_file.hpp"
#include "train/metrics_file.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using namespace std::string_literals;

class RunFiles : public testing::Test {
 protected:
  std::string read(const std::string& name) const { return read_file(folder_ / name, 1 << 20).value_or("missing"); }
  std::vector<fs::path> event_files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().filename().string().starts_with("events.out.tfevents.")) {
        found.push_back(entry.path());
      }
    }
    std::ranges::sort(found);
    return found;
  }
  const ScratchFolder scratch_{"run-files"};
  const fs::path folder_ = scratch_.path();
};

TEST_F(RunFiles, metrics_are_read_back_as_they_were_written) {
  auto file = MetricsFile::continue_at(folder_ / "m.csv", {"loss", "rate"}, 0);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append({.step = 1, .values = {{"loss", 0.1}, {"rate", 1e-9}}}));
  ASSERT_TRUE(file->append({.step = 2, .values = {{"loss", std::nan("")}}}));
  EXPECT_EQ(read("m.csv"), "step,loss,rate\n1,0.1,1e-09\n2,,\n");
  const auto rows = read_metrics(folder_ / "m.csv");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).values.at("rate"), 1e-9);
  EXPECT_FALSE(rows->at(1).values.contains("loss"));
  EXPECT_EQ(file->append({.step = 3, .values = {{"speed", 1.0}}}).error().code, ErrorCode::kInternal);
}

TEST_F(RunFiles, metrics_behind_the_checkpoint_are_cut_and_half_a_row_too) {
  {
    auto file = MetricsFile::continue_at(folder_ / "m.csv", {"loss"}, 0);
    ASSERT_TRUE(file);
    for (const std::int64_t step : {1, 2, 3, 4}) {
      ASSERT_TRUE(file->append({.step = step, .values = {{"loss", 0.5}}}));
    }
  }
  std::ofstream(folder_ / "m.csv", std::ios::app) << "5,0.";
  auto file = MetricsFile::continue_at(folder_ / "m.csv", {"loss"}, 2);
  ASSERT_TRUE(file) << file.error().to_string();
  ASSERT_TRUE(file->append({.step = 3, .values = {{"loss", 0.25}}}));
  EXPECT_EQ(read("m.csv"), "step,loss\n1,0.5\n2,0.5\n3,0.25\n");
}

TEST_F(RunFiles, metrics_that_are_no_numbers_are_refused_with_their_line) {
  ASSERT_TRUE(write_file_atomic(folder_ / "m.csv", "step,loss\n1,0.5\n2,good\n"));
  const auto rows = read_metrics(folder_ / "m.csv");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(rows.error().message, HasSubstr("m.csv:3: expected 2 numbers"));
}

TEST_F(RunFiles, crc32c_gives_the_values_of_rfc_3720) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
}

// The messages of an event file; an empty list where a length or checksum is wrong.
std::vector<std::string> records(std::string_view bytes) {
  std::vector<std::string> out;
  const auto masked = [](std::string_view part) { return std::rotr(crc32c(part), 15) + 0xA282EAD8U; };
  while (bytes.size() >= 16) {
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    std::memcpy(&size, bytes.data(), 8);
    std::memcpy(&crc, bytes.data() + 8, 4);
    if (crc != masked(bytes.substr(0, 8)) || size + 16 > bytes.size()) {
      return {};
    }
    std::memcpy(&crc, bytes.data() + 12 + size, 4);
    out.emplace_back(bytes.substr(12, size));
    if (crc != masked(out.back())) {
      return {};
    }
    bytes.remove_prefix(16 + size);
  }
  return bytes.empty() ? out : std::vector<std::string>{};
}

TEST_F(RunFiles, event_file_holds_version_scalars_and_pictures) {
  auto file = EventFile::create(folder_, 0);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->scalars(300, {{"loss", 0.5}}));
  ASSERT_TRUE(file->picture(300, {.tag = "p", .width = 2, .height = 3, .file = "PNG"}));
  ASSERT_EQ(event_files().size(), 1U);
  const auto found = records(read(event_files()[0].filename().string()));
  ASSERT_EQ(found.size(), 3U);
  // Each begins with the wall time: field 1, eight bytes.
  for (const std::string& record : found) {
    EXPECT_EQ(record[0], '\x09');
  }
  // Field 3, 13 bytes.
  EXPECT_EQ(found[0].substr(9), "\x10\x00\x1a\x0d"s + "brain.Event:2");
  // Field 2: 300 as a varint; field 5: summary { value { tag "loss", simple_value 0.5 } }.
  EXPECT_EQ(found[1].substr(9), "\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x00\x3f"s);
  // value { tag "p", image { height 3, width 2, colorspace 3, encoded_image_string "PNG" } }.
  EXPECT_EQ(found[2].substr(9),
            "\x10\xac\x02\x2a\x12\x0a\x10\x0a\x01p\x22\x0b\x08\x03\x10\x02\x18\x03\x22"
            "\x03PNG"s);
}

TEST_F(RunFiles, resumed_session_tells_readers_to_forget_later_steps) {
  ASSERT_TRUE(EventFile::create(folder_, 0));
  ASSERT_TRUE(EventFile::create(folder_, 40));
  const auto files = event_files();
  ASSERT_EQ(files.size(), 2U);
  const auto found = records(read(files[1].filename().string()));
  ASSERT_EQ(found.size(), 2U);
  // Step 41, field 7: session_log { status START }.
  EXPECT_EQ(found[1].substr(9), "\x10\x29\x3a\x02\x08\x01"s);
  // A run from the beginning has no earlier sessions.
  ASSERT_TRUE(EventFile::create(folder_, 0));
  EXPECT_EQ(event_files().size(), 1U);
}

ParameterMap state_of(float value) {
  Tensor tensor(DType::kF32, {2});
  tensor.mutable_as<float>()[0] = value;
  tensor.mutable_as<float>()[1] = 0.0F;
  return {{"parameters.w", tensor}};
}

TEST_F(RunFiles, newest_checkpoints_stay_and_the_last_is_found) {
  auto store = CheckpointStore::open(folder_ / "c", 2);
  ASSERT_TRUE(store);
  EXPECT_FALSE(store->latest({}).value().has_value());
  for (const std::int64_t step : {8, 9, 10}) {
    ASSERT_TRUE(store->save(step, state_of(static_cast<float>(step)), {{"step", step}}));
  }
  EXPECT_EQ(store->steps().value().size(), 2U);
  const auto last = store->latest({});
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->progress.at("step"), 10);
  EXPECT_EQ((*last)->tensors.at("parameters.w").to_f32().as<float>()[0], 10.0F);
  ASSERT_TRUE(store->clear());
  EXPECT_FALSE(store->latest({}).value().has_value());
}

TEST_F(RunFiles, store_removes_what_a_killed_run_left_half_written) {
  fs::create_directories(folder_ / "c");
  ASSERT_TRUE(write_file_atomic(folder_ / "c" / "step-0000000003.safetensors.tmp-77-1", "half"));
  ASSERT_TRUE(CheckpointStore::open(folder_ / "c", 2));
  EXPECT_TRUE(fs::is_empty(folder_ / "c"));
}

TEST_F(RunFiles, only_damaged_checkpoints_are_an_error_that_says_how_to_start_over) {
  auto store = CheckpointStore::open(folder_ / "c", 2);
  ASSERT_TRUE(store);
  ASSERT_TRUE(write_file_atomic(folder_ / "c" / "step-0000000003.safetensors", "damaged"));
  const auto found = store->latest({});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("step-0000000003"));
  EXPECT_THAT(found.error().hint, HasSubstr("--again"));
}

}  // namespace
}  // namespace asterism
