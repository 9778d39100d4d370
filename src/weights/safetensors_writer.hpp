// A safetensors file of float32 tensors whose common row count is known only at the end.
//
// The header is written with spaces in reserve (the format allows them behind the JSON) and patched at commit(), so the
// rows of the first tensor go straight to the file; those of the others wait in temporary files, since the format wants
// each tensor in one piece. Ownership: the writer owns its files; without commit() nothing appears. Thread-safety: one
// thread. Cost: memory is one write buffer, whatever the number of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/file.hpp"
#include "base/spool_file.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Name of the tensor in a file of one.
inline constexpr std::string_view kEmbeddingsTensorName = "embeddings";

// A tensor [rows, row_shape...]; a row has at least one value.
struct RowsTensor {
  std::string name;
  Shape row_shape;
};

class SafetensorsRowsWriter {
 public:
  // `tensors` are one or more, of different names. `metadata` goes into the header as it is.
  static Result<SafetensorsRowsWriter> create(const std::filesystem::path& path, std::vector<RowsTensor> tensors,
                                              const std::map<std::string, std::string>& metadata = {});
  // `rows` holds whole rows of the tensor at `index`.
  Result<void> append(std::size_t index, std::span<const float> rows);
  // kInvalidArgument when the tensors have different numbers of rows.
  Result<void> commit();
  std::int64_t row_count() const noexcept { return parts_.front().row_count; }

 private:
  struct Part {
    RowsTensor tensor;
    std::size_t row_size = 0;  // values in a row
    std::int64_t row_count = 0;
  };

  SafetensorsRowsWriter(AtomicFile file, std::vector<Part> parts, std::map<std::string, std::string> metadata,
                        std::size_t header_size_bytes)
      : file_(std::move(file)),
        parts_(std::move(parts)),
        metadata_(std::move(metadata)),
        header_size_bytes_(header_size_bytes) {}

  AtomicFile file_;
  std::vector<Part> parts_;
  std::vector<SpoolFile> spools_;  // of all parts but the first
  std::map<std::string, std::string> metadata_;
  std::size_t header_size_bytes_ = 0;
};

}  // namespace asterism
