#include "postgres/postgres_wire.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <concepts>
#include <utility>

#include "index/vector_rows.hpp"

namespace asterism {
namespace {

template <std::unsigned_integral T>
void append(std::string& bytes, T value) {
  for (std::size_t i = sizeof(T); i > 0; --i) {
    bytes += static_cast<char>(static_cast<unsigned char>(value >> (8 * (i - 1))));
  }
}

template <std::unsigned_integral T>
T read(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(static_cast<std::uint64_t>(value) << 8U | static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

constexpr std::size_t kVectorHeaderSizeBytes = 4;
constexpr std::string_view kCopyHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};

}  // namespace

Result<std::string> postgres_vector(std::span<const float> vector, VectorType type) {
  std::string bytes;
  bytes.reserve(kVectorHeaderSizeBytes + vector.size() * sizeof(float));
  append(bytes, static_cast<std::uint16_t>(vector.size()));
  append(bytes, std::uint16_t{0});
  if (type == VectorType::kF32) {
    for (const float value : vector) {
      append(bytes, std::bit_cast<std::uint32_t>(value));
    }
    return bytes;
  }
  constexpr float kHalfMax = 65504.0F;
  for (const float value : vector) {
    if (std::abs(value) > kHalfMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("vector: expected components up to {} for f16, found {}", kHalfMax, value),
                  "keep the vectors as f32");
    }
  }
  std::vector<std::byte> halves(vector_size_bytes(VectorType::kF16, vector.size()));
  if (auto quantised = quantise_row(VectorType::kF16, vector, halves); !quantised) {
    return std::unexpected(quantised.error());
  }
  for (std::size_t i = 0; i < halves.size(); i += 2) {
    bytes += static_cast<char>(halves[i + 1]);
    bytes += static_cast<char>(halves[i]);
  }
  return bytes;
}

Result<std::vector<float>> vector_of_postgres(std::string_view bytes, std::size_t dim, VectorType type) {
  const std::size_t component_size_bytes = type == VectorType::kF32 ? 4 : 2;
  if (bytes.size() != kVectorHeaderSizeBytes + dim * component_size_bytes || read<std::uint16_t>(bytes) != dim) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("vector: expected {} bytes for {} components, found {}",
                            kVectorHeaderSizeBytes + dim * component_size_bytes, dim, bytes.size()));
  }
  bytes.remove_prefix(kVectorHeaderSizeBytes);
  std::vector<float> vector(dim);
  if (type == VectorType::kF32) {
    for (std::size_t i = 0; i < dim; ++i) {
      vector[i] = std::bit_cast<float>(read<std::uint32_t>(bytes.substr(4 * i)));
    }
    return vector;
  }
  std::vector<std::byte> halves(bytes.size());
  for (std::size_t i = 0; i < halves.size(); i += 2) {
    halves[i] = static_cast<std::byte>(bytes[i + 1]);
    halves[i + 1] = static_cast<std::byte>(bytes[i]);
  }
  dequantise_row(VectorType::kF16, halves, vector);
  return vector;
}

std::string postgres_int64(std::int64_t value) {
  std::string bytes;
  append(bytes, static_cast<std::uint64_t>(value));
  return bytes;
}

std::int64_t int64_of_postgres(std::string_view bytes) {
  switch (bytes.size()) {
    case 2:
      return static_cast<std::int16_t>(read<std::uint16_t>(bytes));
    case 4:
      return static_cast<std::int32_t>(read<std::uint32_t>(bytes));
    case 8:
      return static_cast<std::int64_t>(read<std::uint64_t>(bytes));
    default:
      return 0;
  }
}

double double_of_postgres(std::string_view bytes) {
  return bytes.size() == 8   ? std::bit_cast<double>(read<std::uint64_t>(bytes))
         : bytes.size() == 4 ? double{std::bit_cast<float>(read<std::uint32_t>(bytes))}
                             : std::nan("");
}

std::string postgres_bytes_array(std::span<const std::string> values) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "{";
  for (const std::string& value : values) {
    text += text.size() > 1 ? ",\"\\\\x" : "\"\\\\x";
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      text += kDigits[byte >> 4U];
      text += kDigits[byte & 0xFU];
    }
    text += '"';
  }
  return text + "}";
}

std::string postgres_text_array(std::span<const std::string> values) {
  std::string text = "{";
  for (const std::string& value : values) {
    text += text.size() > 1 ? ",\"" : "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') {
        text += '\\';
      }
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

PostgresCopyRows::PostgresCopyRows(std::size_t field_count) : field_count_(field_count), bytes_(kCopyHeader) {}

void PostgresCopyRows::begin_row() {
  append(bytes_, static_cast<std::uint16_t>(field_count_));
}

void PostgresCopyRows::add(std::string_view bytes) {
  append(bytes_, static_cast<std::uint32_t>(bytes.size()));
  bytes_ += bytes;
}

void PostgresCopyRows::add_null() {
  append(bytes_, ~std::uint32_t{0});
}

void PostgresCopyRows::add_jsonb(std::string_view json) {
  append(bytes_, static_cast<std::uint32_t>(json.size() + 1));
  bytes_ += '\1';
  bytes_ += json;
}

std::string PostgresCopyRows::take() {
  return std::exchange(bytes_, {});
}

void PostgresCopyRows::finish() {
  append(bytes_, static_cast<std::uint16_t>(0xFFFF));
}

}  // namespace asterism
