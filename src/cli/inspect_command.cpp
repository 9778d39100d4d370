#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/analysis_arguments.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/inspect.hpp"

namespace asterism::cli {
namespace {

constexpr std::size_t kIdColumnCount = 32;
constexpr std::size_t kTextColumnCount = 50;
constexpr std::size_t kMeaningColumnCount = 100;

struct InspectArguments {
  AnalysisArguments analysis;
  service::InspectRequest request;
};

// Of a long id the end: of "folder/file.csv:81" that is what tells rows apart.
std::string shown_id(const service::InspectResponse& response, std::uint32_t row) {
  const std::string& id = response.rows.ids[row];
  if (display_width(id) <= kIdColumnCount) {
    return one_line(id, kIdColumnCount);
  }
  std::size_t begin = id.size() - kIdColumnCount + 3;
  while (begin < id.size() && (static_cast<unsigned char>(id[begin]) & 0xC0U) == 0x80U) {
    ++begin;  // not amid a character
  }
  return "..." + one_line(std::string_view(id).substr(begin), kIdColumnCount);
}

std::string shown_text(const service::InspectResponse& response, std::uint32_t row) {
  return row < response.rows.texts.size() ? one_line(response.rows.texts[row], kTextColumnCount) : std::string{};
}

void print_findings(Console& console, const service::InspectResponse& response) {
  Table table({"what", "value", "which means"});
  for (const service::InspectFinding& finding : service::inspect_findings(response)) {
    const std::string meaning = wrap(finding.meaning, kMeaningColumnCount, 0);
    std::size_t begin = 0;
    for (bool first = true; begin <= meaning.size(); first = false) {
      const std::size_t end = std::min(meaning.find('\n', begin), meaning.size());
      table.add({first ? finding.name : "", first ? finding.value : "", meaning.substr(begin, end - begin)});
      begin = end + 1;
    }
  }
  console.print(table.to_string());
}

void print_lists(Console& console, const service::InspectResponse& response) {
  if (!response.outliers.empty()) {
    Table table({"outlier", "factor", "text"});
    for (const service::OutlierRow& outlier : response.outliers) {
      table.add(
          {shown_id(response, outlier.row), fmt::format("{:.2f}", outlier.factor), shown_text(response, outlier.row)});
    }
    console.print("\n" + table.to_string());
  }
  if (!response.near_pairs.empty()) {
    Table table({"near duplicates", "distance", "", "text"});
    for (const service::NearPair& pair : response.near_pairs) {
      table.add({shown_id(response, pair.row), fmt::format("{:.4f}", pair.distance), shown_id(response, pair.duplicate),
                 shown_text(response, pair.row)});
    }
    console.print("\n" + table.to_string());
  }
  if (!response.hubs.empty()) {
    Table table({"near to most", "rows", "text"});
    for (const std::uint32_t row : response.hubs) {
      table.add({shown_id(response, row), format_count(response.hubness.occurrences[row]), shown_text(response, row)});
    }
    console.print("\n" + table.to_string());
  }
}

template <typename T>
Json known(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json range_json(const service::ValueRange& range) {
  return {{"smallest", range.smallest}, {"median", range.median}, {"largest", range.largest}};
}

Json lists_json(const service::InspectResponse& response) {
  const auto& ids = response.rows.ids;
  Json json{{"outliers", Json::array()}, {"near_pairs", Json::array()}, {"hubs", Json::array()}};
  for (const service::OutlierRow& outlier : response.outliers) {
    json["outliers"].push_back({{"row", response.rows.numbers[outlier.row]},
                                {"id", ids[outlier.row]},
                                {"factor", outlier.factor},
                                {"distance", outlier.distance}});
  }
  for (const service::NearPair& pair : response.near_pairs) {
    json["near_pairs"].push_back(
        {{"id", ids[pair.row]}, {"duplicate", ids[pair.duplicate]}, {"distance", pair.distance}});
  }
  for (const std::uint32_t row : response.hubs) {
    json["hubs"].push_back(
        {{"row", response.rows.numbers[row]}, {"id", ids[row]}, {"occurrences", response.hubness.occurrences[row]}});
  }
  return json;
}

Json response_json(const service::InspectResponse& response) {
  Json json{{"rows", response.rows.row_count},
            {"dim", response.rows.dim},
            {"left_out", response.rows.left_out_count},
            {"metric", metric_name(response.metric)},
            {"norms", range_json(response.norms)},
            {"zero_rows", response.zero_row_count},
            {"constant_columns", response.constant_column_count},
            {"equal_rows", response.equal_row_count},
            {"equal_items", response.equal_item_count},
            {"neighbors", response.neighbor_count},
            {"near_distance", response.near_distance},
            {"near_rows", response.near_row_count},
            {"nearest_distances", range_json(response.nearest_distances)},
            {"outlier_rows", response.outlier_count},
            {"two_neighbor_dimension", known(response.two_neighbor_dimension)},
            {"likelihood_dimension", known(response.likelihood_dimension)},
            {"hubness",
             {{"neighbors", response.hubness.neighbor_count},
              {"skewness", response.hubness.skewness},
              {"antihub_share", response.hubness.antihub_share},
              {"hub_share", response.hubness.hub_share}}},
            {"anisotropy",
             {{"mean_cosine", response.anisotropy.mean_cosine},
              {"variance_shares", response.anisotropy.variance_shares},
              {"participation_ratio", known(response.anisotropy.participation_ratio)},
              {"iso_score", known(response.anisotropy.iso_score)}}}};
  json.update(lists_json(response));
  json["findings"] = Json::array();
  for (const service::InspectFinding& finding : service::inspect_findings(response)) {
    json["findings"].push_back({{"name", finding.name}, {"value", finding.value}, {"meaning", finding.meaning}});
  }
  return json;
}

Result<int> run_inspect(const InspectArguments& arguments, Console& console) {
  service::InspectRequest request = arguments.request;
  auto rows = to_analysis_rows(arguments.analysis);
  const auto metric = to_analysis_metric(arguments.analysis);
  if (!rows || !metric) {
    return std::unexpected(rows ? metric.error() : std::move(rows.error()));
  }
  request.rows = *std::move(rows);
  request.metric = *metric;
  StepProgress progress(console);
  request.on_progress = analysis_sink(progress);
  const auto response = service::inspect_rows(request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  if (console.json()) {
    console.print(json_line(response_json(*response)));
  } else {
    print_findings(console, *response);
    print_lists(console, *response);
  }
  return 0;
}

}  // namespace

void add_inspect(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("inspect", "Say what vectors are like: duplicates, outliers, dimension, hubs, directions.");
  auto arguments = std::make_shared<InspectArguments>();
  add_analysis_options(command, arguments->analysis);
  add_count(command, "--neighbors", arguments->request.neighbor_count, "neighbours of each row that are looked at [20]",
            3)
      ->group("Method");
  command
      .add_option("--near", arguments->request.near_limit,
                  "what counts as a near duplicate: a cosine of at least S, with euclidean a distance of at most S "
                  "[0.98; a tenth of the median distance to the nearest row]")
      ->type_name("S")
      ->group("Method");
  add_count(command, "--top", arguments->request.listed_count, "outliers, pairs and hubs to list [10]", 0)
      ->group("Output");
  add_common_options(command, line);
  set_examples(command,
               {{"asterism inspect notes/", "what the vectors of a collection are like"},
                {"asterism inspect vectors.npy --texts texts.txt", "and of a file, with the texts of its rows"},
                {"asterism inspect vectors.npy --json --top 100", "all figures, and a hundred outliers"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_inspect(*arguments, console); }; });
}

}  // namespace asterism::cli
