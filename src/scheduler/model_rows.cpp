#include "scheduler/model_rows.hpp"

#include <algorithm>
#include <utility>

namespace asterism {
namespace {

// Bytes of a token, about: a budget needs no more, since batches run packed and are cut by real tokens inside.
constexpr std::size_t kTokenSizeBytes = 4;
constexpr std::size_t kSpecialTokenCount = 2;

class ModelRows final : public RowEncoder {
 public:
  ModelRows(std::shared_ptr<const LoadedModel> model, RowKind kind, const BatchBudget& budget)
      : model_(std::move(model)),
        kind_(kind),
        budget_(budget),
        identity_((kind == RowKind::kText ? "text\n" : "image\n") + model_->identity) {}

  Result<Embeddings> encode(std::span<const std::string_view> rows) const override {
    return kind_ == RowKind::kText ? model_->encoder.encode(rows) : model_->encoder.encode_images(rows);
  }
  const std::string& identity() const override { return identity_; }
  std::size_t cost(std::string_view row) const override {
    const EncoderInfo& info = model_->encoder.info();
    if (kind_ == RowKind::kImage) {
      return static_cast<std::size_t>(std::max<std::int64_t>(1, info.image_shape[1] * info.image_shape[2]));
    }
    const std::size_t count = row.size() / kTokenSizeBytes + kSpecialTokenCount;
    return info.token_count_max == 0 ? count : std::min(count, info.token_count_max);
  }
  std::size_t batch_cost_max() const override {
    return kind_ == RowKind::kText ? budget_.token_count : budget_.pixel_count;
  }
  bool immediate() const override { return kind_ == RowKind::kText && model_->encoder.info().family == "static"; }

 private:
  std::shared_ptr<const LoadedModel> model_;
  RowKind kind_;
  BatchBudget budget_;
  std::string identity_;
};

}  // namespace

std::shared_ptr<const RowEncoder> model_rows(std::shared_ptr<const LoadedModel> model, RowKind kind,
                                             const BatchBudget& budget) {
  return std::make_shared<ModelRows>(std::move(model), kind, budget);
}

}  // namespace asterism
