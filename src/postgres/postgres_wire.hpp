// PostgreSQL's binary form of values, and of rows for COPY: big-endian throughout.
//
// Sources: PostgreSQL manual, "COPY, Binary Format"; pgvector, src/vector.c and src/halfvec.c (vector_recv,
// halfvec_recv): int16 dim, int16 0, then the components as float4 or half. Ownership: values. Thread-safety: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

// A vector of `type` kF32 (vector) or kF16 (halfvec). kInvalidArgument for a component that a half cannot hold.
Result<std::string> postgres_vector(std::span<const float> vector, VectorType type);
// kCorrupt when the bytes are no vector of `dim` components.
Result<std::vector<float>> vector_of_postgres(std::string_view bytes, std::size_t dim, VectorType type);

std::string postgres_int64(std::int64_t value);
// Of 2, 4 or 8 bytes.
std::int64_t int64_of_postgres(std::string_view bytes);
double double_of_postgres(std::string_view bytes);

// '{"\\x00ff",NULL}': an array of bytea as text.
std::string postgres_bytes_array(std::span<const std::string> values);
// '{"a","b"}': an array of text as text.
std::string postgres_text_array(std::span<const std::string> values);

// Builds what COPY ... FROM STDIN (FORMAT binary) reads. Every row has the same number of fields.
class PostgresCopyRows {
 public:
  explicit PostgresCopyRows(std::size_t field_count);

  void begin_row();
  void add(std::string_view bytes);
  void add_null();
  // With the version byte of jsonb before the text.
  void add_jsonb(std::string_view json);
  // Ends the last row. The bytes so far are taken out, so that a caller sends them in pieces.
  std::string take();
  void finish();
  std::size_t size_bytes() const noexcept { return bytes_.size(); }

 private:
  std::size_t field_count_;
  std::string bytes_;
};

}  // namespace asterism
