#include "service/collection_file.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/json.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/json_text.hpp"
#include "dataset/record_reader.hpp"
#include "service/item_json.hpp"
#include "service/own_vectors.hpp"
#include "store/schema.hpp"
#include "store/vector_store.hpp"
#include "weights/npy.hpp"

namespace asterism::service {
namespace {

constexpr std::string_view kFormatKey = "asterism_collection";
constexpr std::int64_t kFormat = 1;
// Of one transaction of an import: whichever comes first.
constexpr std::size_t kBatchItemCount = 2048;
constexpr std::size_t kBatchSizeBytes = std::size_t{64} << 20;
constexpr std::uint64_t kProgressItemCount = 1000;

std::string header_line(const CollectionSettings& settings, const ExportRequest& request) {
  std::string line = fmt::format("{{\"{}\":{},\"settings\":{}", kFormatKey, kFormat, settings_json(settings));
  if (!request.vectors.empty()) {
    line += ",\"vectors\":";
    append_json_string(line, std::filesystem::path(request.vectors).filename().string());
  }
  return line + "}\n";
}

struct Header {
  CollectionSettings settings;
  std::string vectors;  // name of the file; empty = none
};

Result<Header> parse_header(std::string_view line, const std::string& source) {
  const auto object = parse_json(line, source);
  if (!object || !object->is_object() || !object->contains(kFormatKey)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected {{\"{}\": ...}} in the first line, found {}", source, kFormatKey,
                            line.empty() ? "nothing" : "something else"),
                "import reads what `asterism collection export` wrote; `asterism add` takes other files");
  }
  const auto format = json_get<std::int64_t>(*object, kFormatKey, source);
  if (!format || *format != kFormat) {
    return format ? fail(ErrorCode::kUnsupported,
                         fmt::format("{}: expected an export of format {}, found {}", source, kFormat, *format),
                         "a later version of asterism wrote it: use that one")
                  : std::unexpected(format.error());
  }
  if (!object->contains("settings")) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected \"settings\", found none", source));
  }
  auto settings = parse_settings((*object)["settings"].dump(), source + ": settings");
  auto vectors = json_find<std::string>(*object, "vectors", source);
  if (!settings || !vectors) {
    return std::unexpected(settings ? vectors.error() : settings.error());
  }
  return Header{.settings = std::move(*settings), .vectors = std::move(*vectors).value_or("")};
}

class Importer {
 public:
  explicit Importer(const ImportRequest& request) : request_(request) {}

  Result<ImportResponse> run() {
    auto done = open();
    if (done) {
      done = read_items();
    }
    if (done && request_.build_index) {
      done = collection_->build_index({.progress = request_.on_progress});
    }
    if (!done) {
      return std::unexpected(std::move(done.error()));
    }
    auto status = collection_->status();
    if (!status) {
      return std::unexpected(std::move(status.error()));
    }
    return ImportResponse{.summary = summary_, .status = std::move(*status)};
  }

 private:
  Result<void> open() {
    const auto info = inspect_input(request_.input);
    if (!info) {
      return std::unexpected(info.error());
    }
    const CancelFlag* cancel = request_.collection.cancel;
    auto bytes = open_byte_source(*info, [cancel] { return cancel != nullptr && cancel->requested(); });
    if (!bytes) {
      return std::unexpected(std::move(bytes.error()));
    }
    auto lines = make_record_reader(TextFormat::kLines, std::move(*bytes),
                                    {.source = request_.input, .row_size_bytes_max = kCollectionLineSizeBytesMax});
    if (!lines) {
      return std::unexpected(std::move(lines.error()));
    }
    lines_ = std::move(*lines);
    const auto first = next_line();
    if (!first) {
      return std::unexpected(first.error());
    }
    const auto header = parse_header(*first ? row_.payload.bytes : "", place());
    if (!header) {
      return std::unexpected(header.error());
    }
    if (auto opened = open_vectors(*header); !opened) {
      return opened;
    }
    return open_collection(header->settings);
  }

  Result<void> open_vectors(const Header& header) {
    if (request_.vectors.empty() && header.vectors.empty()) {
      return {};
    }
    const std::string beside = (std::filesystem::path(request_.input).parent_path() / header.vectors).string();
    const std::string& path = request_.vectors.empty() ? beside : request_.vectors;
    auto vectors = OwnVectors::open(path);
    if (!vectors) {
      return std::unexpected(std::move(vectors.error()));
    }
    vectors_.emplace(std::move(*vectors));
    return {};
  }

  // The settings are those of the export to the letter, its model's digest too: the model need not be here.
  Result<void> open_collection(const CollectionSettings& settings) {
    auto opened = open_for_writing(request_.collection);
    if (!opened && opened.error().code == ErrorCode::kNotFound) {
      const auto location = parse_location(request_.collection.location);
      if (!location) {
        return std::unexpected(location.error());
      }
      if (auto created = create_store(*location, settings); !created) {
        return std::unexpected(std::move(created.error()));
      }
      opened = open_for_writing(request_.collection);
    }
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    collection_.emplace(std::move(*opened));
    const CollectionSettings& there = collection_->settings();
    if (there.dim == settings.dim && there.metric == settings.metric && there.model == settings.model) {
      return {};
    }
    const auto shown = [](const CollectionSettings& of) {
      return fmt::format("{} dimensions, {}, model '{}'", of.dim, metric_name(of.metric), of.model.id);
    };
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected vectors as {} has them ({}), found {}", request_.input,
                            shown_location(request_.collection.location), shown(there), shown(settings)),
                "import into a collection of its own");
  }

  Result<bool> next_line() {
    auto more = lines_->next(row_);
    if (more && *more && row_.error) {
      return std::unexpected(*row_.error);
    }
    return more;
  }

  std::string place() const { return fmt::format("{}:{}", request_.input, row_.line); }

  Result<void> read_items() {
    std::uint64_t item_count = 0;
    for (;;) {
      const auto more = next_line();
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        break;
      }
      if (row_.payload.bytes.empty()) {
        continue;
      }
      if (auto taken = take_item(item_count++); !taken) {
        return taken;
      }
    }
    if (vectors_ && item_count != vectors_->row_count()) {
      return fail(ErrorCode::kMismatch, fmt::format("{}: expected a vector for each of the {} items, found {}",
                                                    request_.input, item_count, vectors_->row_count()));
    }
    return add_batch();
  }

  Result<void> take_item(std::uint64_t number) {
    auto item = parse_item_json(row_.payload.bytes, place());
    if (!item) {
      return std::unexpected(std::move(item.error()));
    }
    if (vectors_) {
      if (number >= vectors_->row_count()) {
        return fail(ErrorCode::kMismatch, fmt::format("{}: expected at most {} items, as there are vectors, found more",
                                                      place(), vectors_->row_count()));
      }
      item->vector = vectors_->row(number);
    }
    if (auto checked = check_item(collection_->settings(), *item); !checked) {
      checked.error().message = fmt::format("{}: {}", place(), checked.error().message);
      return checked;
    }
    batch_size_bytes_ += row_.payload.bytes.size();
    batch_.push_back(std::move(*item));
    return batch_.size() < kBatchItemCount && batch_size_bytes_ < kBatchSizeBytes ? Result<void>{} : add_batch();
  }

  Result<void> add_batch() {
    const CancelFlag* cancel = request_.collection.cancel;
    if (cancel != nullptr && cancel->requested()) {
      return fail(ErrorCode::kCancelled, "stopped: the items before stay in the collection",
                  "the same command again brings the rest");
    }
    const auto summary = collection_->add(batch_);
    if (!summary) {
      return std::unexpected(summary.error());
    }
    summary_.added_count += summary->added_count;
    summary_.updated_count += summary->updated_count;
    summary_.unchanged_count += summary->unchanged_count;
    batch_.clear();
    batch_size_bytes_ = 0;
    if (request_.on_progress) {
      request_.on_progress({.done = summary_.added_count + summary_.updated_count + summary_.unchanged_count,
                            .total = 0,
                            .stage = "items"});
    }
    return {};
  }

  const ImportRequest& request_;
  std::unique_ptr<RecordReader> lines_;
  Row row_;
  std::optional<OwnVectors> vectors_;
  std::optional<Collection> collection_;
  std::vector<Item> batch_;
  std::size_t batch_size_bytes_ = 0;
  AddSummary summary_;
};

}  // namespace

Result<ExportResponse> export_collection(const ExportRequest& request) {
  const auto collection = open_for_reading(request.collection);
  if (!collection) {
    return std::unexpected(collection.error());
  }
  const auto total = collection->count(request.filter);
  if (!total) {
    return std::unexpected(total.error());
  }
  const CollectionSettings& settings = collection->settings();
  auto file = AtomicFile::create(request.output);
  if (!file) {
    return std::unexpected(std::move(file.error()));
  }
  std::optional<NpyRowsWriter> vectors;
  if (!request.vectors.empty()) {
    auto created = NpyRowsWriter::create(request.vectors, {static_cast<std::int64_t>(settings.dim)});
    if (!created) {
      return std::unexpected(std::move(created.error()));
    }
    vectors.emplace(std::move(*created));
  }
  if (auto written = file->write(header_line(settings, request)); !written) {
    return std::unexpected(std::move(written.error()));
  }
  ExportResponse response{.item_count = 0, .dim = settings.dim};
  std::string line;
  const CancelFlag* cancel = request.collection.cancel;
  auto written = collection->scan(request.filter, {.data = true, .vector = true}, [&](Item&& item) -> Result<void> {
    if (cancel != nullptr && cancel->requested()) {
      return fail(ErrorCode::kCancelled, "stopped: nothing was written");
    }
    if (vectors) {
      if (auto appended = vectors->append(item.vector); !appended) {
        return appended;
      }
      item.vector.clear();
    }
    line.clear();
    append_item_json(line, item);
    line += '\n';
    if (++response.item_count % kProgressItemCount == 0 && request.on_progress) {
      request.on_progress({.done = response.item_count, .total = *total, .stage = "items"});
    }
    return file->write(line);
  });
  if (written && vectors) {
    written = vectors->commit();
  }
  if (written) {
    written = file->commit();
  }
  return written ? Result<ExportResponse>(response) : std::unexpected(std::move(written.error()));
}

Result<ImportResponse> import_collection(const ImportRequest& request) {
  return Importer(request).run();
}

}  // namespace asterism::service
