// Index and vector files: what was written comes back, and no damage goes unseen or does harm.
#include <gtest/gtest.h>

#include <cstring>

#include "base/crc32c.hpp"
#include "base/thread_pool.hpp"
#include "index/graph_index.hpp"
#include "index/vector_file.hpp"
#include "support.hpp"

namespace asterism {
namespace {

constexpr std::size_t kDim = 20;

class IndexFile : public IndexFolderTest {
 protected:
  void SetUp() override {
    IndexFolderTest::SetUp();
    values = clustered_vectors(300, kDim, 1);
    path = folder / "graph.index";
    auto index = build(Metric::kEuclidean);
    ASSERT_TRUE(index.remove(17));
    ASSERT_TRUE(index.save(path, 42));
    bytes = read(path);
  }

  GraphIndex build(Metric metric) const {
    auto index =
        GraphIndex::build({.metric = metric, .dim = kDim, .connectivity = 4}, float_rows(values, kDim), {}, {});
    EXPECT_TRUE(index);
    return std::move(*index);
  }
  std::vector<Hit> search(const GraphIndex& index) const {
    return *index.search_rescored(float_rows(values, kDim), std::span(values).subspan(40 * kDim, kDim), {});
  }

  std::vector<float> values;
  std::filesystem::path path;
  std::string bytes;
};

TEST_F(IndexFile, opened_and_loaded_answer_as_what_was_saved) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclidean}) {
    auto saved = build(metric);
    ASSERT_TRUE(saved.remove(17));
    ASSERT_TRUE(saved.save(path, 7));
    auto opened = GraphIndex::open(path, IndexIdentity{saved.settings(), 7});
    auto loaded = GraphIndex::load(path, {});
    ASSERT_TRUE(opened && loaded) << (opened ? loaded : opened).error().message;
    EXPECT_EQ(search(*opened), search(saved));
    EXPECT_EQ(search(*loaded), search(saved));
    EXPECT_EQ(opened->size(), 299U);
    EXPECT_EQ(opened->removed_count(), 1U);
    EXPECT_EQ(opened->data_version(), 7U);
    EXPECT_TRUE(opened->verify());
    EXPECT_TRUE(opened->is_read_only());
    EXPECT_FALSE(opened->contains(17));
    const auto vector = std::span(values).first(kDim);
    EXPECT_EQ(opened->add(17, vector).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(opened->remove(3).error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(loaded->add(17, vector));
    EXPECT_EQ(loaded->size(), 300U);
    EXPECT_TRUE(loaded->contains(17));
  }
}

TEST_F(IndexFile, an_empty_index_can_be_kept) {
  ASSERT_TRUE(GraphIndex::create({.dim = kDim})->save(path, 1));
  auto opened = GraphIndex::open(path, {});
  auto loaded = GraphIndex::load(path, {});
  ASSERT_TRUE(opened && loaded) << (opened ? loaded : opened).error().message;
  EXPECT_TRUE(opened->search(std::span(values).first(kDim), {})->empty());
  EXPECT_TRUE(loaded->add(0, std::span(values).first(kDim)));
}

TEST_F(IndexFile, one_of_other_settings_or_data_is_a_mismatch) {
  const GraphSettings settings{.metric = Metric::kEuclidean, .dim = kDim, .connectivity = 4};
  EXPECT_TRUE(GraphIndex::open(path, IndexIdentity{settings, 42}));
  EXPECT_EQ(GraphIndex::open(path, IndexIdentity{settings, 43}).error().code, ErrorCode::kMismatch);
  GraphSettings other = settings;
  other.metric = Metric::kDot;
  EXPECT_EQ(GraphIndex::open(path, IndexIdentity{other, 42}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(GraphIndex::open(folder / "none", {}).error().code, ErrorCode::kNotFound);
}

TEST_F(IndexFile, every_truncation_is_corrupt) {
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 7) {
    write(path, bytes.substr(0, size));
    const auto opened = GraphIndex::open(path, {});
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt) << opened.error().message;
  }
  write(path, bytes + "x");
  EXPECT_FALSE(GraphIndex::open(path, {}));
}

TEST_F(IndexFile, a_flipped_bit_is_found_when_opened_or_verified) {
  std::size_t opened_count = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 13) {
    patch(path, at, static_cast<char>(bytes[at] ^ (1 << (at % 8))));
    const auto opened = GraphIndex::open(path, {});
    if (opened) {
      // Codes alone are not looked at: a search stays within its memory, and verify() finds it.
      ++opened_count;
      EXPECT_FALSE(opened->verify()) << at;
      EXPECT_TRUE(opened->search(std::span(values).first(kDim), {}));
    }
    patch(path, at, bytes[at]);
  }
  EXPECT_TRUE(GraphIndex::open(path, {})->verify());
  EXPECT_GT(opened_count, 0U);
}

// Sets a byte of the links and makes every checksum right again, as only someone who means harm would.
TEST_F(IndexFile, lying_links_with_right_checksums_are_refused_or_harmless) {
  std::uint64_t centre_size = 0;
  std::uint64_t links_size = 0;
  std::uint64_t tables_size = 0;
  std::memcpy(&centre_size, bytes.data() + 16 + 64, 8);
  std::memcpy(&links_size, bytes.data() + 16 + 72, 8);
  std::memcpy(&tables_size, bytes.data() + 16 + 96, 8);
  const std::size_t links_offset = 4096 + centre_size;
  const std::size_t tables_offset = bytes.size() - tables_size;
  ASSERT_EQ(centre_size, kDim * sizeof(float));
  ASSERT_LT(links_size, 256U * 1024U);  // one block
  const auto crc_of = [](const std::string& text, std::size_t offset, std::size_t size, std::uint32_t before = 0) {
    return crc32c(std::as_bytes(std::span(text.data() + offset, size)), before);
  };
  std::size_t refused = 0;
  std::size_t tried = 0;
  for (std::size_t at = 0; at < links_size; at += 11, ++tried) {
    std::string lying = bytes;
    lying[links_offset + at] = static_cast<char>(at % 2 == 0 ? 0xFF : 0x7F);
    const std::uint32_t links_crc = crc_of(lying, links_offset, links_size);
    std::memcpy(lying.data() + tables_offset, &links_crc, 4);
    const std::uint32_t tables_crc = crc_of(lying, tables_offset, tables_size);
    std::memcpy(lying.data() + 16 + 108, &tables_crc, 4);
    const std::uint32_t header_crc = crc_of(lying, 16, 4080, crc_of(lying, 0, 12));
    std::memcpy(lying.data() + 12, &header_crc, 4);
    write(path, lying);
    auto opened = GraphIndex::open(path, {});
    if (opened) {
      EXPECT_TRUE(opened->search(std::span(values).first(kDim), {.expansion = 64}));
    } else {
      EXPECT_NE(opened.error().message.find("graph.index"), std::string::npos);
      EXPECT_EQ(opened.error().message.find("checksum"), std::string::npos) << opened.error().message;
      ++refused;
    }
    if (auto loaded = GraphIndex::load(path, {})) {
      EXPECT_TRUE(loaded->add(5000, std::span(values).first(kDim)));
    }
  }
  EXPECT_GT(refused, tried / 4);
}

class VectorFileTest : public IndexFolderTest {
 protected:
  void write_rows(VectorType type, std::size_t row_count, std::size_t dim = kDim) {
    values = random_vectors(row_count * dim, 1);
    std::size_t next = 0;
    const auto written = write_vector_file(
        path(), {.type = type, .dim = dim, .data_version = 9}, row_count,
        [&](std::uint64_t& key, std::span<std::byte> row) -> Result<bool> {
          if (next == row_count) {
            return false;
          }
          key = 1000 + next;
          if (auto kept = quantise_row(type, std::span(values).subspan(next++ * dim, dim), row); !kept) {
            return std::unexpected(kept.error());
          }
          return true;
        });
    ASSERT_TRUE(written) << written.error().message;
  }
  std::filesystem::path path() const { return folder / "rows.vectors"; }

  std::vector<float> values;
};

TEST_F(VectorFileTest, rows_and_keys_come_back) {
  for (const VectorType type : {VectorType::kF32, VectorType::kF16, VectorType::kBF16, VectorType::kI8}) {
    for (const std::size_t row_count : {0U, 1U, 5000U}) {
      write_rows(type, row_count);
      auto opened = VectorFile::open(path());
      ASSERT_TRUE(opened) << opened.error().message;
      const VectorRows rows = opened->rows();
      const VectorFile moved = std::move(*opened);
      EXPECT_EQ(moved.settings().data_version, 9U);
      ASSERT_EQ(rows.row_count, row_count);
      const KeptVectors kept = keep(values, kDim, type);
      for (std::size_t r = 0; r < row_count; ++r) {
        EXPECT_EQ(moved.keys()[r], 1000 + r);
        EXPECT_TRUE(std::equal(rows.row(r), rows.row(r) + vector_size_bytes(type, kDim), kept.rows.row(r)));
      }
      EXPECT_TRUE(moved.verify());
      const auto query = random_vectors(kDim, 2);
      EXPECT_EQ(*scan_nearest(rows, query, 5, {}), *scan_nearest(kept.rows, query, 5, {}));
    }
  }
}

TEST_F(VectorFileTest, a_damaged_block_is_found_when_it_is_used_and_costs_only_itself) {
  write_rows(VectorType::kF32, 5000);
  std::string bytes = read(path());
  bytes[4096 + 3000 * kDim * 4] ^= 1;
  write(path(), bytes);
  const auto opened = VectorFile::open(path());
  ASSERT_TRUE(opened);
  const auto query = random_vectors(kDim, 2);
  const std::vector<std::uint32_t> first{1, 2, 3};
  EXPECT_TRUE(scan_nearest(opened->rows(), query, 5, {.allowed = AllowedPositions::list(first)}));
  const auto all = scan_nearest(opened->rows(), query, 5, {});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(GraphIndex::build({.dim = kDim}, opened->rows(), {}, {}).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(opened->verify().error().code, ErrorCode::kCorrupt);
}

TEST_F(VectorFileTest, no_damage_goes_unseen) {
  write_rows(VectorType::kI8, 40);
  const std::string bytes = read(path());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    patch(path(), at, static_cast<char>(bytes[at] ^ (1 << (at % 8))));
    const auto opened = VectorFile::open(path());
    EXPECT_FALSE(opened && opened->verify()) << at;
    patch(path(), at, bytes[at]);
  }
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 5) {
    write(path(), bytes.substr(0, size));
    EXPECT_EQ(VectorFile::open(path()).error().code, ErrorCode::kCorrupt);
  }
}

TEST_F(VectorFileTest, a_wrong_number_of_rows_leaves_no_file) {
  const auto give = [](std::size_t count) {
    return [count, given = std::size_t{0}](std::uint64_t&, std::span<std::byte>) mutable -> Result<bool> {
      return given++ < count;
    };
  };
  EXPECT_EQ(write_vector_file(path(), {.dim = 3}, 5, give(4)).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(write_vector_file(path(), {.dim = 3}, 5, give(6)).error().code, ErrorCode::kMismatch);
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_TRUE(write_vector_file(path(), {.dim = 3}, 5, give(5)));
  EXPECT_EQ(write_vector_file(path(), {.dim = 0}, 5, give(5)).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace asterism
