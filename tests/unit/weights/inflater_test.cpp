#include "weights/inflater.hpp"

#include <gmock/gmock.h>
#include <zlib.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "weights/gzip_bytes.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

std::string deflated(std::string_view text, DeflateForm form = DeflateForm::kGzip) {
  z_stream stream{};
  const int bits = form == DeflateForm::kGzip ? MAX_WBITS + 16 : form == DeflateForm::kZlib ? MAX_WBITS : -MAX_WBITS;
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::vector<Bytef> in(text.begin(), text.end());
  std::string out(deflateBound(&stream, in.size()), '\0');
  stream.next_in = in.data();
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Unpacked {
  std::string text;
  std::string error;  // empty: whole
};

// As it comes: so many bytes in and room for so many out.
Unpacked unpack(std::string_view packed, std::size_t in_size, std::size_t out_size,
                DeflateForm form = DeflateForm::kGzip) {
  Inflater inflater(form, "it");
  Unpacked all;
  std::string room(out_size, '\0');
  std::string_view piece;
  for (;;) {
    const auto step = inflater.step(std::as_bytes(std::span(piece)), std::as_writable_bytes(std::span(room)));
    if (!step) {
      all.error = step.error().to_string();
      EXPECT_EQ(step.error().code, ErrorCode::kCorrupt);
      return all;
    }
    all.text.append(room, 0, step->written_size_bytes);
    piece.remove_prefix(step->read_size_bytes);
    if (step->written_size_bytes > 0) {
      continue;
    }
    EXPECT_TRUE(piece.empty());
    piece = packed.substr(0, in_size);
    packed.remove_prefix(piece.size());
    if (piece.empty()) {
      const auto whole = inflater.finish();
      all.error = whole ? "" : whole.error().to_string();
      return all;
    }
  }
}

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) {
    text += std::to_string(i * 7919);
  }
  text.resize(size);
  return text;
}

TEST(Inflater, gives_the_same_however_it_is_cut) {
  const std::string text = text_of(50'000);
  for (const DeflateForm form : {DeflateForm::kGzip, DeflateForm::kZlib, DeflateForm::kRaw}) {
    const std::string packed = deflated(text, form);
    for (const std::size_t in : {std::size_t{1}, std::size_t{7}, packed.size()}) {
      for (const std::size_t out : {std::size_t{1}, std::size_t{64}, std::size_t{100'000}}) {
        const Unpacked all = unpack(packed, in, out, form);
        EXPECT_EQ(all.error, "");
        EXPECT_EQ(all.text, text);
      }
    }
  }
}

TEST(Inflater, members_one_after_the_other_are_one_stream_and_zeros_behind_them_are_padding) {
  const std::string packed = deflated("one ") + deflated("") + deflated("two");
  for (const std::size_t in : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    for (const std::size_t zeros : {std::size_t{0}, std::size_t{1}, std::size_t{600}}) {
      const Unpacked all = unpack(packed + std::string(zeros, '\0'), in, 10);
      EXPECT_EQ(all.error, "");
      EXPECT_EQ(all.text, "one two");
    }
  }
  EXPECT_EQ(unpack("", 1, 1).error, "");
}

TEST(Inflater, other_bytes_behind_the_end_are_told_once_all_before_them_was_given) {
  for (const std::string& tail :
       {std::string("garbage"), std::string(20, '\0') + "x", std::string(20, '\0') + deflated("more")}) {
    for (const std::size_t in : {std::size_t{1}, std::size_t{1000}}) {
      const Unpacked all = unpack(deflated("sound") + tail, in, 3);
      EXPECT_EQ(all.text, "sound");
      EXPECT_THAT(all.error, HasSubstr("it: expected gzip data, found other bytes after its end behind byte 5"));
    }
  }
  const Unpacked zlib =
      unpack(deflated("sound", DeflateForm::kZlib) + std::string(1, '\0'), 1000, 100, DeflateForm::kZlib);
  EXPECT_EQ(zlib.text, "sound");
  EXPECT_THAT(zlib.error, HasSubstr("found other bytes after its end"));
}

TEST(Inflater, whatever_is_cut_short_or_changed_is_corrupt) {
  const std::string packed = deflated(text_of(2000));
  for (std::size_t size = 1; size < packed.size(); ++size) {
    EXPECT_THAT(unpack(packed.substr(0, size), 100, 100).error, HasSubstr("cut short")) << size;
  }
  for (std::size_t at = packed.size() - 8; at < packed.size(); ++at) {  // sum and size
    std::string changed = packed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_THAT(unpack(changed, 100, 100).error, HasSubstr("found damage")) << at;
  }
  EXPECT_THAT(unpack("no gzip at all", 100, 100).error, HasSubstr("found damage"));
}

TEST(Inflater, begins_again_after_damage) {
  Inflater inflater(DeflateForm::kGzip, "it");
  std::string room(100, '\0');
  const auto out = std::as_writable_bytes(std::span(room));
  const std::string_view bad = "none of it";
  ASSERT_FALSE(inflater.step(std::as_bytes(std::span(bad)), out));
  ASSERT_FALSE(inflater.finish());
  inflater.restart();
  const std::string packed = deflated("sound");
  const auto step = inflater.step(std::as_bytes(std::span(packed)), out);
  ASSERT_TRUE(step);
  EXPECT_EQ(room.substr(0, step->written_size_bytes), "sound");
  EXPECT_EQ(inflater.unpacked_size_bytes(), 5U);
  EXPECT_TRUE(inflater.finish());
}

TEST(UnpackGzip, holds_its_limit_to_the_byte) {
  const std::string text(3'000'000, 'a');
  const std::string packed = deflated(text);
  const auto bytes = std::as_bytes(std::span(packed));
  EXPECT_EQ(unpack_gzip(bytes, text.size(), "it"), text);
  EXPECT_EQ(unpack_gzip(bytes, text.size() - 1, "it").error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(gzip_beginning(bytes, 7), "aaaaaaa");
  EXPECT_EQ(gzip_beginning(bytes.first(bytes.size() - 1), 4'000'000), text);
}

}  // namespace
}  // namespace asterism
