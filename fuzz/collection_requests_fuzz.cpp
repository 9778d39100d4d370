// Any bytes as what a client asks of collections: an error that is the client's and says something, or a request within
// its limits. The first byte says which request.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "server/collection_requests.hpp"
#include "server/streamed_rows.hpp"

namespace {

using asterism::ErrorCode;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

template <typename Read>
void expect_answer(Read&& result) {
  if (!result) {
    const int status = asterism::error_traits(result.error().code).http_status;
    require(status >= 400 && status < 500 && !result.error().message.empty());
  }
}

void check_search(const asterism::Result<asterism::server::AskedSearch>& asked) {
  expect_answer(asked);
  if (!asked) {
    return;
  }
  const auto& search = asked->search;
  require(search.k >= 1 && search.k <= asterism::kSearchCountMax);
  require(search.like.size() + search.unlike.size() <= asterism::server::kQueryPartCountMax + 1);
  for (const auto& part : search.like) {
    for (const float value : part.vector) {
      require(std::isfinite(value));
    }
  }
}

void check_items(std::string_view body) {
  const auto items = asterism::server::read_items(body);
  expect_answer(items);
  if (items) {
    for (const auto& item : *items) {
      require(!item.id.empty() && item.metadata.starts_with('{'));
    }
  }
}

void check_rows(std::string_view type, std::string_view body) {
  asterism::server::HttpRequest request;
  request.headers.push_back({"content-type", std::string(type)});
  request.query = "id=x";
  const auto format = asterism::server::upload_format_of(request);
  expect_answer(format);
  if (!format) {
    return;
  }
  const auto upload = std::make_shared<asterism::server::UploadStream>(body.size() + 1);
  upload->write(body, {});
  upload->end();
  const asterism::CancelFlag never;
  const auto rows = asterism::server::open_streamed_rows(request, upload, never);
  expect_answer(rows);
  while (rows) {
    const auto row = (*rows)->next();
    expect_answer(row);
    if (!row || !*row) {
      break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<char>(data[0])) {
    case 's':
      check_search(asterism::server::read_search(body));
      break;
    case 'p': {
      asterism::server::HttpRequest request;
      request.headers.push_back({"content-type", "image/png"});
      request.query = body;
      check_search(asterism::server::read_search_request(request));
      break;
    }
    case 'i':
      check_items(body);
      break;
    case 'c':
      expect_answer(asterism::server::read_create(body));
      break;
    case 'd':
      expect_answer(asterism::server::read_delete(body));
      break;
    case 'g':
      expect_answer(asterism::server::read_get(body));
      break;
    case 'm':
      check_rows("multipart/form-data; boundary=X", body);
      break;
    case 't':
      check_rows("application/x-tar", body);
      break;
    case 'v':
      check_rows("text/csv", body);
      break;
    default:
      check_rows("application/x-ndjson", body);
      break;
  }
  return 0;
}
