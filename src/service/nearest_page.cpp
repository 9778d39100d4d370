#include "service/nearest_page.hpp"

#include <fmt/format.h>

namespace asterism::service {
namespace {

std::string place_of(const NearestRow& row) {
  const std::string place = row.line == 0 ? row.source : fmt::format("{}:{}", row.source, row.line);
  return row.id.empty() ? place : fmt::format("{} ({})", place, row.id);
}

PageSection section_of(const NearestQuery& query, PayloadKind row_kind) {
  const bool text = query.kind == PayloadKind::kText;
  PageSection section{.query = {.kind = query.kind,
                                .content = text ? query.name : query.content,
                                .caption = text ? std::string("query") : query.name},
                      .found = {}};
  for (const NearestRow& row : query.nearest) {
    section.found.push_back({.kind = row_kind,
                             .content = row.content,
                             .score = fmt::format("{:.4f}", row.score),
                             .caption = place_of(row)});
  }
  return section;
}

}  // namespace

ResultPage nearest_page(const NearestResponse& response) {
  ResultPage page{.title = "Nearest rows",
                  .remark = fmt::format("{}: cosine with each of {} rows, largest first.", response.model.model,
                                        response.row_count),
                  .sections = {}};
  for (const NearestQuery& query : response.queries) {
    page.sections.push_back(section_of(query, response.row_kind));
  }
  return page;
}

}  // namespace asterism::service
