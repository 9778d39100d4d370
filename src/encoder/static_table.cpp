#include "encoder/static_table.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "encoder/finite.hpp"

namespace asterism {
namespace {

constexpr std::string_view kModel2VecTable = "embeddings";
constexpr std::string_view kSentenceTransformersTable = "embedding.weight";

Result<void> expect_known(const std::map<std::string, Tensor>& tensors, std::string_view table,
                          std::string_view source) {
  for (const auto& [name, tensor] : tensors) {
    const bool known = name == table || (table == kModel2VecTable && (name == "mapping" || name == "weights"));
    if (!known) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: unknown tensor \"{}\": expected \"{}\"{}", source, name, table,
                              table == kModel2VecTable ? ", \"mapping\" or \"weights\"" : ""));
    }
  }
  return {};
}

// The kernels read rows in place, so the storage must suit the dtype; float64 is narrowed once.
Result<Tensor> readable_table(Tensor table, std::string_view name, std::string_view source) {
  if (table.shape().size() != 2 || table.shape()[0] <= 0 || table.shape()[1] <= 0) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: tensor \"{}\": expected [rows, dim], found {}", source, name,
                                                 shape_to_string(table.shape())));
  }
  if (!all_finite(table)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: tensor \"{}\": expected numbers, found NaN or infinity", source, name),
                "the checkpoint is damaged: fetch it again");
  }
  switch (table.dtype()) {
    case DType::kI8:
      return table;
    case DType::kF64:
      return table.to_f32();
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16: {
      const auto address = reinterpret_cast<std::uintptr_t>(table.bytes().data());
      if (address % dtype_size_bytes(table.dtype()) == 0) {
        return table;
      }
      Tensor aligned(table.dtype(), table.shape());
      std::memcpy(aligned.mutable_as<std::byte>().data(), table.bytes().data(), table.bytes().size());
      return aligned;
    }
    default:
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: tensor \"{}\": expected float32, float16, bfloat16, float64 or int8, found {}",
                              source, name, dtype_name(table.dtype())));
  }
}

std::int64_t integer_at(const Tensor& tensor, std::size_t i) {
  const std::size_t size = dtype_size_bytes(tensor.dtype());
  if (tensor.dtype() == DType::kI32) {
    std::int32_t value = 0;
    std::memcpy(&value, tensor.bytes().data() + i * size, size);
    return value;
  }
  std::int64_t value = 0;
  std::memcpy(&value, tensor.bytes().data() + i * size, size);
  return value;
}

Result<void> expect_per_token(const Tensor& tensor, std::string_view name, std::size_t vocabulary_size,
                              std::string_view source) {
  if (tensor.shape().size() != 1 || tensor.element_count() != vocabulary_size) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"{}\": expected [{}], one value a token of the vocabulary, found {}", source,
                            name, vocabulary_size, shape_to_string(tensor.shape())));
  }
  return {};
}

Result<std::vector<std::uint32_t>> read_mapping(const Tensor& mapping, std::size_t row_count,
                                                std::size_t vocabulary_size, std::string_view source) {
  if (auto sized = expect_per_token(mapping, "mapping", vocabulary_size, source); !sized) {
    return std::unexpected(sized.error());
  }
  if (mapping.dtype() != DType::kI32 && mapping.dtype() != DType::kI64) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: tensor \"mapping\": expected int32 or int64, found {}",
                                                     source, dtype_name(mapping.dtype())));
  }
  std::vector<std::uint32_t> rows(vocabulary_size);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t row = integer_at(mapping, i);
    if (row < 0 || static_cast<std::uint64_t>(row) >= row_count) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: tensor \"mapping\": token {}: expected a row below {}, found {}", source, i,
                              row_count, row));
    }
    rows[i] = static_cast<std::uint32_t>(row);
  }
  return rows;
}

Result<std::vector<float>> read_weights(const Tensor& weights, std::size_t vocabulary_size, std::string_view source) {
  if (auto sized = expect_per_token(weights, "weights", vocabulary_size, source); !sized) {
    return std::unexpected(sized.error());
  }
  const DType dtype = weights.dtype();
  if (dtype != DType::kF64 && dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kBF16) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: tensor \"weights\": expected floating point, found {}", source, dtype_name(dtype)));
  }
  if (!all_finite(weights)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: tensor \"weights\": expected numbers, found NaN or infinity", source));
  }
  const Tensor wide = weights.to_f32();
  const auto values = wide.as<float>();
  return std::vector<float>(values.begin(), values.end());
}

}  // namespace

StaticTableView StaticTable::view() const noexcept {
  return {.dtype = rows.dtype(),
          .data = rows.bytes().data(),
          .row_count = static_cast<std::size_t>(rows.shape()[0]),
          .dim = dim()};
}

Result<StaticTable> make_static_table(std::map<std::string, Tensor> tensors, std::size_t vocabulary_size,
                                      std::string_view source) {
  StaticTable out;
  out.model2vec = tensors.contains(std::string(kModel2VecTable));
  const std::string name(out.model2vec ? kModel2VecTable : kSentenceTransformersTable);
  if (!tensors.contains(name)) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected a tensor \"{}\" or \"{}\", found neither", source,
                                                  kModel2VecTable, kSentenceTransformersTable));
  }
  if (auto known = expect_known(tensors, name, source); !known) {
    return std::unexpected(known.error());
  }
  auto rows = readable_table(tensors.at(name), name, source);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  out.rows = *std::move(rows);
  const auto row_count = static_cast<std::size_t>(out.rows.shape()[0]);
  if (const auto it = tensors.find("mapping"); it != tensors.end()) {
    auto mapping = read_mapping(it->second, row_count, vocabulary_size, source);
    if (!mapping) {
      return std::unexpected(mapping.error());
    }
    out.row_of_token = *std::move(mapping);
  } else if (row_count != vocabulary_size && (out.model2vec || row_count < vocabulary_size)) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"{}\": expected {} rows, one a token of the vocabulary, found {}", source,
                            name, vocabulary_size, row_count));
  }
  if (const auto it = tensors.find("weights"); it != tensors.end()) {
    auto weights = read_weights(it->second, vocabulary_size, source);
    if (!weights) {
      return std::unexpected(weights.error());
    }
    out.weight_of_token = *std::move(weights);
  }
  return out;
}

}  // namespace asterism
