#include "scheduler/model_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace asterism {
namespace {

// Bytes of a token, about: of texts that go to the model as they are, since it does not show its tokens.
constexpr std::size_t kTokenSizeBytes = 4;
constexpr std::size_t kSpecialTokenCount = 2;

std::vector<std::vector<std::uint32_t>> tokens_of(std::span<const std::string_view> rows) {
  std::vector<std::vector<std::uint32_t>> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out[i].resize(rows[i].size() / sizeof(std::uint32_t));
    std::ranges::copy(std::as_bytes(std::span(rows[i])), std::as_writable_bytes(std::span(out[i])).begin());
  }
  return out;
}

Result<std::vector<RowVector>> split(Result<Embeddings> vectors) {
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  std::vector<RowVector> out(vectors->row_count);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].report = std::move(vectors->reports[i]);
    if (!out[i].report.error) {
      const auto row = vectors->row(i);
      out[i].values.assign(row.begin(), row.end());
    }
  }
  return out;
}

Result<std::vector<RowVector>> split(Result<TokenEmbeddings> tokens) {
  if (!tokens) {
    return std::unexpected(tokens.error());
  }
  std::vector<RowVector> out;
  std::span<const float> rest = tokens->values;
  for (const std::size_t count : tokens->token_counts) {
    const auto row = rest.first(count * tokens->dim);
    rest = rest.subspan(row.size());
    out.push_back({.values = {row.begin(), row.end()},
                   .report = {.token_count_given = static_cast<std::uint32_t>(count),
                              .token_count_used = static_cast<std::uint32_t>(count)}});
  }
  return out;
}

std::string_view name_of(RowKind kind) noexcept {
  return kind == RowKind::kText ? "text" : kind == RowKind::kTokens ? "tokens" : "image";
}

class ModelRows final : public RowEncoder {
 public:
  ModelRows(std::shared_ptr<const LoadedModel> model, RowKind kind, const BatchBudget& budget)
      : model_(std::move(model)),
        kind_(kind),
        budget_(budget),
        identity_(std::string(name_of(kind)) + "\n" + model_->identity) {}

  Result<std::vector<RowVector>> encode(std::span<const std::string_view> rows) const override {
    switch (kind_) {
      case RowKind::kText:
        return split(model_->encoder.encode(rows));
      case RowKind::kTokens:
        return model_->pooled ? split(model_->encoder.encode_tokens(tokens_of(rows)))
                              : split(model_->encoder.encode_each_token(tokens_of(rows)));
      case RowKind::kImage:
        break;
    }
    return split(model_->encoder.encode_images(rows));
  }
  const std::string& identity() const override { return identity_; }
  std::size_t cost(std::string_view row) const override {
    const EncoderInfo& info = model_->encoder.info();
    if (kind_ == RowKind::kImage) {
      return static_cast<std::size_t>(std::max<std::int64_t>(1, info.image_shape[1] * info.image_shape[2]));
    }
    if (kind_ == RowKind::kTokens) {
      return row.size() / sizeof(std::uint32_t);
    }
    const std::size_t count = row.size() / kTokenSizeBytes + kSpecialTokenCount;
    return info.token_count_max == 0 ? count : std::min(count, info.token_count_max);
  }
  std::size_t batch_cost_max() const override {
    return kind_ == RowKind::kImage ? budget_.pixel_count : budget_.token_count;
  }
  bool immediate() const override { return kind_ != RowKind::kImage && model_->encoder.info().family == "static"; }

 private:
  std::shared_ptr<const LoadedModel> model_;
  RowKind kind_;
  BatchBudget budget_;
  std::string identity_;
};

}  // namespace

std::string row_of_tokens(std::span<const std::uint32_t> ids) {
  const auto bytes = std::as_bytes(ids);
  std::string row(bytes.size(), '\0');
  std::ranges::transform(bytes, row.begin(), [](std::byte byte) { return static_cast<char>(byte); });
  return row;
}

std::shared_ptr<const RowEncoder> model_rows(std::shared_ptr<const LoadedModel> model, RowKind kind,
                                             const BatchBudget& budget) {
  return std::make_shared<ModelRows>(std::move(model), kind, budget);
}

}  // namespace asterism
