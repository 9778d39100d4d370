// Thrift's compact protocol, as much as Parquet's metadata needs: structs field by field, what is not asked for passed
// over. Internal to the module.
//
// Format: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md. The first fault (the bytes
// end, nesting is deep, a size cannot be) sticks: from then on everything reads as nothing, and ok() is false.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "weights/byte_cursor.hpp"

namespace asterism {

enum class ThriftType : std::uint8_t {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

class ThriftReader {
 public:
  explicit ThriftReader(std::span<const std::byte> bytes) noexcept : cursor_(bytes) {}

  bool ok() const noexcept { return ok_; }
  std::size_t position() const noexcept { return cursor_.position(); }

  // take(field id, type) for each field; it must read the value, or skip(type) it.
  template <typename Take>
  void read_struct(Take take) {
    std::int64_t id = 0;
    while (ok_) {
      const std::uint8_t head = read_byte();
      const auto type = static_cast<ThriftType>(head & 0x0FU);
      if (type == ThriftType::kStop) {
        return;
      }
      const std::uint8_t delta = head >> 4U;
      id = delta != 0 ? id + delta : read_integer();
      take(id, type);
    }
  }

  // take() for each element; it must read it.
  template <typename Take>
  void read_list(ThriftType element, Take take) {
    const auto [type, count] = read_list_head();
    if (count > 0 && type != element) {
      ok_ = false;
    }
    for (std::uint64_t i = 0; ok_ && i < count; ++i) {
      take();
    }
  }

  std::int64_t read_integer() noexcept {
    const std::uint64_t zigzag = read_varint();
    return static_cast<std::int64_t>(zigzag >> 1U) ^ -static_cast<std::int64_t>(zigzag & 1U);
  }

  std::string_view read_binary() noexcept {
    const auto text = cursor_.take_text(read_varint());
    ok_ = ok_ && text.has_value();
    return text.value_or(std::string_view());
  }

  void skip(ThriftType type) { skip(type, 0); }

 private:
  static constexpr int kDepthMax = 16;

  struct ListHead {
    ThriftType type;
    std::uint64_t count;
  };

  std::uint8_t read_byte() noexcept {
    const auto byte = cursor_.take_integer<std::uint8_t>();
    ok_ = ok_ && byte.has_value();
    return ok_ ? *byte : std::uint8_t{0};
  }

  std::uint64_t read_varint() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; ok_ && shift < 64; shift += 7) {
      const std::uint8_t byte = read_byte();
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        return ok_ ? value : 0;
      }
    }
    ok_ = false;
    return 0;
  }

  ListHead read_list_head() noexcept {
    const std::uint8_t head = read_byte();
    const std::uint64_t count = (head >> 4U) == 15 ? read_varint() : head >> 4U;
    // An element takes a byte at least.
    ok_ = ok_ && count <= cursor_.remaining();
    return {static_cast<ThriftType>(head & 0x0FU), ok_ ? count : 0};
  }

  void skip(ThriftType type, int depth) {
    if (depth > kDepthMax) {
      ok_ = false;
      return;
    }
    switch (type) {
      case ThriftType::kTrue:
      case ThriftType::kFalse:
        return;
      case ThriftType::kByte:
        read_byte();
        return;
      case ThriftType::kI16:
      case ThriftType::kI32:
      case ThriftType::kI64:
        read_varint();
        return;
      case ThriftType::kDouble:
        ok_ = ok_ && cursor_.take(sizeof(double)).has_value();
        return;
      case ThriftType::kBinary:
        read_binary();
        return;
      case ThriftType::kList:
      case ThriftType::kSet:
        return skip_list(depth);
      case ThriftType::kStruct:
        return read_struct([&](std::int64_t, ThriftType inner) { skip(inner, depth + 1); });
      default:
        // Maps among them: Parquet has none.
        ok_ = false;
    }
  }

  void skip_list(int depth) {
    const auto [type, count] = read_list_head();
    for (std::uint64_t i = 0; ok_ && i < count; ++i) {
      // Truths are a byte each in lists, unlike in structs.
      type == ThriftType::kTrue || type == ThriftType::kFalse ? void(read_byte()) : skip(type, depth + 1);
    }
  }

  ByteCursor cursor_;
  bool ok_ = true;
};

}  // namespace asterism
