// Any text as judgements and as a run: an error that says something, or entries whose grades can be scored.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "service/retrieval_files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto judgements = asterism::service::parse_judgements(text, "fuzz");
  if (!judgements && judgements.error().message.empty()) {
    std::abort();
  }
  const auto run = asterism::service::parse_run(text, "fuzz");
  if (!run && run.error().message.empty()) {
    std::abort();
  }
  if (judgements) {
    for (const auto& [query, documents] : *judgements) {
      std::vector<std::int32_t> grades;
      for (const auto& [document, grade] : documents) {
        grades.push_back(grade);
      }
      const auto scores = asterism::retrieval_scores(grades, grades, 10);
      if (!(scores.ndcg >= 0.0 && scores.ndcg <= 1.0 + 1e-12)) {
        std::abort();
      }
    }
  }
  return 0;
}
