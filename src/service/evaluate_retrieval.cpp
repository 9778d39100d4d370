#include "service/evaluate_retrieval.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "asterism/neighbors.hpp"
#include "base/json.hpp"
#include "base/thread_pool.hpp"
#include "service/evaluation_baselines.hpp"
#include "service/evaluation_data.hpp"
#include "service/retrieval_files.hpp"
#include "service/row_windows.hpp"

namespace asterism::service {
namespace {

// As many documents as runs of trec_eval usually hold.
constexpr std::size_t kFoundCountMax = 1000;
constexpr std::string_view kBeirId = "_id";
constexpr std::string_view kTitle = "title";

std::string text_of(const Json& metadata, std::string_view key) {
  const auto found = metadata.find(key);
  return found != metadata.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// Texts and ids, without vectors.
Result<EvaluationData> read_texts(const RetrievalTaskRequest& request, const std::string& path) {
  RowSourceOptions options{.inputs = {path},
                           .kind = InputKind::kText,
                           .format = request.format,
                           .column = request.text_column,
                           .id_column = request.id_column};
  if (text_format_of(path, request.format) == TextFormat::kJsonl) {
    options.metadata.names = {std::string(kBeirId), std::string(kTitle)};
  }
  auto windows = InputWindows::open(std::move(options), request.fetch.cancel);
  if (!windows) {
    return std::unexpected(windows.error());
  }
  EvaluationData data;
  InputWindow window;
  for (;;) {
    const auto more = windows->next(window);
    if (!more) {
      return std::unexpected(more.error());
    }
    if (!*more) {
      break;
    }
    for (Row& row : window.rows) {
      const Json metadata = Json::parse(row.metadata, nullptr, false);
      std::string id = row.id.empty() ? text_of(metadata, kBeirId) : row.id;
      if (row.error || id.empty()) {
        ++data.failed_row_count;
        continue;
      }
      const std::string title = text_of(metadata, kTitle);
      data.ids.push_back(std::move(id));
      data.texts.push_back(title.empty() ? std::move(row.payload.bytes) : title + ' ' + row.payload.bytes);
    }
  }
  if (data.ids.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: expected rows with a text and an id, found none ({} without)", path, data.failed_row_count),
        "--id-column names the column of the ids, --column that of the texts");
  }
  return data;
}

Result<void> embed(EvaluationData& data, const std::vector<std::string>& models, const EncoderOptions& options,
                   const ModelFetch& fetch) {
  for (const std::string& model : models) {
    if (auto fetched = fetch_model(model, fetch); !fetched) {
      return fetched;
    }
    const auto encoder = Encoder::load(model, options);
    if (!encoder) {
      return std::unexpected(encoder.error());
    }
    auto vectors = encoder->encode(data.texts);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    data.systems.push_back(
        {.name = model, .is_baseline = false, .dim = vectors->dim, .values = std::move(vectors->values)});
  }
  return {};
}

Result<EvaluationData> read_vectors(const std::string& path) {
  EvaluationDataRequest request;
  request.input.inputs = {path};
  return read_evaluation_data(request);
}

// What people judged, query by query, beside what a system found.
class Scoring {
 public:
  Scoring(const RetrievalTaskRequest& request, const Judgements& judgements)
      : request_(request), judgements_(judgements) {}

  Result<void> add_system(TaskResult& task, std::string name, bool is_baseline, const RetrievalRun& found,
                          const AnalysisRun& run) const {
    SystemResult system{.name = std::move(name), .is_baseline = is_baseline};
    std::vector<std::string> names;
    for (const char* measure : {"ndcg", "recall", "precision", "mrr", "map"}) {
      names.push_back(fmt::format("{}@{}", measure, request_.k));
    }
    names.emplace_back("r_precision");
    for (const std::string& measure : names) {
      system.columns.push_back({measure, {}});
    }
    for (const std::string& query : task.rows) {
      const RetrievalScores scores = scores_of(query, found);
      const auto values = {
          scores.ndcg,       scores.recall, scores.precision, scores.reciprocal_rank, scores.average_precision,
          scores.r_precision};
      std::size_t column = 0;
      for (const double value : values) {
        system.columns[column++].values.push_back(value);
      }
    }
    if (auto measured = measure_system(task, system, names, request_.bootstrap, run); !measured) {
      return measured;
    }
    task.systems.push_back(std::move(system));
    return {};
  }

  // The queries that are asked and judged; what is left out is said.
  Result<TaskResult> begin(std::span<const std::string> queries) const {
    TaskResult task{.task = "retrieval"};
    task.settings = {{"k", request_.k}};
    const std::set<std::string> asked(queries.begin(), queries.end());
    std::size_t without_relevant = 0;
    for (const auto& [query, documents] : judgements_) {
      if (asked.contains(query)) {
        task.rows.push_back(query);
        without_relevant += std::ranges::none_of(documents, [](const auto& d) { return d.second > 0; }) ? 1U : 0U;
      }
    }
    if (task.rows.empty()) {
      return fail(
          ErrorCode::kMismatch,
          fmt::format("{}: expected judgements of the queries, found none with one of their ids", request_.judgements),
          fmt::format("judged is for example '{}', asked '{}'", judgements_.begin()->first,
                      asked.empty() ? "" : *asked.begin()));
    }
    note(task, asked.size() - task.rows.size(), "queries without a judgement are left out");
    note(task, judgements_.size() - task.rows.size(), "judged queries are not asked and left out");
    note(task, without_relevant, "queries have no relevant document and score 0");
    return task;
  }

  static void note(TaskResult& task, std::size_t count, std::string_view what) {
    if (count > 0) {
      task.notes.push_back(fmt::format("{} {}", count, what));
    }
  }

  std::size_t unknown_document_count(std::span<const std::string> documents) const {
    const std::set<std::string_view> known(documents.begin(), documents.end());
    std::set<std::string_view> unknown;
    for (const auto& [query, judged] : judgements_) {
      for (const auto& [document, grade] : judged) {
        if (!known.contains(document)) {
          unknown.insert(document);
        }
      }
    }
    return unknown.size();
  }

 private:
  RetrievalScores scores_of(const std::string& query, const RetrievalRun& run) const {
    const auto& judged = judgements_.at(query);
    std::vector<std::int32_t> grades;
    for (const auto& [document, grade] : judged) {
      grades.push_back(grade);
    }
    std::vector<std::int32_t> found;
    if (const auto of_query = run.find(query); of_query != run.end()) {
      for (const FoundDocument& document : of_query->second) {
        const auto grade = judged.find(document.id);
        found.push_back(grade == judged.end() ? 0 : grade->second);
      }
    }
    return retrieval_scores(found, grades, request_.k);
  }

  const RetrievalTaskRequest& request_;
  const Judgements& judgements_;
};

// The nearest documents of every query by cosine.
Result<RetrievalRun> search(const EvaluationData& corpus, const EvaluationData& queries, std::size_t system,
                            bool without_same_id, const AnalysisRun& run) {
  const VectorSystem& documents = corpus.systems[system];
  const VectorSystem& asked = queries.systems[system];
  if (documents.dim != asked.dim) {
    return fail(ErrorCode::kMismatch,
                fmt::format("retrieval: expected documents and queries of one dimension, found {} "
                            "and {}",
                            documents.dim, asked.dim));
  }
  const MatrixView rows{documents.values, corpus.row_count(), documents.dim};
  std::vector<std::vector<FoundDocument>> found(queries.row_count());
  run.pool.parallel_for(queries.row_count(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t q = begin; q < end && !run.is_cancelled(); ++q) {
      // One more: the query itself may be among them.
      const auto nearest = nearest_neighbors(rows, asked.view().row(q), kFoundCountMax + 1);
      for (std::size_t i = 0; nearest && i < nearest->size(); ++i) {
        const Neighbor& neighbor = (*nearest)[i];
        const bool is_itself = without_same_id && corpus.ids[neighbor.row] == queries.ids[q];
        if (!is_itself && found[q].size() < kFoundCountMax) {
          found[q].push_back({corpus.ids[neighbor.row], neighbor.score});
        }
      }
      sort_as_trec(found[q]);
    }
  });
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, "stopped");
  }
  RetrievalRun out;
  for (std::size_t q = 0; q < found.size(); ++q) {
    out[queries.ids[q]] = std::move(found[q]);
  }
  return out;
}

Result<void> check_ids(const EvaluationData& data, const std::string& path) {
  std::set<std::string_view> seen;
  for (const std::string& id : data.ids) {
    if (!seen.insert(id).second) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected every id once, found '{}' twice", path, id));
    }
  }
  return {};
}

struct Collections {
  EvaluationData corpus;
  EvaluationData queries;
};

Result<Collections> read_collections(const RetrievalTaskRequest& request, const AnalysisRun& run) {
  const bool are_vectors = is_vector_input(request.corpus);
  if (are_vectors != is_vector_input(request.queries)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("retrieval: expected texts or vectors on both sides, found {} and {}", request.corpus,
                            request.queries));
  }
  auto corpus = are_vectors ? read_vectors(request.corpus) : read_texts(request, request.corpus);
  if (!corpus) {
    return std::unexpected(corpus.error());
  }
  auto queries = are_vectors ? read_vectors(request.queries) : read_texts(request, request.queries);
  if (!queries) {
    return std::unexpected(queries.error());
  }
  Collections out{*std::move(corpus), *std::move(queries)};
  if (auto once = check_ids(out.corpus, request.corpus); !once) {
    return std::unexpected(once.error());
  }
  if (auto once = check_ids(out.queries, request.queries); !once) {
    return std::unexpected(once.error());
  }
  if (!are_vectors) {
    if (auto embedded = embed(out.corpus, request.models, request.encoder, request.fetch); !embedded) {
      return std::unexpected(embedded.error());
    }
    if (auto embedded = embed(out.queries, request.models, request.query_encoder, request.fetch); !embedded) {
      return std::unexpected(embedded.error());
    }
  }
  if (request.with_baselines) {
    if (auto added = add_baselines(out.corpus, &out.queries, out.corpus.systems.front().dim, request.seed, run);
        !added) {
      return std::unexpected(added.error());
    }
  }
  return out;
}

Result<TaskResult> score_run(const RetrievalTaskRequest& request, const Judgements& judgements,
                             const AnalysisRun& run) {
  const auto found = read_run(request.run);
  if (!found) {
    return std::unexpected(found.error());
  }
  std::vector<std::string> queries;
  for (const auto& [query, documents] : *found) {
    queries.push_back(query);
  }
  const Scoring scoring(request, judgements);
  auto task = scoring.begin(queries);
  if (!task) {
    return task;
  }
  if (auto added = scoring.add_system(*task, request.run, false, *found, run); !added) {
    return std::unexpected(added.error());
  }
  return task;
}

}  // namespace

Result<TaskResult> evaluate_retrieval(const RetrievalTaskRequest& request, const AnalysisRun& run) {
  const auto judgements = read_judgements(request.judgements);
  if (!judgements) {
    return std::unexpected(judgements.error());
  }
  if (!request.run.empty()) {
    return score_run(request, *judgements, run);
  }
  const auto data = read_collections(request, run);
  if (!data) {
    return std::unexpected(data.error());
  }
  const Scoring scoring(request, *judgements);
  auto task = scoring.begin(data->queries.ids);
  if (!task) {
    return task;
  }
  Scoring::note(*task, scoring.unknown_document_count(data->corpus.ids),
                "judged documents are not in the corpus: they count as not found");
  Scoring::note(*task, data->corpus.failed_row_count + data->queries.failed_row_count,
                "rows without a text or an id are left out");
  for (std::size_t s = 0; s < data->corpus.systems.size(); ++s) {
    const auto found = search(data->corpus, data->queries, s, request.without_same_id, run);
    if (!found) {
      return std::unexpected(found.error());
    }
    const VectorSystem& vectors = data->corpus.systems[s];
    if (auto added = scoring.add_system(*task, vectors.name, vectors.is_baseline, *found, run); !added) {
      return std::unexpected(added.error());
    }
  }
  return task;
}

}  // namespace asterism::service
