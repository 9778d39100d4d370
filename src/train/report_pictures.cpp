#include "train/report_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "asterism/neighbors.hpp"
#include "base/html.hpp"
#include "image/jpeg_encode.hpp"
#include "train/evaluation.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kEdge = 96;
constexpr std::size_t kQueryCount = 8;
constexpr std::size_t kNeighbourCount = 8;
constexpr int kQuality = 90;

std::string picture_tag(const std::string& jpeg, std::string_view caption) {
  return fmt::format(R"(<figure><img src="data:image/jpeg;base64,{}" alt="{}"><figcaption>{}</figcaption></figure>)",
                     base64(jpeg), escape_html(caption), escape_html(caption));
}

std::string label_name(const TrainingTask& task, Split split, std::int64_t row) {
  const auto& labels = task.labels(split);
  const std::int32_t label = labels.empty() ? -1 : labels[static_cast<std::size_t>(row)];
  return label < 0 ? std::string() : task.data().label_classes()[static_cast<std::size_t>(label)].name;
}

// A row without a picture: its cells as text.
std::string cells_tag(const TrainingTask::Cells& cells, std::string_view caption) {
  std::string out = "<figure class=\"cells\">";
  for (const auto& [column, cell] : cells) {
    out += fmt::format("{}: {}<br>", escape_html(column), escape_html(cell));
  }
  return out + fmt::format("<figcaption>{}</figcaption></figure>", escape_html(caption));
}

Result<std::string> thumbnail_tag(const TrainingTask& task, Split split, std::int64_t row, std::string_view more) {
  if (const auto cells = task.row_cells(split, row); !cells.empty()) {
    return cells_tag(cells, fmt::format("{} {}", label_name(task, split, row), more));
  }
  const auto jpeg = task.thumbnail(split, row, kEdge);
  if (!jpeg) {
    return std::unexpected(jpeg.error());
  }
  return picture_tag(*jpeg, fmt::format("{} {}", label_name(task, split, row), more));
}

// A picture [channels, height, width] in [0, 1].
Image image_of(std::span<const float> values, const PictureFeedPlan& plan) {
  Image out{plan.width, plan.height, std::vector<std::uint8_t>(static_cast<std::size_t>(plan.width * plan.height * 3))};
  const auto size = static_cast<std::size_t>(plan.width * plan.height);
  for (std::size_t i = 0; i < out.pixels.size(); ++i) {
    const std::size_t channel = plan.channel_count == 1 ? 0 : i % 3;
    const float value = std::clamp(values[channel * size + i / 3], 0.0F, 1.0F);
    out.pixels[i] = static_cast<std::uint8_t>(std::lround(255.0F * value));
  }
  return out;
}

std::span<const float> feed_values(const Batch& batch, std::string_view name) {
  const auto found = std::ranges::find(batch.feeds, name, &Feed::name);
  return found == batch.feeds.end() ? std::span<const float>{} : found->tensor.as<float>();
}

// The input in [0, 1].
std::vector<float> seen_picture(const Batch& batch, std::size_t i, const PictureFeedPlan& plan) {
  const auto plane = static_cast<std::size_t>(plan.width * plan.height);
  const std::size_t size = plane * static_cast<std::size_t>(plan.channel_count);
  const auto input = feed_values(batch, kImageInput).subspan(i * size, size);
  std::vector<float> out(size);
  for (std::size_t k = 0; k < size; ++k) {
    const std::size_t c = k / plane;
    out[k] = input[k] * static_cast<float>(plan.std[c]) + static_cast<float>(plan.mean[c]);
  }
  return out;
}

struct PatchPlace {
  std::int64_t patch = 0;
  std::int64_t count = 0;  // of patches
  std::int64_t value_count = 0;
};

// Where value `v` of a patch is in a picture [channels, height, width].
std::size_t pixel_of(const PatchPlace& place, std::int64_t v, const PictureFeedPlan& plan) {
  const std::int64_t side = plan.patch_size;
  const std::int64_t columns = plan.width / side;
  const std::int64_t pixel = v / plan.channel_count;
  const std::int64_t x = place.patch % columns * side + pixel % side;
  const std::int64_t y = place.patch / columns * side + pixel / side;
  return static_cast<std::size_t>((v % plan.channel_count * plan.height + y) * plan.width + x);
}

// What is predicted of one hidden patch, in [0, 1]. Of normalised pixels, which say nothing of brightness and contrast,
// these are the patch's own: as He et al. 2022 show them.
void draw_patch(std::vector<float>& picture, const PatchPlace& place, const PictureFeedPlan& plan,
                std::span<const float> predicted) {
  double sum = 0.0;
  double square = 0.0;
  for (std::int64_t v = 0; v < place.value_count; ++v) {
    const auto value = static_cast<double>(picture[pixel_of(place, v, plan)]);
    sum += value;
    square += value * value;
  }
  const double mean = sum / static_cast<double>(place.value_count);
  const double deviation = std::sqrt(std::max(0.0, square / static_cast<double>(place.value_count) - mean * mean));
  for (std::int64_t v = 0; v < place.value_count; ++v) {
    const auto channel = static_cast<std::size_t>(v % plan.channel_count);
    const auto value = static_cast<double>(predicted[static_cast<std::size_t>(v)]);
    picture[pixel_of(place, v, plan)] = static_cast<float>(
        plan.normalize_patches ? value * deviation + mean : value * plan.std[channel] + plan.mean[channel]);
  }
}

// The input with its hidden patches grey, or as `patches` predicts them.
std::vector<float> masked_picture(const Batch& batch, std::size_t i, const PictureFeedPlan& plan,
                                  std::span<const float> patches) {
  std::vector<float> out = seen_picture(batch, i, plan);
  const auto mask = feed_values(batch, kMaskFeed);
  const std::int64_t count = plan.height / plan.patch_size * (plan.width / plan.patch_size);
  PatchPlace place{0, count, plan.patch_size * plan.patch_size * plan.channel_count};
  for (; place.patch < count; ++place.patch) {
    const auto index = i * static_cast<std::size_t>(count) + static_cast<std::size_t>(place.patch);
    if (mask[index] == 0.0F) {
      continue;
    }
    if (!patches.empty()) {
      const auto size = static_cast<std::size_t>(place.value_count);
      draw_patch(out, place, plan, patches.subspan(index * size, size));
      continue;
    }
    for (std::int64_t v = 0; v < place.value_count; ++v) {
      out[pixel_of(place, v, plan)] = 0.5F;
    }
  }
  return out;
}

}  // namespace

Result<std::string> neighbour_rows(const ReportRequest& request) {
  const TrainingTask& task = *request.task;
  const Split split = final_split(task);
  const SplitVectors& bank = request.encoded->bank;
  // Where nothing is held out, rows that are learnt from are asked about.
  const SplitVectors& queries = request.encoded->queries.rows.empty() ? bank : request.encoded->queries;
  const std::size_t dim = bank.vectors.dim;
  const MatrixView rows{bank.vectors.values, bank.rows.size(), dim};
  const std::size_t query_count = std::min(kQueryCount, queries.rows.size());
  std::string out;
  for (std::size_t n = 0; n < query_count; ++n) {
    const std::size_t query = n * queries.rows.size() / query_count;
    // One more than is shown: a picture that is itself learnt from is its own nearest.
    const auto near =
        nearest_neighbors(rows, std::span(queries.vectors.values).subspan(query * dim, dim), kNeighbourCount + 1);
    auto tag = near ? thumbnail_tag(task, split, queries.rows[query], "") : std::unexpected(near.error());
    if (!tag) {
      return tag;
    }
    out += "<div class=\"row\"><div class=\"query\">" + *tag + "</div>";
    std::size_t shown_count = 0;
    for (const Neighbor& neighbor : *near) {
      const std::int64_t row = bank.rows[neighbor.row];
      if ((split == Split::kTrain && row == queries.rows[query]) || shown_count == kNeighbourCount) {
        continue;
      }
      ++shown_count;
      tag = thumbnail_tag(task, Split::kTrain, row, fmt::format("{:.2f}", neighbor.score));
      if (!tag) {
        return tag;
      }
      out += *tag;
    }
    out += "</div>";
  }
  return out;
}

namespace {

// Picture `i` of a batch with what is drawn of it; `values` are those of the whole batch.
ReconstructionRow reconstruction_of(const Batch& batch, std::size_t i, const TrainingNetwork& network,
                                    std::span<const float> values) {
  const PictureFeedPlan& plan = network.feeds;
  const std::size_t size = static_cast<std::size_t>(plan.width * plan.height * plan.channel_count);
  ReconstructionRow row;
  if (!network.pictures.patches.empty()) {
    row.pictures.emplace_back(image_of(seen_picture(batch, i, plan), plan), "picture");
    row.pictures.emplace_back(image_of(masked_picture(batch, i, plan, {}), plan), "what it sees");
    row.pictures.emplace_back(image_of(masked_picture(batch, i, plan, values), plan), "prediction");
    return row;
  }
  row.pictures.emplace_back(image_of(feed_values(batch, kTargetFeed).subspan(i * size, size), plan), "picture");
  if (plan.input_noise != InputNoise::kNone) {
    row.pictures.emplace_back(image_of(seen_picture(batch, i, plan), plan), "what it sees");
  }
  row.pictures.emplace_back(image_of(values.subspan(i * size, size), plan), "reconstruction");
  return row;
}

}  // namespace

Result<std::vector<ReconstructionRow>> reconstructions(const ReportRequest& request) {
  const TrainingNetwork& network = request.task->network();
  const PictureOutputs& drawn = network.pictures;
  const std::array<std::string, 1> outputs{drawn.patches.empty() ? drawn.reconstruction : drawn.patches};
  const BatchSource& source = request.task->held_out();
  std::vector<ReconstructionRow> out;
  if (outputs[0].empty() || source.row_count() == 0) {
    return out;
  }
  // From all over the split: its order is that of the data, which often is that of classes.
  const std::int64_t count = std::min(static_cast<std::int64_t>(kQueryCount), source.row_count());
  for (std::int64_t n = 0; n < count; ++n) {
    const double place =
        (static_cast<double>(n) + 0.5) / static_cast<double>(count) * static_cast<double>(source.batch_count());
    const auto batch = source.batch(0, static_cast<std::int64_t>(place));
    if (!batch) {
      return std::unexpected(batch.error());
    }
    if (batch->rows.empty()) {
      continue;
    }
    const auto made = request.learner->run(kTrainGraph, batch->feeds, outputs, WeightsOf::kTrained);
    if (!made) {
      return std::unexpected(made.error());
    }
    const auto row = static_cast<std::size_t>((place - std::floor(place)) * static_cast<double>(batch->rows.size()));
    out.push_back(reconstruction_of(*batch, row, network, made->front().as<float>()));
  }
  return out;
}

Result<std::string> reconstruction_rows(const std::vector<ReconstructionRow>& rows) {
  std::string out = "<div class=\"groups\">";
  for (const ReconstructionRow& row : rows) {
    out += "<div class=\"row\">";
    for (const auto& [image, caption] : row.pictures) {
      const auto jpeg = encode_jpeg(image, kQuality);
      if (!jpeg) {
        return std::unexpected(jpeg.error());
      }
      out += picture_tag(*jpeg, caption);
    }
    out += "</div>";
  }
  return out + "</div>";
}

Result<std::string> encode_strip(const ReconstructionRow& row) {
  const Image& first = row.pictures.front().first;
  const auto count = static_cast<std::int64_t>(row.pictures.size());
  const auto line_size = static_cast<std::size_t>(3 * first.width);
  Image strip{first.width * count, first.height, {}};
  for (std::size_t y = 0; y < static_cast<std::size_t>(first.height); ++y) {
    for (const auto& [image, caption] : row.pictures) {
      const auto line = image.pixels.begin() + static_cast<std::ptrdiff_t>(y * line_size);
      strip.pixels.insert(strip.pixels.end(), line, line + static_cast<std::ptrdiff_t>(line_size));
    }
  }
  return encode_jpeg(strip, kQuality);
}

}  // namespace asterism
