#include "server/arrow_stream.hpp"

#include <flatbuffers/flatbuffers.h>

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/vector_writer.hpp"

namespace asterism::server {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::voffset_t;
using AnyTable = Offset<void>;

constexpr std::uint32_t kContinuation = 0xFFFFFFFFU;
constexpr std::size_t kAlignment = 8;
constexpr std::int16_t kMetadataV5 = 4;
constexpr std::int16_t kSinglePrecision = 1;
// Members of unions, by their number.
enum class MessageHeader : std::uint8_t { kSchema = 1, kRecordBatch = 3 };
enum class Type : std::uint8_t { kFloatingPoint = 3, kFixedSizeList = 16 };

// Of the n-th field of a table's declaration; a union takes two, its type first.
voffset_t field(unsigned index) noexcept {
  return flatbuffers::FieldIndexToOffset(static_cast<voffset_t>(index));
}

struct FieldNode {
  std::int64_t length;
  std::int64_t null_count;
};
struct Buffer {
  std::int64_t offset;
  std::int64_t length;
};

template <typename Fill>
AnyTable make_table(FlatBufferBuilder& builder, const Fill& fill) {
  const auto start = builder.StartTable();
  fill();
  return {builder.EndTable(start)};
}

AnyTable make_field(FlatBufferBuilder& builder, std::string_view name, Type type, AnyTable type_table,
                    const std::vector<AnyTable>& children) {
  const auto name_text = builder.CreateString(name.data(), name.size());
  const auto child_list = builder.CreateVector(children);
  return make_table(builder, [&] {
    builder.AddOffset(field(0), name_text);
    builder.AddElement<std::uint8_t>(field(1), 0, 1);  // nullable: no
    builder.AddElement(field(2), static_cast<std::uint8_t>(type), std::uint8_t{0});
    builder.AddOffset(field(3), type_table);
    builder.AddOffset(field(5), child_list);
  });
}

AnyTable make_schema(FlatBufferBuilder& builder, std::size_t dim) {
  const auto real = make_table(builder, [&] { builder.AddElement(field(0), kSinglePrecision, std::int16_t{0}); });
  const auto item = make_field(builder, "item", Type::kFloatingPoint, real, {});
  const auto list =
      make_table(builder, [&] { builder.AddElement(field(0), static_cast<std::int32_t>(dim), std::int32_t{0}); });
  const std::vector<AnyTable> columns{make_field(builder, "embedding", Type::kFixedSizeList, list, {item})};
  const auto fields = builder.CreateVector(columns);
  return make_table(builder, [&] { builder.AddOffset(field(1), fields); });
}

// No validity bitmaps: both are empty buffers.
AnyTable make_record_batch(FlatBufferBuilder& builder, std::size_t row_count, std::size_t value_count) {
  const auto rows = static_cast<std::int64_t>(row_count);
  const auto numbers = static_cast<std::int64_t>(value_count);
  const std::vector<FieldNode> nodes{{.length = rows, .null_count = 0}, {.length = numbers, .null_count = 0}};
  const std::vector<Buffer> buffers{{.offset = 0, .length = 0},
                                    {.offset = 0, .length = 0},
                                    {.offset = 0, .length = numbers * static_cast<std::int64_t>(sizeof(float))}};
  const auto node_list = builder.CreateVectorOfStructs(nodes);
  const auto buffer_list = builder.CreateVectorOfStructs(buffers);
  return make_table(builder, [&] {
    builder.AddElement(field(0), rows, std::int64_t{0});
    builder.AddOffset(field(1), node_list);
    builder.AddOffset(field(2), buffer_list);
  });
}

void append_u32(std::string& out, std::uint32_t value) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// The message's frame: a marker, its size, itself, filled up to whole words.
void append_message(std::string& out, FlatBufferBuilder& builder, MessageHeader type, AnyTable header,
                    std::size_t body_size_bytes) {
  const auto message = make_table(builder, [&] {
    builder.AddElement(field(3), static_cast<std::int64_t>(body_size_bytes), std::int64_t{0});
    builder.AddOffset(field(2), header);
    builder.AddElement(field(0), kMetadataV5, std::int16_t{0});
    builder.AddElement(field(1), static_cast<std::uint8_t>(type), std::uint8_t{0});
  });
  builder.Finish(message);
  const std::size_t size = builder.GetSize();
  const std::size_t padding = (kAlignment - size % kAlignment) % kAlignment;
  append_u32(out, kContinuation);
  append_u32(out, static_cast<std::uint32_t>(size + padding));
  out.append(reinterpret_cast<const char*>(builder.GetBufferPointer()), size);
  out.append(padding, '\0');
}

}  // namespace

std::string arrow_stream(std::span<const float> values, std::size_t dim) {
  std::string out;
  FlatBufferBuilder schema;
  append_message(out, schema, MessageHeader::kSchema, make_schema(schema, dim), 0);
  const std::size_t padding = (kAlignment - values.size_bytes() % kAlignment) % kAlignment;
  FlatBufferBuilder batch;
  append_message(out, batch, MessageHeader::kRecordBatch, make_record_batch(batch, values.size() / dim, values.size()),
                 values.size_bytes() + padding);
  out += little_endian_bytes(values);
  out.append(padding, '\0');
  append_u32(out, kContinuation);
  append_u32(out, 0);
  return out;
}

}  // namespace asterism::server
