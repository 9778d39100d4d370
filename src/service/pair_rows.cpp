#include "service/pair_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

#include "base/json.hpp"
#include "dataset/csv_parser.hpp"
#include "dataset/row_source.hpp"

namespace asterism::service {
namespace {

constexpr std::array<std::array<std::string_view, 8>, 3> kUsualNames{
    {{"sentence1", "sentence_A", "text1", "sentence_1", "text_a", "question1", "premise", "a"},
     {"sentence2", "sentence_B", "text2", "sentence_2", "text_b", "question2", "hypothesis", "b"},
     {"score", "relatedness_score", "similarity_score", "similarity", "is_duplicate", "label", "gold", "relatedness"}}};
constexpr std::array<std::string_view, 3> kPartNames{"first text", "second text", "score"};

std::optional<double> number_of(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '+')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(value) ? std::optional(value)
                                                                                          : std::nullopt;
}

class Collector {
 public:
  explicit Collector(const std::string& path) : path_(path) {}

  void take(std::string_view first, std::string_view second, std::string_view gold, std::uint64_t line) {
    const auto score = number_of(gold);
    if (first.empty() || second.empty() || !score) {
      ++pairs_.left_out_count;
      return;
    }
    pairs_.first.emplace_back(first);
    pairs_.second.emplace_back(second);
    pairs_.gold.push_back(*score);
    pairs_.ids.push_back(std::to_string(line));
  }
  void leave_out() { ++pairs_.left_out_count; }

  Result<PairRows> finish() {
    if (pairs_.gold.size() < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected at least 2 pairs of texts with a score, found {} ({} without)", path_,
                              pairs_.gold.size(), pairs_.left_out_count));
    }
    return std::move(pairs_);
  }

 private:
  const std::string& path_;
  PairRows pairs_;
};

// Which of the fields each part is. `header` names them.
Result<std::array<std::size_t, 3>> places_of(const PairFile& file, std::span<const std::string> header) {
  std::array<std::size_t, 3> places{};
  for (std::size_t part = 0; part < places.size(); ++part) {
    auto found = header.end();
    if (!file.columns[part].empty()) {
      found = std::ranges::find(header, file.columns[part]);
    }
    for (std::size_t i = 0; file.columns[part].empty() && found == header.end() && i < kUsualNames[part].size(); ++i) {
      found = std::ranges::find(header, kUsualNames[part][i]);
    }
    if (found == header.end()) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: expected a column {}, found {}", file.path,
                              file.columns[part].empty() ? fmt::format("of the {}", kPartNames[part])
                                                         : fmt::format("'{}'", file.columns[part]),
                              fmt::join(header, ", ")),
                  "--columns FIRST,SECOND,SCORE names them");
    }
    places[part] = static_cast<std::size_t>(found - header.begin());
  }
  return places;
}

Result<PairRows> read_separated(const PairFile& file, char delimiter) {
  const auto info = inspect_input(file.path);
  if (!info) {
    return std::unexpected(info.error());
  }
  auto source = open_byte_source(*info);
  if (!source) {
    return std::unexpected(source.error());
  }
  BufferedInput input(*std::move(source));
  if (auto skipped = input.skip_prologue(file.path); !skipped) {
    return std::unexpected(skipped.error());
  }
  CsvParser parser(std::move(input), {.delimiter = delimiter, .record_size_bytes_max = kRowSizeBytesMax});
  Collector pairs(file.path);
  std::optional<std::array<std::size_t, 3>> places;
  for (;;) {
    const auto more = parser.next();
    if (!more) {
      return std::unexpected(more.error());
    }
    if (!*more) {
      return pairs.finish();
    }
    const auto fields = parser.fields();
    if (!places) {
      const bool named = !file.columns[0].empty() || !file.columns[1].empty() || !file.columns[2].empty();
      if (!named && fields.size() >= 3 && number_of(fields[2])) {
        places = {0, 1, 2};
      } else {
        auto found = places_of(file, fields);
        if (!found) {
          return std::unexpected(found.error());
        }
        places = *found;
        continue;
      }
    }
    if (parser.fault() != CsvFault::kNone || fields.size() <= std::ranges::max(*places)) {
      pairs.leave_out();
      continue;
    }
    pairs.take(fields[(*places)[0]], fields[(*places)[1]], fields[(*places)[2]], parser.record_line());
  }
}

Result<PairRows> read_objects(const PairFile& file) {
  RowSourceOptions options{.inputs = {file.path}, .kind = InputKind::kRecord, .format = TextFormat::kJsonl};
  for (std::size_t part = 0; part < 3; ++part) {
    options.columns.names.push_back(file.columns[part].empty() ? std::string(kUsualNames[part].front())
                                                               : file.columns[part]);
  }
  auto reader = open_row_source(std::move(options));
  if (!reader) {
    return std::unexpected(reader.error());
  }
  Collector pairs(file.path);
  for (;;) {
    auto row = (*reader)->next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return pairs.finish();
    }
    const Record& cells = (*row)->payload.cells;
    if ((*row)->error || cells.size() != 3) {
      pairs.leave_out();
    } else {
      pairs.take(cells[0].value_or(""), cells[1].value_or(""), cells[2].value_or(""), (*row)->line);
    }
  }
}

}  // namespace

Result<PairRows> read_pairs(const PairFile& file) {
  switch (text_format_of(file.path, file.format)) {
    case TextFormat::kJsonl:
      return read_objects(file);
    case TextFormat::kCsv:
      return read_separated(file, ',');
    case TextFormat::kTsv:
      return read_separated(file, '\t');
    default:
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected pairs as csv, tsv or jsonl, found another name", file.path),
                  "--format says which it is");
  }
}

}  // namespace asterism::service
