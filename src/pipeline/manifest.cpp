#include "pipeline/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"

namespace asterism {
namespace {

constexpr std::string_view kFormatName = "asterism-embed-manifest";
constexpr std::int64_t kFormatVersion = 2;
constexpr std::string_view kBeginAgain =
    "restore it, choose another output, or delete it and its shards to begin again";

// Indexed by the enumerators.
constexpr std::array<std::string_view, 4> kVectorFormatNames{"auto", "npy", "jsonl", "safetensors"};
constexpr std::array<std::string_view, 5> kTextFormatNames{"auto", "lines", "jsonl", "csv", "tsv"};

template <typename Names, typename Format>
std::string_view format_name(const Names& names, Format format) {
  return names[static_cast<std::size_t>(format)];
}

// Reads members of one object after another and keeps the first error, so that a parser is a list of fields.
class FieldReader {
 public:
  explicit FieldReader(std::string source) : source_(std::move(source)) {}

  template <typename T>
  T get(const Json& object, std::string_view key) {
    if (error_) {
      return T{};
    }
    auto found = json_get<T>(object, key, source_);
    if (!found) {
      error_ = Error{ErrorCode::kCorrupt, found.error().message, std::string(kBeginAgain)};
      return T{};
    }
    return std::move(*found);
  }

  const Json& child(const Json& object, std::string_view key, Json::value_t type) {
    static const Json kNothing;
    if (!error_ && object.is_object() && object.contains(key) && object.at(std::string(key)).type() == type) {
      return object.at(std::string(key));
    }
    reject(fmt::format("\"{}\" is missing or of the wrong type", key));
    return kNothing;
  }

  template <typename Names>
  std::size_t name_index(const Names& names, const std::string& name) {
    const auto it = std::ranges::find(names, name);
    if (it == names.end()) {
      reject(fmt::format("expected one of {}, found \"{}\"", fmt::join(names, ", "), name));
      return 0;
    }
    return static_cast<std::size_t>(it - names.begin());
  }

  void reject(std::string_view what) {
    if (!error_) {
      error_ = Error{ErrorCode::kCorrupt, fmt::format("{}: {}", source_, what), std::string(kBeginAgain)};
    }
  }
  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  std::string source_;
  std::optional<Error> error_;
};

Json mark_to_json(const RowMark& mark) {
  return {{"input", mark.input}, {"byte", mark.byte_offset}, {"line", mark.line}, {"files", mark.files_digest}};
}

RowMark mark_from_json(FieldReader& fields, const Json& json) {
  return {.input = fields.get<std::uint64_t>(json, "input"),
          .byte_offset = fields.get<std::uint64_t>(json, "byte"),
          .line = fields.get<std::uint64_t>(json, "line"),
          .files_digest = fields.get<std::uint64_t>(json, "files")};
}

Json file_to_json(const ShardFile& file) {
  return {{"file", file.name}, {"size_bytes", file.size_bytes}, {"sha256", file.sha256}};
}

ShardFile file_from_json(FieldReader& fields, const Json& json) {
  return {.name = fields.get<std::string>(json, "file"),
          .size_bytes = fields.get<std::uint64_t>(json, "size_bytes"),
          .sha256 = fields.get<std::string>(json, "sha256")};
}

Json job_to_json(const JobDescription& job) {
  Json settings = Json::object();
  for (const auto& [name, value] : job.settings) {
    settings[name] = value;
  }
  Json inputs = Json::array();
  for (const InputInfo& input : job.inputs) {
    inputs.push_back({{"path", input.path},
                      {"seekable", input.seekable},
                      {"size_bytes", input.size_bytes},
                      {"mtime_ns", input.mtime_ns}});
  }
  return {{"settings", std::move(settings)},
          {"dim", job.dim},
          {"vector_format", format_name(kVectorFormatNames, job.vector_format)},
          {"shard_row_count", job.shard_row_count},
          {"text_format", format_name(kTextFormatNames, job.text_format)},
          {"column", job.column},
          {"id_column", job.id_column},
          {"inputs", std::move(inputs)}};
}

JobDescription job_from_json(FieldReader& fields, const Json& json) {
  JobDescription job;
  const Json& settings = fields.child(json, "settings", Json::value_t::object);
  for (const auto& [name, value] : settings.items()) {
    job.settings.emplace_back(name, fields.get<std::string>(settings, name));
  }
  job.dim = fields.get<std::uint64_t>(json, "dim");
  job.vector_format =
      static_cast<VectorFormat>(fields.name_index(kVectorFormatNames, fields.get<std::string>(json, "vector_format")));
  job.shard_row_count = fields.get<std::uint64_t>(json, "shard_row_count");
  job.text_format =
      static_cast<TextFormat>(fields.name_index(kTextFormatNames, fields.get<std::string>(json, "text_format")));
  job.column = fields.get<std::string>(json, "column");
  job.id_column = fields.get<std::string>(json, "id_column");
  for (const Json& input : fields.child(json, "inputs", Json::value_t::array)) {
    job.inputs.push_back({.path = fields.get<std::string>(input, "path"),
                          .seekable = fields.get<bool>(input, "seekable"),
                          .size_bytes = fields.get<std::uint64_t>(input, "size_bytes"),
                          .mtime_ns = fields.get<std::int64_t>(input, "mtime_ns")});
  }
  return job;
}

Json shard_to_json(const ShardEntry& shard) {
  Json vectors = Json::array();
  for (const ShardFile& file : shard.vectors) {
    vectors.push_back(file_to_json(file));
  }
  return {{"row_first", shard.row_first},
          {"row_count", shard.summary.row_count},
          {"failed", shard.summary.failed_row_count},
          {"truncated", shard.summary.truncated_row_count},
          {"tokens", shard.summary.token_count},
          {"begin", mark_to_json(shard.begin)},
          {"end", mark_to_json(shard.end)},
          {"rows_sha256", shard.rows_sha256},
          {"vectors", std::move(vectors)},
          {"rows", file_to_json(shard.rows)}};
}

ShardEntry shard_from_json(FieldReader& fields, const Json& json) {
  std::vector<ShardFile> vectors;
  for (const Json& file : fields.child(json, "vectors", Json::value_t::array)) {
    vectors.push_back(file_from_json(fields, file));
  }
  return {.row_first = fields.get<std::uint64_t>(json, "row_first"),
          .summary = {.row_count = fields.get<std::uint64_t>(json, "row_count"),
                      .failed_row_count = fields.get<std::uint64_t>(json, "failed"),
                      .truncated_row_count = fields.get<std::uint64_t>(json, "truncated"),
                      .token_count = fields.get<std::uint64_t>(json, "tokens")},
          .begin = mark_from_json(fields, fields.child(json, "begin", Json::value_t::object)),
          .end = mark_from_json(fields, fields.child(json, "end", Json::value_t::object)),
          .rows_sha256 = fields.get<std::string>(json, "rows_sha256"),
          .vectors = std::move(vectors),
          .rows = file_from_json(fields, fields.child(json, "rows", Json::value_t::object))};
}

void check_consistent(FieldReader& fields, const Manifest& manifest) {
  std::uint64_t row = 0;
  for (std::size_t i = 0; i < manifest.shards.size(); ++i) {
    const ShardEntry& shard = manifest.shards[i];
    const bool last = i + 1 == manifest.shards.size();
    const std::uint64_t expected = manifest.job.shard_row_count;
    const bool partial = last && manifest.complete && shard.summary.row_count < expected;
    if (shard.row_first != row || (shard.summary.row_count != expected && !partial)) {
      fields.reject(fmt::format("shard {}: expected {} rows from row {}, found {} from row {}", i, expected, row,
                                shard.summary.row_count, shard.row_first));
    }
    if (shard.begin.input > manifest.job.inputs.size() || shard.end.input > manifest.job.inputs.size()) {
      fields.reject(fmt::format("shard {}: expected a place in one of {} inputs", i, manifest.job.inputs.size()));
    }
    row += shard.summary.row_count;
  }
}

void note_difference(std::vector<std::string>& differences, std::string_view name, std::string_view before,
                     std::string_view now) {
  if (before != now) {
    differences.push_back(fmt::format("{} was \"{}\", is \"{}\"", name, before, now));
  }
}

std::string_view setting(const JobSettings& settings, const std::string& name) {
  const auto it = std::ranges::find(settings, name, &JobSettings::value_type::first);
  return it == settings.end() ? std::string_view{} : std::string_view(it->second);
}

void note_settings(std::vector<std::string>& differences, const JobSettings& before, const JobSettings& now) {
  for (const auto& [name, value] : now) {
    note_difference(differences, name, setting(before, name), value);
  }
  for (const auto& [name, value] : before) {
    if (std::ranges::find(now, name, &JobSettings::value_type::first) == now.end()) {
      note_difference(differences, name, value, "");
    }
  }
}

void note_inputs(std::vector<std::string>& differences, const std::vector<InputInfo>& before,
                 const std::vector<InputInfo>& now) {
  if (before.size() != now.size()) {
    differences.push_back(fmt::format("there were {} inputs, there are {}", before.size(), now.size()));
    return;
  }
  for (std::size_t i = 0; i < now.size(); ++i) {
    note_difference(differences, fmt::format("input {}", i + 1), before[i].path, now[i].path);
    if (before[i].path == now[i].path && before[i].size_bytes != now[i].size_bytes) {
      differences.push_back(
          fmt::format("{} had {} bytes, has {}", now[i].path, before[i].size_bytes, now[i].size_bytes));
    }
  }
}

std::string to_text(const Json& document) {
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// `job` as the manifest gives it back: names with bytes that are not UTF-8 come back with U+FFFD.
Result<JobDescription> as_written(const JobDescription& job) {
  auto json = parse_json(to_text(job_to_json(job)), "job");
  if (!json) {
    return std::unexpected(json.error());
  }
  FieldReader fields("job");
  return job_from_json(fields, *json);
}

}  // namespace

Result<void> write_manifest(const std::filesystem::path& path, const Manifest& manifest) {
  Json shards = Json::array();
  for (const ShardEntry& shard : manifest.shards) {
    shards.push_back(shard_to_json(shard));
  }
  const Json document{{"format", kFormatName},
                      {"version", kFormatVersion},
                      {"complete", manifest.complete},
                      {"job", job_to_json(manifest.job)},
                      {"shards", std::move(shards)}};
  return write_file_atomic(path, to_text(document));
}

Result<std::optional<Manifest>> read_manifest(const std::filesystem::path& path) {
  auto document = read_json_file(path);
  if (!document) {
    if (document.error().code == ErrorCode::kNotFound) {
      return std::nullopt;
    }
    Error error = document.error();
    error.hint = kBeginAgain;
    return std::unexpected(std::move(error));
  }
  FieldReader fields(path.string());
  const auto format = fields.get<std::string>(*document, "format");
  const auto version = fields.get<std::int64_t>(*document, "version");
  if (!fields.error() && (format != kFormatName || version != kFormatVersion)) {
    fields.reject(fmt::format("expected \"{}\" version {}, found \"{}\" version {}", kFormatName, kFormatVersion,
                              format, version));
  }
  Manifest manifest;
  manifest.complete = fields.get<bool>(*document, "complete");
  manifest.job = job_from_json(fields, fields.child(*document, "job", Json::value_t::object));
  for (const Json& shard : fields.child(*document, "shards", Json::value_t::array)) {
    manifest.shards.push_back(shard_from_json(fields, shard));
  }
  check_consistent(fields, manifest);
  if (fields.error()) {
    return std::unexpected(*fields.error());
  }
  return manifest;
}

Result<void> expect_same_job(const std::filesystem::path& path, const JobDescription& before,
                             const JobDescription& asked) {
  auto written = as_written(asked);
  if (!written) {
    return std::unexpected(written.error());
  }
  const JobDescription& now = *written;
  std::vector<std::string> differences;
  note_settings(differences, before.settings, now.settings);
  note_difference(differences, "dim", std::to_string(before.dim), std::to_string(now.dim));
  note_difference(differences, "vector format", format_name(kVectorFormatNames, before.vector_format),
                  format_name(kVectorFormatNames, now.vector_format));
  note_difference(differences, "rows in a shard", std::to_string(before.shard_row_count),
                  std::to_string(now.shard_row_count));
  note_difference(differences, "text format", format_name(kTextFormatNames, before.text_format),
                  format_name(kTextFormatNames, now.text_format));
  note_difference(differences, "column", before.column, now.column);
  note_difference(differences, "id column", before.id_column, now.id_column);
  note_inputs(differences, before.inputs, now.inputs);
  if (differences.empty()) {
    return {};
  }
  return fail(ErrorCode::kMismatch,
              fmt::format("{}: its shards are of another job: {}", path.string(), fmt::join(differences, "; ")),
              "run it with the same settings and inputs, choose another output, or delete the manifest and its shards");
}

bool inputs_unchanged(const JobDescription& before, const JobDescription& now) {
  return std::ranges::equal(before.inputs, now.inputs, [](const InputInfo& a, const InputInfo& b) {
    return a.seekable && b.seekable && a.size_bytes == b.size_bytes && a.mtime_ns == b.mtime_ns;
  });
}

}  // namespace asterism
