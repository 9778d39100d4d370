#include "weights/npy.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "file_size_limit.hpp"
#include "support.hpp"

namespace asterism {
namespace {

std::vector<float> values(const Tensor& tensor) {
  const Tensor wide = tensor.to_f32();
  const auto span = wide.as<float>();
  return {span.begin(), span.end()};
}

Result<Tensor> parse(const std::string& bytes) {
  const auto owner = std::make_shared<std::string>(bytes);
  return parse_npy(std::as_bytes(std::span(*owner)), owner, "x.npy");
}

std::string npy_bytes(const std::string& dictionary, std::size_t data_size_bytes) {
  return std::string("\x93NUMPY\x01\x00", 8) + little_endian(dictionary.size(), 2) + dictionary +
         std::string(data_size_bytes, '\0');
}

TEST(NpyRead, every_dtype_of_numpy_comes_back) {
  struct Expected {
    const char* name;
    DType dtype;
  };
  for (const Expected& e : {Expected{"f8", DType::kF64},
                            {"f4", DType::kF32},
                            {"f2", DType::kF16},
                            {"i8", DType::kI64},
                            {"i4", DType::kI32},
                            {"i2", DType::kI16},
                            {"i1", DType::kI8},
                            {"u1", DType::kU8}}) {
    const auto tensor = read_npy(golden_folder() / (std::string(e.name) + ".npy"));
    ASSERT_TRUE(tensor) << tensor.error().to_string();
    EXPECT_EQ(tensor->dtype(), e.dtype);
    EXPECT_EQ(tensor->shape(), (Shape{2, 3}));
    EXPECT_EQ(values(*tensor), (std::vector<float>{0, 1, 2, 3, 4, 5})) << e.name;
  }
  const auto flags = read_npy(golden_folder() / "b1.npy");
  ASSERT_TRUE(flags);
  EXPECT_EQ(flags->dtype(), DType::kBool);
  EXPECT_EQ(values(*flags), (std::vector<float>{0, 1, 1, 1, 1, 1}));
}

TEST(NpyRead, every_version_and_rank_is_read) {
  for (const char* name : {"version2.npy", "version3.npy"}) {
    const auto tensor = read_npy(golden_folder() / name);
    ASSERT_TRUE(tensor) << tensor.error().to_string();
    EXPECT_EQ(values(*tensor), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  }
  EXPECT_EQ(read_npy(golden_folder() / "scalar.npy")->shape(), Shape{});
  EXPECT_EQ(values(*read_npy(golden_folder() / "scalar.npy")), (std::vector<float>{2.5F}));
  EXPECT_EQ(read_npy(golden_folder() / "vector.npy")->shape(), (Shape{3}));
  EXPECT_EQ(read_npy(golden_folder() / "no_rows.npy")->shape(), (Shape{0, 3}));
}

TEST(NpyRead, columns_one_after_the_other_become_rows) {
  const auto tensor = read_npy(golden_folder() / "fortran.npy");
  ASSERT_TRUE(tensor) << tensor.error().to_string();
  EXPECT_EQ(tensor->shape(), (Shape{2, 3}));
  EXPECT_EQ(values(*tensor), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  // One axis has no order, three are not turned.
  EXPECT_TRUE(parse(npy_bytes("{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", 8)));
  const auto cube = parse(npy_bytes("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2, 1)}", 8));
  ASSERT_FALSE(cube);
  EXPECT_EQ(cube.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(cube.error().message.find("[1, 2, 1] in Fortran order"), std::string::npos) << cube.error().message;
}

TEST(NpyRead, what_is_not_supported_is_named) {
  for (const auto& [name, said] :
       {std::pair{"big_endian.npy", "'>f4'"}, {"object.npy", "'|O'"}, {"record.npy", "records"}}) {
    const auto tensor = read_npy(golden_folder() / name);
    ASSERT_FALSE(tensor) << name;
    EXPECT_EQ(tensor.error().code, ErrorCode::kUnsupported) << name;
    EXPECT_NE(tensor.error().message.find(said), std::string::npos) << tensor.error().message;
  }
}

TEST(NpyRead, malformed_headers_are_refused) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  ASSERT_TRUE(parse(npy_bytes(good, 8)));
  ASSERT_TRUE(parse(npy_bytes("{'shape':(2L,),'fortran_order':False,\"descr\":\"<f4\"}\n", 8)));
  for (const char* dictionary : {"", "{", "{}", "()", "{'descr': '<f4', 'fortran_order': False}",
                                 "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}",
                                 "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2 2)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x",
                                 "{'descr': '', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f4, 'fortran_order': False, 'shape': (2,)}"}) {
    const auto tensor = parse(npy_bytes(dictionary, 8));
    ASSERT_FALSE(tensor) << dictionary;
    EXPECT_EQ(tensor.error().code, ErrorCode::kCorrupt) << dictionary;
    EXPECT_TRUE(tensor.error().message.starts_with("x.npy: ")) << tensor.error().message;
  }
}

TEST(NpyRead, size_and_version_must_fit) {
  const std::string whole = slurp(golden_folder() / "f4.npy");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(parse(whole + 'x'));
  std::string version = whole;
  version[6] = 4;
  EXPECT_EQ(parse(version).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(parse(npy_bytes(std::string(kNpyHeaderSizeBytesMax + 1, ' '), 0)).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(parse(npy_bytes(std::string(kNpyHeaderSizeBytesMax, ' '), 0)).error().code, ErrorCode::kCorrupt);
  EXPECT_NE(parse("PK\x03\x04").error().hint.find(".npz"), std::string::npos);
}

TEST(NpyRows, file_is_what_numpy_writes) {
  const ScratchFolder folder;
  auto writer = NpyRowsWriter::create(folder / "x.npy", {3});
  ASSERT_TRUE(writer) << writer.error().to_string();
  const std::vector<float> rows{0, 1, 2, 3, 4, 5};
  ASSERT_TRUE(writer->append(std::span(rows).first(3)));
  ASSERT_TRUE(writer->append(std::span(rows).last(3)));
  EXPECT_EQ(writer->row_count(), 2);
  EXPECT_FALSE(std::filesystem::exists(folder / "x.npy"));
  ASSERT_TRUE(writer->commit());
  EXPECT_EQ(slurp(folder / "x.npy"), slurp(golden_folder() / "f4.npy"));

  auto empty = NpyRowsWriter::create(folder / "empty.npy", {3});
  ASSERT_TRUE(empty);
  ASSERT_TRUE(empty->commit());
  EXPECT_EQ(slurp(folder / "empty.npy"), slurp(golden_folder() / "no_rows.npy"));
}

TEST(NpyRows, header_of_any_row_shape_is_as_long_as_numpys) {
  // Sizes of the header alone, as numpy.save (2.x) writes them for arrays of no rows.
  const std::vector<std::pair<Shape, std::size_t>> expected{{{}, 128},
                                                            {{3}, 128},
                                                            {{64, 7, 7}, 128},
                                                            {{1000, 1000, 1000}, 128},
                                                            {{1, 1, 1, 1, 1, 1, 1, 1}, 128},
                                                            {{10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 128},
                                                            {{100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 192}};
  const ScratchFolder folder;
  for (const auto& [shape, size_bytes] : expected) {
    auto writer = NpyRowsWriter::create(folder / "x.npy", shape);
    ASSERT_TRUE(writer) << writer.error().to_string();
    ASSERT_TRUE(writer->commit());
    EXPECT_EQ(std::filesystem::file_size(folder / "x.npy"), size_bytes) << shape_to_string(shape);
    auto read = read_npy(folder / "x.npy");
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(read->shape().size(), shape.size() + 1);
  }
}

TEST(NpyRows, partial_rows_and_empty_rows_are_refused) {
  const ScratchFolder folder;
  EXPECT_EQ(NpyRowsWriter::create(folder / "x.npy", {0}).error().code, ErrorCode::kInvalidArgument);
  auto writer = NpyRowsWriter::create(folder / "x.npy", {2});
  ASSERT_TRUE(writer);
  const std::vector<float> odd{1, 2, 3};
  EXPECT_EQ(writer->append(odd).error().code, ErrorCode::kInvalidArgument);
}

TEST(NpyRows, full_disk_fails_append_and_commit_and_leaves_nothing) {
  const ScratchFolder folder;
  {
    auto writer = NpyRowsWriter::create(folder / "x.npy", {1});
    ASSERT_TRUE(writer);
    const std::vector<float> rows(std::size_t{3} << 20U, 1.0F);
    {
      const FileSizeLimit limit(4096);
      const auto appended = writer->append(rows);
      ASSERT_FALSE(appended);
      EXPECT_EQ(appended.error().code, ErrorCode::kIo);
    }
    EXPECT_FALSE(writer->commit());
  }
  EXPECT_EQ(folder.entry_count(), 0U);
}

TEST(NpyRows, missing_folder_is_named) {
  const ScratchFolder folder;
  const auto writer = NpyRowsWriter::create(folder / "none/x.npy", {1});
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace asterism
