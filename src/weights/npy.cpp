#include "weights/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string>

namespace asterism {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMagicSizeBytes = 6;
// Of the files written here: magic, version 1.0, a 16-bit length, the dictionary, spaces, a newline.
constexpr std::size_t kWrittenHeaderAlignmentBytes = 64;
constexpr std::size_t kWrittenHeaderSizeBytesMax = 65535;
// NumPy leaves room for a first dimension of so many characters (GROWTH_AXIS_MAX_DIGITS of numpy.lib.format).
constexpr std::size_t kRowCountDigitsMax = 21;

struct NpyDType {
  std::string_view descr;
  DType dtype;
};

constexpr std::array<NpyDType, 9> kDTypes{{{"<f8", DType::kF64},
                                           {"<f4", DType::kF32},
                                           {"<f2", DType::kF16},
                                           {"<i8", DType::kI64},
                                           {"<i4", DType::kI32},
                                           {"<i2", DType::kI16},
                                           {"|i1", DType::kI8},
                                           {"|u1", DType::kU8},
                                           {"|b1", DType::kBool}}};

struct NpyHeader {
  std::string descr;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

// Reads the header's dictionary: a Python literal of which the format needs three members and no more.
class DictionaryParser {
 public:
  DictionaryParser(std::string_view text, std::string_view source) : rest_(text), source_(source) {}

  Result<NpyHeader> parse() {
    NpyHeader header;
    if (!take('{')) {
      return corrupt("'{'");
    }
    while (!take('}')) {
      if (auto member = parse_member(header); !member) {
        return std::unexpected(member.error());
      }
      if (!take(',') && peek() != '}') {
        return corrupt("',' or '}'");
      }
    }
    skip_space();
    if (!rest_.empty()) {
      return corrupt("the end of the header");
    }
    if (header.descr.empty() || !header.fortran_order || !header.shape) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: expected descr, fortran_order and shape in the header", source_));
    }
    return header;
  }

 private:
  std::unexpected<Error> corrupt(std::string_view expected) const {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {} in the header, found {}", source_, expected,
                                                 rest_.empty() ? "its end" : fmt::format("'{}'", rest_.substr(0, 20))));
  }

  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n' || rest_.front() == '\t')) {
      rest_.remove_prefix(1);
    }
  }

  char peek() {
    skip_space();
    return rest_.empty() ? '\0' : rest_.front();
  }

  bool take(char c) {
    if (peek() != c || rest_.empty()) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  bool take_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) {
      return false;
    }
    rest_.remove_prefix(word.size());
    return true;
  }

  Result<std::string> parse_string() {
    const char quote = peek();
    const std::size_t end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
      return corrupt("a quoted string");
    }
    std::string value(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return value;
  }

  Result<void> parse_member(NpyHeader& header) {
    auto key = parse_string();
    if (!key) {
      return std::unexpected(key.error());
    }
    if (!take(':')) {
      return corrupt("':'");
    }
    if (*key == "descr" && header.descr.empty()) {
      return parse_descr(header);
    }
    if (*key == "fortran_order" && !header.fortran_order) {
      if (take_word("True")) {
        header.fortran_order = true;
      } else if (take_word("False")) {
        header.fortran_order = false;
      } else {
        return corrupt("True or False");
      }
      return {};
    }
    if (*key == "shape" && !header.shape) {
      return parse_shape(header);
    }
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected descr, fortran_order and shape once each, found '{}'", source_, *key));
  }

  Result<void> parse_descr(NpyHeader& header) {
    if (peek() == '[') {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: expected an array of numbers, found one of records", source_),
                  "save one plain array per file");
    }
    auto descr = parse_string();
    if (!descr) {
      return std::unexpected(descr.error());
    }
    if (descr->empty()) {
      return corrupt("an element type");
    }
    header.descr = std::move(*descr);
    return {};
  }

  Result<void> parse_shape(NpyHeader& header) {
    if (!take('(')) {
      return corrupt("'('");
    }
    Shape shape;
    while (!take(')')) {
      skip_space();
      std::int64_t dim = 0;
      const auto [end, ec] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), dim);
      if (ec != std::errc{} || dim < 0) {
        return corrupt("a dimension from 0 to 2^63-1");
      }
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      take('L');  // Python 2 wrote long integers so
      shape.push_back(dim);
      if (!take(',') && peek() != ')') {
        return corrupt("',' or ')'");
      }
    }
    header.shape = std::move(shape);
    return {};
  }

  std::string_view rest_;
  std::string_view source_;
};

// The dictionary's text and where the data begins.
struct NpyParts {
  std::string_view dictionary;
  std::size_t data_offset = 0;
};

Result<NpyParts> split(std::string_view bytes, std::string_view source) {
  const auto version_at = kMagicSizeBytes;
  if (!bytes.starts_with(kMagic) || bytes.size() < version_at + 2) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a .npy file, found other bytes at its start", source),
                bytes.starts_with("PK") ? "this looks like an .npz archive: save the array on its own" : "");
  }
  const auto major = static_cast<unsigned char>(bytes[version_at]);
  const auto minor = static_cast<unsigned char>(bytes[version_at + 1]);
  if (major < 1 || major > 3 || minor != 0) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected .npy format 1.0, 2.0 or 3.0, found {}.{}", source, major, minor));
  }
  const std::size_t length_size_bytes = major == 1 ? 2 : 4;
  const std::size_t dictionary_at = version_at + 2 + length_size_bytes;
  if (bytes.size() < dictionary_at) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: the file ends inside its header", source),
                "the file is cut short");
  }
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_size_bytes; ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[version_at + 2 + i])) << (8 * i);
  }
  if (length > kNpyHeaderSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: expected a header of at most {} bytes, found {}", source,
                                                       kNpyHeaderSizeBytesMax, length));
  }
  if (bytes.size() - dictionary_at < length) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: expected a header of {} bytes, found {}", source, length, bytes.size() - dictionary_at),
        "the file is cut short");
  }
  return NpyParts{bytes.substr(dictionary_at, length), dictionary_at + length};
}

Result<DType> supported_dtype(const NpyHeader& header, std::string_view source) {
  const auto found = std::ranges::find(kDTypes, header.descr, &NpyDType::descr);
  if (found == kDTypes.end()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected little-endian f8, f4, f2, i8, i4, i2, i1, u1 or b1, found '{}'", source,
                            header.descr),
                "save the array with one of these types, such as array.astype('<f4')");
  }
  if (*header.fortran_order && header.shape->size() > 2) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected rows one after the other, found {} in Fortran order", source,
                            shape_to_string(*header.shape)),
                "save numpy.ascontiguousarray(array)");
  }
  return found->dtype;
}

// Columns one after the other to rows one after the other, in squares that stay in cache: a copy.
Tensor rows_of_columns(DType dtype, const Shape& shape, std::span<const std::byte> data) {
  constexpr std::size_t kSquare = 64;
  Tensor out(dtype, shape);
  const auto to = out.mutable_as<std::byte>().data();
  const auto row_count = static_cast<std::size_t>(shape[0]);
  const auto column_count = static_cast<std::size_t>(shape[1]);
  const std::size_t size = dtype_size_bytes(dtype);
  for (std::size_t row_first = 0; row_first < row_count; row_first += kSquare) {
    for (std::size_t column_first = 0; column_first < column_count; column_first += kSquare) {
      for (std::size_t row = row_first; row < std::min(row_first + kSquare, row_count); ++row) {
        for (std::size_t column = column_first; column < std::min(column_first + kSquare, column_count); ++column) {
          std::memcpy(to + (row * column_count + column) * size, data.data() + (column * row_count + row) * size, size);
        }
      }
    }
  }
  return out;
}

// As NumPy lays it out: room behind the dictionary for a row count of any width, so that its size does not depend on
// it.
std::string rows_header(std::int64_t row_count, std::span<const std::int64_t> row_shape) {
  const std::string count = std::to_string(row_count);
  std::string dictionary = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}", count);
  dictionary += row_shape.empty() ? "," : fmt::format(", {}", fmt::join(row_shape, ", "));
  dictionary += "), }";
  dictionary.append(kRowCountDigitsMax - std::min(count.size(), kRowCountDigitsMax), ' ');
  std::string text(kMagic);
  text += std::string_view("\x01\x00", 2);
  const std::size_t unpadded = text.size() + 2 + dictionary.size() + 1;
  // Where it would fit exactly, NumPy pads by one more unit.
  const std::size_t size = (unpadded / kWrittenHeaderAlignmentBytes + 1) * kWrittenHeaderAlignmentBytes;
  const std::size_t length = size - text.size() - 2;
  text.push_back(static_cast<char>(length & 0xFFU));
  text.push_back(static_cast<char>(length >> 8U));
  text += dictionary;
  text.resize(size - 1, ' ');
  text.push_back('\n');
  return text;
}

}  // namespace

Result<Tensor> parse_npy(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                         std::string_view source) {
  const auto parts = split(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), source);
  if (!parts) {
    return std::unexpected(parts.error());
  }
  auto header = DictionaryParser(parts->dictionary, source).parse();
  if (!header) {
    return std::unexpected(header.error());
  }
  const auto dtype = supported_dtype(*header, source);
  if (!dtype) {
    return std::unexpected(dtype.error());
  }
  const auto count = shape_element_count(*header->shape);
  if (!count || *count > std::numeric_limits<std::size_t>::max() / dtype_size_bytes(*dtype)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: shape {} has more elements than memory can hold", source,
                                                 shape_to_string(*header->shape)));
  }
  const auto data = bytes.subspan(parts->data_offset);
  const std::size_t expected = *count * dtype_size_bytes(*dtype);
  if (data.size() != expected) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected {} bytes of data for {} {}, found {}", source, expected, dtype_name(*dtype),
                            shape_to_string(*header->shape), data.size()),
                data.size() < expected ? "the file is cut short" : "one array per file is read");
  }
  // One axis is the same either way.
  if (*header->fortran_order && header->shape->size() == 2) {
    return rows_of_columns(*dtype, *header->shape, data);
  }
  return Tensor(*dtype, std::move(*header->shape), data, owner);
}

Result<Tensor> read_npy(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return parse_npy(file->bytes(), file->owner(), path.string());
}

Result<NpyRowsWriter> NpyRowsWriter::create(const std::filesystem::path& path, Shape row_shape) {
  const auto row_size = shape_element_count(row_shape);
  if (!row_size || *row_size < 1) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected rows of at least 1 value, found rows of {}",
                                                         path.string(), shape_to_string(row_shape)));
  }
  const std::string header = rows_header(0, row_shape);
  if (header.size() > kWrittenHeaderSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: a row of {} dimensions is past what a header holds", path.string(), row_shape.size()));
  }
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (auto written = file->write(header); !written) {
    return std::unexpected(written.error());
  }
  return NpyRowsWriter(std::move(*file), std::move(row_shape), *row_size);
}

Result<void> NpyRowsWriter::append(std::span<const float> rows) {
  if (rows.size() % row_size_ != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected whole rows of {} values, found {} values", row_size_, rows.size()));
  }
  if (auto written = file_.write(std::as_bytes(rows)); !written) {
    return written;
  }
  row_count_ += static_cast<std::int64_t>(rows.size() / row_size_);
  return {};
}

Result<void> NpyRowsWriter::commit() {
  const std::string header = rows_header(row_count_, row_shape_);
  if (auto patched = file_.write_at(0, std::as_bytes(std::span(header))); !patched) {
    return patched;
  }
  return file_.commit();
}

}  // namespace asterism
