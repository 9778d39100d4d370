#include "service/evaluation_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace asterism::service {
namespace {

constexpr std::string_view kFormat = "asterism-evaluation";
constexpr int kVersion = 1;

// JSON has no NaN.
Json number_json(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json columns_json(const std::vector<MeasureColumn>& columns) {
  Json json = Json::object();
  for (const MeasureColumn& column : columns) {
    Json values = Json::array();
    for (const double value : column.values) {
      values.push_back(number_json(value));
    }
    json[column.name] = std::move(values);
  }
  return json;
}

Json system_json(const SystemResult& system, bool with_rows) {
  Json json{{"name", system.name}, {"baseline", system.is_baseline}, {"measures", Json::object()}};
  for (const MeasuredValue& measure : system.measures) {
    json["measures"][measure.name] = {{"value", number_json(measure.value)},
                                      {"low", number_json(measure.interval.low)},
                                      {"high", number_json(measure.interval.high)}};
  }
  if (with_rows) {
    json["columns"] = columns_json(system.columns);
  }
  return json;
}

// Reads one report; what it cannot use it names.
class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  Result<EvaluationReport> report(const Json& json) const {
    auto format = json_get<std::string>(json, "format", source_);
    auto version = json_get<std::int64_t>(json, "version", source_);
    if (!format || !version || *format != kFormat) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: expected a report of `asterism evaluate`, found another file", source_),
                  "asterism evaluate ... --out REPORT.json writes one");
    }
    if (*version != kVersion) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: expected version {} of the format, found {}", source_, kVersion, *version));
    }
    EvaluationReport out;
    out.input = json.value("input", std::string{});
    const Json tasks = json.value("tasks", Json::array());
    for (const Json& entry : tasks) {
      auto read = task(entry);
      if (!read) {
        return std::unexpected(read.error());
      }
      out.tasks.push_back(*std::move(read));
    }
    return out;
  }

 private:
  Result<TaskResult> task(const Json& json) const {
    auto name = json_get<std::string>(json, "task", source_);
    if (!name) {
      return std::unexpected(name.error());
    }
    TaskResult out;
    out.task = *name;
    if (!json.contains("rows") || !json["rows"].is_array()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: task {}: expected the rows that figures are of, found none", source_, out.task),
                  "asterism evaluate ... --out REPORT.json writes them");
    }
    for (const Json& row : json["rows"]) {
      out.rows.push_back(row.is_string() ? row.get<std::string>() : row.dump());
    }
    out.settings = json.value("settings", Json::object());
    if (auto read = columns(json, out.rows.size(), out.columns); !read) {
      return std::unexpected(read.error());
    }
    const Json systems = json.value("systems", Json::array());
    for (const Json& entry : systems) {
      auto read = system(entry, out.rows.size());
      if (!read) {
        return std::unexpected(read.error());
      }
      out.systems.push_back(*std::move(read));
    }
    return out;
  }

  Result<SystemResult> system(const Json& json, std::size_t row_count) const {
    auto name = json_get<std::string>(json, "name", source_);
    auto baseline = json_get<bool>(json, "baseline", source_);
    if (!name || !baseline) {
      return std::unexpected(name ? baseline.error() : name.error());
    }
    SystemResult out{.name = *name, .is_baseline = *baseline, .measures = {}, .columns = {}};
    if (auto read = columns(json, row_count, out.columns); !read) {
      return std::unexpected(read.error());
    }
    const Json measures = json.value("measures", Json::object());
    for (const auto& [measure, values] : measures.items()) {
      const auto part = [&](const char* key) {
        return values.is_object() && values.contains(key) && values[key].is_number()
                   ? values[key].get<double>()
                   : std::numeric_limits<double>::quiet_NaN();
      };
      out.measures.push_back({measure, part("value"), {part("low"), part("high")}});
    }
    return out;
  }

  Result<void> columns(const Json& json, std::size_t row_count, std::vector<MeasureColumn>& out) const {
    const Json found = json.value("columns", Json::object());
    for (const auto& [name, values] : found.items()) {
      if (!values.is_array() || values.size() != row_count) {
        return fail(ErrorCode::kCorrupt, fmt::format("{}: column '{}': expected {} values, found {}", source_, name,
                                                     row_count, values.is_array() ? values.size() : 0));
      }
      MeasureColumn column{name, {}};
      for (const Json& value : values) {
        if (!value.is_number() && !value.is_null()) {
          return fail(ErrorCode::kCorrupt,
                      fmt::format("{}: column '{}': expected numbers, found {}", source_, name, value.type_name()));
        }
        column.values.push_back(value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
      }
      out.push_back(std::move(column));
    }
    return {};
  }

  std::string_view source_;
};

}  // namespace

Result<Interval> interval_of(const Measure& measure, std::size_t row_count, const RowStatistic& statistic,
                             const BootstrapOptions& options, const AnalysisRun& run) {
  if (measure.is_resampled) {
    return bootstrap_interval(row_count, statistic, options, run);
  }
  const auto estimate = jackknife_estimate(row_count, statistic, options.seed, run);
  if (!estimate) {
    return std::unexpected(estimate.error());
  }
  return estimate->interval(options.level);
}

std::vector<MeasureColumn> all_columns(const TaskResult& task, const SystemResult& system) {
  std::vector<MeasureColumn> columns = task.columns;
  columns.insert(columns.end(), system.columns.begin(), system.columns.end());
  return columns;
}

Result<void> measure_system(const TaskResult& task, SystemResult& system, const std::vector<std::string>& names,
                            const BootstrapOptions& options, const AnalysisRun& run) {
  const std::vector<MeasureColumn> columns = all_columns(task, system);
  std::vector<std::uint32_t> all(task.rows.size());
  std::iota(all.begin(), all.end(), 0U);
  for (const std::string& name : names) {
    const Measure measure = find_measure(name);
    const auto used = columns_of(measure, columns);
    if (!used) {
      return std::unexpected(used.error());
    }
    const auto interval = interval_of(
        measure, all.size(), [&](std::span<const std::uint32_t> rows) { return measure_over(measure, *used, rows); },
        options, run);
    if (!interval) {
      return std::unexpected(interval.error());
    }
    system.measures.push_back({name, measure_over(measure, *used, all), *interval});
  }
  return {};
}

Json report_json(const EvaluationReport& report, bool with_rows) {
  Json json{{"format", kFormat}, {"version", kVersion}, {"input", report.input}};
  json["bootstrap"] = {{"replicates", report.bootstrap.replicate_count},
                       {"level", report.bootstrap.level},
                       {"method", report.bootstrap.method == IntervalMethod::kBca ? "bca" : "percentile"},
                       {"seed", report.bootstrap.seed}};
  json["tasks"] = Json::array();
  for (const TaskResult& task : report.tasks) {
    Json entry{{"task", task.task},
               {"settings", task.settings},
               {"notes", task.notes},
               {"row_count", task.rows.size()},
               {"systems", Json::array()}};
    for (const SystemResult& system : task.systems) {
      entry["systems"].push_back(system_json(system, with_rows));
    }
    if (with_rows) {
      entry["class_names"] = task.class_names;
      entry["rows"] = task.rows;
      entry["columns"] = columns_json(task.columns);
    }
    json["tasks"].push_back(std::move(entry));
  }
  return json;
}

Result<EvaluationReport> report_from_json(const Json& json, std::string_view source) {
  if (!json.is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected an object, found {}", source, json.type_name()));
  }
  return Reader(source).report(json);
}

Result<EvaluationReport> read_report(const std::filesystem::path& path) {
  const auto json = read_json_file(path);
  if (!json) {
    return std::unexpected(json.error());
  }
  return report_from_json(*json, path.string());
}

}  // namespace asterism::service
