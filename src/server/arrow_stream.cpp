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
constexpr std::string_view kColumnName = "embedding";
// Members of unions, by their number.
enum class MessageHeader : std::uint8_t { kSchema = 1, kRecordBatch = 3 };
enum class Type : std::uint8_t { kFloatingPoint = 3, kList = 12, kFixedSizeList = 16 };

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

// Vectors of `dim` values; or lists of such vectors.
AnyTable make_schema(FlatBufferBuilder& builder, std::size_t dim, bool lists) {
  const auto real = make_table(builder, [&] { builder.AddElement(field(0), kSinglePrecision, std::int16_t{0}); });
  const auto value = make_field(builder, "item", Type::kFloatingPoint, real, {});
  const auto vector =
      make_table(builder, [&] { builder.AddElement(field(0), static_cast<std::int32_t>(dim), std::int32_t{0}); });
  auto column = make_field(builder, lists ? "item" : kColumnName, Type::kFixedSizeList, vector, {value});
  if (lists) {
    column = make_field(builder, kColumnName, Type::kList, make_table(builder, [] {}), {column});
  }
  const auto fields = builder.CreateVector(std::vector<AnyTable>{column});
  return make_table(builder, [&] { builder.AddOffset(field(1), fields); });
}

AnyTable make_record_batch(FlatBufferBuilder& builder, const std::vector<FieldNode>& nodes,
                           const std::vector<Buffer>& buffers) {
  const auto node_list = builder.CreateVectorOfStructs(nodes);
  const auto buffer_list = builder.CreateVectorOfStructs(buffers);
  return make_table(builder, [&] {
    builder.AddElement(field(0), nodes.front().length, std::int64_t{0});
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

std::int64_t size_of(std::size_t size_bytes) {
  return static_cast<std::int64_t>(size_bytes);
}

std::size_t padded(std::size_t size_bytes) {
  return size_bytes + (kAlignment - size_bytes % kAlignment) % kAlignment;
}

// No validity bitmaps: they are empty buffers. `offsets` of lists lie before the values.
std::string write_stream(std::span<const float> values, std::size_t dim, bool lists,
                         std::span<const std::int32_t> offsets) {
  const std::int64_t vector_count = size_of(values.size() / dim);
  const std::size_t offsets_size = padded(offsets.size_bytes());
  std::vector<FieldNode> nodes{{.length = vector_count, .null_count = 0},
                               {.length = size_of(values.size()), .null_count = 0}};
  std::vector<Buffer> buffers{{.offset = 0, .length = 0},
                              {.offset = 0, .length = 0},
                              {.offset = size_of(offsets_size), .length = size_of(values.size_bytes())}};
  if (lists) {
    nodes.insert(nodes.begin(), {.length = size_of(offsets.size()) - 1, .null_count = 0});
    buffers.insert(buffers.begin(),
                   {{.offset = 0, .length = 0}, {.offset = 0, .length = size_of(offsets.size_bytes())}});
  }
  const std::size_t body_size = offsets_size + padded(values.size_bytes());
  std::string out;
  FlatBufferBuilder schema;
  append_message(out, schema, MessageHeader::kSchema, make_schema(schema, dim, lists), 0);
  FlatBufferBuilder batch;
  append_message(out, batch, MessageHeader::kRecordBatch, make_record_batch(batch, nodes, buffers), body_size);
  const std::size_t body_begin = out.size();
  out.append(reinterpret_cast<const char*>(offsets.data()), offsets.size_bytes());
  out.resize(body_begin + offsets_size, '\0');
  out += little_endian_bytes(values);
  out.resize(body_begin + body_size, '\0');
  append_u32(out, kContinuation);
  append_u32(out, 0);
  return out;
}

}  // namespace

std::string arrow_stream(std::span<const float> values, std::size_t dim) {
  return write_stream(values, dim, false, {});
}

std::string arrow_stream_of_lists(std::span<const float> values, std::size_t dim,
                                  std::span<const std::size_t> lengths) {
  std::vector<std::int32_t> offsets{0};
  for (const std::size_t length : lengths) {
    offsets.push_back(offsets.back() + static_cast<std::int32_t>(length));
  }
  return write_stream(values, dim, true, offsets);
}

}  // namespace asterism::server
