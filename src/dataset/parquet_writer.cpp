#include "dataset/parquet_writer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "asterism/version.hpp"
#include "base/json.hpp"
#include "dataset/thrift_writer.hpp"

namespace asterism {
namespace {

static_assert(std::endian::native == std::endian::little, "Parquet's values are little-endian");

constexpr std::string_view kMagic = "PAR1";
constexpr std::uint64_t kGroupRowCountMax = 65'536;
constexpr std::size_t kGroupSizeBytesMax = std::size_t{64} << 20;

// parquet.thrift's enums.
constexpr std::int32_t kTypeInt64 = 2;
constexpr std::int32_t kTypeFloat = 4;
constexpr std::int32_t kTypeDouble = 5;
constexpr std::int32_t kTypeByteArray = 6;
constexpr std::int32_t kRequired = 0;
constexpr std::int32_t kOptional = 1;
constexpr std::int32_t kRepeated = 2;
constexpr std::int32_t kConvertedUtf8 = 0;
constexpr std::int32_t kConvertedList = 3;
constexpr std::int32_t kConvertedTimestampMs = 9;
constexpr std::int32_t kEncodingPlain = 0;
constexpr std::int32_t kEncodingRle = 3;
constexpr std::int32_t kDataPage = 0;
constexpr std::int32_t kUncompressed = 0;

// A list's: 0 = null, 1 = empty, 2 = a value; its elements are required.
constexpr std::uint8_t kListValueLevel = 2;
constexpr std::uint8_t kEmptyListLevel = 1;

using Type = ThriftCompactWriter::Type;

template <typename T>
void append_value(std::string& out, T value) {
  std::array<char, sizeof(T)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(T));
  out.append(bytes.data(), bytes.size());
}

// The hybrid encoding's runs alone: a length as varint, shifted once, then the level in one byte. Behind its size.
std::string encoded_levels(std::span<const std::uint8_t> levels) {
  std::string runs;
  for (std::size_t begin = 0; begin < levels.size();) {
    std::size_t end = begin;
    while (end < levels.size() && levels[end] == levels[begin]) {
      ++end;
    }
    std::uint64_t header = static_cast<std::uint64_t>(end - begin) << 1U;
    for (; header >= 0x80; header >>= 7U) {
      runs += static_cast<char>(header | 0x80U);
    }
    runs += static_cast<char>(header);
    runs += static_cast<char>(levels[begin]);
    begin = end;
  }
  std::string out;
  append_value(out, static_cast<std::uint32_t>(runs.size()));
  return out + runs;
}

std::int32_t physical_type(ParquetType type) {
  switch (type) {
    case ParquetType::kNumber:
      return kTypeDouble;
    case ParquetType::kDate:
      return kTypeInt64;
    case ParquetType::kFloatList:
      return kTypeFloat;
    case ParquetType::kText:
      break;
  }
  return kTypeByteArray;
}

void write_leaf(ThriftCompactWriter& out, std::string_view name, std::int32_t repetition, ParquetType type) {
  out.begin_element();
  out.i32(1, physical_type(type));
  out.i32(3, repetition);
  out.text(4, name);
  if (type == ParquetType::kText) {
    out.i32(6, kConvertedUtf8);
  } else if (type == ParquetType::kDate) {
    out.i32(6, kConvertedTimestampMs);
  }
  out.end_struct();
}

void write_group_node(ThriftCompactWriter& out, std::string_view name, std::int32_t repetition, std::int32_t children,
                      bool is_list) {
  out.begin_element();
  out.i32(3, repetition);
  out.text(4, name);
  out.i32(5, children);
  if (is_list) {
    out.i32(6, kConvertedList);
  }
  out.end_struct();
}

// As the format's document on lists has it: NAME (LIST) { list (repeated) { element } }.
void write_schema(ThriftCompactWriter& out, std::span<const ParquetColumn> columns) {
  const auto list_count =
      static_cast<std::size_t>(std::ranges::count(columns, ParquetType::kFloatList, &ParquetColumn::type));
  out.list(2, Type::kStruct, 1 + columns.size() + 2 * list_count);
  out.begin_element();
  out.text(4, "schema");
  out.i32(5, static_cast<std::int32_t>(columns.size()));
  out.end_struct();
  for (const ParquetColumn& column : columns) {
    if (column.type == ParquetType::kFloatList) {
      write_group_node(out, column.name, kOptional, 1, true);
      write_group_node(out, "list", kRepeated, 1, false);
      write_leaf(out, "element", kRequired, column.type);
    } else {
      write_leaf(out, column.name, kOptional, column.type);
    }
  }
}

std::string page_header(std::uint64_t value_count, std::size_t size_bytes) {
  ThriftCompactWriter out;
  out.begin_element();
  out.i32(1, kDataPage);
  out.i32(2, static_cast<std::int32_t>(size_bytes));
  out.i32(3, static_cast<std::int32_t>(size_bytes));
  out.begin_struct(5);
  out.i32(1, static_cast<std::int32_t>(value_count));
  out.i32(2, kEncodingPlain);
  out.i32(3, kEncodingRle);
  out.i32(4, kEncodingRle);
  out.end_struct();
  out.end_struct();
  return out.bytes();
}

// Parquet's readers refuse texts that are no UTF-8.
std::string valid_text(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return std::string(text);
  }
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

}  // namespace

ParquetWriter::ParquetWriter(std::vector<ParquetColumn> columns, Sink sink)
    : columns_(std::move(columns)), sink_(std::move(sink)), chunks_(columns_.size()) {}

ParquetWriter::Chunk* ParquetWriter::chunk_for(std::size_t column, ParquetType type) {
  Chunk& chunk = chunks_[column];
  if (columns_[column].type != type || chunk.row_count > group_row_count_) {
    return nullptr;
  }
  ++chunk.row_count;
  return &chunk;
}

void ParquetWriter::set_text(std::size_t column, std::string_view value) {
  if (Chunk* chunk = chunk_for(column, ParquetType::kText)) {
    const std::string text = valid_text(value);
    append_value(chunk->values, static_cast<std::uint32_t>(text.size()));
    chunk->values += text;
    chunk->definition_levels.push_back(1);
  }
}

void ParquetWriter::set_number(std::size_t column, double value) {
  if (Chunk* chunk = chunk_for(column, ParquetType::kNumber)) {
    append_value(chunk->values, value);
    chunk->definition_levels.push_back(1);
  }
}

void ParquetWriter::set_date(std::size_t column, std::int64_t time_ms) {
  if (Chunk* chunk = chunk_for(column, ParquetType::kDate)) {
    append_value(chunk->values, time_ms);
    chunk->definition_levels.push_back(1);
  }
}

void ParquetWriter::set_floats(std::size_t column, std::span<const float> values) {
  if (Chunk* chunk = chunk_for(column, ParquetType::kFloatList)) {
    const std::size_t level_count = std::max<std::size_t>(1, values.size());
    const std::size_t levels_before = chunk->definition_levels.size();
    chunk->definition_levels.resize(levels_before + level_count, values.empty() ? kEmptyListLevel : kListValueLevel);
    chunk->repetition_levels.resize(levels_before + level_count, 1);
    chunk->repetition_levels[levels_before] = 0;
    const auto bytes = std::as_bytes(values);
    chunk->values.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
}

Result<void> ParquetWriter::end_row() {
  ++group_row_count_;
  std::size_t size_bytes = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Chunk& chunk = chunks_[i];
    if (chunk.row_count < group_row_count_) {
      ++chunk.row_count;
      chunk.definition_levels.push_back(0);
      if (columns_[i].type == ParquetType::kFloatList) {
        chunk.repetition_levels.push_back(0);
      }
    }
    size_bytes += chunk.values.size() + chunk.definition_levels.size() + chunk.repetition_levels.size();
  }
  return group_row_count_ >= kGroupRowCountMax || size_bytes >= kGroupSizeBytesMax ? write_group() : Result<void>{};
}

Result<void> ParquetWriter::write(std::string_view bytes) {
  offset_ += bytes.size();
  return sink_(bytes);
}

Result<void> ParquetWriter::write_group() {
  if (offset_ == 0) {
    if (auto written = write(kMagic); !written) {
      return written;
    }
  }
  WrittenGroup group;
  group.row_count = group_row_count_;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Chunk& chunk = chunks_[i];
    std::string levels =
        columns_[i].type == ParquetType::kFloatList ? encoded_levels(chunk.repetition_levels) : std::string();
    levels += encoded_levels(chunk.definition_levels);
    WrittenChunk written{.offset = offset_, .value_count = chunk.definition_levels.size()};
    const std::string header = page_header(written.value_count, levels.size() + chunk.values.size());
    for (const std::string_view piece :
         {std::string_view(header), std::string_view(levels), std::string_view(chunk.values)}) {
      if (auto done = write(piece); !done) {
        return done;
      }
    }
    written.size_bytes = offset_ - written.offset;
    group.size_bytes += written.size_bytes;
    group.chunks.push_back(written);
    chunk = Chunk{};
  }
  row_count_ += group_row_count_;
  group_row_count_ = 0;
  groups_.push_back(std::move(group));
  return {};
}

std::string ParquetWriter::footer() const {
  ThriftCompactWriter out;
  out.begin_element();
  out.i32(1, 1);
  write_schema(out, columns_);
  out.i64(3, static_cast<std::int64_t>(row_count_));
  out.list(4, Type::kStruct, groups_.size());
  for (const WrittenGroup& group : groups_) {
    out.begin_element();
    out.list(1, Type::kStruct, group.chunks.size());
    for (std::size_t i = 0; i < group.chunks.size(); ++i) {
      const WrittenChunk& chunk = group.chunks[i];
      const bool is_list = columns_[i].type == ParquetType::kFloatList;
      out.begin_element();
      out.i64(2, static_cast<std::int64_t>(chunk.offset));
      out.begin_struct(3);
      out.i32(1, physical_type(columns_[i].type));
      out.list(2, Type::kI32, 2);
      out.element(kEncodingPlain);
      out.element(kEncodingRle);
      out.list(3, Type::kBinary, is_list ? 3 : 1);
      out.element(std::string_view(columns_[i].name));
      if (is_list) {
        out.element(std::string_view("list"));
        out.element(std::string_view("element"));
      }
      out.i32(4, kUncompressed);
      out.i64(5, static_cast<std::int64_t>(chunk.value_count));
      out.i64(6, static_cast<std::int64_t>(chunk.size_bytes));
      out.i64(7, static_cast<std::int64_t>(chunk.size_bytes));
      out.i64(9, static_cast<std::int64_t>(chunk.offset));
      out.end_struct();
      out.end_struct();
    }
    out.i64(2, static_cast<std::int64_t>(group.size_bytes));
    out.i64(3, static_cast<std::int64_t>(group.row_count));
    out.end_struct();
  }
  out.text(6, std::string("asterism ") + std::string(kVersion));
  out.end_struct();
  return out.bytes();
}

Result<void> ParquetWriter::finish() {
  // A file without rows still has its columns.
  if (group_row_count_ > 0) {
    if (auto written = write_group(); !written) {
      return written;
    }
  } else if (offset_ == 0) {
    if (auto written = write(kMagic); !written) {
      return written;
    }
  }
  std::string end = footer();
  append_value(end, static_cast<std::uint32_t>(end.size()));
  end += kMagic;
  return write(end);
}

}  // namespace asterism
