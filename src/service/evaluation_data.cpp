#include "service/evaluation_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "base/ascii_case.hpp"
#include "base/json.hpp"
#include "image/decode.hpp"
#include "image/resize.hpp"
#include "pipeline/encoder_rows.hpp"
#include "service/analysis_rows.hpp"
#include "service/row_windows.hpp"

namespace asterism::service {
namespace {

// What a row says in a column; nothing where it says nothing.
std::optional<std::string> cell_of(const Json& metadata, const std::string& column) {
  const auto found = metadata.find(column);
  if (found == metadata.end() || found->is_null()) {
    return std::nullopt;
  }
  std::string text = found->is_string() ? found->get<std::string>() : found->dump();
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<std::string> folder_of(const std::string& source) {
  // "shard.tar:cats/1.jpg": the member's folder.
  const std::string folder = std::filesystem::path(source.substr(source.rfind(':') + 1)).parent_path().filename();
  return folder.empty() ? std::nullopt : std::optional(folder);
}

// Names to numbers.
void set_labels(const std::vector<std::optional<std::string>>& names, EvaluationData& data) {
  std::set<std::string> classes;
  for (const auto& name : names) {
    if (name) {
      classes.insert(*name);
    }
  }
  data.class_names.assign(classes.begin(), classes.end());
  for (const auto& name : names) {
    const auto place = name ? std::ranges::lower_bound(data.class_names, *name) - data.class_names.begin() : -1;
    data.labels.push_back(static_cast<std::int32_t>(place));
  }
}

// A small picture, whatever its sides; nothing where it cannot be decoded.
std::optional<std::vector<float>> small_pixels(std::string_view file) {
  const auto image = decode_image(std::as_bytes(std::span(file)),
                                  {.allow_truncated = true, .jpeg_shrink_edge = 2 * kPixelBaselineEdge});
  if (!image) {
    return std::nullopt;
  }
  const auto small = resize_image(*image, {.width = kPixelBaselineEdge, .height = kPixelBaselineEdge},
                                  {.interpolation = Interpolation::kBilinear});
  if (!small) {
    return std::nullopt;
  }
  std::vector<float> pixels;
  for (const std::uint8_t value : small->pixels) {
    pixels.push_back(static_cast<float>(value) / 255.0F);
  }
  return pixels;
}

class RawReader {
 public:
  explicit RawReader(const EvaluationDataRequest& request) : request_(request) {}

  Result<EvaluationData> read() {
    RowSourceOptions input = request_.input;
    labels_by_folder_ = request_.labels_column == kFolderLabels;
    if (!request_.labels_column.empty() && !labels_by_folder_) {
      input.metadata.names.push_back(request_.labels_column);
    }
    input.metadata.names.insert(input.metadata.names.end(), request_.one_hot_columns.begin(),
                                request_.one_hot_columns.end());
    data_.categories.resize(request_.one_hot_columns.size());
    auto windows = InputWindows::open(std::move(input), request_.fetch.cancel);
    if (!windows) {
      return std::unexpected(windows.error());
    }
    if (auto loaded = load_models(windows->kind()); !loaded) {
      return std::unexpected(loaded.error());
    }
    InputWindow window;
    for (;;) {
      const auto more = windows->next(window);
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        break;
      }
      if (auto taken = take(window); !taken) {
        return std::unexpected(taken.error());
      }
    }
    return finish();
  }

 private:
  Result<void> load_models(PayloadKind kind) {
    for (const std::string& name : request_.models) {
      const std::string model = model_for(name, kind);
      if (auto fetched = fetch_model(model, request_.fetch); !fetched) {
        return fetched;
      }
      auto encoder = Encoder::load(model, request_.encoder);
      if (!encoder) {
        return std::unexpected(encoder.error());
      }
      if (auto taken = expect_kind(*encoder, kind); !taken) {
        return taken;
      }
      data_.systems.push_back({.name = model, .is_baseline = false, .dim = encoder->dim(), .values = {}});
      encoders_.push_back(*std::move(encoder));
    }
    return {};
  }

  Result<void> take(InputWindow& window) {
    std::vector<Payload> payloads;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      if (!window.rows[i].error) {
        places.push_back(i);
        payloads.push_back(std::move(window.rows[i].payload));
      }
    }
    data_.failed_row_count += window.rows.size() - places.size();
    if (payloads.empty()) {
      return {};
    }
    std::vector<Embeddings> vectors;
    for (const Encoder& encoder : encoders_) {
      auto encoded = encode_rows(encoder, payloads);
      if (!encoded) {
        return std::unexpected(encoded.error());
      }
      vectors.push_back(*std::move(encoded));
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      const bool whole = std::ranges::none_of(vectors, [&](const auto& v) { return v.reports[i].error.has_value(); });
      if (auto kept = whole ? keep(window.row_first + places[i], window.rows[places[i]], payloads[i]) : false; !kept) {
        ++data_.failed_row_count;
        continue;
      }
      for (std::size_t m = 0; m < vectors.size(); ++m) {
        const auto row = vectors[m].row(i);
        data_.systems[m].values.insert(data_.systems[m].values.end(), row.begin(), row.end());
      }
    }
    return {};
  }

  // False for a row that a baseline could not take.
  bool keep(std::uint64_t number, const Row& row, Payload& payload) {
    if (request_.is_for_baselines && payload.kind == PayloadKind::kImage) {
      const auto pixels = small_pixels(payload.bytes);
      if (!pixels) {
        return false;
      }
      data_.pixels.insert(data_.pixels.end(), pixels->begin(), pixels->end());
    } else if (request_.is_for_baselines && payload.kind == PayloadKind::kText) {
      data_.texts.push_back(std::move(payload.bytes));
    }
    data_.ids.push_back(!row.id.empty() ? row.id : row.line == 0 ? row.source : std::to_string(number));
    const Json metadata = Json::parse(row.metadata, nullptr, false);
    names_.push_back(labels_by_folder_ ? folder_of(row.source) : cell_of(metadata, request_.labels_column));
    for (std::size_t c = 0; c < request_.one_hot_columns.size(); ++c) {
      data_.categories[c].push_back(cell_of(metadata, request_.one_hot_columns[c]).value_or(""));
    }
    return true;
  }

  Result<EvaluationData> finish() {
    if (data_.ids.empty()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected rows, found none that could be embedded",
                                                           fmt::join(request_.input.inputs, ", ")));
    }
    if (!request_.labels_column.empty()) {
      set_labels(names_, data_);
      if (data_.class_names.empty()) {
        return fail(ErrorCode::kNotFound,
                    fmt::format("labels: expected a column '{}', found no row that has it", request_.labels_column),
                    "name a column of the csv or jsonl; --labels folder takes the folder of a picture");
      }
    }
    return std::move(data_);
  }

  const EvaluationDataRequest& request_;
  std::vector<Encoder> encoders_;
  std::vector<std::optional<std::string>> names_;  // of the labels
  bool labels_by_folder_ = false;
  EvaluationData data_;
};

bool has_columns(const std::string& file) {
  const std::string lower = ascii_lower(file);
  constexpr std::array<std::string_view, 4> kEndings{".csv", ".tsv", ".jsonl", ".ndjson"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return lower.ends_with(ending); });
}

// An empty line is no label.
std::vector<std::optional<std::string>> labels_of_lines(std::span<const std::string> lines) {
  std::vector<std::optional<std::string>> labels;
  for (const std::string& line : lines) {
    labels.push_back(line.empty() ? std::nullopt : std::optional(line));
  }
  return labels;
}

Result<EvaluationData> read_vectors(const EvaluationDataRequest& request) {
  if (request.labels_column.empty() && has_columns(request.labels_file)) {
    return fail(ErrorCode::kUsage,
                fmt::format("--labels-file {}: expected --labels beside it, found none", request.labels_file),
                "--labels COLUMN names the column of the classes; a file of lines needs none");
  }
  AnalysisRowsRequest asked{.input = request.input.inputs.front(), .collection = request.collection};
  asked.collection.location = asked.input;
  asked.texts_file = request.labels_file;
  asked.texts = request.labels_column.empty() && !request.labels_file.empty();
  if (!request.labels_column.empty()) {
    asked.columns.push_back(request.labels_column);
  }
  asked.columns.insert(asked.columns.end(), request.one_hot_columns.begin(), request.one_hot_columns.end());
  auto rows = open_analysis_rows(asked);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  EvaluationData data;
  data.ids = std::move(rows->ids);
  data.has_ids = rows->has_ids;
  data.numbers = std::move(rows->numbers);
  data.failed_row_count = rows->left_out_count;
  const auto values = rows->values.as<float>();
  data.systems.push_back({.name = std::filesystem::path(asked.input).filename().string(),
                          .is_baseline = false,
                          .dim = rows->dim,
                          .values = {values.begin(), values.end()}});
  std::size_t first_category = 0;
  if (!request.labels_column.empty()) {
    set_labels(rows->columns.front().values, data);
    first_category = 1;
  } else if (!request.labels_file.empty()) {
    set_labels(labels_of_lines(rows->texts), data);
  }
  for (std::size_t c = first_category; c < rows->columns.size(); ++c) {
    std::vector<std::string>& column = data.categories.emplace_back();
    for (const auto& value : rows->columns[c].values) {
      column.push_back(value.value_or(""));
    }
  }
  return data;
}

}  // namespace

bool is_vector_input(const std::string& input) {
  const std::string extension = std::filesystem::path(input).extension().string();
  if (extension == ".npy" || extension == ".safetensors" || input.contains("://") || is_vector_jsonl(input)) {
    return true;
  }
  std::error_code failed;
  return std::filesystem::is_regular_file(std::filesystem::path(input) / "collection.sqlite", failed);
}

Result<EvaluationData> read_evaluation_data(const EvaluationDataRequest& request) {
  if (!request.models.empty()) {
    return RawReader(request).read();
  }
  if (request.input.inputs.size() != 1) {
    return fail(
        ErrorCode::kUsage,
        fmt::format("expected one input of vectors where no model is given, found {}", request.input.inputs.size()),
        "-m MODEL embeds texts and pictures first");
  }
  return read_vectors(request);
}

void unite_classes(EvaluationData& a, EvaluationData& b) {
  std::set<std::string> all(a.class_names.begin(), a.class_names.end());
  all.insert(b.class_names.begin(), b.class_names.end());
  const std::vector<std::string> names(all.begin(), all.end());
  for (EvaluationData* const data : {&a, &b}) {
    for (std::int32_t& label : data->labels) {
      if (label >= 0) {
        const auto place = std::ranges::lower_bound(names, data->class_names[static_cast<std::size_t>(label)]);
        label = static_cast<std::int32_t>(place - names.begin());
      }
    }
    data->class_names = names;
  }
}

}  // namespace asterism::service
