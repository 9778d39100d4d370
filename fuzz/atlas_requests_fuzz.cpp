// Any bytes as what the page of an atlas asks: an error that is the client's and says something, or a request within
// its limits. The first byte says which request.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/atlas_requests.hpp"
#include "service/arithmetic_expression.hpp"

namespace {

constexpr std::size_t kRowCount = 100;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

template <typename T>
bool expect_answer(const asterism::Result<T>& result) {
  if (!result) {
    const int status = asterism::error_traits(result.error().code).http_status;
    require(status >= 400 && status < 500 && !result.error().message.empty());
  }
  return result.has_value();
}

void check_rows(const std::vector<std::uint32_t>& rows) {
  require(!rows.empty());
  for (const std::uint32_t row : rows) {
    require(row < kRowCount);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace asterism::server;
  if (size == 0) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (const auto find = read_find(text); data[0] % 6 == 0) {
    expect_answer(find);
  }
  if (const auto search = read_atlas_search(text); data[0] % 6 == 1 && expect_answer(search)) {
    require(search->query.kind == asterism::service::AtlasQuery::Kind::kRow || !search->query.value.empty());
    if (search->query.kind == asterism::service::AtlasQuery::Kind::kExpression) {
      expect_answer(asterism::service::parse_arithmetic(search->query.value));
    }
  }
  if (const auto copy = read_copy(text, kRowCount); data[0] % 6 == 2 && expect_answer(copy)) {
    check_rows(copy->rows);
  }
  if (const auto asked = read_export_body(text, kRowCount); data[0] % 6 == 3 && expect_answer(asked)) {
    check_rows(asked->rows);
  }
  if (const auto asked = read_export(text, kRowCount); data[0] % 6 == 4 && expect_answer(asked)) {
    check_rows(asked->rows);
  }
  if (const auto rows = rows_in_query(text, kRowCount); data[0] % 6 == 5 && expect_answer(rows)) {
    check_rows(*rows);
  }
  return 0;
}
