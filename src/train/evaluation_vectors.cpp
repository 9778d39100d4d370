#include "train/evaluation_vectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <system_error>

#include "base/system_error.hpp"
#include "train/evaluation.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolder = "evaluations";
constexpr std::string_view kRowsFile = "rows.safetensors";
constexpr std::string_view kEpochPrefix = "epoch-";
constexpr std::string_view kEnding = ".safetensors";
constexpr std::string_view kRecipeFile = "recipe.toml";
constexpr std::string_view kCheckpointsFolder = "checkpoints";

std::unexpected<Error> corrupt(const fs::path& file, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: {}", file.string(), what),
              "remove the folder `evaluations` of the run; the next evaluation writes it again");
}

std::string_view split_name(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kValidation:
      return "validation";
    case Split::kTest:
      break;
  }
  return "test";
}

// As many rows of the split as are wanted, at even distances.
std::vector<std::size_t> thinned(std::size_t count, std::size_t count_max) {
  std::vector<std::size_t> out(std::min(count, count_max));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = i * count / out.size();
  }
  return out;
}

Json row_json(const TrainingTask& task, Split split, std::int64_t row, std::int32_t label) {
  const auto& classes = task.data().label_classes();
  const bool is_labelled = label >= 0 && static_cast<std::size_t>(label) < classes.size();
  Json cells = Json::object();
  for (const auto& [name, value] : task.row_cells(split, row)) {
    cells[name] = value;
  }
  return {{"id", fmt::format("{}-{:06}", split_name(split), row)},
          {"label", is_labelled  ? classes[static_cast<std::size_t>(label)].name
                    : label >= 0 ? std::to_string(label)
                                 : ""},
          {"split", split_name(split)},
          {"row", row},
          {"cells", std::move(cells)}};
}

Result<void> write_rows(const fs::path& file, const KeepRequest& request, const SplitVectors& encoded,
                        const std::vector<std::size_t>& chosen) {
  Json rows = Json::array();
  std::string pictures;
  Tensor offsets(DType::kI64, {static_cast<std::int64_t>(chosen.size()) + 1});
  auto ends = offsets.mutable_as<std::int64_t>();
  ends[0] = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::int64_t row = encoded.rows[chosen[i]];
    rows.push_back(row_json(request.task, watched_split(request.task), row, encoded.vectors.labels[chosen[i]]));
    // A picture that cannot be shown costs its picture alone.
    pictures +=
        request.task.thumbnail(watched_split(request.task), row, kEvaluationPictureEdge).value_or(std::string());
    ends[i + 1] = static_cast<std::int64_t>(pictures.size());
  }
  Tensor bytes(DType::kU8, {static_cast<std::int64_t>(pictures.size())});
  std::ranges::copy(pictures, bytes.mutable_as<std::uint8_t>().begin());
  return write_safetensors(
      file,
      {{.name = "pictures", .tensor = std::move(bytes)}, {.name = "picture_offsets", .tensor = std::move(offsets)}},
      {{"rows", rows.dump(-1, ' ', false, Json::error_handler_t::replace)}});
}

// What rows.safetensors lists.
Result<Json> listed_rows(const SafetensorsFile& read, const fs::path& file) {
  const auto found = read.metadata.find("rows");
  auto rows = found == read.metadata.end() ? Result<Json>(Json()) : parse_json(found->second, file.string());
  if (rows && !rows->is_array()) {
    return corrupt(file, "expected a list of rows in the metadata");
  }
  return rows;
}

Result<std::map<std::int64_t, std::size_t>> places_of_rows(const fs::path& file) {
  const auto read = read_safetensors(file);
  const auto rows = read ? listed_rows(*read, file) : std::unexpected(read.error());
  if (!rows) {
    return std::unexpected(rows.error());
  }
  std::map<std::int64_t, std::size_t> out;
  for (const Json& row : *rows) {
    const auto number = json_get<std::int64_t>(row, "row", file.string());
    if (!number) {
      return std::unexpected(number.error());
    }
    out.emplace(*number, out.size());
  }
  return out;
}

fs::path epoch_file(const fs::path& folder, std::int64_t epoch) {
  return folder / fmt::format("{}{:08}{}", kEpochPrefix, epoch, kEnding);
}

Result<void> write_evaluation(const fs::path& run, const KeepRequest& request, std::int64_t epoch, std::int64_t step) {
  const fs::path folder = run / kFolder;
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    return system_failure(folder.string(), failure);
  }
  const auto encoded = encode_split(request.task, request.learner, request.weights, watched_split(request.task),
                                    request.training.evaluation_vector_count, request.cancel);
  if (!encoded) {
    return std::unexpected(encoded.error());
  }
  const fs::path rows_file = folder / kRowsFile;
  if (!fs::exists(rows_file, failure)) {
    const auto chosen =
        thinned(encoded->rows.size(), static_cast<std::size_t>(request.training.evaluation_vector_count));
    if (auto written = write_rows(rows_file, request, *encoded, chosen); !written) {
      return written;
    }
  }
  const auto places = places_of_rows(rows_file);
  if (!places) {
    return std::unexpected(places.error());
  }
  const std::size_t dim = encoded->vectors.dim;
  Tensor vectors(DType::kF32, {static_cast<std::int64_t>(places->size()), static_cast<std::int64_t>(dim)});
  auto values = vectors.mutable_as<float>();
  std::ranges::fill(values, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t i = 0; i < encoded->rows.size(); ++i) {
    if (const auto place = places->find(encoded->rows[i]); place != places->end()) {
      std::copy_n(encoded->vectors.values.begin() + static_cast<std::ptrdiff_t>(i * dim), dim,
                  values.begin() + static_cast<std::ptrdiff_t>(place->second * dim));
    }
  }
  return write_safetensors(epoch_file(folder, epoch), {{.name = "vectors", .tensor = std::move(vectors)}},
                           {{"epoch", std::to_string(epoch)}, {"step", std::to_string(step)}});
}

}  // namespace

bool keeps_vectors_of(std::int64_t epoch, std::int64_t epoch_count, std::int64_t evaluation_epochs) {
  const std::int64_t step = std::max<std::int64_t>(1, evaluation_epochs);
  if (epoch >= epoch_count || epoch == 0) {
    return true;
  }
  const std::int64_t evaluation_count = epoch_count / step + 1;
  const std::int64_t stride = (evaluation_count + kEvaluationCountMax - 1) / kEvaluationCountMax;
  return epoch % step == 0 && epoch / step % stride == 0;
}

Result<void> keep_evaluation(const fs::path& run, const KeepRequest& request, std::int64_t epoch, std::int64_t step) {
  const TrainingRecipe& training = request.training;
  if (training.evaluation_vector_count <= 0 || request.task.plain(watched_split(request.task)).row_count() == 0 ||
      !keeps_vectors_of(epoch, training.epoch_count, training.evaluation_epochs)) {
    return {};
  }
  auto kept = write_evaluation(run, request, epoch, step);
  if (kept || kept.error().code == ErrorCode::kCancelled) {
    return kept;
  }
  log(request.log, LogLevel::kWarning,
      fmt::format("vectors of epoch {} are not kept: {}", epoch, kept.error().to_string()));
  return {};
}

void tidy_evaluations(const fs::path& run) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(run / kFolder, ignored)) {
    if (entry.path().filename().string().find(".tmp-") != std::string::npos) {
      fs::remove(entry.path(), ignored);
    }
  }
}

Result<void> clear_evaluations(const fs::path& run) {
  std::error_code failure;
  fs::remove_all(run / kFolder, failure);
  return failure ? system_failure((run / kFolder).string(), failure) : Result<void>{};
}

bool is_training_run(const fs::path& folder) {
  std::error_code failure;
  return fs::is_regular_file(folder / kRecipeFile, failure) && fs::is_directory(folder / kCheckpointsFolder, failure);
}

Result<std::vector<EvaluationRow>> read_evaluation_rows(const fs::path& run) {
  const fs::path file = run / kFolder / kRowsFile;
  const auto read = read_safetensors(file);
  if (!read && read.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: the run kept no vectors of its evaluations", run.string()),
                "train with training.evaluation_vectors above 0, which is how many rows are kept");
  }
  const auto rows = read ? listed_rows(*read, file) : std::unexpected(read.error());
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const auto pictures = read->tensors.find("pictures");
  const auto offsets = read->tensors.find("picture_offsets");
  if (pictures == read->tensors.end() || offsets == read->tensors.end() || pictures->second.dtype() != DType::kU8 ||
      offsets->second.dtype() != DType::kI64 || offsets->second.element_count() != rows->size() + 1) {
    return corrupt(file, fmt::format("expected pictures with {} offsets", rows->size() + 1));
  }
  std::vector<std::int64_t> ends(rows->size() + 1);
  std::memcpy(ends.data(), offsets->second.bytes().data(), ends.size() * sizeof(std::int64_t));
  if (ends.front() != 0 || ends.back() != static_cast<std::int64_t>(pictures->second.element_count()) ||
      !std::ranges::is_sorted(ends)) {
    return corrupt(file, "'picture_offsets': expected offsets that rise from 0 to the bytes of 'pictures'");
  }
  const auto* bytes = reinterpret_cast<const char*>(pictures->second.bytes().data());
  std::vector<EvaluationRow> out;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const Json& row = (*rows)[i];
    const auto id = json_get<std::string>(row, "id", file.string());
    const auto label = json_get<std::string>(row, "label", file.string());
    const auto split = json_get<std::string>(row, "split", file.string());
    if (!id || !label || !split) {
      return std::unexpected(!id ? id.error() : !label ? label.error() : split.error());
    }
    out.push_back({.id = *id,
                   .label = *label,
                   .split = *split,
                   .cells = row.value("cells", Json::object()),
                   .picture = std::string(bytes + ends[i], static_cast<std::size_t>(ends[i + 1] - ends[i]))});
  }
  return out;
}

std::vector<fs::path> list_evaluations(const fs::path& run) {
  std::vector<fs::path> out;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(run / kFolder, failure)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kEpochPrefix) && name.ends_with(kEnding)) {
      out.push_back(entry.path());
    }
  }
  // Names have the epoch in a fixed width, so their order is that of the epochs.
  std::ranges::sort(out);
  return out;
}

Result<KeptEvaluation> read_evaluation(const fs::path& file, std::size_t row_count) {
  const auto read = read_safetensors(file);
  if (!read) {
    return std::unexpected(read.error());
  }
  const auto vectors = read->tensors.find("vectors");
  if (vectors == read->tensors.end() || vectors->second.dtype() != DType::kF32 || vectors->second.shape().size() != 2 ||
      vectors->second.shape()[0] != static_cast<std::int64_t>(row_count) || vectors->second.shape()[1] < 1) {
    return corrupt(file, fmt::format("expected an array 'vectors' of f32 with {} rows", row_count));
  }
  const auto number = [&](const std::string& key) -> std::int64_t {
    const auto found = read->metadata.find(key);
    return found == read->metadata.end() ? 0 : std::strtoll(found->second.c_str(), nullptr, 10);
  };
  KeptEvaluation out{.epoch = number("epoch"),
                     .step = number("step"),
                     .vectors = std::vector<float>(static_cast<std::size_t>(vectors->second.element_count())),
                     .dim = static_cast<std::size_t>(vectors->second.shape()[1])};
  std::memcpy(out.vectors.data(), vectors->second.bytes().data(), out.vectors.size() * sizeof(float));
  return out;
}

}  // namespace asterism
