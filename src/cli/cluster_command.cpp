#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/analysis_arguments.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/cluster.hpp"

namespace asterism::cli {
namespace {

// Clusters that a table for people shows; all are in --json and -o.
constexpr std::size_t kShownClusterCount = 100;
constexpr std::size_t kTextColumnCount = 60;

struct ClusterArguments {
  AnalysisArguments analysis;
  std::string method = "auto";
  std::string tree = "auto";
  std::string output;
  service::ClusterRequest request;
};

Result<service::ClusterRequest> to_request(const ClusterArguments& arguments) {
  service::ClusterRequest request = arguments.request;
  auto rows = to_analysis_rows(arguments.analysis);
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  request.rows = *std::move(rows);
  const auto metric = to_analysis_metric(arguments.analysis);
  if (!metric) {
    return std::unexpected(metric.error());
  }
  request.metric = *metric;
  const auto method = choose<service::ClusterMethod>("--method",
                                                     {{"auto", service::ClusterMethod::kAuto},
                                                      {"kmeans", service::ClusterMethod::kKMeans},
                                                      {"hdbscan", service::ClusterMethod::kHdbscan}},
                                                     arguments.method);
  if (!method) {
    return std::unexpected(method.error());
  }
  request.method = *method;
  const auto tree = choose<HdbscanOptions::Tree>("--tree",
                                                 {{"auto", HdbscanOptions::Tree::kAuto},
                                                  {"exact", HdbscanOptions::Tree::kExact},
                                                  {"graph", HdbscanOptions::Tree::kGraph}},
                                                 arguments.tree);
  if (!tree) {
    return std::unexpected(tree.error());
  }
  request.tree = *tree;
  return request;
}

// What stands for a row: its text, else its id.
const std::string& shown_row(const service::ClusterResponse& response, std::uint32_t row) {
  const bool text = row < response.rows.texts.size() && !response.rows.texts[row].empty();
  return text ? response.rows.texts[row] : response.rows.ids[row];
}

void print_table(Console& console, const service::ClusterResponse& response) {
  const bool words = response.text_count > 0;
  Table table(words ? std::vector<std::string>{"cluster", "rows", "words", "most typical"}
                    : std::vector<std::string>{"cluster", "rows", "most typical"});
  for (std::size_t c = 0; c < std::min(kShownClusterCount, response.clusters.size()); ++c) {
    const service::FoundCluster& cluster = response.clusters[c];
    std::vector<std::string> cells{std::to_string(c), format_count(cluster.row_count)};
    if (words) {
      std::vector<std::string> shown;
      for (const ClusterWord& word : cluster.words) {
        shown.push_back(word.word);
      }
      cells.push_back(one_line(join(shown, ", "), kTextColumnCount));
    }
    cells.push_back(cluster.typical.empty() ? ""
                                            : one_line(shown_row(response, cluster.typical.front()), kTextColumnCount));
    table.add(std::move(cells));
  }
  console.print(table.to_string());
}

Json cluster_json(const service::ClusterResponse& response, std::size_t number) {
  const service::FoundCluster& cluster = response.clusters[number];
  Json words = Json::array();
  for (const ClusterWord& word : cluster.words) {
    words.push_back({{"word", word.word}, {"weight", word.weight}, {"texts", word.document_count}});
  }
  Json typical = Json::array();
  for (const std::uint32_t row : cluster.typical) {
    Json entry{{"row", response.rows.numbers[row]}, {"id", response.rows.ids[row]}};
    if (row < response.rows.texts.size() && !response.rows.texts[row].empty()) {
      entry["text"] = response.rows.texts[row];
    }
    typical.push_back(std::move(entry));
  }
  return {{"cluster", number},
          {"name", cluster.name},
          {"rows", cluster.row_count},
          {"words", std::move(words)},
          {"typical", std::move(typical)}};
}

Json response_json(const service::ClusterResponse& response) {
  Json json{{"method", cluster_method_name(response.method)},
            {"metric", metric_name(response.metric)},
            {"rows", response.rows.row_count},
            {"left_out", response.rows.left_out_count},
            {"unclustered", response.unclustered_count}};
  if (response.method == service::ClusterMethod::kKMeans) {
    json["inertia"] = response.inertia;
  } else {
    json["exact"] = response.exact;
  }
  json["clusters"] = Json::array();
  for (std::size_t c = 0; c < response.clusters.size(); ++c) {
    json["clusters"].push_back(cluster_json(response, c));
  }
  return json;
}

void summarise(Console& console, const service::ClusterResponse& response) {
  if (response.clusters.size() > kShownClusterCount) {
    console.note(fmt::format("{} more clusters: --json or -o FILE has them all",
                             format_count(response.clusters.size() - kShownClusterCount)));
  }
  std::string line = fmt::format("{} of {} in {}", format_count(response.rows.row_count - response.unclustered_count),
                                 counted(response.rows.row_count, "row"), counted(response.clusters.size(), "cluster"));
  if (response.unclustered_count > 0) {
    line += fmt::format(", {} in none", format_count(response.unclustered_count));
  }
  if (response.kept_count > 0) {
    line += fmt::format("; {} changed", counted(response.kept_count, "item"));
  }
  console.summary(line);
  if (response.method == service::ClusterMethod::kHdbscan && response.clusters.empty()) {
    console.note(
        "no place is denser than the rest: a smaller --min-size, or fewer dimensions first "
        "(`asterism reduce`), may show some");
  }
}

Result<int> run_cluster(const ClusterArguments& arguments, Console& console) {
  auto request = to_request(arguments);
  if (!request) {
    return std::unexpected(std::move(request.error()));
  }
  if (auto ok = arguments.output.empty() ? Result<void>{} : service::check_cluster_rows_path(arguments.output); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  StepProgress progress(console);
  request->on_progress = analysis_sink(progress);
  const auto response = service::cluster_rows(*request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  note_left_out(console, response->rows);
  if (!arguments.output.empty()) {
    if (auto written = service::write_cluster_rows(*response, arguments.output); !written) {
      return std::unexpected(std::move(written.error()));
    }
  }
  if (console.json()) {
    console.print(json_line(response_json(*response)));
  } else {
    print_table(console, *response);
    summarise(console, *response);
  }
  return 0;
}

void add_method_options(CLI::App& command, ClusterArguments& arguments) {
  command
      .add_option("--method", arguments.method,
                  "kmeans (every row in one of K groups), hdbscan (dense groups, as many as there are; the rest in "
                  "none) or auto [auto: kmeans with -k, else hdbscan]")
      ->type_name("METHOD")
      ->group("Method");
  service::ClusterRequest& request = arguments.request;
  add_count(command, "-k,--clusters", request.cluster_count, "number of clusters of k-means")->group("Method");
  add_count(command, "--starts", request.start_count, "k-means: keep the best of so many starts [10]")->group("Method");
  add_count(command, "--min-size", request.min_cluster_size,
            "hdbscan: rows that make a cluster [1 in 200 rows, at least 5]", 2)
      ->group("Method");
  add_count(command, "--min-samples", request.min_samples,
            "hdbscan: rows near a row that make it a dense place; more leave more rows out [--min-size]")
      ->group("Method");
  command.add_flag("--leaf", request.leaf, "hdbscan: the smallest clusters instead of the most stable ones")
      ->group("Method");
  command
      .add_option("--tree", arguments.tree,
                  "hdbscan: exact (of all rows), graph (of the nearest neighbours, for many rows) or auto "
                  "[auto: exact up to 10 values a row, or some 20,000 rows of 384]")
      ->type_name("TREE")
      ->group("Method");
  command.add_option("--seed", request.seed, "of the starts of k-means [0]")->type_name("N")->group("Method");
}

void add_output_options(CLI::App& command, ClusterArguments& arguments) {
  service::ClusterRequest& request = arguments.request;
  add_count(command, "--words", request.words.word_count, "words of a cluster [10]", 0)->group("Output");
  command.add_flag("--bigrams", request.words.bigrams, "two words that follow each other count as a word too")
      ->group("Output");
  add_count(command, "--typical", request.typical_count, "typical rows of a cluster, in --json [3]", 0)
      ->group("Output");
  command
      .add_option("-o,--output", arguments.output,
                  "write the cluster of every row: .jsonl or .csv, in the order of the input")
      ->type_name("OUT")
      ->group("Output");
  command
      .add_option("--keep", request.keep_column,
                  "of a collection: keep the name of each item's cluster in its metadata, under this name")
      ->type_name("COLUMN")
      ->group("Output");
}

}  // namespace

void add_cluster(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("cluster", "Group vectors that are alike, and say what each group is about.");
  auto arguments = std::make_shared<ClusterArguments>();
  add_analysis_options(command, arguments->analysis);
  add_method_options(command, *arguments);
  add_output_options(command, *arguments);
  add_common_options(command, line);
  set_examples(command, {{"asterism cluster notes/ -k 20", "twenty groups of a collection's items, with their words"},
                         {"asterism cluster vectors.npy --texts texts.txt", "as many dense groups as there are"},
                         {"asterism cluster vectors.npy --texts tickets.csv --column body -k 8 -o clusters.csv",
                          "texts of a column; the group of every row into a file"},
                         {"asterism cluster notes/ -k 20 --keep topic", "and keep the names in the collection"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_cluster(*arguments, console); }; });
}

}  // namespace asterism::cli
