#include "service/retrieval_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/file.hpp"

namespace asterism::service {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::vector<std::string_view> split_blanks(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t begin = line.find_first_not_of(kBlanks); begin != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlanks, begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(kBlanks, end);
  }
  return fields;
}

// Ids of BEIR may hold blanks: its fields are separated by tabs alone.
std::vector<std::string_view> split_tabs(std::string_view line) {
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  std::vector<std::string_view> fields;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find('\t', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

template <typename T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Calls take(line, number) for every line that is not blank.
template <typename Take>
Result<void> for_each_line(std::string_view text, Take take) {
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(kBlanks) != std::string_view::npos) {
      if (auto taken = take(line, number); !taken) {
        return taken;
      }
    }
  }
  return {};
}

// Where the parts of a judgement stand.
struct Form {
  bool is_tabbed = false;
  std::size_t field_count = 4;
  std::size_t document = 2;
  std::size_t grade = 3;
};

constexpr Form kTrec{};
constexpr Form kBeir{.is_tabbed = true, .field_count = 3, .document = 1, .grade = 2};

bool is_beir_header(std::string_view line) {
  const auto fields = split_tabs(line);
  return fields.size() == 3 && !number_of<std::int32_t>(fields[2]);
}

// Without a header: three fields between tabs.
bool is_beir_line(std::string_view line) {
  return split_tabs(line).size() == 3 && split_blanks(line).size() != 4;
}

}  // namespace

Result<Judgements> parse_judgements(std::string_view text, std::string_view source) {
  Judgements out;
  std::optional<Form> form;
  auto read = for_each_line(text, [&](std::string_view line, std::size_t number) -> Result<void> {
    if (!form) {
      form = is_beir_header(line) || is_beir_line(line) ? kBeir : kTrec;
      if (is_beir_header(line)) {
        return {};
      }
    }
    const auto fields = form->is_tabbed ? split_tabs(line) : split_blanks(line);
    const auto grade = fields.size() == form->field_count ? number_of<std::int32_t>(fields[form->grade]) : std::nullopt;
    if (!grade) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}, line {}: expected {}, found \"{}\"", source, number,
                              form->is_tabbed ? "query, document and a whole grade, separated by tabs"
                                              : "query, iteration, document and a whole grade",
                              line.substr(0, 100)));
    }
    const std::string document(fields[form->document]);
    if (!out[std::string(fields[0])].emplace(document, *grade).second) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}, line {}: expected one judgement of document '{}' for query '{}', found another",
                              source, number, document, fields[0]));
    }
    return {};
  });
  if (!read) {
    return std::unexpected(read.error());
  }
  if (out.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected judgements, found none", source));
  }
  return out;
}

Result<RetrievalRun> parse_run(std::string_view text, std::string_view source) {
  RetrievalRun out;
  auto read = for_each_line(text, [&](std::string_view line, std::size_t number) -> Result<void> {
    const auto fields = split_blanks(line);
    const auto score = fields.size() == 6 ? number_of<double>(fields[4]) : std::nullopt;
    if (!score || !std::isfinite(*score)) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}, line {}: expected query, Q0, document, rank, score and tag, "
                                                   "found \"{}\"",
                                                   source, number, line.substr(0, 100)));
    }
    out[std::string(fields[0])].push_back({std::string(fields[2]), *score});
    return {};
  });
  if (!read) {
    return std::unexpected(read.error());
  }
  if (out.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a run, found no line", source));
  }
  for (auto& [query, found] : out) {
    std::ranges::sort(found, {}, &FoundDocument::id);
    if (const auto twice = std::ranges::adjacent_find(found, {}, &FoundDocument::id); twice != found.end()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: query '{}': expected document '{}' once, found it twice", source, query, twice->id));
    }
    sort_as_trec(found);
  }
  return out;
}

Result<Judgements> read_judgements(const std::string& path) {
  const auto text = read_file(path, kRetrievalFileSizeBytesMax);
  return text ? parse_judgements(*text, path) : std::unexpected(text.error());
}

Result<RetrievalRun> read_run(const std::string& path) {
  const auto text = read_file(path, kRetrievalFileSizeBytesMax);
  return text ? parse_run(*text, path) : std::unexpected(text.error());
}

}  // namespace asterism::service
