#include "dataset/vector_writer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <iterator>
#include <string>
#include <utility>

#include "base/file.hpp"
#include "base/system_error.hpp"
#include "dataset/json_text.hpp"
#include "weights/npy.hpp"
#include "weights/safetensors_writer.hpp"

namespace asterism {
namespace {

// The values of one output, cut out of whole rows.
class OutputCutter {
 public:
  std::span<const float> cut(std::span<const float> values, std::size_t dim, const EmbeddingOutput& output) {
    if (output.size == dim) {
      return values;
    }
    cut_.clear();
    for (std::size_t begin = output.offset; begin < values.size(); begin += dim) {
      const auto part = values.subspan(begin, output.size);
      cut_.insert(cut_.end(), part.begin(), part.end());
    }
    return cut_;
  }

 private:
  std::vector<float> cut_;
};

class NpyVectorWriter final : public VectorWriter {
 public:
  NpyVectorWriter(NpyRowsWriter file, const VectorWriterOptions& options)
      : file_(std::move(file)), dim_(options.dim), output_(options.outputs.front()) {}
  Result<void> append(std::span<const RowOutcome> /*rows*/, std::span<const float> values) override {
    return file_.append(cutter_.cut(values, dim_, output_));
  }
  Result<void> commit() override { return file_.commit(); }

 private:
  NpyRowsWriter file_;
  std::size_t dim_;
  EmbeddingOutput output_;
  OutputCutter cutter_;
};

class SafetensorsVectorWriter final : public VectorWriter {
 public:
  SafetensorsVectorWriter(SafetensorsRowsWriter file, const VectorWriterOptions& options)
      : file_(std::move(file)), dim_(options.dim), outputs_(options.outputs) {}
  Result<void> append(std::span<const RowOutcome> /*rows*/, std::span<const float> values) override {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (auto written = file_.append(i, cutter_.cut(values, dim_, outputs_[i])); !written) {
        return written;
      }
    }
    return {};
  }
  Result<void> commit() override { return file_.commit(); }

 private:
  SafetensorsRowsWriter file_;
  std::size_t dim_;
  std::vector<EmbeddingOutput> outputs_;
  OutputCutter cutter_;
};

class JsonlVectorWriter : public VectorWriter {
 public:
  explicit JsonlVectorWriter(const VectorWriterOptions& options)
      : dim_(options.dim), row_(options.row_first), outputs_(options.outputs) {}

  Result<void> append(std::span<const RowOutcome> rows, std::span<const float> values) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      text_.clear();
      append_row(rows[i], values.subspan(i * dim_, dim_));
      if (auto written = write(text_); !written) {
        return written;
      }
    }
    return flush();
  }

 protected:
  virtual Result<void> write(std::string_view text) = 0;
  virtual Result<void> flush() { return {}; }

 private:
  void append_row(const RowOutcome& row, std::span<const float> values) {
    fmt::format_to(std::back_inserter(text_), "{{\"row\":{},", row_++);
    append_json_place(text_, row.source, row.line, row.id);
    text_ += outputs_.size() > 1 ? ",\"embeddings\":" : ",\"embedding\":";
    if (row.error) {
      text_ += "null,\"error\":";
      append_json_error(text_, *row.error);
    } else {
      append_values(values);
    }
    text_ += "}\n";
  }

  void append_values(std::span<const float> values) {
    if (outputs_.size() == 1) {
      append_json_array(text_, values.subspan(outputs_[0].offset, outputs_[0].size), outputs_[0].shape);
      return;
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      text_ += i == 0 ? '{' : ',';
      append_json_string(text_, outputs_[i].name);
      text_ += ':';
      append_json_array(text_, values.subspan(outputs_[i].offset, outputs_[i].size), outputs_[i].shape);
    }
    text_ += '}';
  }

  std::size_t dim_;
  std::uint64_t row_;
  std::vector<EmbeddingOutput> outputs_;
  std::string text_;
};

class JsonlFileWriter final : public JsonlVectorWriter {
 public:
  JsonlFileWriter(AtomicFile file, const VectorWriterOptions& options)
      : JsonlVectorWriter(options), file_(std::move(file)) {}
  Result<void> commit() override { return file_.commit(); }

 private:
  Result<void> write(std::string_view text) override { return file_.write(text); }
  AtomicFile file_;
};

class JsonlStreamWriter final : public JsonlVectorWriter {
 public:
  JsonlStreamWriter(int descriptor, const VectorWriterOptions& options)
      : JsonlVectorWriter(options), descriptor_(descriptor) {}
  Result<void> commit() override { return flush(); }

 private:
  Result<void> write(std::string_view text) override {
    pending_ += text;
    return {};
  }

  Result<void> flush() override {
    std::string_view rest = pending_;
    while (!rest.empty()) {
      const ssize_t n = ::write(descriptor_, rest.data(), rest.size());
      if (n < 0 && errno != EINTR) {
        return system_failure("stdout: cannot write", errno);
      }
      rest.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    pending_.clear();
    return {};
  }

  int descriptor_;
  std::string pending_;
};

Result<std::unique_ptr<VectorWriter>> create_npy_writer(const std::filesystem::path& path,
                                                        const VectorWriterOptions& options) {
  if (options.outputs.size() != 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected one output in a .npy file, found {}", path.string(), options.outputs.size()));
  }
  auto file = NpyRowsWriter::create(path, options.outputs.front().shape);
  if (!file) {
    return std::unexpected(file.error());
  }
  return std::make_unique<NpyVectorWriter>(std::move(*file), options);
}

Result<std::unique_ptr<VectorWriter>> create_safetensors_writer(const std::filesystem::path& path,
                                                                const VectorWriterOptions& options) {
  std::vector<RowsTensor> tensors;
  for (const EmbeddingOutput& output : options.outputs) {
    tensors.push_back({options.outputs.size() == 1 ? std::string(kEmbeddingsTensorName) : output.name, output.shape});
  }
  auto file = SafetensorsRowsWriter::create(path, std::move(tensors));
  if (!file) {
    return std::unexpected(file.error());
  }
  return std::make_unique<SafetensorsVectorWriter>(std::move(*file), options);
}

VectorWriterOptions with_outputs(VectorWriterOptions options) {
  if (options.outputs.empty()) {
    options.outputs.push_back({.name = std::string(kEmbeddingsTensorName),
                               .shape = {static_cast<std::int64_t>(options.dim)},
                               .offset = 0,
                               .size = options.dim});
  }
  return options;
}

Result<void> check_outputs(const std::filesystem::path& path, const VectorWriterOptions& options) {
  for (const EmbeddingOutput& output : options.outputs) {
    const auto count = shape_element_count(output.shape);
    if (!count || *count != output.size || output.size == 0 || output.offset > options.dim ||
        output.size > options.dim - output.offset) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: output {}: expected {} of {} values at {}, found a row of {}", path.string(),
                              output.name, shape_to_string(output.shape), output.size, output.offset, options.dim));
    }
  }
  return {};
}

}  // namespace

Result<VectorFormat> vector_format_of(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".npy") {
    return VectorFormat::kNpy;
  }
  if (extension == ".jsonl" || extension == ".ndjson") {
    return VectorFormat::kJsonl;
  }
  if (extension == ".safetensors") {
    return VectorFormat::kSafetensors;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected an output that ends in .npy, .jsonl or .safetensors, found \"{}\"",
                          path.string(), extension),
              "change the name, or choose the format");
}

Result<std::unique_ptr<VectorWriter>> create_vector_writer(const std::filesystem::path& path,
                                                           const VectorWriterOptions& options) {
  VectorFormat format = options.format;
  if (format == VectorFormat::kAuto) {
    auto found = vector_format_of(path);
    if (!found) {
      return std::unexpected(found.error());
    }
    format = *found;
  }
  const VectorWriterOptions whole = with_outputs(options);
  if (auto checked = check_outputs(path, whole); !checked) {
    return std::unexpected(checked.error());
  }
  if (format == VectorFormat::kNpy) {
    return create_npy_writer(path, whole);
  }
  if (format == VectorFormat::kSafetensors) {
    return create_safetensors_writer(path, whole);
  }
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return std::make_unique<JsonlFileWriter>(std::move(*file), whole);
}

std::unique_ptr<VectorWriter> make_stream_vector_writer(int descriptor, const VectorWriterOptions& options) {
  return std::make_unique<JsonlStreamWriter>(descriptor, with_outputs(options));
}

}  // namespace asterism
