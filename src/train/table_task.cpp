// What a run works on when it learns from rows of a table (task.hpp).
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/thread_pool.hpp"
#include "models/tabular.hpp"
#include "train/batches_ahead.hpp"
#include "train/table_batches.hpp"
#include "train/table_data.hpp"
#include "train/task.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kPlainBatchSize = 1000;
constexpr std::array<Split, 3> kSplits{Split::kTrain, Split::kValidation, Split::kTest};

// Of the largest of a row of logits.
std::int32_t largest_of(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
}

class TableTask final : public TrainingTask {
 public:
  explicit TableTask(const Recipe& recipe) : recipe_(recipe) {}

  Result<void> prepare() {
    auto data = read_table_data(recipe_, {});
    if (!data) {
      return std::unexpected(data.error());
    }
    data_ = *std::move(data);
    auto network = build_table_network(recipe_, data_.columns());
    if (!network) {
      return std::unexpected(network.error());
    }
    network_ = *std::move(network);
    for (const Split split : kSplits) {
      for (const std::int64_t row : data_.rows(split)) {
        if (!data_.labels.empty()) {
          labels_[static_cast<std::size_t>(split)].push_back(data_.labels[static_cast<std::size_t>(row)]);
        }
      }
    }
    raw_.emplace(data_.columns(), OneHotScale::kNone);
    make_sources();
    return {};
  }

  const TrainingNetwork& network() const noexcept override { return network_; }
  const DataReport& data() const noexcept override { return data_.report; }
  const BatchSource& training() const noexcept override { return *ahead_; }
  const BatchSource& held_out() const noexcept override { return *held_out_; }
  const BatchSource& plain(Split split) const noexcept override { return *plain_[static_cast<std::size_t>(split)]; }
  const std::vector<std::int32_t>& labels(Split split) const noexcept override {
    return labels_[static_cast<std::size_t>(split)];
  }
  Result<std::string> thumbnail(Split /*split*/, std::int64_t /*row*/, std::int64_t /*edge*/) const override {
    return std::string();
  }
  Result<std::vector<float>> raw_vector(Split split, std::int64_t row) const override {
    const std::int64_t place = row_of(split, row);
    std::vector<float> out(raw_->dim());
    raw_->write(data_.numeric_of(place), data_.ids_of(place), out);
    return out;
  }
  Cells row_cells(Split split, std::int64_t row) const override {
    const std::int64_t place = row_of(split, row);
    return named(data_.numeric_of(place), data_.ids_of(place));
  }

  Result<std::vector<Reconstructed>> reconstructed_rows(Learner& learner, Split split,
                                                        std::int64_t count) const override {
    std::vector<Reconstructed> out;
    const BatchSource& source = plain(split);
    const std::int64_t shown = std::min(count, source.row_count());
    for (std::int64_t n = 0; n < shown; ++n) {
      const std::int64_t row = n * source.row_count() / shown;
      const auto batch = source.batch(0, row / kPlainBatchSize);
      auto cells = batch ? reconstruct(learner, *batch, static_cast<std::size_t>(row % kPlainBatchSize))
                         : std::unexpected(batch.error());
      if (!cells) {
        return std::unexpected(cells.error());
      }
      out.push_back({.row = row, .cells = *std::move(cells)});
    }
    return out;
  }

  Result<void> write_model(const ParameterMap& parameters, const std::optional<VectorProjection>& projection,
                           const std::filesystem::path& folder) const override {
    return write_table_model(recipe_, data_.columns(), parameters, projection, folder);
  }

 private:
  std::int64_t row_of(Split split, std::int64_t row) const { return data_.rows(split)[static_cast<std::size_t>(row)]; }

  Cells named(std::span<const float> numeric, std::span<const std::int32_t> ids) const {
    const std::vector<std::string> names = data_.columns().names();
    const std::vector<std::string> texts = data_.coder.decode(numeric, ids);
    Cells cells;
    for (std::size_t i = 0; i < names.size(); ++i) {
      cells.emplace_back(names[i], texts[i]);
    }
    return cells;
  }

  // Row `i` of a batch as the network writes it: numbers, and the likeliest value of each categorical column.
  Result<Cells> reconstruct(Learner& learner, const Batch& batch, std::size_t i) const {
    const TableColumns& columns = data_.columns();
    const bool has_numeric = columns.numeric_size() > 0;
    std::vector<std::string> outputs;
    if (has_numeric) {
      outputs.emplace_back(kNumericReconstruction);
    }
    for (std::size_t c = 0; c < columns.categorical.size(); ++c) {
      outputs.push_back(category_reconstruction(c));
    }
    const auto made = learner.run(kTrainGraph, batch.feeds, outputs, WeightsOf::kTrained);
    if (!made) {
      return std::unexpected(made.error());
    }
    const auto row_of_output = [&](std::size_t o) {
      const Tensor& tensor = (*made)[o];
      const auto size = static_cast<std::size_t>(tensor.shape().back());
      return tensor.as<float>().subspan(i * size, size);
    };
    const std::span<const float> numeric = has_numeric ? row_of_output(0) : std::span<const float>();
    std::vector<std::int32_t> ids;
    for (std::size_t c = 0; c < columns.categorical.size(); ++c) {
      ids.push_back(largest_of(row_of_output(c + (has_numeric ? 1 : 0))));
    }
    return named(numeric, ids);
  }

  void make_sources() {
    TableBatchOptions options;
    options.plan = network_.table;
    options.batch_size = recipe_.training.batch_size;
    options.seed = recipe_.training.seed;
    training_ = std::make_unique<TableBatches>(data_, data_.rows(Split::kTrain), options);
    const std::size_t worker_count = recipe_.training.worker_count;
    ahead_ = std::make_unique<BatchesAhead>(*training_, worker_count > 0 ? worker_count : available_processor_count());
    options.order = BatchOrder::kFixed;
    held_out_ = std::make_unique<TableBatches>(data_, data_.rows(Split::kValidation), options);
    options.plain = true;
    options.batch_size = kPlainBatchSize;
    for (const Split split : kSplits) {
      plain_[static_cast<std::size_t>(split)] = std::make_unique<TableBatches>(data_, data_.rows(split), options);
    }
  }

  Recipe recipe_;
  TableData data_;
  std::optional<ColumnVectors> raw_;
  TrainingNetwork network_;
  std::array<std::vector<std::int32_t>, 3> labels_;
  std::unique_ptr<TableBatches> training_;
  std::unique_ptr<BatchesAhead> ahead_;
  std::unique_ptr<TableBatches> held_out_;
  std::array<std::unique_ptr<TableBatches>, 3> plain_;
};

}  // namespace

Result<std::unique_ptr<TrainingTask>> make_table_task(const Recipe& recipe) {
  auto task = std::make_unique<TableTask>(recipe);
  if (auto ok = task->prepare(); !ok) {
    return std::unexpected(ok.error());
  }
  return task;
}

}  // namespace asterism
