#include "encoder/table_encoder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "base/thread_pool.hpp"
#include "encoder/backend_choice.hpp"
#include "encoder/executables.hpp"
#include "encoder/finite.hpp"
#include "encoder/fusion_model.hpp"
#include "encoder/image_graph.hpp"
#include "models/vector_projection.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// Rows of one run of the backend.
constexpr std::size_t kBatchRowCount = 1024;

std::string model_type(const Json& config) {
  const auto type = config.find("model_type");
  return type != config.end() && type->is_string() ? type->get<std::string>() : std::string();
}

// Every cell of a record: as many as there are columns, and at least one that is there.
Result<void> check_record(const Record& record, std::span<const std::string> columns) {
  if (record.size() != columns.size()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("a record: expected {} cells ({}), found {}", columns.size(),
                                                         fmt::join(columns, ", "), record.size()));
  }
  if (std::ranges::none_of(record, [](const auto& cell) { return cell.has_value(); })) {
    return fail(ErrorCode::kNotFound, fmt::format("expected a value of {}, found none", fmt::join(columns, ", ")),
                "these are the columns that the model was trained on");
  }
  return {};
}

class TableEncoder final : public Encoder::Impl {
 public:
  TableEncoder(EncoderInfo info, TableCoder coder, std::unique_ptr<Executables> executables)
      : coder_(std::move(coder)), executables_(std::move(executables)) {
    info_ = std::move(info);
  }

  Result<Embeddings> encode_records(std::span<const Record> records) const override {
    Embeddings out{.row_count = records.size(), .dim = info_.dim, .values = {}, .reports = {}};
    out.values.assign(records.size() * info_.dim, std::numeric_limits<float>::quiet_NaN());
    out.reports.resize(records.size());
    for (std::size_t begin = 0; begin < records.size(); begin += kBatchRowCount) {
      if (auto ok = encode_batch(records, begin, out); !ok) {
        return std::unexpected(ok.error());
      }
    }
    return out;
  }

 private:
  // Rows whose cells do not fit are left out of the run.
  Result<void> encode_batch(std::span<const Record> records, std::size_t begin, Embeddings& out) const {
    const std::size_t end = std::min(records.size(), begin + kBatchRowCount);
    const auto numeric_size = static_cast<std::size_t>(coder_.columns().numeric_size());
    std::vector<float> numeric;
    std::vector<std::vector<std::int32_t>> ids(coder_.columns().categorical.size());
    std::vector<std::size_t> rows;
    std::vector<float> row_numeric(numeric_size);
    std::vector<std::int32_t> row_ids(ids.size());
    for (std::size_t i = begin; i < end; ++i) {
      auto fits = check_record(records[i], info_.columns.names);
      fits = fits ? coder_.encode(records[i], row_numeric, row_ids) : fits;
      if (!fits) {
        out.reports[i].error = fits.error();
        continue;
      }
      numeric.insert(numeric.end(), row_numeric.begin(), row_numeric.end());
      for (std::size_t c = 0; c < ids.size(); ++c) {
        ids[c].push_back(row_ids[c]);
      }
      rows.push_back(i);
    }
    return rows.empty() ? Result<void>{} : run(numeric, ids, rows, out);
  }

  Result<void> run(std::span<const float> numeric, std::span<const std::vector<std::int32_t>> ids,
                   std::span<const std::size_t> rows, Embeddings& out) const {
    const auto row_count = static_cast<std::int64_t>(rows.size());
    std::vector<Feed> feeds;
    if (!numeric.empty()) {
      Tensor tensor(DType::kF32, {row_count, coder_.columns().numeric_size()});
      std::ranges::copy(numeric, tensor.mutable_as<float>().begin());
      feeds.push_back({std::string(kNumericInput), std::move(tensor)});
    }
    for (std::size_t c = 0; c < ids.size(); ++c) {
      Tensor tensor(DType::kI32, {row_count});
      std::ranges::copy(ids[c], tensor.mutable_as<std::int32_t>().begin());
      feeds.push_back({category_input(c), std::move(tensor)});
    }
    const auto choice = executables_->choose(rows.size());
    const auto made = choice ? choice->executable->run(feeds) : std::unexpected(choice.error());
    if (!made) {
      return std::unexpected(made.error());
    }
    for (std::size_t o = 0; o < made->size(); ++o) {
      const EmbeddingOutput& output = info_.outputs[o];
      const auto values = (*made)[o].as<float>();
      for (std::size_t i = 0; i < rows.size(); ++i) {
        std::ranges::copy(values.subspan(i * output.size, output.size),
                          out.values.begin() + static_cast<std::ptrdiff_t>(rows[i] * info_.dim + output.offset));
      }
    }
    return {};
  }

  TableCoder coder_;
  std::unique_ptr<Executables> executables_;
};

EncoderInfo describe(const fs::path& folder, const TableModel& model) {
  EncoderInfo info;
  info.family = info.architecture = "tabular";
  info.dialect = "asterism";
  info.folder = folder.string();
  info.takes_records = true;
  info.columns.names = model.columns.names();
  info.pooling = "none";
  info.modules = {fmt::format("Columns({} numeric, {} categorical)", model.columns.numeric.size(),
                              model.columns.categorical.size()),
                  fmt::format("Tabular({})", fmt::join(model.network.plan.hidden_sizes, ", "))};
  if (auto projection = describe_vector_projection(model.network.graph)) {
    info.modules.push_back(*std::move(projection));
  }
  return info;
}

Result<void> check_layers(const Graph& graph, const EncoderOptions& options) {
  for (const std::string& layer : options.layers) {
    const auto found = graph.find(layer);
    if (found && graph.value(*found).op == Op::kInput) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("layer \"{}\": expected a result of the model, found its input", layer),
                  "`asterism models layers MODEL` lists the layers");
    }
  }
  return {};
}

}  // namespace

bool is_table_model(const Json& config) noexcept {
  return config.is_object() && (model_type(config) == kTabularType || model_type(config) == kFusionType);
}

Result<std::optional<RecordColumns>> table_inputs(std::string_view model) {
  const fs::path path = fs::path(model) / "config.json";
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) {
    return std::nullopt;
  }
  const auto config = read_json_file(path);
  if (!config || !is_table_model(*config)) {
    return std::nullopt;  // whoever loads it says what is wrong with it
  }
  if (model_type(*config) == kFusionType) {
    auto inputs = fusion_inputs(*config, path.parent_path());
    return inputs ? Result<std::optional<RecordColumns>>(*std::move(inputs)) : std::unexpected(inputs.error());
  }
  const auto columns = read_table_columns(*config, path.string());
  if (!columns) {
    return std::unexpected(columns.error());
  }
  return RecordColumns{.names = columns->names(), .files = {}, .file_folder = {}};
}

Result<TableModel> read_table_model(const fs::path& folder) {
  const std::string source = (folder / "config.json").string();
  const auto config = read_json_file(source);
  auto columns = config ? read_table_columns(*config, source) : std::unexpected(config.error());
  auto tensors = columns ? read_checkpoint(folder) : std::unexpected(columns.error());
  auto network =
      tensors ? build_tabular(*config, *std::move(tensors), folder.string()) : std::unexpected(tensors.error());
  if (!network) {
    return std::unexpected(network.error());
  }
  if (network->plan.numeric_size != columns->numeric_size() ||
      network->plan.category_sizes != columns->category_sizes()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected \"numeric_size\" {} and \"category_sizes\" [{}] as of its columns, found {} "
                            "and [{}]",
                            source, columns->numeric_size(), fmt::join(columns->category_sizes(), ", "),
                            network->plan.numeric_size, fmt::join(network->plan.category_sizes, ", ")));
  }
  return TableModel{.columns = *std::move(columns), .network = *std::move(network)};
}

Result<std::unique_ptr<Encoder::Impl>> make_table_encoder(const fs::path& folder, const EncoderOptions& options) {
  const auto config = read_json_file(folder / "config.json");
  if (config && config->is_object() && model_type(*config) == kFusionType) {
    return make_fusion_encoder(folder, options);
  }
  auto model = read_table_model(folder);
  if (!model) {
    return std::unexpected(model.error());
  }
  EncoderInfo info = describe(folder, *model);
  if (auto ok = check_layers(model->network.graph, options); !ok) {
    return std::unexpected(ok.error());
  }
  const std::size_t threads = options.thread_count != 0 ? options.thread_count : available_processor_count();
  ThreadPool pool(threads);
  if (auto ok = check_finite(model->network.parameters, pool, folder.string()); !ok) {
    return std::unexpected(ok.error());
  }
  ImageModel network;
  network.graph = std::move(model->network.graph);
  network.parameters = std::move(model->network.parameters);
  auto graph = build_image_graph(std::move(network), options);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  // Numbers have more digits than bf16 keeps, and a row costs next to nothing.
  const auto backend =
      choose_backend(options.precision == Precision::kAuto ? Precision::kF32 : options.precision, info.warnings);
  if (!backend) {
    return std::unexpected(backend.error());
  }
  info.precision = backend->precision_name;
  info.dim = graph->dim;
  info.outputs = graph->outputs;
  info.normalized = graph->normalized;
  info.op_count = graph->graph.op_count();
  info.op_count_whole = graph->op_count_whole;
  auto executables = std::make_unique<Executables>(
      compile_graph(backend->module->make_backend(), std::move(graph->graph), std::move(graph->parameters)),
      Executables::Options{
          .precision = backend->precision, .thread_count = threads, .bulk_only = options.batch_invariant});
  return std::make_unique<TableEncoder>(std::move(info), TableCoder(std::move(model->columns)), std::move(executables));
}

}  // namespace asterism
