#include "train/picture_batches.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "train/patch_masks.hpp"
#include "train/picture_augment.hpp"
#include "train/seeded_random.hpp"

namespace asterism {
namespace {

constexpr double kPatchEpsilon = 1e-6;

std::uint64_t bits(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

SeededRandom random_for(std::uint64_t seed, std::int64_t epoch, std::int64_t row, RandomPurpose purpose,
                        std::int64_t part = 0) {
  return SeededRandom({seed, bits(epoch), bits(row), static_cast<std::uint64_t>(purpose), bits(part)});
}

// One batch on the way from rows to feeds.
class BatchMaker {
 public:
  BatchMaker(const PictureStore& store, const PictureBatchOptions& options, std::int64_t epoch)
      : store_(store), options_(options), plan_(options.plan), epoch_(epoch) {}

  // `positions` are what Batch::rows will name, `rows` the rows of the index behind them.
  Result<Batch> make(std::span<const std::int64_t> positions, std::span<const std::int64_t> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto image = store_.read(rows[i]);
      if (image) {
        batch_.rows.push_back(positions[i]);
        rows_.push_back(rows[i]);
        images_.push_back(*image);
      } else {
        ++batch_.skipped_count;
      }
    }
    if (rows_.empty()) {
      return std::move(batch_);
    }
    if (auto ok = add_pictures(); !ok) {
      return std::unexpected(ok.error());
    }
    if (!options_.plain) {
      add_labels();
      add_noise();
      add_masks();
      add_teacher();
    }
    return std::move(batch_);
  }

 private:
  std::int64_t count() const { return static_cast<std::int64_t>(rows_.size()); }
  std::int64_t view_count() const { return options_.plain ? 1 : plan_.view_count; }
  std::size_t plane_size() const { return static_cast<std::size_t>(plan_.height * plan_.width); }
  std::size_t picture_size() const { return plane_size() * static_cast<std::size_t>(plan_.channel_count); }

  Tensor& add_feed(std::string_view name, DType dtype, Shape shape) {
    batch_.feeds.push_back({std::string(name), Tensor(dtype, std::move(shape))});
    return batch_.feeds.back().tensor;
  }
  Tensor& add_picture_feed(std::string_view name) {
    return add_feed(name, DType::kF32, {view_count() * count(), plan_.channel_count, plan_.height, plan_.width});
  }

  bool is_augmented() const { return !options_.plain && options_.order == BatchOrder::kShuffled; }

  // Which of the teacher's views of a row this epoch shows.
  std::int64_t teacher_view_of(std::int64_t row) const {
    if (!is_augmented()) {
      return 0;
    }
    SeededRandom random = random_for(options_.seed, epoch_, row, RandomPurpose::kView, 1);
    return random.below(options_.teacher->views().view_count);
  }

  // Channels of `planes` as the network has them, in [0, 1].
  void write_unit(const PicturePlanes& planes, std::span<float> out) const {
    if (plan_.channel_count == 3) {
      std::ranges::copy(planes.values, out.begin());
      return;
    }
    constexpr std::array<float, 3> kLuma{0.299F, 0.587F, 0.114F};  // ITU-R 601-2, as Pillow's "L"
    const std::size_t size = plane_size();
    for (std::size_t i = 0; i < size; ++i) {
      out[i] =
          kLuma[0] * planes.values[i] + kLuma[1] * planes.values[size + i] + kLuma[2] * planes.values[2 * size + i];
    }
  }

  // A view of a picture in [0, 1], before noise.
  Result<void> write_view(std::size_t i, std::int64_t view, std::span<float> out) {
    const ImageSize size{plan_.width, plan_.height};
    SeededRandom random = random_for(options_.seed, epoch_, rows_[i], RandomPurpose::kView, 2 * view);
    static constexpr AugmentationRecipe kNone{};
    const AugmentationRecipe& recipe = is_augmented() ? options_.augmentation : kNone;
    Result<Image> placed = Image{};
    if (plan_.teacher_vectors && options_.teacher != nullptr) {
      auto seen = teacher_view(*images_[i], rows_[i], teacher_view_of(rows_[i]), options_.teacher->views());
      placed = seen ? augment_geometry(*seen, size, kNone, random) : std::unexpected(seen.error());
    } else {
      placed = augment_geometry(*images_[i], size, recipe, random);
    }
    if (!placed) {
      return std::unexpected(placed.error());
    }
    write_unit(augment_colours(*placed, recipe, plan_.mean, random), out);
    return {};
  }

  void spoil(std::span<float> values, SeededRandom random) const {
    const auto level = plan_.input_noise_level;
    if (plan_.input_noise == InputNoise::kGaussian) {
      for (float& value : values) {
        value += static_cast<float>(level * random.normal());
      }
      return;
    }
    const std::size_t size = plane_size();
    for (std::size_t i = 0; i < size; ++i) {
      if (random.chance(level)) {
        for (std::size_t c = 0; c < static_cast<std::size_t>(plan_.channel_count); ++c) {
          values[c * size + i] = 0.0F;
        }
      }
    }
  }

  void normalize(std::span<float> values) const {
    for (std::size_t c = 0; c < static_cast<std::size_t>(plan_.channel_count); ++c) {
      const auto mean = static_cast<float>(plan_.mean[c]);
      const auto std = static_cast<float>(plan_.std[c]);
      for (float& value : values.subspan(c * plane_size(), plane_size())) {
        value = (value - mean) / std;
      }
    }
  }

  Result<void> add_plain_pictures(std::span<float> out) {
    const ImagePreprocess settings = plain_preprocess(plan_);
    PreprocessScratch scratch;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      auto ok = preprocess_image_into(*images_[i], settings, out.subspan(i * picture_size(), picture_size()), scratch);
      if (!ok) {
        return ok;
      }
    }
    return {};
  }

  Result<void> add_pictures() {
    // The tensors share their memory with these copies, so that a later feed may move the vector of feeds.
    Tensor input = add_picture_feed(kImageInput);
    const auto values = input.mutable_as<float>();
    if (options_.plain) {
      return add_plain_pictures(values);
    }
    std::optional<Tensor> target;
    if (plan_.target) {
      target = add_picture_feed(kTargetFeed);
    }
    for (std::int64_t view = 0; view < view_count(); ++view) {
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        const std::size_t place = (static_cast<std::size_t>(view) * rows_.size() + i) * picture_size();
        const auto picture = values.subspan(place, picture_size());
        if (auto ok = write_view(i, view, picture); !ok) {
          return ok;
        }
        if (target) {
          std::ranges::copy(picture, target->mutable_as<float>().begin() + static_cast<std::ptrdiff_t>(place));
        }
        if (plan_.input_noise != InputNoise::kNone) {
          spoil(picture, random_for(options_.seed, epoch_, rows_[i], RandomPurpose::kInputNoise, view));
        }
        normalize(picture);
      }
    }
    if (plan_.patches) {
      add_patches(values);
    }
    return {};
  }

  // Pixels of each patch in the order of transformers' ViTMAEForPreTraining.patchify: row, column, channel.
  void add_patches(std::span<const float> pictures) {
    const std::int64_t side = plan_.patch_size;
    const std::int64_t columns = plan_.width / side;
    const std::int64_t patch_count = plan_.height / side * columns;
    const std::int64_t value_count = side * side * plan_.channel_count;
    Tensor feed = add_feed(kPatchesFeed, DType::kF32, {count(), patch_count, value_count});
    auto out = feed.mutable_as<float>();
    for (std::int64_t i = 0; i < count(); ++i) {
      const auto picture = pictures.subspan(static_cast<std::size_t>(i) * picture_size(), picture_size());
      for (std::int64_t patch = 0; patch < patch_count; ++patch) {
        const auto values = out.subspan(static_cast<std::size_t>((i * patch_count + patch) * value_count),
                                        static_cast<std::size_t>(value_count));
        std::size_t next = 0;
        for (std::int64_t y = patch / columns * side; y < (patch / columns + 1) * side; ++y) {
          for (std::int64_t x = patch % columns * side; x < (patch % columns + 1) * side; ++x) {
            for (std::int64_t c = 0; c < plan_.channel_count; ++c) {
              values[next++] = picture[static_cast<std::size_t>((c * plan_.height + y) * plan_.width + x)];
            }
          }
        }
        if (plan_.normalize_patches) {
          normalize_patch(values);
        }
      }
    }
  }

  static void normalize_patch(std::span<float> values) {
    const auto size = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / size;
    double square = 0.0;
    for (const float value : values) {
      square += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
    }
    const double scale = 1.0 / std::sqrt(square / std::max(1.0, size - 1.0) + kPatchEpsilon);
    for (float& value : values) {
      value = static_cast<float>((static_cast<double>(value) - mean) * scale);
    }
  }

  std::int32_t label_of(std::size_t i) const { return store_.index().rows[static_cast<std::size_t>(rows_[i])].label; }

  void add_labels() {
    if (!plan_.labels) {
      return;
    }
    Tensor labels = add_feed(kLabelsFeed, DType::kI32, {view_count() * count()});
    auto out = labels.mutable_as<std::int32_t>();
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = label_of(i % rows_.size());
    }
    if (plan_.mixup_alpha > 0.0) {
      mix_up();
    }
  }

  // Each picture with another of the batch: Zhang et al. 2018. Where nothing is learnt, every share is 1.
  void mix_up() {
    std::vector<std::int64_t> partners(rows_.size());
    std::iota(partners.begin(), partners.end(), 0);
    SeededRandom random = random_for(options_.seed, epoch_, rows_.front(), RandomPurpose::kMixup);
    Tensor others = add_feed(kOtherLabelsFeed, DType::kI32, {count()});
    Tensor shares = add_feed(kShareFeed, DType::kF32, {count()});
    if (is_augmented()) {
      random.shuffle(partners);
    }
    Tensor& input = batch_.feeds.front().tensor;
    const std::vector<float> before(input.as<float>().begin(), input.as<float>().end());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto partner = static_cast<std::size_t>(partners[i]);
      const float share = is_augmented() ? static_cast<float>(random.beta(plan_.mixup_alpha)) : 1.0F;
      others.mutable_as<std::int32_t>()[i] = label_of(partner);
      shares.mutable_as<float>()[i] = share;
      for (std::size_t k = 0; k < picture_size(); ++k) {
        input.mutable_as<float>()[i * picture_size() + k] =
            share * before[i * picture_size() + k] + (1.0F - share) * before[partner * picture_size() + k];
      }
    }
  }

  void add_noise() {
    if (plan_.noise_dim == 0) {
      return;
    }
    Tensor noise = add_feed(kNoiseFeed, DType::kF32, {view_count() * count(), plan_.noise_dim});
    auto out = noise.mutable_as<float>();
    const auto dim = static_cast<std::size_t>(plan_.noise_dim);
    for (std::size_t i = 0; i * dim < out.size(); ++i) {
      SeededRandom random = random_for(options_.seed, epoch_, rows_[i % rows_.size()], RandomPurpose::kNoise,
                                       static_cast<std::int64_t>(i / rows_.size()));
      for (float& value : out.subspan(i * dim, dim)) {
        value = static_cast<float>(random.normal());
      }
    }
  }

  void add_masks() {
    if (plan_.patch_size == 0 || plan_.hidden_count == 0) {
      return;
    }
    const PatchGrid grid{plan_.height / plan_.patch_size, plan_.width / plan_.patch_size};
    const std::int64_t patch_count = grid.height * grid.width;
    const std::int64_t kept_count = patch_count - plan_.hidden_count;
    Tensor keep = add_feed(kIdsKeepInput, DType::kI32, {count(), kept_count});
    Tensor restore = add_feed(kIdsRestoreFeed, DType::kI32, {count(), patch_count});
    Tensor mask = add_feed(kMaskFeed, DType::kF32, {count(), patch_count});
    Tensor mask_ids = add_feed(kMaskIdsFeed, DType::kI32, {count(), patch_count});
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      SeededRandom random = random_for(options_.seed, epoch_, rows_[i], RandomPurpose::kMask);
      const auto hidden = hidden_patches(grid, plan_.hidden_count, plan_.masking, random);
      std::vector<std::int64_t> kept;
      const std::size_t begin = i * static_cast<std::size_t>(patch_count);
      for (std::int64_t patch = 0; patch < patch_count; ++patch) {
        const bool is_hidden = hidden[static_cast<std::size_t>(patch)];
        const std::size_t place = begin + static_cast<std::size_t>(patch);
        mask.mutable_as<float>()[place] = is_hidden ? 1.0F : 0.0F;
        mask_ids.mutable_as<std::int32_t>()[place] = static_cast<std::int32_t>(is_hidden ? patch_count : patch);
        restore.mutable_as<std::int32_t>()[place] = static_cast<std::int32_t>(kept_count);
        if (!is_hidden) {
          kept.push_back(patch);
        }
      }
      random.shuffle(kept);
      for (std::size_t k = 0; k < kept.size(); ++k) {
        keep.mutable_as<std::int32_t>()[i * kept.size() + k] = static_cast<std::int32_t>(kept[k]);
        restore.mutable_as<std::int32_t>()[begin + static_cast<std::size_t>(kept[k])] = static_cast<std::int32_t>(k);
      }
    }
  }

  void add_teacher() {
    if (!plan_.teacher_vectors || options_.teacher == nullptr) {
      return;
    }
    Tensor vectors = add_feed(kTeacherVectorsFeed, DType::kF32, {count(), options_.teacher->dim()});
    auto out = vectors.mutable_as<float>();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto vector = options_.teacher->vector(rows_[i], teacher_view_of(rows_[i]));
      std::ranges::copy(vector, out.begin() + static_cast<std::ptrdiff_t>(i * vector.size()));
    }
  }

  const PictureStore& store_;
  const PictureBatchOptions& options_;
  const PictureFeedPlan& plan_;
  std::int64_t epoch_;
  Batch batch_;
  std::vector<std::int64_t> rows_;
  std::vector<std::shared_ptr<const Image>> images_;
};

}  // namespace

ImagePreprocess plain_preprocess(const PictureFeedPlan& plan) {
  ImagePreprocess settings;
  settings.resize = ResizeMode::kExact;
  settings.resize_width = plan.width;
  settings.resize_height = plan.height;
  settings.interpolation = Interpolation::kBilinear;
  settings.channels = plan.channel_count == 1 ? ChannelOrder::kGrey : ChannelOrder::kRgb;
  for (std::size_t c = 0; c < plan.mean.size(); ++c) {
    settings.mean[c] = static_cast<float>(plan.mean[c]);
    settings.std[c] = static_cast<float>(plan.std[c]);
  }
  return settings;
}

PictureBatches::PictureBatches(const PictureStore& store, std::vector<std::int64_t> rows, PictureBatchOptions options)
    : store_(&store), rows_(std::move(rows)), options_(std::move(options)) {
  const std::int64_t size = options_.batch_size;
  if (options_.order == BatchOrder::kFixed) {
    batch_count_ = (row_count() + size - 1) / size;
  } else {
    const auto ordered = static_cast<std::int64_t>(order_of(0)->size());
    batch_count_ = ordered == 0 ? 0 : std::max<std::int64_t>(1, ordered / size);
  }
}

PictureBatches::Order PictureBatches::free_order(std::int64_t epoch) const {
  Order order(rows_.size());
  std::iota(order.begin(), order.end(), 0);
  SeededRandom random = random_for(options_.seed, epoch, 0, RandomPurpose::kOrder);
  random.shuffle(order);
  return order;
}

// Groups of rows of one label, the groups in random order. Rows that fill no group wait for another epoch; every label
// has the same number of groups in all epochs, so that epochs have one length.
PictureBatches::Order PictureBatches::order_by_label(std::int64_t epoch) const {
  std::map<std::int32_t, Order> by_label;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::int32_t label = store_->index().rows[static_cast<std::size_t>(rows_[i])].label;
    if (label >= 0) {
      by_label[label].push_back(static_cast<std::int64_t>(i));
    }
  }
  const auto group_size = static_cast<std::size_t>(options_.plan.rows_per_label);
  std::vector<Order> groups;
  for (auto& [label, positions] : by_label) {
    SeededRandom random = random_for(options_.seed, epoch, label, RandomPurpose::kLabelOrder);
    random.shuffle(positions);
    for (std::size_t begin = 0; begin + group_size <= positions.size(); begin += group_size) {
      const auto first = positions.begin() + static_cast<std::ptrdiff_t>(begin);
      groups.emplace_back(first, first + static_cast<std::ptrdiff_t>(group_size));
    }
  }
  SeededRandom random = random_for(options_.seed, epoch, -1, RandomPurpose::kLabelOrder);
  random.shuffle(groups);
  Order order;
  for (const Order& group : groups) {
    order.insert(order.end(), group.begin(), group.end());
  }
  return order;
}

std::shared_ptr<const PictureBatches::Order> PictureBatches::order_of(std::int64_t epoch) const {
  const std::scoped_lock lock(mutex_);
  if (ordered_epoch_ != epoch) {
    order_ = std::make_shared<const Order>(options_.plan.rows_per_label > 0 && !options_.plain ? order_by_label(epoch)
                                                                                               : free_order(epoch));
    ordered_epoch_ = epoch;
  }
  return order_;
}

Result<Batch> PictureBatches::batch(std::int64_t epoch, std::int64_t index) const {
  if (epoch < 0 || index < 0 || index >= batch_count_) {
    return fail(ErrorCode::kInvalidArgument, "a batch that the epoch does not have");
  }
  const bool is_fixed = options_.order == BatchOrder::kFixed;
  const auto order = is_fixed ? nullptr : order_of(epoch);
  const std::int64_t end = is_fixed ? row_count() : static_cast<std::int64_t>(order->size());
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> rows;
  for (std::int64_t i = index * options_.batch_size; i < std::min(end, (index + 1) * options_.batch_size); ++i) {
    positions.push_back(is_fixed ? i : (*order)[static_cast<std::size_t>(i)]);
    rows.push_back(row(positions.back()));
  }
  return BatchMaker(*store_, options_, is_fixed ? 0 : epoch).make(positions, rows);
}

}  // namespace asterism
