#include "service/projection_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "scratch_folder.hpp"
#include "weights/safetensors.hpp"

namespace asterism::service {
namespace {

Projection example() {
  return {.summary = {.name = "umap",
                      .method = "umap",
                      .options = {{"neighbors", 15}},
                      .seed = 42,
                      .collection_version = 7,
                      .version = "spring",
                      .created_at = "2026-11-29T03:07:26Z"},
          .ids = {"a", "", std::string("b\0c", 3)},
          .points = {1.0F, 2.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::quiet_NaN(), 5.0F,
                     6.0F}};
}

TEST(ProjectionFile, comes_back_as_it_was_written) {
  const ScratchFolder folder("projection-file");
  const std::string location = folder.path().string();
  ASSERT_TRUE(write_projection(location, example()));
  const auto read = read_projection(location, "umap");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->ids, example().ids);
  EXPECT_EQ(read->points[5], 6.0F);
  EXPECT_TRUE(std::isnan(read->points[2]));
  EXPECT_EQ(read->summary.method, "umap");
  EXPECT_EQ(read->summary.options, Json({{"neighbors", 15}}));
  EXPECT_EQ(read->summary.seed, 42U);
  EXPECT_EQ(read->summary.collection_version, 7U);
  EXPECT_EQ(read->summary.version, "spring");
  EXPECT_EQ(read->summary.created_at, "2026-11-29T03:07:26Z");
  EXPECT_EQ(read->summary.row_count, 3U);
  EXPECT_EQ(read->summary.dim, 2U);
}

TEST(ProjectionFile, lists_by_name_what_can_be_read_and_what_cannot) {
  const ScratchFolder folder("projection-file");
  const std::string location = folder.path().string();
  EXPECT_TRUE(list_projections(location).empty());
  ASSERT_TRUE(write_projection(location, example()));
  ASSERT_TRUE(write_file_atomic(folder.path() / "projections" / "broken.safetensors", "no header"));
  ASSERT_TRUE(write_file_atomic(folder.path() / "projections" / "note.txt", "not a projection"));
  const auto listed = list_projections(location);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, "broken");
  EXPECT_TRUE(listed[0].error && !listed[0].summary);
  EXPECT_EQ(listed[1].name, "umap");
  EXPECT_TRUE(listed[1].summary && listed[1].summary->row_count == 3);
}

TEST(ProjectionFile, names_that_leave_the_folder_are_refused) {
  for (const std::string name : {"", "../up", "a/b", ".hidden", "a b", std::string(65, 'a').c_str()}) {
    EXPECT_FALSE(projection_path("collection", name)) << name;
  }
  EXPECT_TRUE(projection_path("collection", "umap-2.3_d"));
  const auto server = projection_path("postgresql://host/db?collection=x", "umap");
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kUnsupported);
}

TEST(ProjectionFile, one_that_is_not_there_names_those_that_are) {
  const ScratchFolder folder("projection-file");
  const std::string location = folder.path().string();
  ASSERT_TRUE(write_projection(location, example()));
  const auto missing = read_projection(location, "tsne");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().hint.find("umap"), std::string::npos);
}

// What a file says, changed by `change`, and the code that reading it must give.
void expect_refused(ErrorCode code, const std::function<void(SafetensorsFile&)>& change) {
  const ScratchFolder folder("projection-file");
  const std::string location = folder.path().string();
  ASSERT_TRUE(write_projection(location, example()));
  const auto path = folder.path() / "projections" / "umap.safetensors";
  auto file = read_safetensors(path);
  ASSERT_TRUE(file);
  change(*file);
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : file->tensors) {
    tensors.push_back({name, tensor});
  }
  ASSERT_TRUE(write_safetensors(path, tensors, file->metadata));
  const auto read = read_projection(location, "umap");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, code) << read.error().to_string();
}

TEST(ProjectionFile, lying_files_are_refused) {
  expect_refused(ErrorCode::kCorrupt, [](SafetensorsFile& file) { file.metadata["row_count"] = "4"; });
  expect_refused(ErrorCode::kCorrupt, [](SafetensorsFile& file) { file.metadata["seed"] = "-1"; });
  expect_refused(ErrorCode::kCorrupt, [](SafetensorsFile& file) { file.metadata.erase("method"); });
  expect_refused(ErrorCode::kCorrupt, [](SafetensorsFile& file) { file.metadata["format"] = "asterism.estimator"; });
  expect_refused(ErrorCode::kCorrupt, [](SafetensorsFile& file) { file.metadata["options"] = "{"; });
  expect_refused(ErrorCode::kUnsupported, [](SafetensorsFile& file) { file.metadata["format_version"] = "2"; });
  expect_refused(ErrorCode::kCorrupt, [](SafetensorsFile& file) { file.tensors.erase("ids"); });
  expect_refused(ErrorCode::kCorrupt, [](SafetensorsFile& file) {
    file.tensors["points"] = Tensor(DType::kF64, {3, 2});
  });
  expect_refused(ErrorCode::kCorrupt, [](SafetensorsFile& file) {
    Tensor offsets(DType::kI64, {4});
    const std::int64_t falling[] = {0, 3, 1, 4};
    std::ranges::copy(falling, offsets.mutable_as<std::int64_t>().begin());
    file.tensors["id_offsets"] = offsets;
  });
}

TEST(ProjectionFile, places_and_ids_must_be_as_many) {
  const ScratchFolder folder("projection-file");
  Projection uneven = example();
  uneven.points.pop_back();
  EXPECT_FALSE(write_projection(folder.path().string(), uneven));
  Projection empty = example();
  empty.ids.clear();
  empty.points.clear();
  EXPECT_FALSE(write_projection(folder.path().string(), empty));
}

}  // namespace
}  // namespace asterism::service
