// Files that lie. Each case names the one thing that is wrong; the error must name the file, the tensor and the fault.
#include <gtest/gtest.h>

#include <vector>

#include "support.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

Result<SafetensorsFile> parse(const std::string& bytes) {
  const auto owner = std::make_shared<std::string>(bytes);
  return parse_safetensors(std::as_bytes(std::span(*owner)), owner, "hostile.safetensors");
}

struct Lie {
  std::string what;
  std::string header;
  std::size_t data_size_bytes = 0;
  std::string said;  // must be in the message
  ErrorCode code = ErrorCode::kCorrupt;
};

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

TEST(SafetensorsHostile, every_lie_about_ranges_is_refused) {
  const std::string two =
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":)";
  const std::vector<Lie> lies{
      {"past the end", tensor("F32", "[2]", "[0,8]"), 4, "tensor 'w': expected a byte range inside the 4 bytes"},
      {"begin after end", tensor("F32", "[1]", "[8,4]"), 8, "tensor 'w': expected a byte range inside"},
      {"range near 2^64", tensor("U8", "[4]", "[18446744073709551611,18446744073709551615]"), 4, "byte range inside"},
      {"end wraps to a small size", tensor("U8", "[0]", "[18446744073709551615,0]"), 0, "byte range inside"},
      {"first byte unused", tensor("U8", "[3]", "[1,4]"), 4,
       "expected its bytes to begin at 0, found 1 (leaves a hole)"},
      {"overlap", two + "[2,6]}}", 6, "expected its bytes to begin at 4, found 2 (overlaps the tensor before)"},
      {"same range twice", two + "[0,4]}}", 4, "overlaps the tensor before"},
      {"hole between", two + "[5,9]}}", 9, "expected its bytes to begin at 4, found 5 (leaves a hole)"},
      {"bytes behind the last tensor", tensor("U8", "[4]", "[0,4]"), 5,
       "expected 4 bytes of data, as the tensors take, found 5"},
      {"bytes without any tensor", "{}", 1, "expected 0 bytes of data"},
      {"empty tensor in a hole", tensor("U8", "[0]", "[2,2]"), 4, "leaves a hole"},
      {"shape smaller than range", tensor("F32", "[1]", "[0,8]"), 8,
       "expected 4 bytes for F32 [1], found the range 0 to 8"},
      {"shape larger than range", tensor("F16", "[5]", "[0,8]"), 8, "expected 10 bytes for F16 [5]"},
      {"scalar with no bytes", tensor("F32", "[]", "[0,0]"), 0, "expected 4 bytes"},
      {"2^63 elements", tensor("U8", "[9223372036854775807]", "[0,4]"), 4, "more elements than memory can hold"},
      {"product wraps to 4", tensor("U8", "[4294967296,4294967296,4]", "[0,4]"), 4,
       "more elements than memory can hold"},
      {"bytes wrap to 0", tensor("F64", "[2305843009213693952]", "[0,0]"), 0, "more elements than memory can hold"},
  };
  for (const Lie& lie : lies) {
    const auto file = parse(safetensors_bytes(lie.header, lie.data_size_bytes));
    ASSERT_FALSE(file) << lie.what;
    EXPECT_EQ(file.error().code, lie.code) << lie.what;
    EXPECT_TRUE(file.error().message.starts_with("hostile.safetensors: ")) << file.error().message;
    EXPECT_NE(file.error().message.find(lie.said), std::string::npos) << lie.what << ": " << file.error().message;
  }
}

TEST(SafetensorsHostile, every_malformed_header_is_refused) {
  const std::vector<Lie> lies{
      {"dimension 2^63", tensor("U8", "[9223372036854775808]", "[0,4]"), 4, "tensor 'w': expected whole dimensions"},
      {"dimension 2^64", tensor("U8", "[18446744073709551616]", "[0,4]"), 4, "expected whole dimensions"},
      {"negative dimension", tensor("U8", "[-4]", "[0,4]"), 4,
       "expected whole dimensions from 0 to 2^63-1 in \"shape\", found -4"},
      {"fraction as dimension", tensor("U8", "[4.0]", "[0,4]"), 4, "found 4.0"},
      {"text as dimension", tensor("U8", "[\"4\"]", "[0,4]"), 4, "expected whole dimensions"},
      {"nested shape", tensor("U8", "[[4]]", "[0,4]"), 4, "found an array"},
      {"shape not an array", tensor("U8", "4", "[0,4]"), 4, "expected an array as \"shape\", found 4"},
      {"shape null", tensor("U8", "null", "[0,4]"), 4, "found null"},
      {"negative offset", tensor("U8", "[4]", "[-4,0]"), 4, "expected two byte positions from 0 to 2^64-1"},
      {"fraction as offset", tensor("U8", "[4]", "[0,4.0]"), 4, "expected two byte positions"},
      {"offset 2^64", tensor("U8", "[4]", "[0,18446744073709551616]"), 4, "expected two byte positions"},
      {"one offset", tensor("U8", "[4]", "[0]"), 4, "expected two byte positions"},
      {"three offsets", tensor("U8", "[4]", "[0,4,4]"), 4, "expected two byte positions"},
      {"offsets not an array", tensor("U8", "[4]", "{\"begin\":0}"), 4, "found an object"},
      {"no dtype", R"({"w":{"shape":[4],"data_offsets":[0,4]}})", 4, "tensor 'w': \"dtype\" is missing"},
      {"no shape", R"({"w":{"dtype":"U8","data_offsets":[0,4]}})", 4, "\"shape\" is missing"},
      {"no offsets", R"({"w":{"dtype":"U8","shape":[4]}})", 4, "\"data_offsets\" is missing"},
      {"unknown key", R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"strides":[1]}})", 4, "found 'strides'"},
      {"key twice in a tensor", R"({"w":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}})", 4,
       "'dtype' is there twice"},
      {"tensor twice",
       R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       8, "'w' is in the header twice"},
      {"same name through an escape",
       R"({"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0077":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
       0, "'w' is in the header twice"},
      {"metadata twice", R"({"__metadata__":{},"__metadata__":{}})", 0, "'__metadata__' is in the header twice"},
      {"metadata key twice", R"({"__metadata__":{"a":"b","a":"c"}})", 0, "__metadata__: key 'a' is there twice"},
      {"metadata of numbers", R"({"__metadata__":{"a":1}})", 0, "__metadata__: expected strings only, found 1"},
      {"metadata nested", R"({"__metadata__":{"a":{}}})", 0, "expected strings only, found an object"},
      {"metadata a string", R"({"__metadata__":"pt"})", 0, "expected an object for each key, found a string"},
      {"tensor a number", R"({"w":1})", 0, "expected an object for each key, found 1"},
      {"tensor a boolean", R"({"w":true})", 0, "found a boolean"},
      {"dtype a number", R"({"w":{"dtype":1,"shape":[4],"data_offsets":[0,4]}})", 4, "expected a string as \"dtype\""},
      {"dtype of another kind", tensor("F8_E4M3", "[4]", "[0,4]"), 4, "tensor 'w': expected dtype F64",
       ErrorCode::kUnsupported},
      {"dtype in lower case", tensor("f32", "[1]", "[0,4]"), 4, "found 'f32'", ErrorCode::kUnsupported},
      {"header ends early", R"({"w":{"dtype":"U8")", 4, "expected a JSON object as header"},
      {"two values", "{}{}", 0, "expected a JSON object as header"},
      {"zero byte behind", std::string("{}\0", 3), 0, "expected a JSON object as header"},
      {"broken UTF-8", "{\"\xFF\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0,
       "expected a JSON object as header"},
      {"an array", "[]", 0, "starts with '{'"},
      {"a space first", " {}", 0, "starts with '{'"},
      {"no header", "", 0, "starts with '{'"},
  };
  for (const Lie& lie : lies) {
    const auto file = parse(safetensors_bytes(lie.header, lie.data_size_bytes));
    ASSERT_FALSE(file) << lie.what;
    EXPECT_EQ(file.error().code, lie.code) << lie.what << ": " << file.error().message;
    EXPECT_TRUE(file.error().message.starts_with("hostile.safetensors: ")) << file.error().message;
    EXPECT_NE(file.error().message.find(lie.said), std::string::npos) << lie.what << ": " << file.error().message;
  }
}

TEST(SafetensorsHostile, header_length_beyond_file_or_limit_is_refused) {
  const std::string two_braces = "{}";
  for (const std::uint64_t length : {std::uint64_t{3}, std::uint64_t{kSafetensorsHeaderSizeBytesMax}}) {
    const auto file = parse(little_endian(length, 8) + two_braces);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find("found only 2 bytes after the length"), std::string::npos)
        << file.error().message;
  }
  for (const std::uint64_t length :
       {std::uint64_t{kSafetensorsHeaderSizeBytesMax} + 1, std::uint64_t{1} << 63U, ~std::uint64_t{0}}) {
    const auto file = parse(little_endian(length, 8) + two_braces);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find("expected a header of at most 100000000 bytes"), std::string::npos);
  }
}

TEST(SafetensorsHostile, deep_nesting_is_refused_at_its_first_level) {
  const auto file = parse(safetensors_bytes("{\"w\":" + std::string(1'000'000, '['), 0));
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("expected an object for each key, found an array"), std::string::npos);
}

TEST(SafetensorsHostile, every_truncation_of_a_real_file_is_refused) {
  const std::string whole = slurp(golden_folder() / "every_dtype.safetensors");
  ASSERT_TRUE(parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto file = parse(whole.substr(0, size));
    ASSERT_FALSE(file) << size;
    EXPECT_EQ(file.error().code, ErrorCode::kCorrupt) << size;
  }
  EXPECT_FALSE(parse(whole + '\0'));
}

}  // namespace
}  // namespace asterism
