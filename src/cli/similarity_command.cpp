#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/nearest.hpp"
#include "service/nearest_page.hpp"
#include "service/similarity.hpp"

namespace asterism::cli {
namespace {

constexpr std::size_t kTextColumnCount = 60;

struct SimilarityArguments {
  std::vector<std::string> items;
  std::string kind = "auto";
  RowInputArguments input;
  std::size_t top_count = 10;
  std::size_t each_count = 0;
  std::string html;
  EncoderArguments encoder;

  bool has_input() const { return !input.text.inputs.empty() || !input.list.empty(); }
};

Result<service::ItemKind> item_kind_of(const SimilarityArguments& arguments) {
  return choose<service::ItemKind>(
      "--kind",
      {{"auto", service::ItemKind::kAuto}, {"text", service::ItemKind::kText}, {"image", service::ItemKind::kImage}},
      arguments.kind);
}

void print_matrix(Console& console, const std::vector<std::string>& items, const std::vector<float>& scores) {
  const std::size_t count = items.size();
  std::vector<std::string> heading{""};
  for (std::size_t j = 0; j < count; ++j) {
    heading.push_back(fmt::format("{:>7}", j + 1));
  }
  heading.emplace_back("item");
  Table table(std::move(heading));
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::string> cells{std::to_string(i + 1)};
    for (std::size_t j = 0; j < count; ++j) {
      cells.push_back(fmt::format("{:7.4f}", scores[i * count + j]));
    }
    cells.push_back(one_line(items[i], kTextColumnCount));
    table.add(std::move(cells));
  }
  console.print(table.to_string());
}

Json scores_json(const service::SimilarityResponse& response, const std::vector<std::string>& items) {
  const std::size_t count = items.size();
  Json json;
  json["model"] = response.model.model;
  json["items"] = items;
  json["kinds"] = Json::array();
  for (const PayloadKind kind : response.kinds) {
    json["kinds"].push_back(payload_kind_name(kind));
  }
  if (count == 2) {
    json["score"] = json_number(response.scores[1]);
    return json;
  }
  json["scores"] = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < count; ++j) {
      row.push_back(json_number(response.scores[i * count + j]));
    }
    json["scores"].push_back(std::move(row));
  }
  return json;
}

// What only rows of an input can use.
Result<void> expect_no_input_options(const SimilarityArguments& arguments) {
  if (arguments.each_count > 0 || !arguments.html.empty()) {
    return fail(
        ErrorCode::kUsage,
        fmt::format("{}: expected --in INPUT beside it, found none", arguments.html.empty() ? "--each" : "--html"),
        "asterism similarity a.jpg --in photos/ --html near.html");
  }
  if (arguments.items.size() < 2) {
    return fail(
        ErrorCode::kUsage,
        fmt::format("asterism similarity: expected two texts or images or more, found {}",
                    arguments.items.empty() ? "none" : "one"),
        "asterism similarity \"a cat sat\" \"a dog lay\"; or give --in FILE to compare with the rows of a file");
  }
  return {};
}

Result<int> run_between_items(const SimilarityArguments& arguments, EncoderOptions options, Console& console) {
  if (auto ok = expect_no_input_options(arguments); !ok) {
    return std::unexpected(ok.error());
  }
  const auto kind = item_kind_of(arguments);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  StepProgress progress(console);
  auto response = service::similarity({.model = arguments.encoder.model,
                                       .encoder = std::move(options),
                                       .fetch = watched_fetch(console, progress),
                                       .items = arguments.items,
                                       .kind = *kind});
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  for (std::size_t i = 0; i < arguments.items.size(); ++i) {
    if (const RowReport& report = response->reports[i]; report.truncated()) {
      console.warning(
          fmt::format("text {}: cut from {} to {} tokens", i + 1, report.token_count_given, report.token_count_used));
    }
  }
  if (console.json()) {
    console.print(json_line(scores_json(*response, arguments.items)));
  } else if (arguments.items.size() == 2) {
    console.print(fmt::format("{:.4f}\n", response->scores[1]));
  } else {
    print_matrix(console, arguments.items, response->scores);
  }
  return 0;
}

std::string place_of(const service::NearestRow& hit) {
  const std::string place = hit.line == 0 ? hit.source : fmt::format("{}:{}", hit.source, hit.line);
  return hit.id.empty() ? place : fmt::format("{} ({})", place, hit.id);
}

void print_nearest(Console& console, const service::NearestResponse& response) {
  const bool texts = response.row_kind == PayloadKind::kText;
  const bool several = response.queries.size() > 1;
  for (std::size_t i = 0; i < response.queries.size(); ++i) {
    const service::NearestQuery& query = response.queries[i];
    if (several) {
      console.print(fmt::format("{}{}\n", i == 0 ? "" : "\n", one_line(query.name, kTextColumnCount)));
    }
    Table table(texts ? std::vector<std::string>{"score", "row", "text"} : std::vector<std::string>{"score", "image"});
    for (const service::NearestRow& hit : query.nearest) {
      std::vector<std::string> cells{fmt::format("{:.4f}", hit.score), place_of(hit)};
      if (texts) {
        cells.push_back(one_line(hit.content, kTextColumnCount));
      }
      table.add(std::move(cells));
    }
    console.print(table.to_string());
  }
}

Json nearest_json(const service::NearestQuery& query, PayloadKind row_kind) {
  Json json;
  json["query"] = query.name;
  json["kind"] = payload_kind_name(query.kind);
  json["nearest"] = Json::array();
  for (const service::NearestRow& hit : query.nearest) {
    Json entry;
    entry["score"] = json_number(hit.score);
    entry["source"] = hit.source;
    entry["line"] = hit.line == 0 ? Json(nullptr) : Json(hit.line);
    entry["id"] = hit.id.empty() ? Json(nullptr) : Json(hit.id);
    if (row_kind == PayloadKind::kText) {
      entry["text"] = hit.content;
    }
    json["nearest"].push_back(std::move(entry));
  }
  return json;
}

// One query's members stand in the object itself; several are a list.
Json nearest_json(const service::NearestResponse& response, bool several) {
  Json json;
  json["model"] = response.model.model;
  json["rows"] = response.row_count;
  json["failed"] = response.failed_row_count;
  if (!several && response.queries.size() == 1) {
    json.update(nearest_json(response.queries.front(), response.row_kind));
    return json;
  }
  json["queries"] = Json::array();
  for (const service::NearestQuery& query : response.queries) {
    json["queries"].push_back(nearest_json(query, response.row_kind));
  }
  return json;
}

Result<service::NearestRequest> to_nearest_request(const SimilarityArguments& arguments, EncoderOptions options) {
  if (arguments.items.empty() == (arguments.each_count == 0)) {
    return fail(ErrorCode::kUsage,
                fmt::format("asterism similarity --in: expected something to compare with the rows, or --each N, "
                            "found {}",
                            arguments.items.empty() ? "neither" : "both"),
                "asterism similarity \"late parcel\" --in texts.txt --top 5");
  }
  const auto kind = item_kind_of(arguments);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  auto input = to_row_source_options(arguments.input);
  if (!input) {
    return std::unexpected(input.error());
  }
  service::NearestRequest request;
  request.model = arguments.encoder.model;
  request.encoder = std::move(options);
  request.queries = arguments.items;
  request.kind = *kind;
  request.each_count = arguments.each_count;
  request.input = std::move(*input);
  request.top_count = arguments.top_count;
  request.keep_images = !arguments.html.empty();
  return request;
}

Result<int> run_against_input(const SimilarityArguments& arguments, EncoderOptions options, Console& console) {
  auto request = to_nearest_request(arguments, std::move(options));
  if (!request) {
    return std::unexpected(request.error());
  }
  StepProgress progress(console);
  request->fetch = watched_fetch(console, progress);
  auto response = service::nearest(*request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  if (!arguments.html.empty()) {
    if (auto written = service::write_page(service::nearest_page(*response), arguments.html); !written) {
      return std::unexpected(written.error());
    }
    console.note("page written: " + arguments.html);
  }
  if (console.json()) {
    console.print(json_line(nearest_json(*response, arguments.each_count > 0)));
  } else if (arguments.html.empty() || arguments.each_count == 0) {
    print_nearest(console, *response);
  }
  if (response->failed_row_count > 0) {
    console.warning(fmt::format("{} of {} could not be read", format_count(response->failed_row_count),
                                counted(response->row_count, "row")));
    return error_traits(ErrorCode::kPartial).exit_code;
  }
  return 0;
}

Result<int> run_similarity(const SimilarityArguments& arguments, Console& console) {
  auto options = to_encoder_options(arguments.encoder);
  if (!options) {
    return std::unexpected(options.error());
  }
  return arguments.has_input() ? run_against_input(arguments, std::move(*options), console)
                               : run_between_items(arguments, std::move(*options), console);
}

}  // namespace

void add_similarity(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand(
      "similarity", "Compare texts or images with each other, or with the rows of files and folders.");
  auto arguments = std::make_shared<SimilarityArguments>();
  command
      .add_option("item", arguments->items,
                  "texts or image files: two, or more for a table of all pairs; with --in, one or more to look for")
      ->type_name("ITEM");
  command
      .add_option(
          "--kind", arguments->kind,
          "what the ITEMs are: text, image or auto [auto: images where the model takes them and the file exists]")
      ->type_name("KIND")
      ->group("Input");
  add_row_search_options(command, arguments->input);
  add_count(command, "--top", arguments->top_count, "how many rows to show with --in, nearest first [10]")
      ->group("Output");
  add_count(command, "--each", arguments->each_count,
            "with --in and no ITEM: look for the neighbours of N rows of the input itself, evenly chosen")
      ->group("Input");
  command
      .add_option("--html", arguments->html,
                  "with --in: write a page that shows what was found, pictures included, in one file")
      ->type_name("FILE")
      ->group("Output");
  add_encoder_options(command, arguments->encoder);
  add_image_options(command, arguments->encoder);
  add_common_options(command, line);
  set_examples(command, {{"asterism similarity \"a cat sat on the mat\" \"a kitten is on the rug\"",
                          "the cosine of the angle between two texts: 1 is the same direction, 0 unrelated"},
                         {"asterism similarity \"late parcel\" \"where is my order\" \"how do I cook rice\"",
                          "every pair, as a table"},
                         {"asterism similarity \"late parcel\" --in tickets.csv --column body --top 5",
                          "the five rows of a file that are nearest to a text"},
                         {"asterism similarity a.jpg b.jpg -m efficientnet-lite0", "how alike two pictures are"},
                         {"asterism similarity a.jpg --in photos/ -m efficientnet-lite0 --top 5 --html near.html",
                          "the five nearest pictures of a folder, and a page that shows them"},
                         {"asterism similarity \"a dog\" --in photos/ -m MODEL",
                          "pictures by what they show, with a model of texts and images"}});
  command.callback([arguments, &line] {
    line.action = [arguments](Console& console) { return run_similarity(*arguments, console); };
  });
}

}  // namespace asterism::cli
