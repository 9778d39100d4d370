// Nearest neighbours and the index of a collection in PostgreSQL.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "postgres/postgres_items.hpp"
#include "postgres/postgres_store.hpp"
#include "store/filter_postgres.hpp"

namespace asterism {
namespace {

// Fewer rows are compared one by one: that takes no longer, and misses nothing.
constexpr std::int64_t kIndexRowCountMin = 10'000;
// hnsw.ef_search: pgvector's range, and what we ask without a wish (its own default is 40).
constexpr std::size_t kExpansionMax = 1000;
constexpr std::size_t kExpansionDefault = 64;
// With a filter the index hands out candidates until enough have passed: many at a time find more of the nearest than
// many small helpings.
constexpr std::size_t kFilteredExpansionMin = 200;
// So many times k are taken from the index and compared again: of an index over halves of f32 vectors, and of one that
// hands out candidates in relaxed order.
constexpr std::size_t kRescoreFactor = 4;
constexpr std::size_t kRelaxedFactor = 2;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

float score_of(double distance, Metric metric) {
  return static_cast<float>(metric == Metric::kCosine ? 1.0 - distance : metric == Metric::kDot ? -distance : distance);
}

double distance_of(float score, Metric metric) {
  return metric == Metric::kCosine ? 1.0 - double{score} : metric == Metric::kDot ? -double{score} : double{score};
}

}  // namespace

Result<PostgresStore::SearchPlan> PostgresStore::plan(PostgresConnection& connection,
                                                      const NearestRequest& request) const {
  auto state = connection.run(fmt::format(
      "SELECT item_count, EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('{}') AND indisvalid) "
      "FROM asterism_collection WHERE number = {}",
      collection_.index(), collection_.number));
  if (!state) {
    return std::unexpected(std::move(state.error()));
  }
  if (state->size() == 0) {
    return fail(ErrorCode::kNotFound, fmt::format("collection '{}': it was dropped meanwhile", name_));
  }
  const std::int64_t row_count = state->integer(0, 0);
  SearchPlan plan;
  plan.row_count = static_cast<std::uint64_t>(row_count);
  if (request.mode == SearchMode::kExact) {
    plan.reason = "exact answers were asked for";
    return plan;
  }
  if (request.mode == SearchMode::kAuto && row_count < kIndexRowCountMin) {
    plan.reason = fmt::format("{} rows: fewer than {} are compared one by one", row_count, kIndexRowCountMin);
    return plan;
  }
  if (state->bytes(0, 1) != std::string_view("\1", 1)) {
    plan.reason = collection_.indexed_type() ? "there is no index: it is not built yet"
                                             : "there is no index: the vectors are too long for one";
    return plan;
  }
  plan.exact = false;
  plan.expansion = std::clamp(std::max(request.expansion == 0 ? kExpansionDefault : request.expansion, request.k),
                              std::size_t{1}, kExpansionMax);
  plan.reason = fmt::format("{} rows with an HNSW index", row_count);
  return plan;
}

Result<StoreHits> PostgresStore::search(PostgresConnection& connection, const NearestRequest& request,
                                        const SearchPlan& plan) const {
  const Metric metric = collection_.settings.metric;
  const bool is_filtered = request.filter != nullptr;
  // An index scan goes on until enough rows have passed the filter, or hnsw.max_scan_tuples were seen. In strict order
  // it drops what it finds late, so a filter has relaxed order, and what it found is sorted again.
  const std::string setting = plan.exact ? "SET LOCAL enable_indexscan = off"
                                         : fmt::format(
                                               "SET LOCAL hnsw.ef_search = {}; SET LOCAL hnsw.iterative_scan = {}; "
                                               "SET LOCAL enable_seqscan = off",
                                               plan.expansion, is_filtered ? "relaxed_order" : "strict_order");
  if (auto set = connection.run_script(setting); !set) {
    return std::unexpected(std::move(set.error()));
  }
  auto query = postgres_vector(request.query, collection_.settings.vector_type);
  if (!query) {
    return std::unexpected(std::move(query.error()));
  }
  std::vector<PostgresValue> values{{.bytes = std::move(*query), .is_binary = true}};
  std::string condition = "true";
  if (is_filtered) {
    FilterPostgres sql = to_postgres(*request.filter, postgres_filter_names(), values.size() + 1);
    condition = std::move(sql.text);
    for (std::string& parameter : sql.parameters) {
      values.push_back({.bytes = std::move(parameter)});
    }
  }
  const std::string kept_type = collection_.vector_type();
  const std::string op = collection_.distance_operator();
  const std::string distance = fmt::format("embedding {} $1::{}", op, kept_type);
  const std::string indexed_type = collection_.indexed_type().value_or(kept_type);
  const bool rescored = !plan.exact && indexed_type != kept_type;
  const std::string order =
      rescored ? fmt::format("embedding::{0} {1} $1::{2}::{0}", indexed_type, op, kept_type) : distance;
  const std::size_t factor = rescored ? kRescoreFactor : !plan.exact && is_filtered ? kRelaxedFactor : 1;
  const std::string within =
      request.score_limit ? fmt::format("WHERE distance <= {}", distance_of(*request.score_limit, metric)) : "";
  // "+ 0": PostgreSQL would take the order of the index for the order of the distance.
  auto rows = connection.run(
      fmt::format("SELECT {0}, distance FROM (SELECT *, {1} AS distance FROM {2} WHERE {3} ORDER BY {4}{5} LIMIT {6}) "
                  "AS nearest {7} ORDER BY distance + 0, slot LIMIT {8}",
                  postgres_item_select(request.parts), distance, collection_.table(), condition, order,
                  plan.exact ? ", slot" : "", request.k * factor, within, request.k),
      values);
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  StoreHits found;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    auto item = item_of_row(*rows, row, collection_.settings);
    if (!item) {
      return std::unexpected(std::move(item.error()));
    }
    found.hits.push_back({.item = std::move(*item),
                          .score = score_of(double_of_postgres(rows->bytes(row, kPostgresItemSelectCount)), metric)});
  }
  return found;
}

Result<StoreHits> PostgresStore::nearest(const NearestRequest& request) const {
  const auto start = std::chrono::steady_clock::now();
  StoreHits found;
  auto asked = pool_.transaction(
      "ISOLATION LEVEL REPEATABLE READ, READ ONLY", [&](PostgresConnection& connection) -> Result<void> {
        auto planned = plan(connection, request);
        if (!planned) {
          return std::unexpected(std::move(planned.error()));
        }
        auto hits = search(connection, request, *planned);
        // An index scan gives up after hnsw.max_scan_tuples rows; with a filter that few rows pass it may have too few.
        const bool too_few = hits && !planned->exact && hits->hits.size() < request.k && !request.score_limit &&
                             hits->hits.size() < planned->row_count;
        if (too_few) {
          planned->exact = true;
          planned->reason += "; it had too few rows that pass, so every row was compared";
          if (auto reset = connection.run_script("SET LOCAL enable_seqscan = on"); !reset) {
            return reset;
          }
          hits = search(connection, request, *planned);
        }
        if (!hits) {
          return std::unexpected(std::move(hits.error()));
        }
        found = std::move(*hits);
        found.explanation.plan = planned->exact ? request.filter != nullptr ? "exact over filtered rows" : "exact"
                                 : request.filter != nullptr ? "graph with filter"
                                                             : "graph";
        found.explanation.reason = planned->reason;
        found.explanation.kernel = "pgvector";
        found.explanation.row_count = planned->row_count;
        found.explanation.filtered_row_count = request.filter == nullptr ? planned->row_count : 0;
        found.explanation.expansion = planned->expansion;
        return {};
      });
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  found.explanation.latency_ms = milliseconds_since(start);
  return found;
}

Result<void> PostgresStore::build_index(const LongWork& work) {
  const auto& progress = work.progress;
  const auto type = collection_.indexed_type();
  if (!type) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("collection '{}': pgvector's index reaches to {} components, these have {}", name_,
                            kPostgresHalfIndexDimMax, collection_.settings.dim),
                "searches compare every row; shorter vectors (--dim) have an index");
  }
  std::uint64_t row_count = 0;
  auto built = pool_.transaction("", [&](PostgresConnection& connection) -> Result<void> {
    auto found = find_collection(connection, name_, true);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    row_count = static_cast<std::uint64_t>(found->item_count);
    if (progress) {
      progress({.done = 0, .total = row_count, .stage = "index"});
    }
    const auto indexed = has_index(connection, *found);
    if (!indexed) {
      return std::unexpected(indexed.error());
    }
    if (*indexed) {
      return {};
    }
    const std::string column = *type == found->vector_type() ? "embedding" : fmt::format("(embedding::{})", *type);
    return connection.run_script(fmt::format("DROP INDEX IF EXISTS {0}; CREATE INDEX {0} ON {1} USING hnsw ({2} {3})",
                                             found->index(), found->table(), column, found->operator_class()));
  });
  if (built && progress) {
    progress({.done = row_count, .total = row_count, .stage = "index"});
  }
  return built;
}

Result<void> PostgresStore::compact(const LongWork& work) {
  auto dropped = pool_.transaction("", [&](PostgresConnection& connection) {
    return connection.run_script(fmt::format("DROP INDEX IF EXISTS {}", collection_.index()));
  });
  if (!dropped) {
    return dropped;
  }
  auto vacuumed = pool_.outside_transaction([&](PostgresConnection& connection) {
    return connection.run_script(fmt::format("VACUUM (FULL, ANALYZE) {}", collection_.table()));
  });
  if (!vacuumed || !collection_.indexed_type()) {
    return vacuumed;
  }
  return build_index(work);
}

Result<VerifyReport> PostgresStore::verify(const LongWork& /*work*/) const {
  VerifyReport report;
  auto asked = pool_.transaction(
      "ISOLATION LEVEL REPEATABLE READ, READ ONLY", [&](PostgresConnection& connection) -> Result<void> {
        report = {};
        auto found = find_collection(connection, name_, false);
        if (!found) {
          return std::unexpected(std::move(found.error()));
        }
        auto rows =
            connection.run(fmt::format("SELECT count(*), count(*) FILTER (WHERE metadata::jsonb IS DISTINCT FROM "
                                       "document), count(*) FILTER (WHERE "
                                       "id_text IS NOT NULL AND convert_to(id_text, 'UTF8') <> id) FROM {}",
                                       found->table()));
        if (!rows) {
          return std::unexpected(std::move(rows.error()));
        }
        report.item_count = static_cast<std::uint64_t>(rows->integer(0, 0));
        if (rows->integer(0, 0) != found->item_count) {
          report.problems.push_back(fmt::format("items: expected {}, as the catalogue says, found {}",
                                                found->item_count, rows->integer(0, 0)));
        }
        if (rows->integer(0, 1) != 0) {
          report.problems.push_back(
              fmt::format("items: {} have another metadata for filters than for readers", rows->integer(0, 1)));
        }
        if (rows->integer(0, 2) != 0) {
          report.problems.push_back(fmt::format("items: {} have another id as text", rows->integer(0, 2)));
        }
        return {};
      });
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  return report;
}

}  // namespace asterism
