#include "service/collection_add.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "dataset/image_names.hpp"
#include "service/collection_model.hpp"
#include "service/own_vectors.hpp"
#include "service/row_windows.hpp"
#include "store/vector_store.hpp"

namespace asterism::service {
namespace {

using Clock = std::chrono::steady_clock;

// Rows of a .npy file that are added at once where there is no input beside it.
constexpr std::size_t kVectorWindowRowCount = 4096;

// "shard.tar:a/1.jpg": no file of that name can be read again.
bool is_archive_member(const std::string& source) {
  for (std::size_t colon = source.find(':'); colon != std::string::npos; colon = source.find(':', colon + 1)) {
    if (has_tar_extension(std::string_view(source).substr(0, colon))) {
      return true;
    }
  }
  return false;
}

std::string place_of(const Row& row) {
  return place_text(row.source, row.line);
}

Item to_item(Row&& row, bool is_named, bool keep_files) {
  Item item{.id = item_id_of(row), .kind = asterism::ItemKind::kText, .metadata = std::move(row.metadata)};
  if (row.payload.kind == PayloadKind::kText) {
    item.content = std::move(row.payload.bytes);
    return item;
  }
  item.kind = asterism::ItemKind::kImage;
  const bool is_file = !is_named && row.source != "-" && !is_archive_member(row.source);
  std::error_code failure;
  item.content = is_file ? std::filesystem::absolute(row.source, failure).lexically_normal().string() : row.source;
  if (keep_files || !is_file) {
    item.data = std::move(row.payload.bytes);
  }
  return item;
}

class RowAdder {
 public:
  explicit RowAdder(const AddRequest& request) : request_(request) {}

  Result<AddResponse> run() {
    auto done = prepare();
    if (done) {
      done = windows_ ? add_windows() : add_vectors_alone();
    }
    if (!done) {
      return std::unexpected(explained(std::move(done.error())));
    }
    response_.seconds = seconds();
    if (request_.build_index && response_.row_count > response_.failed_row_count) {
      if (auto built = collection_->build_index({.progress = request_.on_index_progress}); !built) {
        return std::unexpected(explained(std::move(built.error())));
      }
    }
    auto status = collection_->status();
    if (!status) {
      return std::unexpected(std::move(status.error()));
    }
    response_.status = std::move(*status);
    return std::move(response_);
  }

 private:
  // What is wrong with the inputs is said before a collection is made or a model loaded.
  Result<void> prepare() {
    if (!request_.vectors.empty()) {
      auto vectors = OwnVectors::open(request_.vectors);
      if (!vectors) {
        return std::unexpected(std::move(vectors.error()));
      }
      vectors_.emplace(std::move(*vectors));
    }
    if (has_input()) {
      if (auto opened = open_windows(); !opened) {
        return opened;
      }
      response_.kind = windows_->kind();
      response_.unseen_columns = request_.input.metadata.names;
    } else if (!vectors_) {
      return fail(ErrorCode::kInvalidArgument, "input: expected files or folders, or vectors, found neither");
    }
    return open_collection();
  }

  bool has_input() const {
    return request_.open_rows || !request_.input.inputs.empty() || !request_.input.list.empty();
  }

  Result<void> open_windows() {
    if (vectors_) {
      if (auto agreed = expect_as_many_rows(); !agreed) {
        return agreed;
      }
    }
    if (request_.open_rows) {
      auto rows = request_.open_rows();
      if (!rows) {
        return std::unexpected(std::move(rows.error()));
      }
      windows_.emplace(std::move(*rows), request_.collection.cancel);
      return {};
    }
    auto windows = InputWindows::open(request_.input, request_.collection.cancel);
    if (!windows) {
      return std::unexpected(std::move(windows.error()));
    }
    windows_.emplace(std::move(*windows));
    return {};
  }

  // Named columns that no row had: a slip of the keyboard, most likely.
  void note_metadata(const std::string& metadata) {
    std::erase_if(response_.unseen_columns, [&](const std::string& name) {
      const std::size_t dot = name.rfind('.');
      return metadata.find(fmt::format("\"{}\":", name.substr(dot == std::string::npos ? 0 : dot + 1))) !=
             std::string::npos;
    });
  }

  // Looked at first, so that nothing is added with another row's vector. Standard input can be read only once: there
  // the count is seen at its end.
  Result<void> expect_as_many_rows() const {
    if (std::ranges::find(request_.input.inputs, "-") != request_.input.inputs.end() || request_.input.list == "-") {
      return {};
    }
    auto windows = InputWindows::open(request_.input, request_.collection.cancel);
    if (!windows) {
      return std::unexpected(std::move(windows.error()));
    }
    for (InputWindow window;;) {
      const auto more = windows->next(window);
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        return check_row_count(windows->row_count());
      }
    }
  }

  Result<void> check_row_count(std::uint64_t row_count) const {
    if (row_count == vectors_->row_count()) {
      return {};
    }
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected a vector for each of the {} rows of the input, found {}", request_.vectors,
                            row_count, vectors_->row_count()),
                "rows that failed have one too: `asterism embed` writes NaN there");
  }

  Result<void> open_collection() {
    if (request_.opened != nullptr) {
      collection_ = request_.opened;
      return expect_model();
    }
    auto opened = open_for_writing(request_.collection);
    if (!opened && opened.error().code == ErrorCode::kNotFound) {
      const auto created = create();
      // Where another process made it in the meantime, it is there all the same.
      opened = open_for_writing(request_.collection);
      if (!created && !opened && opened.error().code == ErrorCode::kNotFound) {
        return created;
      }
    }
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    collection_ = &owned_.emplace(std::move(*opened));
    return expect_model();
  }

  Result<void> create() const {
    CollectionSettings settings = request_.settings;
    settings.model.id = request_.model.empty() && !vectors_ ? std::string(kBuiltinModel) : request_.model;
    if (vectors_) {
      settings.dim = vectors_->dim();
    }
    auto complete = new_collection_settings(std::move(settings), response_.kind, request_.fetch);
    if (!complete) {
      return std::unexpected(std::move(complete.error()));
    }
    if (!vectors_) {
      if (auto takes = expect_model_takes(complete->model, response_.kind, request_.fetch); !takes) {
        return takes;
      }
    }
    const auto created = Collection::create(request_.collection.location, *complete);
    if (!created) {
      return std::unexpected(created.error());
    }
    const auto status = created->status();
    if (!status) {
      return std::unexpected(status.error());
    }
    if (request_.on_created) {
      request_.on_created(*status);
    }
    return {};
  }

  Result<void> expect_model() const {
    const std::string& kept = collection_->settings().model.id;
    if (!request_.model.empty() && kept_model_id(request_.model, response_.kind) != kept) {
      return fail(
          ErrorCode::kMismatch,
          fmt::format("{}: its vectors are of the model {}, found -m {}", shown_location(request_.collection.location),
                      kept.empty() ? "of no name (they were given)" : "'" + kept + "'", request_.model),
          "leave -m out, or make another collection: vectors of two models cannot be compared");
    }
    return vectors_ ? Result<void>{}
                    : expect_model_takes(collection_->settings().model, response_.kind, request_.fetch);
  }

  Result<void> add_windows() {
    for (InputWindow window;;) {
      report_progress(windows_->fraction());
      const auto more = windows_->next(window);
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        response_.ignored_file_count = windows_->ignored_file_count();
        response_.ill_formed_texts = windows_->ill_formed_texts();
        return vectors_ ? check_row_count(windows_->row_count()) : Result<void>{};
      }
      if (auto added = add_window(window); !added) {
        return added;
      }
      response_.row_count = windows_->row_count();
      if (request_.on_window) {
        request_.on_window(response_);
      }
    }
  }

  Result<void> add_window(InputWindow& window) {
    if (vectors_ && window.row_first + window.rows.size() > vectors_->row_count()) {
      return check_row_count(window.row_first + window.rows.size());
    }
    std::vector<Item> items;
    std::vector<std::string> places;
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      Row& row = window.rows[i];
      std::string place = place_of(row);
      if (row.error) {
        row_failed(place, *row.error);
        continue;
      }
      items.push_back(to_item(std::move(row), static_cast<bool>(request_.open_rows), request_.keep_files));
      note_metadata(items.back().metadata);
      if (vectors_) {
        items.back().vector = vectors_->row(window.row_first + i);
      }
      places.push_back(std::move(place));
    }
    return vectors_ ? add_given(std::move(items), places) : embed(std::move(items), places);
  }

  Result<void> embed(std::vector<Item> items, const std::vector<std::string>& places) {
    const auto summary = collection_->embed_and_add(
        std::move(items), [&](std::size_t index, const Error& error) { row_failed(places[index], error); });
    return summary ? count(*summary) : std::unexpected(summary.error());
  }

  Result<void> add_given(std::vector<Item> items, const std::vector<std::string>& places) {
    std::vector<Item> good;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (auto checked = check_item(collection_->settings(), items[i]); !checked) {
        row_failed(places[i], checked.error());
      } else {
        good.push_back(std::move(items[i]));
      }
    }
    const auto summary = collection_->add(good);
    return summary ? count(*summary) : std::unexpected(summary.error());
  }

  Result<void> add_vectors_alone() {
    for (std::size_t first = 0; first < vectors_->row_count(); first += kVectorWindowRowCount) {
      if (request_.collection.cancel != nullptr && request_.collection.cancel->requested()) {
        return fail(ErrorCode::kCancelled, "stopped before every row was added");
      }
      std::vector<Item> items;
      std::vector<std::string> places;
      const std::size_t end = std::min(vectors_->row_count(), first + kVectorWindowRowCount);
      for (std::size_t i = first; i < end; ++i) {
        items.push_back({.id = std::to_string(i), .vector = vectors_->row(i)});
        places.push_back(fmt::format("{}: row {}", request_.vectors, i));
      }
      if (auto added = add_given(std::move(items), places); !added) {
        return added;
      }
      response_.row_count = end;
      report_progress(static_cast<double>(end) / static_cast<double>(vectors_->row_count()));
    }
    return {};
  }

  Result<void> count(const AddSummary& summary) {
    response_.summary.added_count += summary.added_count;
    response_.summary.updated_count += summary.updated_count;
    response_.summary.unchanged_count += summary.unchanged_count;
    response_.summary.embedded_count += summary.embedded_count;
    return {};
  }

  void row_failed(const std::string& place, const Error& error) {
    ++response_.failed_row_count;
    if (request_.on_row_error) {
      request_.on_row_error(place, error);
    }
  }

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  void report_progress(double fraction) const {
    if (request_.on_progress) {
      // Nothing is embedded of rows with vectors: what they are is no matter.
      request_.on_progress({.kind = vectors_ ? PayloadKind::kRecord : response_.kind,
                            .row_count = response_.row_count,
                            .token_count = 0,
                            .seconds = seconds(),
                            .fraction = fraction});
    }
  }

  // What an end before the end leaves behind.
  Error explained(Error error) const {
    const AddSummary& done = response_.summary;
    if (error.code == ErrorCode::kCancelled) {
      error.message = fmt::format("stopped: {} rows are in the collection, {} of them new or changed, and stay",
                                  done.added_count + done.updated_count + done.unchanged_count,
                                  done.added_count + done.updated_count);
      error.hint = "the same command again goes on: what has a vector already is not embedded again";
    } else if (done.added_count + done.updated_count > 0) {
      error.message += fmt::format("; {} rows were added before, and stay", done.added_count + done.updated_count);
    }
    return error;
  }

  const AddRequest& request_;
  const Clock::time_point start_ = Clock::now();
  std::optional<OwnVectors> vectors_;
  std::optional<InputWindows> windows_;
  std::optional<Collection> owned_;
  Collection* collection_ = nullptr;
  AddResponse response_;
};

}  // namespace

std::string item_id_of(const Row& row) {
  // The key of an archive's member is one of its own archive only.
  if (row.id.empty() || (row.payload.kind == PayloadKind::kImage && is_archive_member(row.source))) {
    return place_of(row);
  }
  return row.id;
}

Result<AddResponse> add_rows(const AddRequest& request) {
  return RowAdder(request).run();
}

}  // namespace asterism::service
