#include "train/label_column.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.hpp"
#include "weights/npy.hpp"

namespace asterism {
namespace {

constexpr std::size_t kLabelFileSizeBytesMax = std::size_t{1} << 30;

template <typename T>
std::vector<std::string> digits(const Tensor& array) {
  std::vector<std::string> out;
  for (const T value : array.as<T>()) {
    out.push_back(fmt::format("{}", value));
  }
  return out;
}

Result<std::vector<std::string>> labels_of_array(const std::filesystem::path& path) {
  const auto array = read_npy(path);
  if (!array) {
    return std::unexpected(array.error());
  }
  if (array->shape().size() == 1) {
    switch (array->dtype()) {
      case DType::kU8:
        return digits<std::uint8_t>(*array);
      case DType::kI32:
        return digits<std::int32_t>(*array);
      case DType::kI64:
        return digits<std::int64_t>(*array);
      default:
        break;
    }
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: expected labels, u8, i32 or i64 [rows], found {} {}", path.string(),
                          dtype_name(array->dtype()), shape_to_string(array->shape())));
}

}  // namespace

Result<std::vector<std::string>> read_label_column(const std::filesystem::path& path) {
  if (path.extension() == ".npy") {
    return labels_of_array(path);
  }
  auto text = read_file(path, kLabelFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    std::string line = text->substr(begin, end - begin);
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    if (const std::size_t tab = line.rfind('\t'); tab != std::string::npos) {
      line.erase(0, tab + 1);
    }
    out.push_back(std::move(line));
    begin = end + 1;
  }
  return out;
}

}  // namespace asterism
