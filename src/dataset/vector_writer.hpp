// Vectors to a file or to stdout, behind one interface.
//
// Ownership: a writer owns its file. A file appears under its name only at commit(); without it, nothing is left.
// Thread-safety: one thread per writer. Cost: one write buffer of memory, whatever the number of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row.hpp"

namespace asterism {

// npy: one array [rows, ...] of float32. safetensors: the same as the tensor "embeddings", or a tensor an output under
// its name. jsonl: one object a row: {"row", "source", "line" and "id" if any, "embedding": [...] or null, "error" if
// any}, lists within lists for rows of several dimensions; "embeddings": {NAME: [...]} where there are several outputs.
enum class VectorFormat : std::uint8_t { kAuto, kNpy, kJsonl, kSafetensors };

// By the extension of `path`, whose letter case does not matter; kInvalidArgument for any other.
Result<VectorFormat> vector_format_of(const std::filesystem::path& path);

class VectorWriter {
 public:
  virtual ~VectorWriter() = default;
  // `values` holds one vector a row: [rows, dim], of which the writer takes its outputs. A row with an error holds NaN.
  virtual Result<void> append(std::span<const RowOutcome> rows, std::span<const float> values) = 0;
  virtual Result<void> commit() = 0;
};

struct VectorWriterOptions {
  VectorFormat format = VectorFormat::kAuto;
  std::size_t dim = 0;
  std::uint64_t row_first = 0;  // number of the first row that will be appended
  // What is written of a row; empty = all of it, as one array of shape [dim]. A .npy file takes one output.
  std::vector<EmbeddingOutput> outputs = {};
};

Result<std::unique_ptr<VectorWriter>> create_vector_writer(const std::filesystem::path& path,
                                                           const VectorWriterOptions& options);

// jsonl on a descriptor that stays the caller's (stdout); every append() is written at once.
std::unique_ptr<VectorWriter> make_stream_vector_writer(int descriptor, const VectorWriterOptions& options);

}  // namespace asterism
