#include "dataset/tensor_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "tensor/tensor.hpp"
#include "weights/npy.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRank = 4;
constexpr std::string_view kNpyMagic = "\x93NUMPY";

class TensorRows final : public RecordReader {
 public:
  TensorRows(Tensor tensor, std::string source)
      : tensor_(std::move(tensor)),
        source_(std::move(source)),
        row_shape_(tensor_.shape().begin() + 1, tensor_.shape().end()),
        row_count_(static_cast<std::uint64_t>(tensor_.shape().front())) {
    row_size_bytes_ = row_count_ == 0 ? 0 : tensor_.bytes().size() / row_count_;
  }

  Result<bool> next(Row& row) override {
    if (row_ == row_count_) {
      return false;
    }
    const auto bytes = tensor_.bytes().subspan(row_ * row_size_bytes_, row_size_bytes_);
    // The copy shares the file's mapping and keeps it alive.
    const auto owner = std::make_shared<const Tensor>(tensor_);
    row = Row{.source = source_, .line = ++row_, .payload = {.kind = PayloadKind::kTensor}};
    row.payload.tensor = Tensor(tensor_.dtype(), row_shape_, bytes, owner).to_f32();
    return true;
  }

  RecordPlace place() const noexcept override { return {.byte_offset = row_ * row_size_bytes_, .line = row_ + 1}; }
  Result<bool> seek(const RecordPlace& place) override {
    row_ = std::min(place.line - 1, row_count_);
    return row_ + 1 == place.line;
  }
  double done() const noexcept override {
    return row_count_ == 0 ? 1.0 : static_cast<double>(row_) / static_cast<double>(row_count_);
  }

 private:
  Tensor tensor_;
  std::string source_;
  Shape row_shape_;
  std::uint64_t row_count_ = 0;
  std::size_t row_size_bytes_ = 0;
  std::uint64_t row_ = 0;
};

Result<Tensor> choose_tensor(const std::map<std::string, Tensor>& tensors, const std::string& wanted,
                             const std::string& path) {
  if (!wanted.empty()) {
    const auto found = tensors.find(wanted);
    if (found == tensors.end()) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: expected the tensor '{}', found none of that name", path, wanted),
                  "choose the tensor (--column)");
    }
    return found->second;
  }
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.shape().size() == kRank) {
      names.push_back(name);
    }
  }
  if (names.size() != 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected one tensor [rows, channels, height, width], found {}{}{}", path, names.size(),
                            names.empty() ? "" : ": ", fmt::join(names, ", ")),
                names.empty() ? "" : "choose the tensor (--column)");
  }
  return tensors.at(names.front());
}

Result<Tensor> read_tensor(const std::string& path, const std::string& tensor_name) {
  auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  const auto bytes = file->bytes();
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kNpyMagic.size()));
  if (head == kNpyMagic) {
    return parse_npy(bytes, file->owner(), path);
  }
  auto parsed = parse_safetensors(bytes, file->owner(), path);
  if (!parsed) {
    Error error = parsed.error();
    error.hint = "--preprocessed takes .npy and .safetensors files";
    return std::unexpected(std::move(error));
  }
  return choose_tensor(parsed->tensors, tensor_name, path);
}

}  // namespace

Result<std::unique_ptr<RecordReader>> open_tensor_rows(const std::string& path, const std::string& tensor_name) {
  auto tensor = read_tensor(path, tensor_name);
  if (!tensor) {
    return std::unexpected(tensor.error());
  }
  const Shape& shape = tensor->shape();
  if (shape.size() != kRank || std::ranges::any_of(shape.begin() + 1, shape.end(), [](auto n) { return n == 0; })) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: expected an array [rows, channels, height, width], found {}", path, shape_to_string(shape)),
        shape.size() == kRank - 1 ? "give one image a first dimension of 1" : "");
  }
  const DType dtype = tensor->dtype();
  if (dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kBF16) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected preprocessed values in f32, f16 or bf16, found {}", path, dtype_name(dtype)),
                dtype == DType::kU8
                    ? "these look like pixels: scale and normalise them as the model wants, or give the "
                      "image files"
                    : "save the array as float32");
  }
  return std::make_unique<TensorRows>(std::move(*tensor), path);
}

}  // namespace asterism
