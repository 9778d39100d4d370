#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "base/writable.hpp"
#include "cli/collection_arguments.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/collection_json.hpp"
#include "service/collection_search.hpp"

namespace asterism::cli {
namespace {

constexpr std::size_t kQueryColumnCount = 90;
// Of tables of results: as wide as help texts.
constexpr std::size_t kTableColumnCount = 100;
// Ids are there to be copied: only absurd ones are cut.
constexpr std::size_t kIdColumnCountMax = 120;
// A score, and the gaps between columns.
constexpr std::size_t kScoreColumnCount = 13;
constexpr std::size_t kMetadataColumnCountMin = 12;

struct SearchArguments {
  service::CollectionSearchRequest request;
  std::string query;
  std::string kind = "auto";
  std::vector<std::string> queries;
  InputArguments query_input;
  bool exact = false;
  bool explain = false;
  std::optional<float> score_min;
  std::optional<float> distance_max;
  std::vector<std::string> with;
  std::string html;
};

// The limit that fits the metric is looked at once the collection is open; both at once fit none.
Result<void> set_limit(const SearchArguments& arguments, service::CollectionSearchRequest& request) {
  if (arguments.score_min && arguments.distance_max) {
    return fail(ErrorCode::kUsage, "--min-score and --max-distance: expected one of them, found both",
                "--min-score is for cosine and dot, --max-distance for euclidean");
  }
  request.score_min = arguments.score_min;
  request.distance_max = arguments.distance_max;
  return {};
}

Result<service::CollectionSearchRequest> to_request(const SearchArguments& arguments, Console& console) {
  service::CollectionSearchRequest request = arguments.request;
  if (!arguments.query.empty()) {
    request.like.items.insert(request.like.items.begin(), arguments.query);
  }
  const auto kind = choose<service::ItemKind>(
      "--kind",
      {{"auto", service::ItemKind::kAuto}, {"text", service::ItemKind::kText}, {"image", service::ItemKind::kImage}},
      arguments.kind);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  request.kind = *kind;
  if (!arguments.queries.empty()) {
    RowInputArguments rows{.text = arguments.query_input, .list = {}, .kind = arguments.kind};
    rows.text.inputs = arguments.queries;
    auto queries = to_row_source_options(rows);
    if (!queries) {
      return std::unexpected(queries.error());
    }
    request.queries = std::move(*queries);
  }
  auto parts = to_parts(arguments.with, console.json());
  if (!parts) {
    return std::unexpected(parts.error());
  }
  request.keep_images = !arguments.html.empty();
  parts->data = parts->data || request.keep_images;
  request.search.parts = *parts;
  if (arguments.exact) {
    request.search.mode = SearchMode::kExact;
  }
  if (auto limited = set_limit(arguments, request); !limited) {
    return std::unexpected(limited.error());
  }
  return request;
}

Json answer_json(const service::SearchAnswer& answer, const SearchArguments& arguments, const ItemParts& parts) {
  Json json{{"query", answer.name}};
  json.update(service::search_json(answer.result, parts, arguments.explain));
  return json;
}

std::string explanation_text(const SearchExplanation& explanation) {
  Fields fields;
  fields.add("plan:", explanation.plan);
  fields.add("reason:", explanation.reason);
  if (!explanation.kernel.empty()) {
    fields.add("kernel:", explanation.kernel);
  }
  fields.add("rows:", fmt::format("{} of {} fit", format_count(explanation.filtered_row_count),
                                  format_count(explanation.row_count)));
  fields.add("compared:",
             fmt::format("{} vectors, {} nodes visited, expansion {}", format_count(explanation.distance_count),
                         format_count(explanation.node_visited_count), explanation.expansion));
  fields.add("time:", fmt::format("{:.3f} ms", explanation.latency_ms));
  return fields.to_string();
}

// Columns that no hit has anything in are left out; text and metadata share what is left of a line.
std::string hits_table(const SearchResult& result) {
  std::size_t id_width = 0;
  std::size_t text_width = 0;
  std::size_t metadata_width = 0;
  std::vector<std::array<std::string, 3>> rows;
  for (const SearchHit& hit : result.hits) {
    const Item& item = hit.item;
    rows.push_back({one_line(item.id, kIdColumnCountMax),
                    one_line(item.kind == ItemKind::kText ? item.content : std::string{}, kTableColumnCount),
                    one_line(metadata_text(item.metadata), kTableColumnCount)});
    id_width = std::max(id_width, display_width(rows.back()[0]));
    text_width = std::max(text_width, display_width(rows.back()[1]));
    metadata_width = std::max(metadata_width, display_width(rows.back()[2]));
  }
  const std::size_t left = kTableColumnCount - std::min(kTableColumnCount, id_width + kScoreColumnCount);
  // The narrower of the two keeps its width as long as the other has half.
  const std::size_t text_share = std::min(text_width, std::max(left / 2, left - std::min(left, metadata_width)));
  const std::size_t metadata_share = std::min(metadata_width, left - std::min(left, text_share));
  const auto cells = [&](std::string score, const std::array<std::string, 3>& row) {
    std::vector<std::string> shown{std::move(score), row[0]};
    if (text_width > 0) {
      shown.push_back(one_line(row[1], text_share));
    }
    if (metadata_width > 0) {
      shown.push_back(one_line(row[2], std::max(metadata_share, kMetadataColumnCountMin)));
    }
    return shown;
  };
  std::vector<std::string> heading{"score", "id"};
  if (text_width > 0) {
    heading.emplace_back("text");
  }
  if (metadata_width > 0) {
    heading.emplace_back("metadata");
  }
  Table table(std::move(heading));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    table.add(cells(fmt::format("{:.4f}", result.hits[i].score), rows[i]));
  }
  return table.to_string();
}

void print_answer(Console& console, const service::SearchAnswer& answer, const SearchArguments& arguments,
                  bool several) {
  if (several) {
    console.print(fmt::format("{}\n", one_line(answer.name, kQueryColumnCount)));
  }
  const SearchResult& result = answer.result;
  console.print(fmt::format("score: {}\n", score_text(result.score_name, result.larger_is_nearer)));
  console.print(hits_table(result));
  if (result.hits.empty()) {
    console.print("nothing found\n");
  }
  if (arguments.explain) {
    console.print("\n" + explanation_text(result.explanation));
  }
  if (several) {
    console.print("\n");
  }
}

void note_index(Console& console, const service::CollectionSearchRequest& request,
                const service::CollectionSearchResponse& response) {
  if (!response.index_problem.empty()) {
    console.note(fmt::format("{}: every row was compared instead (`asterism collection index {}` builds the index)",
                             response.index_problem, service::shown_location(request.collection.location)));
  }
}

Result<void> write_results(const SearchArguments& arguments, const service::CollectionSearchRequest& request,
                           const service::CollectionSearchResponse& response, service::ResultPage page,
                           const SearchResult& first, Console& console) {
  page.title = "Search results";
  page.remark = service::page_remark(request, response, first.score_name, first.larger_is_nearer);
  if (auto written = service::write_page(page, arguments.html); !written) {
    return written;
  }
  console.note("page written: " + arguments.html);
  return {};
}

Result<int> run_search(const SearchArguments& arguments, Console& console) {
  auto request = to_request(arguments, console);
  if (!request) {
    return std::unexpected(request.error());
  }
  if (auto ok = expect_writable(arguments.html); !ok) {
    return std::unexpected(ok.error());
  }
  StepProgress progress(console);
  request->fetch = watched_fetch(console, progress);
  request->collection.cancel = &cancel_on_interrupt();
  const bool several = !arguments.queries.empty();
  service::ResultPage page;
  SearchResult first;
  const auto take = [&](service::SearchAnswer&& answer) -> Result<void> {
    progress.finish();
    if (request->keep_images) {
      page.sections.push_back(service::page_section(answer));
    }
    if (console.json()) {
      console.print(json_line(answer_json(answer, arguments, request->search.parts)));
    } else if (arguments.html.empty() || !several) {
      print_answer(console, answer, arguments, several);
    }
    first.score_name = answer.result.score_name;
    first.larger_is_nearer = answer.result.larger_is_nearer;
    return {};
  };
  const auto response = service::search_collection(*request, take, [&](const std::string& place, const Error& error) {
    const std::string text = error.to_string();
    console.warning(text.starts_with(place) ? text : fmt::format("{}: {}", one_line(place, kQueryColumnCount), text));
  });
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  if (!arguments.html.empty()) {
    if (auto written = write_results(arguments, *request, *response, std::move(page), first, console); !written) {
      return std::unexpected(written.error());
    }
  }
  note_index(console, *request, *response);
  return response->failed_query_count > 0 ? error_traits(ErrorCode::kPartial).exit_code : 0;
}

void add_query_options(CLI::App& command, SearchArguments& arguments) {
  service::CollectionSearchRequest& request = arguments.request;
  const auto repeatable = [&](const char* name, std::vector<std::string>& values, const char* type,
                              const char* description) {
    command.add_option(name, values, description)
        ->type_name(type)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Query");
  };
  command.add_option("query", arguments.query, "a text, or an image file where the collection's model takes images")
      ->type_name("QUERY");
  repeatable("--like", request.like.items, "QUERY", "another text or image to be like (repeatable)");
  repeatable("--unlike", request.unlike.items, "QUERY", "a text or image to be unlike (repeatable)");
  repeatable("--id", request.like.ids, "ID", "be like this item of the collection (repeatable)");
  repeatable("--unlike-id", request.unlike.ids, "ID", "be unlike this item (repeatable)");
  command.add_option("--vector", request.vectors, "a .npy file: one vector, or [rows, dim] for a search each")
      ->type_name("FILE")
      ->group("Query");
  repeatable("--queries", arguments.queries, "INPUT",
             "search for each row of a file of texts (lines, jsonl, csv) or a folder of images; one result each");
  command
      .add_option("--column", arguments.query_input.column, "of --queries: jsonl key or csv column of the text [text]")
      ->type_name("NAME")
      ->group("Query");
  command
      .add_option("--kind", arguments.kind,
                  "what queries are: text, image or auto [auto: images where the model takes them and the file exists]")
      ->type_name("KIND")
      ->group("Query");
  command.add_flag("--hybrid", request.hybrid, "seek the words of the text too, and fuse both rankings")
      ->group("Query");
  command.add_option("--keywords", request.keywords, "seek these words, beside the query or alone")
      ->type_name("TEXT")
      ->group("Query");
}

void add_result_options(CLI::App& command, SearchArguments& arguments) {
  SearchRequest& search = arguments.request.search;
  add_count(command, "-k", search.k, "how many to find [10]")->group("Results");
  command.add_option("--filter", search.filter, "only items whose metadata fit: \"price < 20 and colour in ('red')\"")
      ->type_name("EXPR")
      ->group("Results");
  command.add_option("--min-score", arguments.score_min, "only what scores at least S (cosine, dot)")
      ->type_name("S")
      ->group("Results");
  command.add_option("--max-distance", arguments.distance_max, "only what is at most D away (euclidean)")
      ->type_name("D")
      ->group("Results");
  command.add_option("--group-by", search.group_by, "at most --group-size results with one value of this column")
      ->type_name("PATH")
      ->group("Results");
  add_count(command, "--group-size", search.group_size, "results of one group [1]")->group("Results");
  command
      .add_option("--diversity", search.diversity,
                  "0 to 1: how much results shall differ from each other, instead of being nearest alone [0]")
      ->type_name("D")
      ->group("Results");
  command.add_flag("--exact", arguments.exact, "compare every row, whatever the planner thinks")->group("Running");
  command.add_flag("--explain", arguments.explain, "say how it was searched, why, and what it cost")->group("Output");
  add_count(command, "--expansion", search.expansion, "effort of the graph search [what `collection tune` found]")
      ->group("Running");
  add_with_option(command, arguments.with);
  command
      .add_option("--html", arguments.html, "write a page that shows what was found, pictures included, in one file")
      ->type_name("FILE")
      ->group("Output");
}

}  // namespace

void add_search(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("search", "Find what in a collection is like a text, an image, an item or a vector.");
  auto arguments = std::make_shared<SearchArguments>();
  add_collection_positional(command, arguments->request.collection.location);
  add_query_options(command, *arguments);
  add_result_options(command, *arguments);
  add_version_option(command, arguments->request.collection);
  add_thread_option(command, arguments->request.collection);
  add_common_options(command, line);
  set_examples(command,
               {{"asterism search notes/ \"late parcel\"", "the ten nearest texts, with score and metadata"},
                {"asterism search shop/ \"red shoes\" --filter \"price < 50\" -k 5", "only among what fits a filter"},
                {"asterism search photos/ cat.jpg --html near.html", "by a picture, on a page with thumbnails"},
                {"asterism search notes/ \"invoice 4711\" --hybrid", "by meaning and by words"},
                {"asterism search shop/ --id A7 --unlike leather --group-by brand", "like an item, unlike a text"},
                {"asterism search notes/ --queries questions.txt -k 3 --json", "many at once: a line of JSON each"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_search(*arguments, console); }; });
}

}  // namespace asterism::cli
