#include "hub/catalogue.hpp"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <set>

#include "hub/model_id.hpp"

namespace asterism {
namespace {

// What a model's numbers are in: safetensors, PyTorch's own files, or NumPy's.
constexpr std::array<std::string_view, 5> kWeightEndings{".safetensors", ".pth", ".pt", ".bin", ".npy"};

// Reads one table and remembers the first thing that is wrong, so that a reader is a list of members.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string where) : table_(table), where_(std::move(where)) {}

  const std::string& where() const noexcept { return where_; }
  // kCorrupt with the first fault; call after all members were read.
  Result<void> finish() {
    for (const auto& [key, value] : table_) {
      if (!known_.contains(key.str())) {
        fault(fmt::format("unknown key '{}'", key.str()));
      }
    }
    return error_ ? Result<void>(std::unexpected(*error_)) : Result<void>{};
  }
  void fault(std::string_view what) {
    if (!error_) {
      error_ = Error{ErrorCode::kCorrupt, fmt::format("{}: {}", where_, what), {}};
    }
  }

  std::string text(std::string_view key) {
    const auto value = node(key).value<std::string>();
    if (!value || value->empty()) {
      fault(fmt::format("\"{}\": expected a text", key));
    }
    return value.value_or("");
  }
  std::string optional_text(std::string_view key) { return node(key) ? text(key) : std::string(); }

  std::int64_t positive(std::string_view key) {
    const auto value = node(key).value_exact<std::int64_t>();
    if (!value || *value < 1) {
      fault(fmt::format("\"{}\": expected a whole number of at least 1", key));
    }
    return value.value_or(0);
  }

  std::int64_t optional_positive(std::string_view key) { return node(key) ? positive(key) : 0; }

  std::string digest(std::string_view key) {
    std::string value = text(key);
    if (!is_sha256(value)) {
      fault(fmt::format("\"{}\": expected a SHA-256 of 64 hexadecimal digits, found '{}'", key, value));
    }
    return value;
  }

  // Tables of an array of tables; none when the key is not there.
  std::vector<const toml::table*> tables(std::string_view key) {
    std::vector<const toml::table*> out;
    const auto found = node(key);
    if (!found) {
      return out;
    }
    const toml::array* array = found.as_array();
    if (array == nullptr) {
      fault(fmt::format("\"{}\": expected a list of tables", key));
      return out;
    }
    for (const toml::node& element : *array) {
      if (const toml::table* table = element.as_table(); table != nullptr) {
        out.push_back(table);
      } else {
        fault(fmt::format("\"{}\": expected a list of tables", key));
      }
    }
    return out;
  }

  const toml::table* table(std::string_view key) {
    const auto found = node(key);
    if (found && found.as_table() == nullptr) {
      fault(fmt::format("\"{}\": expected a table", key));
    }
    return found.as_table();
  }

  float positive_number(std::string_view key) {
    const auto value = node(key).value<double>();
    if (!value || !(*value >= 0.0) || !std::isfinite(*value)) {
      fault(fmt::format("\"{}\": expected a number of at least 0", key));
    }
    return static_cast<float>(value.value_or(0.0));
  }

  std::vector<float> numbers(std::string_view key) {
    std::vector<float> out;
    const toml::array* array = node(key).as_array();
    if (array == nullptr) {
      fault(fmt::format("\"{}\": expected a list of numbers", key));
      return out;
    }
    for (const toml::node& element : *array) {
      const auto value = element.value<double>();
      if (!value || !std::isfinite(*value)) {
        fault(fmt::format("\"{}\": expected numbers only", key));
        break;
      }
      out.push_back(static_cast<float>(*value));
    }
    return out;
  }

 private:
  toml::node_view<const toml::node> node(std::string_view key) {
    known_.emplace(key);
    return table_[key];
  }

  const toml::table& table_;
  std::string where_;
  std::set<std::string, std::less<>> known_;
  std::optional<Error> error_;
};

Result<CatalogueFile> read_file_entry(const toml::table& table, const std::string& where) {
  TableReader reader(table, where + ": file");
  CatalogueFile file;
  file.path = reader.text("path");
  file.sha256 = reader.digest("sha256");
  file.size_bytes = static_cast<std::uint64_t>(reader.positive("size_bytes"));
  if (!is_safe_relative_path(file.path)) {
    reader.fault(fmt::format("\"path\": expected a path below the model's folder, found '{}'", file.path));
  }
  if (auto finished = reader.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return file;
}

void read_hub_source(TableReader& reader, CatalogueSource& source) {
  source.kind = SourceKind::kHuggingFace;
  source.repository = reader.text("repository");
  source.revision = reader.text("revision");
  if (!parse_hub_id(source.repository + "@" + source.revision)) {
    reader.fault(fmt::format("expected org/name and a revision, found '{}@{}'", source.repository, source.revision));
  }
}

void read_pypi_source(TableReader& reader, CatalogueSource& source) {
  source.kind = SourceKind::kPypi;
  source.package = reader.text("package");
  source.version = reader.text("version");
  source.wheel = reader.text("wheel");
  source.sha256 = reader.digest("sha256");
  source.size_bytes = static_cast<std::uint64_t>(reader.positive("size_bytes"));
  source.prefix = reader.optional_text("prefix");
  if (!is_safe_name(source.package) || !is_safe_name(source.wheel)) {
    reader.fault("expected plain names as package and wheel");
  }
  if (!source.prefix.empty() && !is_safe_relative_path(source.prefix)) {
    reader.fault(fmt::format("\"prefix\": expected a folder inside the wheel, found '{}'", source.prefix));
  }
}

Result<CatalogueSource> read_source(const toml::table& table, const std::string& where) {
  TableReader reader(table, where + ": source");
  CatalogueSource source;
  const std::string type = reader.text("type");
  if (type == "huggingface") {
    read_hub_source(reader, source);
  } else if (type == "pypi") {
    read_pypi_source(reader, source);
  } else if (type == "folder") {
    source.kind = SourceKind::kFolder;
    source.folder = reader.text("folder");
  } else {
    reader.fault(fmt::format("\"type\": expected huggingface, pypi or folder, found '{}'", type));
  }
  for (const toml::table* file : reader.tables("file")) {
    auto read = read_file_entry(*file, reader.where());
    if (!read) {
      return std::unexpected(read.error());
    }
    source.files.push_back(std::move(*read));
  }
  if (source.kind == SourceKind::kPypi && source.files.empty()) {
    reader.fault("expected the files that are in the wheel, found none");
  }
  if (auto finished = reader.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return source;
}

Result<VerifyImage> read_verify_image(const toml::table& table, const std::string& where) {
  TableReader reader(table, where + ": image");
  VerifyImage image;
  image.pattern = reader.text("pattern");
  image.width = reader.positive("width");
  image.height = reader.positive("height");
  if (auto finished = reader.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return image;
}

// A case is of a text or of an image.
Result<void> read_verify_input(TableReader& reader, VerifyCase& verify_case) {
  const toml::table* image = reader.table("image");
  verify_case.text = image == nullptr ? reader.text("text") : reader.optional_text("text");
  if (image == nullptr) {
    return {};
  }
  if (!verify_case.text.empty()) {
    reader.fault("expected \"text\" or \"image\", found both");
  }
  auto read = read_verify_image(*image, reader.where());
  if (!read) {
    return std::unexpected(read.error());
  }
  verify_case.image = *std::move(read);
  return {};
}

Result<void> read_verify(const toml::table& table, const std::string& where, CatalogueEntry& entry) {
  TableReader reader(table, where + ": verify");
  entry.verify_recorded_with = reader.text("recorded_with");
  for (const toml::table* given : reader.tables("case")) {
    TableReader one(*given, reader.where() + ": case");
    VerifyCase verify_case;
    if (auto read = read_verify_input(one, verify_case); !read) {
      return read;
    }
    verify_case.noise = one.positive_number("noise");
    verify_case.values = one.numbers("values");
    if (static_cast<std::int64_t>(verify_case.values.size()) != entry.dimension) {
      one.fault(fmt::format("\"values\": expected {} numbers, found {}", entry.dimension, verify_case.values.size()));
    }
    if (auto finished = one.finish(); !finished) {
      return finished;
    }
    entry.verify_cases.push_back(std::move(verify_case));
  }
  return reader.finish();
}

Result<CatalogueEntry> read_entry(const toml::table& table, std::string_view source, std::size_t number) {
  TableReader reader(table, fmt::format("{}: model {}", source, number));
  CatalogueEntry entry;
  entry.id = reader.text("id");
  if (!is_safe_name(entry.id) || entry.id.size() > kModelIdPartLengthMax || entry.id.starts_with('.')) {
    reader.fault(fmt::format("\"id\": expected a plain name, found '{}'", entry.id));
  }
  entry.family = reader.text("family");
  entry.description = reader.text("description");
  entry.licence = reader.text("licence");
  entry.dimension = reader.positive("dimension");
  entry.token_count_max = reader.optional_positive("token_count_max");
  entry.pooling = reader.text("pooling");
  for (const toml::table* given : reader.tables("source")) {
    auto read = read_source(*given, fmt::format("{}: {}", source, entry.id));
    if (!read) {
      return std::unexpected(read.error());
    }
    entry.sources.push_back(std::move(*read));
  }
  if (const toml::table* verify = reader.table("verify"); verify != nullptr) {
    if (auto read = read_verify(*verify, fmt::format("{}: {}", source, entry.id), entry); !read) {
      return std::unexpected(read.error());
    }
  }
  if (auto finished = reader.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return entry;
}

}  // namespace

std::string CatalogueSource::label() const {
  switch (kind) {
    case SourceKind::kHuggingFace:
      return "huggingface:" + repository;
    case SourceKind::kPypi:
      return fmt::format("pypi:{}=={}", package, version);
    case SourceKind::kFolder:
      break;
  }
  return "folder:" + folder.string();
}

bool CatalogueEntry::verified() const {
  return std::ranges::any_of(sources, [](const CatalogueSource& source) {
    return std::ranges::any_of(source.files, [](const CatalogueFile& file) {
      return std::ranges::any_of(kWeightEndings,
                                 [&file](std::string_view ending) { return file.path.ends_with(ending); });
    });
  });
}

Result<std::vector<CatalogueEntry>> parse_catalogue(std::string_view text, std::string_view source) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& e) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: line {}: {}", source, e.source().begin.line, std::string_view(e.description())));
  }
  TableReader reader(root, std::string(source));
  std::vector<CatalogueEntry> entries;
  for (const toml::table* table : reader.tables("model")) {
    auto entry = read_entry(*table, source, entries.size() + 1);
    if (!entry) {
      return std::unexpected(entry.error());
    }
    if (std::ranges::find(entries, entry->id, &CatalogueEntry::id) != entries.end()) {
      reader.fault(fmt::format("model '{}' is there twice", entry->id));
    }
    entries.push_back(std::move(*entry));
  }
  if (auto finished = reader.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return entries;
}

}  // namespace asterism
