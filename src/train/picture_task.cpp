// What a run works on when it learns from pictures (task.hpp).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/thread_pool.hpp"
#include "image/thumbnail.hpp"
#include "train/batches_ahead.hpp"
#include "train/picture_batches.hpp"
#include "train/picture_copies.hpp"
#include "train/picture_digests.hpp"
#include "train/task.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kPlainBatchSize = 100;
// Of the raw pixels that vectors are compared with: a probe on more features than this tells nothing new and takes
// long.
constexpr std::int64_t kRawPictureSide = 32;
// Pixels of small data sets are kept even where the recipe does not ask for it.
constexpr std::int64_t kCacheSizeBytesDefault = 256'000'000;
constexpr std::array<Split, 3> kSplits{Split::kTrain, Split::kValidation, Split::kTest};

class PictureTask final : public TrainingTask {
 public:
  explicit PictureTask(const Recipe& recipe) : recipe_(recipe) {}

  Result<void> prepare(const std::filesystem::path& cache, const TaskWatch& watch) {
    auto index = read_picture_index(recipe_);
    auto evaluated = index && !recipe_.evaluation.inputs.empty() ? read_evaluated_index(recipe_)
                                                                 : Result<PictureIndex>(PictureIndex{});
    if (!index || !evaluated) {
      return std::unexpected(index ? evaluated.error() : index.error());
    }
    index_ = *std::move(index);
    if (!recipe_.evaluation.inputs.empty()) {
      evaluated_begin_ = append_evaluated(index_, *std::move(evaluated));
    }
    report_.digests = digests_of(index_, recipe_.file.parent_path());
    const std::int64_t cache_size = recipe_.data.cache_size_bytes;
    store_ = std::make_unique<PictureStore>(index_, cache_size > 0 ? cache_size : kCacheSizeBytesDefault);
    divide();
    if (auto ok = find_a_picture(); !ok) {
      return ok;
    }
    if (auto ok = summarise(); !ok) {
      return ok;
    }
    if (recipe_.objective.kind == RecipeKind::kDistillation) {
      if (auto ok = ask_teacher(cache, watch); !ok) {
        return ok;
      }
    }
    auto network = build_picture_network(recipe_, summary_);
    if (!network) {
      return std::unexpected(network.error());
    }
    network_ = *std::move(network);
    make_sources();
    return {};
  }

  const TrainingNetwork& network() const noexcept override { return network_; }
  const DataReport& data() const noexcept override {
    const auto broken = store_->broken();
    report_.skipped_count = index_.missing_count;
    report_.skipped = index_.missing;
    for (const auto& [row, why] : broken) {
      report_.skip(why.message);
    }
    report_.warnings = index_.warnings;
    warn_of_unreadable_classes(broken);
    return report_;
  }
  const BatchSource& training() const noexcept override { return *ahead_; }
  const BatchSource& held_out() const noexcept override { return *held_out_; }
  const BatchSource& learnt() const noexcept override { return learnt_ ? *learnt_ : plain(Split::kTrain); }
  const BatchSource& plain(Split split) const noexcept override { return *plain_[static_cast<std::size_t>(split)]; }
  const std::vector<std::int32_t>& labels(Split split) const noexcept override {
    return labels_[static_cast<std::size_t>(split)];
  }

  Result<std::string> thumbnail(Split split, std::int64_t row, std::int64_t edge) const override {
    const auto image = store_->read(row_of(split, row));
    if (!image) {
      return std::unexpected(image.error());
    }
    return encode_thumbnail(**image, edge);
  }

  Result<std::vector<float>> raw_vector(Split split, std::int64_t row) const override {
    const auto image = store_->read(row_of(split, row));
    if (!image) {
      return std::unexpected(image.error());
    }
    PictureFeedPlan small = network_.feeds;
    small.height = std::min(small.height, kRawPictureSide);
    small.width = std::min(small.width, kRawPictureSide);
    const auto pixels = preprocess_image(**image, plain_preprocess(small));
    if (!pixels) {
      return std::unexpected(pixels.error());
    }
    const auto values = pixels->as<float>();
    return std::vector<float>(values.begin(), values.end());
  }

  Result<void> write_model(const ParameterMap& parameters, const std::optional<VectorProjection>& projection,
                           const std::filesystem::path& folder) const override {
    return write_picture_model(recipe_, summary_, parameters, projection, folder);
  }

 private:
  std::vector<std::int64_t>& rows(Split split) { return rows_[static_cast<std::size_t>(split)]; }
  bool is_evaluated(std::int64_t row) const { return evaluated_begin_ && row >= *evaluated_begin_; }
  // Rows of a split of what is evaluated: those of [evaluation], or else of [data].
  const std::vector<std::int64_t>& evaluated_rows(Split split) const {
    return (evaluated_begin_ ? evaluated_rows_ : rows_)[static_cast<std::size_t>(split)];
  }
  std::int64_t row_of(Split split, std::int64_t row) const {
    return evaluated_rows(split)[static_cast<std::size_t>(row)];
  }

  // Rows of each split, without those that are copies of held-out rows.
  void divide() {
    std::vector<PictureCopy> copies = copies_across_splits(index_);
    // What is only compared with may be what is learnt from.
    std::erase_if(copies,
                  [&](const PictureCopy& copy) { return is_evaluated(copy.row) && !is_evaluated(copy.original); });
    report_.copy_count = static_cast<std::int64_t>(copies.size());
    std::vector<bool> is_copy(index_.rows.size(), false);
    for (const PictureCopy& copy : copies) {
      is_copy[static_cast<std::size_t>(copy.row)] = true;
      if (report_.copies.size() < kSkippedNamesMax) {
        report_.copies.push_back(fmt::format("{}: same as {}", index_.rows[static_cast<std::size_t>(copy.row)].name,
                                             index_.rows[static_cast<std::size_t>(copy.original)].name));
      }
    }
    for (std::size_t i = 0; i < index_.rows.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      if (!is_copy[i]) {
        auto& splits = is_evaluated(row) ? evaluated_rows_ : rows_;
        splits[static_cast<std::size_t>(index_.rows[i].split)].push_back(row);
      }
    }
  }

  // Classes that have pictures to learn from, none of which can be read, as far as they have been.
  void warn_of_unreadable_classes(const std::map<std::int64_t, Error>& broken) const {
    std::vector<std::int64_t> counts(report_.classes.size(), 0);
    for (const auto& [row, why] : broken) {
      const PictureRow& of = index_.rows[static_cast<std::size_t>(row)];
      if (of.label >= 0 && of.split == Split::kTrain && !is_evaluated(row)) {
        ++counts[static_cast<std::size_t>(of.label)];
      }
    }
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const DataReport::Class& of_class = report_.classes[i];
      if (counts[i] > 0 && counts[i] == of_class.train_count) {
        report_.warnings.push_back(
            fmt::format("class '{}': none of its {} pictures to learn from can be read", of_class.name, counts[i]));
      }
    }
  }

  // Broken pictures are skipped, but a run in which nothing can be read is a mistake that must not take hours to show.
  Result<void> find_a_picture() const {
    const std::vector<std::int64_t>& train = rows_[static_cast<std::size_t>(Split::kTrain)];
    std::optional<Error> first;
    for (const std::int64_t row : train) {
      const auto image = store_->read(row);
      if (image) {
        return {};
      }
      first = first ? first : image.error();
    }
    if (!first) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: expected rows to learn from, found none: {} rows are held out, {} are copies of these",
                      recipe_.file.string(), index_.rows.size() - static_cast<std::size_t>(report_.copy_count),
                      report_.copy_count),
          "change validation_share, test_share or split_seed in [data], or give more pictures");
    }
    return fail(first->code,
                fmt::format("{}: none of {} pictures to learn from can be read; the first: {}", recipe_.file.string(),
                            train.size(), first->message),
                first->hint);
  }

  Result<void> summarise() {
    const bool apart = evaluated_begin_.has_value();
    // Of rows that have no labels of their own to learn from, only the evaluated ones have classes.
    summary_.class_names = apart ? std::vector<std::string>{} : index_.class_names;
    count(rows_, summary_.class_names, report_);
    if (apart) {
      count(evaluated_rows_, index_.class_names, report_.evaluated.emplace());
    }
    for (const Split split : kSplits) {
      if (!index_.class_names.empty()) {
        for (const std::int64_t row : evaluated_rows(split)) {
          labels_[static_cast<std::size_t>(split)].push_back(index_.rows[static_cast<std::size_t>(row)].label);
        }
      }
    }
    for (const DataReport::Class& of_class : report_.classes) {
      summary_.class_counts.push_back(of_class.train_count);
    }
    return learns_from_labels(recipe_.objective.kind) ? check_classes() : Result<void>{};
  }

  // Rows of each split and class into `counts`, a DataReport or its `evaluated`.
  template <typename Counts>
  void count(const std::array<std::vector<std::int64_t>, 3>& splits, const std::vector<std::string>& class_names,
             Counts& counts) const {
    for (const std::string& name : class_names) {
      counts.classes.push_back({.name = name});
    }
    for (const Split split : kSplits) {
      const auto& rows = splits[static_cast<std::size_t>(split)];
      count_of(counts, split) = static_cast<std::int64_t>(rows.size());
      for (const std::int64_t row : rows) {
        const std::int32_t label = index_.rows[static_cast<std::size_t>(row)].label;
        if (label >= 0) {
          ++count_of(counts.classes[static_cast<std::size_t>(label)], split);
        }
      }
    }
  }

  Result<void> check_classes() const {
    if (index_.class_names.size() < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: kind \"{}\" needs pictures of at least two classes, found {}", recipe_.file.string(),
                              recipe_kind_name(recipe_.objective.kind),
                              index_.class_names.empty() ? "none" : "only '" + index_.class_names.front() + "'"),
                  "a folder for each class, or label_column, label_pattern or labels_file in [data]");
    }
    for (const DataReport::Class& of_class : report_.classes) {
      if (of_class.train_count == 0) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{}: class '{}' has no picture to learn from: all {} are held out or copies of those",
                                recipe_.file.string(), of_class.name, of_class.validation_count + of_class.test_count),
                    "add pictures of it, or change validation_share, test_share or split_seed");
      }
    }
    return {};
  }

  Result<void> ask_teacher(const std::filesystem::path& cache, const TaskWatch& watch) {
    const Json& settings = recipe_.objective.settings;
    TeacherVectors::Request request;
    const auto teacher = json_get<std::string>(settings, "teacher", recipe_.file.string());
    const auto view_count = json_find<std::int64_t>(settings, "teacher_view_count", recipe_.file.string());
    if (!teacher || !view_count) {
      return std::unexpected(teacher ? view_count.error() : teacher.error());
    }
    request.teacher = *teacher;
    request.folder = cache;
    request.thread_count = recipe_.training.thread_count;
    request.views = {view_count->value_or(TeacherViewOptions{}.view_count), recipe_.augmentation,
                     recipe_.training.seed};
    constexpr std::int64_t kViewCountMax = 1000;
    if (request.views.view_count < 1 || request.views.view_count > kViewCountMax) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("objective.teacher_view_count: expected 1 to {}, found {}",
                                                           kViewCountMax, request.views.view_count));
    }
    std::vector<std::int64_t> asked = rows(Split::kTrain);
    asked.insert(asked.end(), rows(Split::kValidation).begin(), rows(Split::kValidation).end());
    auto vectors = TeacherVectors::make(*store_, asked, request, watch);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    teacher_ = *std::move(vectors);
    summary_.teacher_dim = teacher_->dim();
    return {};
  }

  void make_sources() {
    PictureBatchOptions options;
    options.plan = network_.feeds;
    options.augmentation = recipe_.augmentation;
    options.batch_size = recipe_.training.batch_size;
    options.seed = recipe_.training.seed;
    options.teacher = teacher_ ? &*teacher_ : nullptr;
    training_ = std::make_unique<PictureBatches>(*store_, rows(Split::kTrain), options);
    const std::size_t worker_count = recipe_.training.worker_count;
    ahead_ = std::make_unique<BatchesAhead>(*training_, worker_count > 0 ? worker_count : available_processor_count());
    options.order = BatchOrder::kFixed;
    held_out_ = std::make_unique<PictureBatches>(*store_, rows(Split::kValidation), options);
    options.plain = true;
    options.batch_size = kPlainBatchSize;
    for (const Split split : kSplits) {
      plain_[static_cast<std::size_t>(split)] =
          std::make_unique<PictureBatches>(*store_, evaluated_rows(split), options);
    }
    if (evaluated_begin_) {
      learnt_ = std::make_unique<PictureBatches>(*store_, rows(Split::kTrain), options);
    }
  }

  Recipe recipe_;
  PictureIndex index_;
  std::unique_ptr<PictureStore> store_;
  std::optional<std::int64_t> evaluated_begin_;              // of the rows of [evaluation] in the index
  std::array<std::vector<std::int64_t>, 3> rows_;            // of [data]
  std::array<std::vector<std::int64_t>, 3> evaluated_rows_;  // of [evaluation]
  std::array<std::vector<std::int32_t>, 3> labels_;
  DataSummary summary_;
  mutable DataReport report_;
  std::optional<TeacherVectors> teacher_;
  TrainingNetwork network_;
  std::unique_ptr<PictureBatches> training_;
  std::unique_ptr<BatchesAhead> ahead_;
  std::unique_ptr<PictureBatches> held_out_;
  std::array<std::unique_ptr<PictureBatches>, 3> plain_;
  std::unique_ptr<PictureBatches> learnt_;  // where that is not plain_ of the training split
};

}  // namespace

Result<std::unique_ptr<TrainingTask>> make_picture_task(const Recipe& recipe, const std::filesystem::path& cache,
                                                        const TaskWatch& watch) {
  auto task = std::make_unique<PictureTask>(recipe);
  if (auto ok = task->prepare(cache, watch); !ok) {
    return std::unexpected(ok.error());
  }
  return task;
}

}  // namespace asterism
