#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iterator>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/tokenize.hpp"

namespace asterism::cli {
namespace {

struct TokenizeArguments {
  InputArguments input;
  std::string model = std::string(kBuiltinModel);
  bool no_special_tokens = false;
  std::size_t token_count_max = 0;
};

// Printed this often, so that a reader at the other end of a pipe does not wait and a gone one is noticed.
constexpr std::size_t kFlushSizeBytes = std::size_t{64} << 10;

void append_error(std::string& out, const Row& row) {
  Json json;
  json["error"]["code"] = error_traits(row.error->code).name;
  json["error"]["message"] = row.error->message;
  json["source"] = row.source;
  json["line"] = row.line;
  out += json_line(json);
}

// By hand: a Json document per row would cost more than the tokenizer.
void append_json(std::string& out, const service::TokenizedRow& row) {
  const Encoding& encoding = row.encoding;
  const auto end = std::back_inserter(out);
  out += "{\"ids\":[";
  fmt::format_to(end, "{}", fmt::join(encoding.ids, ","));
  out += "],\"tokens\":[";
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    if (i > 0) {
      out += ',';
    }
    append_json_string(out, row.tokenizer.token(encoding.ids[i]));
  }
  out += "],\"offsets\":[";
  for (std::size_t i = 0; i < encoding.offsets.size(); ++i) {
    fmt::format_to(end, "{}[{},{}]", i == 0 ? "" : ",", encoding.offsets[i].begin, encoding.offsets[i].end);
  }
  out += ']';
  if (!row.row.id.empty()) {
    out += ",\"id\":";
    append_json_string(out, row.row.id);
  }
  if (encoding.truncated()) {
    fmt::format_to(end, ",\"token_count_given\":{}", encoding.token_count_given);
  }
  out += "}\n";
}

// "file:3  5 tokens  [CLS] a cat sat [SEP]".
void append_text(std::string& out, const service::TokenizedRow& row) {
  const Encoding& encoding = row.encoding;
  fmt::format_to(std::back_inserter(out), "{}:{}  {}", row.row.source, row.row.line,
                 counted(encoding.ids.size(), "token"));
  if (encoding.truncated()) {
    fmt::format_to(std::back_inserter(out), " of {}", encoding.token_count_given);
  }
  out += ' ';
  for (const TokenId id : encoding.ids) {
    out += ' ';
    out += row.tokenizer.token(id);
  }
  out += '\n';
}

Result<int> run_tokenize(const TokenizeArguments& arguments, Console& console) {
  auto input = to_reader_options(arguments.input);
  if (!input) {
    return std::unexpected(input.error());
  }
  StepProgress progress(console);
  const service::TokenizeRequest request{.model = arguments.model,
                                         .input = std::move(*input),
                                         .add_special_tokens = !arguments.no_special_tokens,
                                         .token_count_max = arguments.token_count_max,
                                         .fetch = watched_fetch(console, progress)};
  std::string out;
  const auto flush = [&]() -> Result<void> {
    console.print(out);
    out.clear();
    return console.flush();
  };
  auto response = service::tokenize(request, [&](const service::TokenizedRow& row) -> Result<void> {
    if (row.row.error) {
      if (console.json()) {
        append_error(out, row.row);
      } else {
        console.warning(row.row.error->to_string());
      }
    } else if (console.json()) {
      append_json(out, row);
    } else {
      append_text(out, row);
    }
    return out.size() < kFlushSizeBytes ? Result<void>{} : flush();
  });
  // Rows done before a failure or Ctrl-C are results too.
  if (auto flushed = flush(); !flushed) {
    return std::unexpected(flushed.error());
  }
  if (!response) {
    return std::unexpected(response.error());
  }
  console.detail(fmt::format("{}, {} failed, {} truncated, {}", counted(response->row_count, "row"),
                             format_count(response->failed_row_count), format_count(response->truncated_row_count),
                             counted(response->token_count, "token")));
  if (response->failed_row_count > 0) {
    console.warning(fmt::format("{} of {} could not be read", format_count(response->failed_row_count),
                                counted(response->row_count, "row")));
    return error_traits(ErrorCode::kPartial).exit_code;
  }
  return 0;
}

}  // namespace

void add_tokenize(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("tokenize", "Show the tokens a model makes of texts; only its tokenizer is loaded.");
  auto arguments = std::make_shared<TokenizeArguments>();
  add_input_positional(command, arguments->input);
  add_input_options(command, arguments->input);
  add_model_option(command, arguments->model);
  command
      .add_flag("--no-special-tokens", arguments->no_special_tokens,
                "without the tokens put around a text ([CLS], [SEP])")
      ->group("Model");
  add_count(command, "--max-length", arguments->token_count_max,
            "cut texts to N tokens, special tokens included [no limit]")
      ->group("Model");
  add_common_options(command, line);
  set_examples(command,
               {{"echo \"embeddings\" | asterism tokenize -", "one line a text: its place, token count and tokens"},
                {"asterism tokenize news.jsonl --column title -m all-MiniLM-L6-v2 --json",
                 "one object a line: ids, tokens, and offsets in bytes of the text"}});
  command.callback([arguments, &line] {
    line.action = [arguments](Console& console) { return run_tokenize(*arguments, console); };
  });
}

}  // namespace asterism::cli
