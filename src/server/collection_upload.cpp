#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "asterism/cancel.hpp"
#include "base/json.hpp"
#include "server/body_stream.hpp"
#include "server/collection_requests.hpp"
#include "server/collection_service.hpp"
#include "server/json_body.hpp"
#include "server/streamed_rows.hpp"
#include "server/upload_format.hpp"
#include "server/upload_stream.hpp"
#include "service/collection_add.hpp"
#include "store/vector_store.hpp"

namespace asterism::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kErrorCountMax = 100;  // rows whose errors are told; the others are counted
// A client that sends for hours reads the lines at its end only.
constexpr std::chrono::seconds kLineInterval{1};

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json error_json(const Error& error) {
  return {{"code", error_traits(error.code).name}, {"message", error.message}, {"hint", error.hint}};
}

// What became of rows that were added, and of those that were not.
class AddReport {
 public:
  void failed(Json place, const Error& error) {
    ++failed_count_;
    if (errors_.size() < kErrorCountMax) {
      place["error"] = error_json(error);
      errors_.push_back(std::move(place));
    }
    first_ = first_ ? first_ : std::optional<Error>(error);
  }
  void count(const AddSummary& summary) {
    summary_.added_count += summary.added_count;
    summary_.updated_count += summary.updated_count;
    summary_.unchanged_count += summary.unchanged_count;
    summary_.embedded_count += summary.embedded_count;
  }
  void set(const AddSummary& so_far) { summary_ = so_far; }
  std::uint64_t failed_count() const noexcept { return failed_count_; }
  const std::optional<Error>& first_error() const noexcept { return first_; }

  Json counts() const {
    return {{"added", summary_.added_count},
            {"updated", summary_.updated_count},
            {"unchanged", summary_.unchanged_count},
            {"embedded", summary_.embedded_count},
            {"failed", failed_count_}};
  }
  void append_errors(Json& json) const {
    json["errors"] = errors_;
    json["errors_left_out"] = failed_count_ - errors_.size();
  }

 private:
  AddSummary summary_;
  std::uint64_t failed_count_ = 0;
  Json errors_ = Json::array();
  std::optional<Error> first_;
};

// Of equal ids the last counts, wherever their vectors come from.
std::vector<Item> last_of_each_id(std::vector<Item> items) {
  std::unordered_map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < items.size(); ++i) {
    last[items[i].id] = i;
  }
  std::vector<bool> kept(items.size(), false);
  for (const auto& [id, index] : last) {
    kept[index] = true;
  }
  std::vector<Item> out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (kept[i]) {
      out.push_back(std::move(items[i]));
    }
  }
  return out;
}

Result<void> add_given(Collection& collection, std::vector<Item> items, AddReport& report) {
  std::vector<Item> good;
  for (Item& item : items) {
    if (const auto checked = check_item(collection.settings(), item); !checked) {
      report.failed({{"id", item.id}}, checked.error());
    } else {
      good.push_back(std::move(item));
    }
  }
  const auto summary = good.empty() ? Result<AddSummary>{} : collection.add(good);
  if (!summary) {
    return std::unexpected(summary.error());
  }
  report.count(*summary);
  return {};
}

Result<void> embed_and_add(Collection& collection, std::vector<Item> items, AddReport& report) {
  if (items.empty()) {
    return {};
  }
  std::vector<std::string> ids;
  ids.reserve(items.size());
  std::ranges::transform(items, std::back_inserter(ids), &Item::id);
  const auto summary = collection.embed_and_add(std::move(items), [&](std::size_t index, const Error& error) {
    report.failed({{"id", ids[index]}}, error);
  });
  if (!summary) {
    return std::unexpected(summary.error());
  }
  report.count(*summary);
  return {};
}

Result<HttpResponse> add_json(CollectionHost& host, const std::string& name, const HttpRequest& request) {
  static constexpr std::array<std::string_view, 5> kOfFiles{"column", "id_column", "metadata", "source", "id"};
  const auto alone = expect_not_in_query(request.query, kOfFiles);
  auto items = alone ? read_items(request.body) : std::unexpected(alone.error());
  const auto collection = items ? host.get_writable(name) : std::unexpected(items.error());
  if (!collection) {
    return std::unexpected(collection.error());
  }
  *items = last_of_each_id(*std::move(items));
  const auto middle = std::ranges::stable_partition(*items, [](const Item& item) { return item.vector.empty(); });
  std::vector<Item> to_embed(std::make_move_iterator(items->begin()), std::make_move_iterator(middle.begin()));
  const std::size_t item_count = items->size();
  std::vector<Item> given(std::make_move_iterator(middle.begin()), std::make_move_iterator(items->end()));
  AddReport report;
  auto done = embed_and_add(**collection, std::move(to_embed), report);
  if (done) {
    done = add_given(**collection, std::move(given), report);
  }
  if (!done) {
    return std::unexpected(std::move(done.error()));
  }
  if (report.failed_count() > 0 && report.failed_count() == item_count) {
    return std::unexpected(*report.first_error());
  }
  Json json = report.counts();
  report.append_errors(json);
  return HttpResponse{.status = report.failed_count() > 0 ? 207 : 200,
                      .body = json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

// An add of a file that says how far it is. The answer begins with the first window, so that what is wrong from the
// start has a status of its own.
class StreamedAdd {
 public:
  // `head`: a copy, where the body is streamed (Exchange).
  StreamedAdd(std::shared_ptr<Exchange> exchange, HttpRequest head, Dialect dialect, std::shared_ptr<CancelFlag> cancel)
      : exchange_(std::move(exchange)), head_(std::move(head)), dialect_(dialect), cancel_(std::move(cancel)) {
    exchange_->on_client_gone([cancel = cancel_] { cancel->request(); });
  }
  StreamedAdd(const StreamedAdd&) = delete;
  StreamedAdd& operator=(const StreamedAdd&) = delete;
  ~StreamedAdd() {
    if (head_.upload) {
      head_.upload->close();
    }
  }

  void run(CollectionHost& host, const std::string& name) {
    const auto done = host.without_folder(head_.upload ? add_arriving(host, name) : add_whole(host, name));
    if (!done && !stream_) {
      exchange_->respond(error_response(dialect_, done.error()));
      return;
    }
    begin();
    Json last;
    if (done) {
      Json summary{{"rows", done->row_count}};
      summary.update(report_.counts());
      summary["ill_formed_texts"] = done->ill_formed_texts.row_count;
      summary["seconds"] = done->seconds;
      last["summary"] = std::move(summary);
    } else {
      last["error"] = error_json(done.error());
    }
    report_.append_errors(last);
    stream_->write(json_line(last));
    stream_->end();
  }

 private:
  // Nothing is known of the file but its beginning.
  Result<service::AddResponse> add_arriving(CollectionHost& host, const std::string& name) {
    const auto collection = host.get_writable(name);
    if (!collection) {
      return std::unexpected(collection.error());
    }
    return add(
        **collection, name, [this] { return open_streamed_rows(head_, head_.upload, *cancel_); },
        [this] {
          return Json{{"size_bytes", head_.upload->size_bytes()}};
        });
  }

  // One picture; what is nothing that is known is refused here.
  Result<service::AddResponse> add_whole(CollectionHost& host, const std::string& name) {
    const auto format = upload_format_of(exchange_->request());
    auto rows = format ? open_picture_row(exchange_->request()) : std::unexpected(format.error());
    const auto collection = rows ? host.get_writable(name) : std::unexpected(rows.error());
    if (!collection) {
      return std::unexpected(collection.error());
    }
    return add(
        **collection, name, [&rows] { return std::move(rows); },
        [] {
          return Json{{"total", 1}};
        });
  }

  // `progress`: what a line has beside the counts.
  Result<service::AddResponse> add(Collection& collection, const std::string& name,
                                   std::function<Result<std::unique_ptr<RowReader>>()> open,
                                   const std::function<Json()>& progress) {
    service::AddRequest request;
    request.opened = &collection;
    request.collection = {.location = name, .cancel = cancel_.get()};
    request.open_rows = std::move(open);
    request.build_index = false;
    request.on_row_error = [&](std::string_view place, const Error& error) {
      report_.failed({{"row", std::string(place)}}, error);
    };
    request.on_window = [&](const service::AddResponse& so_far) {
      report_.set(so_far.summary);
      if (!begin() && Clock::now() - told_ < kLineInterval) {
        return;
      }
      told_ = Clock::now();
      Json line{{"done", so_far.row_count}};
      line.update(progress());
      line.update(report_.counts());
      stream_->try_write(json_line(line));
    };
    auto added = service::add_rows(request);
    if (added) {
      report_.set(added->summary);
    }
    return added;
  }

  // False where it has begun before.
  bool begin() {
    if (stream_) {
      return false;
    }
    stream_ = std::make_shared<BodyStream>();
    stream_->on_client_gone([cancel = cancel_] { cancel->request(); });
    exchange_->respond({.content_type = "application/x-ndjson", .stream = stream_});
    return true;
  }

  std::shared_ptr<Exchange> exchange_;
  const HttpRequest head_;
  Dialect dialect_;
  std::shared_ptr<CancelFlag> cancel_;
  std::shared_ptr<BodyStream> stream_;
  Clock::time_point told_;
  AddReport report_;
};

}  // namespace

bool streams_items(const HttpRequest& head) {
  const auto format = upload_format_of(head);
  return format && format->form != UploadForm::kPicture;
}

void add_items(CollectionService& service, Dialect dialect, const std::string& name,
               const std::shared_ptr<Exchange>& exchange) {
  const std::string_view type = exchange->request().header("content-type");
  if (type.empty() || type.starts_with("application/json")) {
    answer_from(service.writes, dialect, exchange, [&service, name, exchange] {
      return service.host->without_folder(add_json(*service.host, name, exchange->request()));
    });
    return;
  }
  HttpRequest head = exchange->request().upload ? exchange->request() : HttpRequest{};
  const auto posted = service.uploads.post(
      [&service, name, exchange, dialect, head = std::move(head)](const std::shared_ptr<CancelFlag>& cancel) {
        StreamedAdd(exchange, head, dialect, cancel).run(*service.host, name);
      });
  if (!posted) {
    exchange->respond(error_response(dialect, posted.error()));
  }
}

}  // namespace asterism::server
