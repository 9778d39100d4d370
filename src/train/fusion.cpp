#include "train/fusion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "base/file.hpp"
#include "encoder/fusion_model.hpp"
#include "encoder/table_encoder.hpp"
#include "models/settings_reader.hpp"
#include "train/evaluation.hpp"
#include "train/picture_encoder.hpp"
#include "train/report_parts.hpp"
#include "train/table_data.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// Rows given to the encoder at once, so that a cancel is heard.
constexpr std::size_t kWindowRowCount = 256;
constexpr double kWeightMax = 1e6;

struct FusionRecipe {
  FusionSettings settings;
  double encoder_weight = 1.0;
  double columns_weight = 1.0;
};

std::string text_setting(SettingsReader& reader, std::string_view key) {
  const Json* const value = reader.any(key);
  if (value == nullptr) {
    return {};
  }
  if (!value->is_string()) {
    reader.refuse(fmt::format("\"{}\": expected a text, found {}", key, value->dump()));
    return {};
  }
  return value->get<std::string>();
}

// A folder is named for good; other names mean the same everywhere.
std::string lasting_name(const std::string& model) {
  std::error_code ignored;
  return fs::is_directory(model, ignored) ? fs::absolute(model).lexically_normal().string() : model;
}

Result<FusionRecipe> read_fusion_recipe(const Recipe& recipe) {
  SettingsReader reader = objective_settings(recipe);
  reader.allow({"kind"});
  FusionRecipe out;
  const std::string encoder = text_setting(reader, "encoder");
  out.settings.columns_model = text_setting(reader, "columns_model");
  out.encoder_weight = reader.real({"encoder_weight", 1.0, 1e-6, kWeightMax});
  out.columns_weight = reader.real({"columns_weight", 1.0, 1e-6, kWeightMax});
  if (encoder.empty()) {
    reader.refuse("\"encoder\": expected a model, as `asterism embed --model` takes it, found none");
  }
  const DataRecipe& data = recipe.data;
  if (data.text_column.empty() == data.image_column.empty()) {
    reader.refuse(fmt::format("expected a text_column or an image_column in [data], found {}",
                              data.text_column.empty() ? "neither" : "both"));
  }
  if (!recipe.model.architecture.empty() || !recipe.model.from.empty() || !recipe.model.settings.empty()) {
    reader.refuse("kind \"fusion\" learns no network: expected no keys in [model]", "name models in [objective]");
  }
  const bool columns_named = !data.numeric_columns.empty() || !data.categorical_columns.empty();
  if (!out.settings.columns_model.empty() && columns_named) {
    reader.refuse("\"columns_model\": expected no numeric_columns and categorical_columns in [data] beside it",
                  "the columns are those that the model was trained on");
  }
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  out.settings.content_is_file = !data.image_column.empty();
  out.settings.encoder = lasting_name(out.settings.content_is_file ? std::string(image_model(encoder)) : encoder);
  out.settings.content_column = out.settings.content_is_file ? data.image_column : data.text_column;
  out.settings.image_folder = data.image_folder;
  return out;
}

// The table as the recipe names it, and the columns that were fitted or those of the columns' model.
Result<TableData> read_rows(const Recipe& recipe, FusionRecipe& fusion) {
  Recipe asked = recipe;
  TableContent content{.column = fusion.settings.content_column,
                       .is_file = fusion.settings.content_is_file,
                       .all_columns = !fusion.settings.columns_model.empty()};
  if (content.all_columns) {
    const auto model = read_table_model(fusion.settings.columns_model);
    if (!model) {
      return std::unexpected(model.error());
    }
    fusion.settings.columns = model->columns;
    for (const NumericColumn& column : model->columns.numeric) {
      asked.data.numeric_columns.push_back(column.name);
    }
    for (const CategoricalColumn& column : model->columns.categorical) {
      asked.data.categorical_columns.push_back(column.name);
    }
  }
  auto data = read_table_data(asked, content);
  if (data && !content.all_columns) {
    fusion.settings.columns = data->columns();
  }
  return data;
}

// Rows with a vector of both parts, and their labels.
struct SplitParts {
  FusionParts::Vectors vectors;
  std::vector<std::int32_t> labels;
};

class FusionFit {
 public:
  FusionFit(const Recipe& recipe, FusionRecipe fusion, TableData data, FusionParts parts, const TaskWatch& watch)
      : recipe_(recipe), fusion_(std::move(fusion)), data_(std::move(data)), parts_(std::move(parts)), watch_(watch) {}

  Result<FusionResult> run(const fs::path& folder) {
    auto train = encode(Split::kTrain);
    if (!train) {
      return std::unexpected(train.error());
    }
    if (train->labels.size() < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected at least two rows that can be encoded, found {}{}", recipe_.file.string(),
                              train->labels.size(),
                              data_.report.skipped.empty() ? "" : "; the first: " + data_.report.skipped.front()));
    }
    FusionModel model{.settings = fusion_.settings, .content = {}, .columns = {}};
    FusionResult out;
    const std::array<double, 2> weights{fusion_.encoder_weight, fusion_.columns_weight};
    const std::array<std::string, 2> names{fmt::format("column '{}'", fusion_.settings.content_column), "the columns"};
    const std::array<const std::vector<float>*, 2> values{&train->vectors.content, &train->vectors.columns};
    const std::array<FusionScale*, 2> scales{&model.content, &model.columns};
    for (std::size_t p = 0; p < 2; ++p) {
      const auto distance = fit_part(*values[p], train->labels.size(), *scales[p], weights[p], names[p]);
      if (!distance) {
        return std::unexpected(distance.error());
      }
      out.result["distances"][p == 0 ? "content" : "columns"] = *distance;
    }
    if (auto ok = write_fusion_model(model, folder); !ok) {
      return std::unexpected(ok.error());
    }
    if (auto ok = evaluate(model, *train, out.result); !ok) {
      return std::unexpected(ok.error());
    }
    out.dim = parts_.content_dim() + parts_.columns_dim();
    out.data = std::move(data_.report);
    return out;
  }

 private:
  // Every so many rows of a split, encoded; those that can not be are counted and left out.
  Result<SplitParts> encode(Split split) {
    const auto& rows = data_.rows(split);
    const std::size_t stride = std::max<std::size_t>(1, (rows.size() + kFusionRowsMax - 1) / kFusionRowsMax);
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < rows.size(); i += stride) {
      chosen.push_back(rows[i]);
    }
    SplitParts out;
    for (std::size_t begin = 0; begin < chosen.size(); begin += kWindowRowCount) {
      if (watch_.cancel != nullptr && watch_.cancel->requested()) {
        return fail(ErrorCode::kCancelled, "stopped while encoding rows");
      }
      const auto window = std::span(chosen).subspan(begin, std::min(kWindowRowCount, chosen.size() - begin));
      if (auto ok = encode_window(window, out); !ok) {
        return std::unexpected(ok.error());
      }
      if (watch_.on_progress) {
        watch_.on_progress(split == Split::kTrain ? "encoding rows to fit" : "encoding rows to ask",
                           static_cast<double>(begin + window.size()) / static_cast<double>(chosen.size()));
      }
    }
    return out;
  }

  Result<void> encode_window(std::span<const std::int64_t> rows, SplitParts& out) {
    std::vector<Record> records;
    for (const std::int64_t row : rows) {
      records.push_back(data_.records[static_cast<std::size_t>(row)]);
    }
    auto made = parts_.encode(records);
    if (!made) {
      return std::unexpected(made.error());
    }
    const auto append = [](std::vector<float>& to, const std::vector<float>& from, std::size_t i, std::size_t dim) {
      const auto first = from.begin() + static_cast<std::ptrdiff_t>(i * dim);
      to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(dim));
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (made->errors[i]) {
        data_.report.skip(fmt::format("{}: {}", records[i].back().value_or(""), made->errors[i]->message));
        continue;
      }
      append(out.vectors.content, made->content, i, parts_.content_dim());
      append(out.vectors.columns, made->columns, i, parts_.columns_dim());
      out.vectors.errors.emplace_back();
      out.labels.push_back(data_.labels.empty() ? -1 : data_.labels[static_cast<std::size_t>(rows[i])]);
    }
    return {};
  }

  // The mean squared distance between two rows, twice the sum of the variances, becomes `weight`.
  Result<double> fit_part(const std::vector<float>& values, std::size_t row_count, FusionScale& scale, double weight,
                          const std::string& name) const {
    const std::size_t dim = values.size() / row_count;
    std::vector<double> sums(dim);
    for (std::size_t i = 0; i < values.size(); ++i) {
      sums[i % dim] += static_cast<double>(values[i]);
    }
    scale.centre.clear();
    for (const double sum : sums) {
      scale.centre.push_back(static_cast<float>(sum / static_cast<double>(row_count)));
    }
    double square_sum = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double difference = static_cast<double>(values[i]) - sums[i % dim] / static_cast<double>(row_count);
      square_sum += difference * difference;
    }
    const double distance = 2.0 * square_sum / static_cast<double>(row_count);
    if (!(distance > 1e-12) || !std::isfinite(distance)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the vectors of {} are the same in all {} rows that are learnt from",
                              recipe_.file.string(), name, row_count),
                  "a part that tells nothing can not be fused: use the other part alone");
    }
    scale.scale = std::sqrt(weight / distance);
    return distance;
  }

  Result<void> evaluate(const FusionModel& model, const SplitParts& train, Json& result) {
    const Split split = !data_.rows(Split::kTest).empty()         ? Split::kTest
                        : !data_.rows(Split::kValidation).empty() ? Split::kValidation
                                                                  : Split::kTrain;
    result["split"] = split == Split::kTest ? "test" : split == Split::kValidation ? "validation" : "train";
    SplitParts asked;
    if (split != Split::kTrain && !data_.labels.empty()) {
      auto encoded = encode(split);
      if (!encoded) {
        return std::unexpected(encoded.error());
      }
      asked = *std::move(encoded);
    }
    FusionModel plain = model;  // both parts as they are
    for (FusionScale* scale : {&plain.content, &plain.columns}) {
      std::ranges::fill(scale->centre, 0.0F);
      scale->scale = 1.0;
    }
    using ValuesOf = std::function<std::vector<float>(const FusionParts::Vectors&)>;
    const std::array<std::pair<const char*, ValuesOf>, 4> ways{
        {{"fused", [&](const FusionParts::Vectors& v) { return fuse(model, v); }},
         {"content", [](const FusionParts::Vectors& v) { return v.content; }},
         {"columns", [](const FusionParts::Vectors& v) { return v.columns; }},
         {"concatenated", [&](const FusionParts::Vectors& v) { return fuse(plain, v); }}}};
    for (const auto& [name, values_of] : ways) {
      const auto quality = data_.labels.empty() ? Result<Quality>(Quality{})
                                                : measure_quality(labelled(values_of(train.vectors), train.labels),
                                                                  labelled(values_of(asked.vectors), asked.labels));
      if (!quality) {
        return std::unexpected(quality.error());
      }
      result[name] = to_json(*quality);
    }
    return {};
  }

  static SplitVectors labelled(std::vector<float> values, const std::vector<std::int32_t>& labels) {
    SplitVectors out;
    out.vectors.dim = labels.empty() ? 0 : values.size() / labels.size();
    out.vectors.values = std::move(values);
    out.vectors.labels = labels;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      out.rows.push_back(static_cast<std::int64_t>(i));
    }
    return out;
  }

  const Recipe& recipe_;
  FusionRecipe fusion_;
  TableData data_;
  FusionParts parts_;
  const TaskWatch& watch_;
};

Result<void> write_page(const Recipe& recipe, const FusionResult& fused, const fs::path& folder) {
  std::string page = report_head(recipe) + "<h2>Result</h2>";
  page += report_figures(fused.result, {{"fused", "fused vectors"},
                                        {"content", "text or picture alone"},
                                        {"columns", "columns alone"},
                                        {"concatenated", "both, not scaled"}});
  const Json& distances = fused.result.at("distances");
  page += fmt::format(
      "<p>Mean squared distance between two rows, before scaling: {:.4g} by the text or picture, {:.4g} by the "
      "columns.</p>",
      distances.at("content").get<double>(), distances.at("columns").get<double>());
  page += "<h2>Data</h2>" + report_data(fused.data);
  page += "<h2>Recipe</h2>" + report_settings(recipe.settings) + "</html>\n";
  return write_file_atomic(folder / "report.html", page);
}

}  // namespace

Result<FusionResult> train_fusion(const Recipe& recipe, const fs::path& folder, const TaskWatch& watch) {
  auto fusion = read_fusion_recipe(recipe);
  if (!fusion) {
    return std::unexpected(fusion.error());
  }
  auto data = read_rows(recipe, *fusion);
  if (!data) {
    return std::unexpected(data.error());
  }
  EncoderOptions options{.precision = recipe.training.precision, .thread_count = recipe.training.thread_count};
  auto parts = FusionParts::load(fusion->settings, options);
  if (!parts) {
    return std::unexpected(parts.error());
  }
  auto fused = FusionFit(recipe, *std::move(fusion), *std::move(data), *std::move(parts), watch).run(folder);
  if (!fused) {
    return fused;
  }
  if (auto ok = write_page(recipe, *fused, folder); !ok) {
    return std::unexpected(ok.error());
  }
  return fused;
}

}  // namespace asterism
