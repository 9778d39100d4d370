// The two parts of a fusion, and both together as an encoder of table rows.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/file.hpp"
#include "encoder/fusion_model.hpp"
#include "encoder/table_encoder.hpp"
#include "image/decode.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// Contents that are encoded together: pictures are held in memory as they are on disk.
constexpr std::size_t kImageBatchCount = 64;
constexpr std::size_t kTextBatchCount = 1024;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Of the encoder of contents: what a fusion was fitted on is the model's own vector.
EncoderOptions inner_options(const EncoderOptions& options) {
  EncoderOptions inner;
  inner.precision = options.precision;
  inner.thread_count = options.thread_count;
  inner.batch_invariant = options.batch_invariant;
  return inner;
}

class FusionEncoder final : public Encoder::Impl {
 public:
  FusionEncoder(EncoderInfo info, FusionModel model, FusionParts parts)
      : model_(std::move(model)), parts_(std::move(parts)) {
    info_ = std::move(info);
  }

  Result<Embeddings> encode_records(std::span<const Record> records) const override {
    auto parts = parts_.encode(records);
    if (!parts) {
      return std::unexpected(parts.error());
    }
    Embeddings out{.row_count = records.size(), .dim = info_.dim, .values = fuse(model_, *parts), .reports = {}};
    out.reports.resize(records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      out.reports[i].error = std::move(parts->errors[i]);
    }
    return out;
  }

 private:
  FusionModel model_;
  FusionParts parts_;
};

Result<void> check_options(const fs::path& folder, const EncoderOptions& options) {
  if (!options.layers.empty() || !options.pooling.empty() || options.dim != 0 || options.normalize) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected no layer, pooling, dim or normalising: a fused vector is both parts, scaled",
                            folder.string()),
                "leave --layer, --pool, --dim and --normalize out");
  }
  return {};
}

Result<void> check_dims(const FusionModel& model, const FusionParts& parts, const fs::path& folder) {
  const std::size_t content = model.content.centre.size();
  const std::size_t columns = model.columns.centre.size();
  if (content == parts.content_dim() && columns == parts.columns_dim()) {
    return {};
  }
  return fail(
      ErrorCode::kMismatch,
      fmt::format("{}: expected vectors of {} numbers from the encoder {} and {} from the columns, found {} "
                  "and {}",
                  folder.string(), content, model.settings.encoder, columns, parts.content_dim(), parts.columns_dim()),
      "the encoder is another one than when this was trained: train again");
}

}  // namespace

Result<FusionParts> FusionParts::load(const FusionSettings& settings, const EncoderOptions& options) {
  FusionParts parts;
  auto content = Encoder::load(settings.encoder, inner_options(options));
  if (!content) {
    return std::unexpected(content.error());
  }
  const EncoderInfo& info = content->info();
  if (!(settings.content_is_file ? info.takes_images : info.takes_texts)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("encoder \"{}\": expected a model of {}, found one of {}", settings.encoder,
                            settings.content_is_file ? "images" : "texts",
                            info.takes_records  ? "rows of a table"
                            : info.takes_images ? "images"
                                                : "texts"),
                settings.content_is_file ? "name a model of images, or a text_column" : "name a model of texts");
  }
  parts.content_is_file_ = settings.content_is_file;
  parts.content_ = *std::move(content);
  if (settings.columns_model.empty()) {
    parts.coder_.emplace(settings.columns);
    parts.column_vectors_.emplace(settings.columns, OneHotScale::kEqualColumns);
    parts.columns_dim_ = parts.column_vectors_->dim();
    return parts;
  }
  auto columns = make_table_encoder(settings.columns_model, inner_options(options));
  if (!columns) {
    return std::unexpected(columns.error());
  }
  parts.columns_model_ = *std::move(columns);
  parts.columns_dim_ = parts.columns_model_->info().dim;
  return parts;
}

Result<FusionParts::Vectors> FusionParts::encode(std::span<const Record> records) const {
  Vectors out;
  out.errors.resize(records.size());
  out.content.assign(records.size() * content_dim(), kNaN);
  out.columns.assign(records.size() * columns_dim(), kNaN);
  if (auto ok = encode_columns(records, out); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = encode_contents(records, out); !ok) {
    return std::unexpected(ok.error());
  }
  return out;
}

Result<void> FusionParts::encode_columns(std::span<const Record> records, Vectors& out) const {
  std::vector<Record> cells;
  for (const Record& record : records) {
    cells.emplace_back(record.begin(), record.empty() ? record.end() : record.end() - 1);
  }
  if (columns_model_ != nullptr) {
    auto made = columns_model_->encode_records(cells);
    if (!made) {
      return std::unexpected(made.error());
    }
    out.columns = std::move(made->values);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out.errors[i] = std::move(made->reports[i].error);
    }
    return {};
  }
  const TableColumns& columns = coder_->columns();
  const std::size_t cell_count = columns.numeric.size() + columns.categorical.size();
  std::vector<float> numeric(static_cast<std::size_t>(columns.numeric_size()));
  std::vector<std::int32_t> ids(columns.categorical.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    auto coded = cells[i].size() == cell_count
                     ? coder_->encode(cells[i], numeric, ids)
                     : fail(ErrorCode::kInvalidArgument,
                            fmt::format("a record: expected {} cells, found {}", cell_count + 1, records[i].size()));
    if (!coded) {
      out.errors[i] = coded.error();
      continue;
    }
    column_vectors_->write(numeric, ids, std::span(out.columns).subspan(i * columns_dim_, columns_dim_));
  }
  return {};
}

Result<void> FusionParts::encode_contents(std::span<const Record> records, Vectors& out) const {
  const std::size_t batch_count = content_is_file_ ? kImageBatchCount : kTextBatchCount;
  for (std::size_t begin = 0; begin < records.size(); begin += batch_count) {
    std::vector<std::size_t> rows;
    std::vector<std::string> bytes;
    for (std::size_t i = begin; i < std::min(records.size(), begin + batch_count); ++i) {
      if (out.errors[i]) {
        continue;
      }
      const auto& cell = records[i].back();
      if (!cell || cell->empty()) {
        out.errors[i] = Error{
            ErrorCode::kNotFound,
            fmt::format("expected a {} to encode, found an empty cell", content_is_file_ ? "picture's file" : "text"),
            ""};
        continue;
      }
      auto read = content_is_file_ ? read_file(*cell, kImageFileSizeBytesMax) : Result<std::string>(*cell);
      if (!read) {
        out.errors[i] = read.error();
        continue;
      }
      rows.push_back(i);
      bytes.push_back(*std::move(read));
    }
    if (rows.empty()) {
      continue;
    }
    const std::vector<std::string_view> views(bytes.begin(), bytes.end());
    auto made = content_is_file_ ? content_->encode_images(views) : content_->encode(views);
    if (!made) {
      return std::unexpected(made.error());
    }
    for (std::size_t k = 0; k < rows.size(); ++k) {
      std::ranges::copy(made->row(k), out.content.begin() + static_cast<std::ptrdiff_t>(rows[k] * content_dim()));
      out.errors[rows[k]] = std::move(made->reports[k].error);
    }
  }
  return {};
}

Result<std::unique_ptr<Encoder::Impl>> make_fusion_encoder(const fs::path& folder, const EncoderOptions& options) {
  if (auto ok = check_options(folder, options); !ok) {
    return std::unexpected(ok.error());
  }
  auto model = read_fusion_model(folder);
  if (!model) {
    return std::unexpected(model.error());
  }
  auto parts = FusionParts::load(model->settings, options);
  if (!parts) {
    return std::unexpected(parts.error());
  }
  if (auto ok = check_dims(*model, *parts, folder); !ok) {
    return std::unexpected(ok.error());
  }
  EncoderInfo info;
  info.family = info.architecture = "fusion";
  info.dialect = "asterism";
  info.folder = folder.string();
  info.takes_records = true;
  info.columns = model->settings.record_columns();
  info.pooling = "none";
  info.precision = parts->encoder().precision;
  info.dim = parts->content_dim() + parts->columns_dim();
  info.modules = {fmt::format("Encoder({})", model->settings.encoder),
                  fmt::format("Columns({})", fmt::join(model->settings.columns.names(), ", "))};
  info.warnings = parts->encoder().warnings;
  return std::make_unique<FusionEncoder>(std::move(info), *std::move(model), *std::move(parts));
}

}  // namespace asterism
