// Thrift's compact protocol, as far as Parquet's page headers and footers need it: writing structs, lists, numbers and
// texts. Format: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
// Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace asterism {

class ThriftCompactWriter {
 public:
  enum class Type : std::uint8_t { kI32 = 5, kI64 = 6, kBinary = 8, kList = 9, kStruct = 12 };

  // Fields of the struct at hand, in growing order of their ids.
  void i32(std::int16_t field, std::int32_t value) {
    header(field, Type::kI32);
    zigzag(value);
  }
  void i64(std::int16_t field, std::int64_t value) {
    header(field, Type::kI64);
    zigzag(value);
  }
  void text(std::int16_t field, std::string_view value) {
    header(field, Type::kBinary);
    element(value);
  }
  void list(std::int16_t field, Type element_type, std::size_t size) {
    header(field, Type::kList);
    if (size < kLongListSize) {
      bytes_ += static_cast<char>(size << 4U | static_cast<std::size_t>(element_type));
    } else {
      bytes_ += static_cast<char>(0xF0U | static_cast<unsigned>(element_type));
      varint(size);
    }
  }
  void begin_struct(std::int16_t field) {
    header(field, Type::kStruct);
    begin_element();
  }
  void end_struct() {
    bytes_ += '\0';
    last_field_.pop_back();
  }

  // Elements of the list at hand. A struct in a list, and the outermost, begins without a field.
  void begin_element() { last_field_.push_back(0); }
  void element(std::int32_t value) { zigzag(value); }
  void element(std::string_view value) {
    varint(value.size());
    bytes_ += value;
  }

  const std::string& bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::size_t kLongListSize = 15;

  void header(std::int16_t field, Type type) {
    const int step = field - last_field_.back();
    if (step > 0 && step < 16) {
      bytes_ += static_cast<char>(static_cast<unsigned>(step) << 4U | static_cast<unsigned>(type));
    } else {
      bytes_ += static_cast<char>(type);
      zigzag(field);
    }
    last_field_.back() = field;
  }
  void zigzag(std::int64_t value) {
    varint(static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63));
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) {
      bytes_ += static_cast<char>(value | 0x80U);
    }
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
  std::vector<std::int16_t> last_field_;
};

}  // namespace asterism
