// How well one query was answered, from the grades of what was found: nDCG, recall, precision, reciprocal rank, average
// precision, R-precision.
//
// As trec_eval and pytrec_eval: a document without a judgement has grade 0, a grade above 0 is relevant, the gain of a
// document is its grade and its discount log2(1 + rank). A query without relevant documents scores 0. The order of a
// run is theirs too: scores compared as float32, equal ones by the document's id, the larger first. Sources:
// https://github.com/usnistgov/trec_eval (m_ndcg_cut.c, m_map_cut.c, m_recall.c, m_P.c, m_recip_rank.c, m_Rprec.c).
// Thread-safety: pure functions. Cost: one pass over the found; a sort of the judged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace asterism {

struct RetrievalScores {
  double ndcg = 0.0;               // of the first k
  double recall = 0.0;             // of the first k
  double precision = 0.0;          // of the first k: their number is k even where fewer were found
  double reciprocal_rank = 0.0;    // 0 where no relevant document is among the first k
  double average_precision = 0.0;  // of the first k
  double r_precision = 0.0;        // of the first R, R the number of relevant documents; k has no say
};

// `found`: grades of what was found, best first. `judged`: grades of all judged documents, found or not, any order.
RetrievalScores retrieval_scores(std::span<const std::int32_t> found, std::span<const std::int32_t> judged,
                                 std::size_t k);

struct FoundDocument {
  std::string id;
  double score = 0.0;
};

// Into the order in which trec_eval reads a run.
void sort_as_trec(std::vector<FoundDocument>& found);

}  // namespace asterism
