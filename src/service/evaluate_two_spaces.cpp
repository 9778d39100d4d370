#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "service/evaluate.hpp"
#include "service/evaluate_neighbors.hpp"
#include "service/evaluation_baselines.hpp"

namespace asterism::service {
namespace {

// The same row in both.
struct RowPair {
  std::size_t a = 0;
  std::size_t b = 0;
};

struct Pairing {
  std::vector<RowPair> pairs;
  std::vector<std::string> notes;
};

std::uint64_t input_row_count(const EvaluationData& data) {
  return data.row_count() + data.failed_row_count;
}

// Pairs rows whose keys are equal, in the order of `a`. kInvalidArgument names a key that is there twice.
template <typename Key>
Result<std::vector<RowPair>> pairs_by(const std::vector<Key>& a, const std::vector<Key>& b, std::string_view name_a,
                                      std::string_view name_b) {
  const auto twice = [](const Key& key, std::string_view name) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("neighbors: {}: expected each id once, found '{}' twice", name, key));
  };
  std::unordered_map<Key, std::size_t> places;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (!places.emplace(b[i], i).second) {
      return twice(b[i], name_b);
    }
  }
  std::vector<RowPair> pairs;
  std::unordered_map<Key, std::size_t> seen;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!seen.emplace(a[i], i).second) {
      return twice(a[i], name_a);
    }
    if (const auto found = places.find(a[i]); found != places.end()) {
      pairs.push_back({.a = i, .b = found->second});
    }
  }
  return pairs;
}

Result<Pairing> pair_rows(const EvaluationData& a, const EvaluationData& b) {
  const std::string& name_a = a.systems.front().name;
  const std::string& name_b = b.systems.front().name;
  const bool by_id = a.has_ids && b.has_ids;
  if (!by_id && input_row_count(a) != input_row_count(b)) {
    return fail(ErrorCode::kMismatch,
                fmt::format("neighbors: expected the same rows in both, found {} and {}{}", input_row_count(a),
                            input_row_count(b),
                            a.has_ids || b.has_ids ? fmt::format(", and no ids in {}", a.has_ids ? name_b : name_a)
                                                   : ", and ids in neither"),
                "vectors with ids (jsonl with \"id\", a collection, or an array with the .rows.jsonl that `asterism "
                "embed` wrote) are paired by them, whatever their order");
  }
  auto pairs = by_id ? pairs_by(a.ids, b.ids, name_a, name_b) : pairs_by(a.numbers, b.numbers, name_a, name_b);
  if (!pairs) {
    return std::unexpected(pairs.error());
  }
  if (pairs->empty()) {
    return fail(ErrorCode::kMismatch,
                fmt::format("neighbors: expected rows that are in both, found none: '{}' is an id of {}, '{}' of {}",
                            a.ids.front(), name_a, b.ids.front(), name_b));
  }
  Pairing out{.pairs = *std::move(pairs), .notes = {}};
  if (!by_id && (a.has_ids || b.has_ids)) {
    out.notes.push_back(fmt::format("{} has no ids: rows are paired by their order", a.has_ids ? name_b : name_a));
  }
  const std::size_t alone_count = a.row_count() + b.row_count() - 2 * out.pairs.size();
  if (alone_count > 0) {
    out.notes.push_back(fmt::format("{} rows are in one of the two only and are left out", alone_count));
  }
  return out;
}

std::vector<float> taken_rows(const VectorSystem& system, const std::vector<RowPair>& pairs,
                              std::size_t RowPair::*side) {
  std::vector<float> values;
  values.reserve(pairs.size() * system.dim);
  for (const RowPair& pair : pairs) {
    const auto row = system.view().row(pair.*side);
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

}  // namespace

Result<EvaluationReport> evaluate_two_spaces(const EvaluateNeighborsRequest& request, const AnalysisRun& run) {
  auto original = read_evaluation_data(request.original);
  if (!original) {
    return std::unexpected(original.error());
  }
  auto compared = read_evaluation_data(request.compared);
  if (!compared) {
    return std::unexpected(compared.error());
  }
  auto pairing = pair_rows(*original, *compared);
  if (!pairing) {
    return std::unexpected(pairing.error());
  }
  VectorSystem& a = original->systems.front();
  a.values = taken_rows(a, pairing->pairs, &RowPair::a);
  std::vector<VectorSystem> systems = std::move(compared->systems);
  systems.front().values = taken_rows(systems.front(), pairing->pairs, &RowPair::b);
  if (request.with_baselines) {
    systems.push_back(
        {.name = "random",
         .is_baseline = true,
         .dim = systems.front().dim,
         .values = random_vectors(pairing->pairs.size(), systems.front().dim, request.neighborhood.seed, 0)});
  }
  std::vector<std::string> ids;
  std::vector<std::int32_t> labels;
  for (const RowPair& pair : pairing->pairs) {
    ids.push_back(std::move(original->ids[pair.a]));
    if (!original->labels.empty()) {
      labels.push_back(original->labels[pair.a]);
    } else if (!compared->labels.empty()) {
      labels.push_back(compared->labels[pair.b]);
    }
  }
  auto task = evaluate_neighbors(a, systems, ids, labels,
                                 {.bootstrap = request.bootstrap, .neighborhood = request.neighborhood}, run);
  if (!task) {
    return std::unexpected(task.error());
  }
  task->notes.insert(task->notes.begin(), pairing->notes.begin(), pairing->notes.end());
  EvaluationReport report{.input = request.original.input.inputs.front(), .bootstrap = request.bootstrap, .tasks = {}};
  report.tasks.push_back(*std::move(task));
  return report;
}

}  // namespace asterism::service
