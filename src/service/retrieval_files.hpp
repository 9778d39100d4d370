// Judgements and runs of retrieval experiments.
//
//   qrels  BEIR: a header "query-id  corpus-id  score", tab-separated; TREC: "query iteration document grade", blanks
//   run    TREC: "query Q0 document rank score tag", blanks; the rank is not read, as trec_eval does not
//
// Which form a file of judgements has is told by its first line. Thread-safety: pure functions. Cost: one pass.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/retrieval_scores.hpp"
#include "asterism/error.hpp"

namespace asterism::service {

// Largest file of judgements or runs that is read.
inline constexpr std::size_t kRetrievalFileSizeBytesMax = std::size_t{2} << 30;

// Query to document to grade.
using Judgements = std::map<std::string, std::map<std::string, std::int32_t>>;
// Query to documents, in the order of trec_eval.
using RetrievalRun = std::map<std::string, std::vector<FoundDocument>>;

// kCorrupt names the line, what was expected and what was found; a document that a query has twice is one, too.
// kInvalidArgument without any judgement. `source` names the text in errors.
Result<Judgements> parse_judgements(std::string_view text, std::string_view source);
Result<RetrievalRun> parse_run(std::string_view text, std::string_view source);

Result<Judgements> read_judgements(const std::string& path);
Result<RetrievalRun> read_run(const std::string& path);

}  // namespace asterism::service
