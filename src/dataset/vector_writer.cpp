#include "dataset/vector_writer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "base/file.hpp"
#include "dataset/json_text.hpp"
#include "weights/npy.hpp"
#include "weights/safetensors_writer.hpp"

namespace asterism {
namespace {

// NpyMatrixWriter and SafetensorsMatrixWriter have one form; neither needs to know what a row is.
template <typename Matrix>
class MatrixVectorWriter final : public VectorWriter {
 public:
  explicit MatrixVectorWriter(Matrix matrix) : matrix_(std::move(matrix)) {}
  Result<void> append(std::span<const RowOutcome> /*rows*/, std::span<const float> values) override {
    return matrix_.append(values);
  }
  Result<void> commit() override { return matrix_.commit(); }

 private:
  Matrix matrix_;
};

class JsonlVectorWriter : public VectorWriter {
 public:
  explicit JsonlVectorWriter(const VectorWriterOptions& options) : dim_(options.dim), row_(options.row_first) {}

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
    fmt::format_to(std::back_inserter(text_), "{{\"row\":{},\"source\":", row_++);
    append_json_string(text_, row.source);
    fmt::format_to(std::back_inserter(text_), ",\"line\":{}", row.line);
    if (!row.id.empty()) {
      text_ += ",\"id\":";
      append_json_string(text_, row.id);
    }
    text_ += ",\"embedding\":";
    if (row.error) {
      text_ += "null,\"error\":";
      append_json_error(text_, *row.error);
    } else {
      append_json_floats(text_, values);
    }
    text_ += "}\n";
  }

  std::size_t dim_;
  std::uint64_t row_;
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
        return fail(ErrorCode::kIo, fmt::format("stdout: cannot write: {}", std::strerror(errno)));
      }
      rest.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    pending_.clear();
    return {};
  }

  int descriptor_;
  std::string pending_;
};

template <typename Matrix>
Result<std::unique_ptr<VectorWriter>> create_matrix_writer(const std::filesystem::path& path, std::size_t dim) {
  auto matrix = Matrix::create(path, static_cast<std::int64_t>(dim));
  if (!matrix) {
    return std::unexpected(matrix.error());
  }
  return std::make_unique<MatrixVectorWriter<Matrix>>(std::move(*matrix));
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
  if (format == VectorFormat::kNpy) {
    return create_matrix_writer<NpyMatrixWriter>(path, options.dim);
  }
  if (format == VectorFormat::kSafetensors) {
    return create_matrix_writer<SafetensorsMatrixWriter>(path, options.dim);
  }
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return std::make_unique<JsonlFileWriter>(std::move(*file), options);
}

std::unique_ptr<VectorWriter> make_stream_vector_writer(int descriptor, const VectorWriterOptions& options) {
  return std::make_unique<JsonlStreamWriter>(descriptor, options);
}

}  // namespace asterism
