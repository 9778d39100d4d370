// Use case: are the documents that people judged relevant found first?
//
// Queries and documents are embedded (or are vectors already), every document is compared with every query by cosine,
// and the first 1,000 of each are scored as trec_eval does (analysis/retrieval_scores.hpp). Or a run that is there is
// scored. Queries without a judgement, and judged queries that are not asked, are left out and counted; judged
// documents that are not in the corpus count as not found, and are said. Thread-safety: any thread. Cost: embedding;
// queries x documents x dim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "analysis/bootstrap.hpp"
#include "analysis/estimator.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/text_reader.hpp"
#include "service/evaluation_report.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

struct RetrievalTaskRequest {
  // csv, tsv or jsonl with a text and an id ("id", or "_id" of BEIR); of jsonl a "title" stands before the text. Or
  // vectors with ids (service/analysis_rows.hpp).
  std::string corpus;
  std::string queries;
  std::string judgements;
  std::string run;  // instead of corpus and queries
  TextFormat format = TextFormat::kAuto;
  std::string text_column;
  std::string id_column;
  std::vector<std::string> models;
  EncoderOptions encoder;        // of documents
  EncoderOptions query_encoder;  // of queries: another prompt
  ModelFetch fetch;
  bool with_baselines = true;
  bool without_same_id = false;  // queries are documents themselves: one is no answer to itself
  std::size_t k = 10;
  std::uint64_t seed = 0;
  BootstrapOptions bootstrap;
};

Result<TaskResult> evaluate_retrieval(const RetrievalTaskRequest& request, const AnalysisRun& run);

}  // namespace asterism::service
