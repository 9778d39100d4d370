// Zip archives made by hand: what the directory says against what lies there.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support.hpp"
#include "weights/zip_directory.hpp"

namespace asterism {
namespace {

using namespace std::string_literals;

// One member as the directory and its own header describe it; a test changes what it lies about.
struct Member {
  std::string name = "a";
  std::string data = "hello";
  std::string local_name{};  // as `name` when empty
  std::uint64_t method = 0;
  std::uint64_t local_method = ~std::uint64_t{0};  // as `method`
  std::uint64_t flags = 0;
  std::uint64_t size = ~std::uint64_t{0};             // the data's own
  std::uint64_t compressed_size = ~std::uint64_t{0};  // the data's own
  std::uint64_t at = ~std::uint64_t{0};               // where it is
  std::string extra{};
};

struct Archive {
  std::vector<Member> members{Member{}};
  std::uint64_t count = ~std::uint64_t{0};
  std::uint64_t directory_size = ~std::uint64_t{0};
  std::uint64_t directory_at = ~std::uint64_t{0};
  std::uint64_t disk = 0;
  std::string end64{};  // between directory and end record
  std::string comment{};
};

std::uint64_t given(std::uint64_t value, std::uint64_t otherwise) {
  return value == ~std::uint64_t{0} ? otherwise : value;
}

std::string write(const Archive& archive) {
  std::string out;
  std::string directory;
  for (const Member& m : archive.members) {
    const std::uint64_t at = given(m.at, out.size());
    const std::string& local_name = m.local_name.empty() ? m.name : m.local_name;
    const std::uint64_t crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(m.data.data()), m.data.size());
    const std::string sizes =
        little_endian(given(m.compressed_size, m.data.size()), 4) + little_endian(given(m.size, m.data.size()), 4);
    out += "PK\x03\x04"s + little_endian(20, 2) + little_endian(m.flags, 2) +
           little_endian(given(m.local_method, m.method), 2) + little_endian(0, 4) + little_endian(crc, 4) + sizes +
           little_endian(local_name.size(), 2) + little_endian(0, 2) + local_name + m.data;
    directory += "PK\x01\x02"s + little_endian(20, 2) + little_endian(20, 2) + little_endian(m.flags, 2) +
                 little_endian(m.method, 2) + little_endian(0, 4) + little_endian(crc, 4) + sizes +
                 little_endian(m.name.size(), 2) + little_endian(m.extra.size(), 2) + little_endian(0, 2) +
                 little_endian(0, 2) + little_endian(0, 2) + little_endian(0, 4) + little_endian(at, 4) + m.name +
                 m.extra;
  }
  const std::uint64_t count = given(archive.count, archive.members.size());
  const std::uint64_t at = given(archive.directory_at, out.size());
  const std::uint64_t size = given(archive.directory_size, directory.size());
  return out + directory + archive.end64 + "PK\x05\x06"s + little_endian(archive.disk, 2) + little_endian(0, 2) +
         little_endian(count, 2) + little_endian(count, 2) + little_endian(size, 4) + little_endian(at, 4) +
         little_endian(archive.comment.size(), 2) + archive.comment;
}

Result<ZipDirectory> read(const std::string& bytes) {
  return read_zip_directory(std::as_bytes(std::span(bytes)), "x.zip");
}

std::string deflated(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 100, '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

ZipMember deflated_member(const std::string& data, std::uint64_t size, const std::string& inflated) {
  ZipMember member;
  member.name = "a";
  member.deflated = true;
  member.data = std::as_bytes(std::span(data));
  member.size_bytes = size;
  member.crc32 =
      static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(inflated.data()), inflated.size()));
  return member;
}

TEST(ZipDirectory, members_lie_where_the_directory_says) {
  const std::string bytes = write({.members = {{.name = "a"}, {.name = "b/c", .data = "x"}}, .comment = "PK\x05\x06"});
  const auto directory = read(bytes);
  ASSERT_TRUE(directory) << directory.error().to_string();
  ASSERT_EQ(directory->size(), 2U);
  const auto& data = directory->at("a").data;
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(data.data()), data.size()), "hello");
  EXPECT_EQ(directory->at("b/c").size_bytes, 1U);
}

TEST(ZipDirectory, sizes_beyond_32_bits_are_found) {
  const std::string extra =
      little_endian(1, 2) + little_endian(24, 2) + little_endian(5, 8) + little_endian(5, 8) + little_endian(0, 8);
  const std::string other = little_endian(0x5455, 2) + little_endian(1, 2) + "x";
  const Member wide{.size = 0xFFFFFFFF, .compressed_size = 0xFFFFFFFF, .at = 0xFFFFFFFF, .extra = other + extra};
  const std::string bytes = write({.members = {wide}});  // the names point into it
  const auto directory = read(bytes);
  ASSERT_TRUE(directory) << directory.error().to_string();
  EXPECT_EQ(directory->at("a").size_bytes, 5U);
}

TEST(ZipDirectory, every_lie_is_refused) {
  const std::uint64_t full = 0xFFFFFFFF;
  const struct {
    std::string what;
    Archive archive;
    std::string said{};
    ErrorCode code = ErrorCode::kCorrupt;
  } lies[]{
      {"size past the directory", {.members = {{.size = 99, .compressed_size = 99}}}, "expected 99 bytes before byte"},
      {"size of 4 GiB", {.members = {{.size = full - 1, .compressed_size = full - 1}}}, "expected 4294967294 bytes"},
      {"64-bit size without its field",
       {.members = {{.size = full, .compressed_size = full}}},
       "expected 4294967295 bytes"},
      {"64-bit field cut short",
       {.members = {{.size = full, .extra = little_endian(1, 2) + little_endian(4, 2) + little_endian(0, 4)}}},
       "found entry 1 broken"},
      {"extra field past its end",
       {.members = {{.extra = little_endian(7, 2) + little_endian(9, 2)}}},
       "found entry 1 broken"},
      {"header past the directory", {.members = {{.at = 10'000}}}, "expected its header before byte"},
      {"header in the data", {.members = {{.at = 3}}}, "expected its header at 3, found other bytes"},
      {"header with another name", {.members = {{.local_name = "b"}}}, "expected its header at 0"},
      {"header with another method", {.members = {{.local_method = 8}}}, "expected its header at 0"},
      {"two sizes of a stored member",
       {.members = {{.size = 6}}},
       "expected one size for a stored member, found 5 and 6"},
      {"encrypted", {.members = {{.flags = 1}}}, "found it encrypted", ErrorCode::kUnsupported},
      {"another compression", {.members = {{.method = 14}}}, "found compression method 14", ErrorCode::kUnsupported},
      {"a name twice", {.members = {{.name = "a"}, {.name = "a"}}}, "member 'a': is in the archive twice"},
      {"one member under two names", {.members = {{.name = "a"}, {.name = "a", .at = 0}}}, "twice"},
      {"fewer members than said", {.count = 2}, "expected 2 members in the zip directory, found entry 2 broken"},
      {"more members than said", {.members = {{.name = "a"}, {.name = "b"}}, .count = 1}, "found more"},
      {"directory past the end", {.directory_size = 10'000}, "expected the zip directory before byte"},
      {"directory beyond the file", {.directory_at = full - 1}, "expected the zip directory before byte"},
      {"directory at another place", {.directory_at = 1}, "found entry 1 broken"},
      {"one part of several", {.disk = 1}, "found several", ErrorCode::kUnsupported},
      {"64-bit end record nowhere",
       {.end64 = "PK\x06\x07"s + little_endian(0, 4) + little_endian(7, 8) + little_endian(1, 4)},
       "expected the zip archive's 64-bit end record at 7, found none"},
      {"64-bit end record past the end",
       {.end64 = "PK\x06\x07"s + little_endian(0, 4) + little_endian(~std::uint64_t{0}, 8) + little_endian(1, 4)},
       "found none"},
  };
  for (const auto& lie : lies) {
    const auto directory = read(write(lie.archive));
    ASSERT_FALSE(directory) << lie.what;
    EXPECT_EQ(directory.error().code, lie.code) << lie.what << ": " << directory.error().message;
    EXPECT_NE(directory.error().message.find(lie.said), std::string::npos)
        << lie.what << ": " << directory.error().message;
  }
}

// A member whose data holds the header of the next one: how a small archive unpacks to a huge one.
TEST(ZipDirectory, overlapping_members_are_refused) {
  const std::string inner = write({.members = {{.name = "b"}}});
  Archive archive{.members = {{.name = "a", .data = inner.substr(0, 36)}, {.name = "b", .at = 31}}};
  const auto directory = read(write(archive));
  ASSERT_FALSE(directory);
  EXPECT_NE(directory.error().message.find("the members 'a' and 'b' overlap"), std::string::npos)
      << directory.error().message;
}

TEST(ZipDirectory, contradicting_end_records_are_refused) {
  const auto end64 = [](std::uint64_t count, std::uint64_t size, std::uint64_t at, std::uint64_t end_at) {
    return "PK\x06\x06"s + little_endian(44, 8) + little_endian(0, 8) + little_endian(0, 4) + little_endian(count, 8) +
           little_endian(count, 8) + little_endian(size, 8) + little_endian(at, 8) + "PK\x06\x07"s +
           little_endian(0, 4) + little_endian(end_at, 8) + little_endian(1, 4);
  };
  // One member: 36 bytes of header and data, 47 of directory.
  EXPECT_TRUE(read(write({.end64 = end64(1, 47, 36, 83)})));
  for (const std::string& lie : {end64(2, 47, 36, 83), end64(1, 46, 36, 83), end64(1, 47, 35, 83)}) {
    const auto directory = read(write({.end64 = lie}));
    ASSERT_FALSE(directory);
    EXPECT_NE(directory.error().message.find("contradict each other"), std::string::npos) << directory.error().message;
  }
  const auto many = read(write({.count = 0xFFFF, .end64 = end64(kZipMemberCountMax + 1, 47, 36, 83)}));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::kLimitExceeded);
}

TEST(ZipInflate, gives_back_what_was_deflated) {
  const std::string text(100'000, 'z');
  const std::string data = deflated(text);
  const auto bytes = inflate_member(deflated_member(data, text.size(), text), "x.zip");
  ASSERT_TRUE(bytes) << bytes.error().to_string();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()), text);
  const auto empty = inflate_member(deflated_member(deflated(""), 0, ""), "x.zip");
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->empty());
}

TEST(ZipInflate, every_lie_is_refused) {
  const std::string text(1000, 'z');
  const std::string data = deflated(text);
  const auto said = [&](const std::string& bytes, std::uint64_t size, const std::string& summed) {
    const auto inflated = inflate_member(deflated_member(bytes, size, summed), "x.zip");
    return inflated ? std::string("inflated") : inflated.error().message;
  };
  EXPECT_NE(said(data, 999, text).find("expected deflated data of 999 bytes"), std::string::npos);
  EXPECT_NE(said(data, 1001, text).find("expected deflated data of 1001 bytes"), std::string::npos);
  EXPECT_NE(said(data, std::uint64_t{1} << 40, text).find("found a size of 1099511627776"), std::string::npos);
  EXPECT_NE(said(data, 1000, "other").find("expected CRC-32"), std::string::npos);
  EXPECT_NE(said(data.substr(0, data.size() - 1), 1000, text).find("found something else"), std::string::npos);
  EXPECT_NE(said(data + "x", 1000, text).find("found something else"), std::string::npos);
  EXPECT_NE(said("", 0, "").find("found something else"), std::string::npos);
}

}  // namespace
}  // namespace asterism
