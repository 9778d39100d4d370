#include "train/table_batches.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "models/tabular.hpp"
#include "train/seeded_random.hpp"

namespace asterism {
namespace {

SeededRandom random_for(std::uint64_t seed, std::int64_t epoch, std::int64_t row, RandomPurpose purpose) {
  return SeededRandom(
      {seed, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(purpose)});
}

Tensor& add_feed(Batch& batch, std::string name, DType dtype, Shape shape) {
  batch.feeds.push_back({std::move(name), Tensor(dtype, std::move(shape))});
  return batch.feeds.back().tensor;
}

// Feeds of a row's cells, to be filled row by row.
struct CellFeeds {
  std::vector<float> numeric;
  std::vector<std::vector<std::int32_t>> ids;
};

// Cell `column` of the categorical ones, or of the numeric ones with what says that it is missing.
void swap_cells(const TableData& data, std::span<const std::int64_t> others, double share, SeededRandom random,
                std::span<float> numeric, std::span<std::int32_t> ids) {
  const auto other = [&] {
    return others[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(others.size())))];
  };
  const auto& columns = data.columns().numeric;
  std::size_t indicator = columns.size();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t says_missing = columns[i].missing ? indicator++ : 0;
    if (random.chance(share)) {
      const auto from = data.numeric_of(other());
      numeric[i] = from[i];
      if (columns[i].missing) {
        numeric[says_missing] = from[says_missing];
      }
    }
  }
  for (std::size_t c = 0; c < ids.size(); ++c) {
    if (random.chance(share)) {
      ids[c] = data.ids_of(other())[c];
    }
  }
}

void add_cells(Batch& batch, const CellFeeds& cells, std::int64_t numeric_size, std::string_view numeric_name,
               std::string (*category_name)(std::size_t)) {
  const auto row_count = static_cast<std::int64_t>(batch.rows.size());
  if (numeric_size > 0) {
    Tensor& numeric = add_feed(batch, std::string(numeric_name), DType::kF32, {row_count, numeric_size});
    std::ranges::copy(cells.numeric, numeric.mutable_as<float>().begin());
  }
  for (std::size_t c = 0; c < cells.ids.size(); ++c) {
    Tensor& ids = add_feed(batch, category_name(c), DType::kI32, {row_count});
    std::ranges::copy(cells.ids[c], ids.mutable_as<std::int32_t>().begin());
  }
}

}  // namespace

TableBatches::TableBatches(const TableData& data, std::vector<std::int64_t> rows, const TableBatchOptions& options)
    : data_(&data), rows_(std::move(rows)), options_(options) {}

std::int64_t TableBatches::batch_count() const noexcept {
  const std::int64_t size = options_.batch_size;
  if (options_.order == BatchOrder::kFixed) {
    return (row_count() + size - 1) / size;
  }
  return rows_.empty() ? 0 : std::max<std::int64_t>(1, row_count() / size);
}

std::shared_ptr<const TableBatches::Order> TableBatches::order_of(std::int64_t epoch) const {
  const std::scoped_lock lock(mutex_);
  if (ordered_epoch_ != epoch) {
    Order order(rows_.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    if (options_.order == BatchOrder::kShuffled) {
      SeededRandom random = random_for(options_.seed, epoch, 0, RandomPurpose::kOrder);
      random.shuffle(order);
    }
    order_ = std::make_shared<const Order>(std::move(order));
    ordered_epoch_ = epoch;
  }
  return order_;
}

Result<Batch> TableBatches::batch(std::int64_t epoch, std::int64_t index) const {
  if (epoch < 0 || index < 0 || index >= batch_count()) {
    return fail(ErrorCode::kInvalidArgument, "a batch that the epoch does not have");
  }
  const std::int64_t order_epoch = options_.order == BatchOrder::kShuffled ? epoch : 0;
  const auto order = order_of(order_epoch);
  const auto begin = static_cast<std::size_t>(index * options_.batch_size);
  const std::size_t count = std::min(static_cast<std::size_t>(options_.batch_size), order->size() - begin);
  return make(std::span(*order).subspan(begin, count), order_epoch);
}

Batch TableBatches::make(std::span<const std::int64_t> positions, std::int64_t epoch) const {
  Batch batch;
  batch.rows.assign(positions.begin(), positions.end());
  const std::int64_t numeric_size = data_->columns().numeric_size();
  CellFeeds cells{.numeric = {}, .ids = std::vector<std::vector<std::int32_t>>(data_->columns().categorical.size())};
  for (const std::int64_t position : positions) {
    const std::int64_t row = rows_[static_cast<std::size_t>(position)];
    const auto given = data_->numeric_of(row);
    const auto given_ids = data_->ids_of(row);
    std::vector<float> numeric(given.begin(), given.end());
    std::vector<std::int32_t> ids(given_ids.begin(), given_ids.end());
    if (!options_.plain && options_.plan.swap_share > 0.0) {
      swap_cells(*data_, rows_, options_.plan.swap_share,
                 random_for(options_.seed, epoch, row, RandomPurpose::kInputNoise), numeric, ids);
    }
    cells.numeric.insert(cells.numeric.end(), numeric.begin(), numeric.end());
    for (std::size_t c = 0; c < ids.size(); ++c) {
      cells.ids[c].push_back(ids[c]);
    }
  }
  add_cells(batch, cells, numeric_size, kNumericInput, category_input);
  if (!options_.plain) {
    add_targets(batch);
  }
  return batch;
}

void TableBatches::add_targets(Batch& batch) const {
  const TableColumns& columns = data_->columns();
  CellFeeds targets{.numeric = {}, .ids = std::vector<std::vector<std::int32_t>>(columns.categorical.size())};
  std::vector<float> weights;
  for (const std::int64_t position : batch.rows) {
    const std::int64_t row = rows_[static_cast<std::size_t>(position)];
    const auto numeric = data_->numeric_of(row);
    targets.numeric.insert(targets.numeric.end(), numeric.begin(), numeric.end());
    // Of a missing number there is nothing to be learnt but that it is missing.
    std::size_t indicator = columns.numeric.size();
    for (const NumericColumn& column : columns.numeric) {
      weights.push_back(column.missing && numeric[indicator++] > 0.5F ? 0.0F : 1.0F);
    }
    weights.insert(weights.end(), numeric.size() - columns.numeric.size(), 1.0F);
    const auto ids = data_->ids_of(row);
    for (std::size_t c = 0; c < ids.size(); ++c) {
      targets.ids[c].push_back(ids[c]);
    }
  }
  const std::int64_t numeric_size = columns.numeric_size();
  add_cells(batch, targets, numeric_size, kTargetFeed, category_target_feed);
  if (numeric_size > 0) {
    Tensor& feed = add_feed(batch, std::string(kTargetWeightsFeed), DType::kF32,
                            {static_cast<std::int64_t>(batch.rows.size()), numeric_size});
    std::ranges::copy(weights, feed.mutable_as<float>().begin());
  }
}

}  // namespace asterism
