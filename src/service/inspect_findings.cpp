// The figures of a report on vectors, each with a sentence that says what it means.
#include <fmt/format.h>

#include "service/inspect.hpp"

namespace asterism::service {
namespace {

// Steps between "usual" and "not", as docs/structure.md explains them.
constexpr double kUnitNormError = 1e-3;
constexpr double kNarrowConeCosine = 0.5;
constexpr double kWideConeCosine = 0.2;
constexpr double kStrongHubness = 4.0;
constexpr double kSlightHubness = 1.0;
constexpr double kFirstShareLarge = 0.3;

std::string share(std::size_t part, std::size_t whole) {
  const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return part > 0 && percent < 0.1 ? "< 0.1%" : fmt::format("{:.1f}%", percent);
}

InspectFinding norms_finding(const InspectResponse& of) {
  const bool unit = of.norms.smallest > 1.0 - kUnitNormError && of.norms.largest < 1.0 + kUnitNormError;
  const bool alike = of.norms.largest - of.norms.smallest <= kUnitNormError * of.norms.largest;
  std::string meaning = unit    ? "all rows have length 1: cosine and inner product rank alike"
                        : alike ? "all rows have one length: cosine and inner product rank alike"
                                : "lengths differ: cosine ignores them, inner product and Euclidean distance do not";
  if (of.zero_row_count > 0) {
    meaning =
        fmt::format("{} of zeros: no direction, near to nothing by cosine; empty inputs make such", of.zero_row_count);
  }
  return {"length of the rows",
          fmt::format("{:.4g} ({:.4g} to {:.4g})", of.norms.median, of.norms.smallest, of.norms.largest),
          std::move(meaning)};
}

InspectFinding equal_finding(const InspectResponse& of) {
  return {"equal rows", fmt::format("{} ({})", of.equal_row_count, share(of.equal_row_count, of.rows.row_count)),
          of.equal_row_count == 0 ? "no vector is there twice"
                                  : "vectors that an earlier row has too: the same input twice, or one that a model "
                                    "does not tell from another; usual is none"};
}

InspectFinding near_finding(const InspectResponse& of) {
  std::string limit = of.metric == Metric::kCosine
                          ? fmt::format("cosine {:.4g} or more", 1.0 - of.near_distance * of.near_distance / 2.0)
                          : fmt::format("distance {:.4g} or less", of.near_distance);
  return {"rows with a near duplicate",
          fmt::format("{} ({})", of.near_row_count, share(of.near_row_count, of.rows.row_count)),
          fmt::format("at {}, equal rows counted; many make counts and evaluations too rosy", limit)};
}

InspectFinding outlier_finding(const InspectResponse& of) {
  return {"outliers", fmt::format("{} ({})", of.outlier_count, share(of.outlier_count, of.rows.row_count)),
          fmt::format("rows with a local outlier factor of {} or more: their neighbours lie closer together than they "
                      "do to them; usual is below 1%, worth a look one by one",
                      kOutlierFactor)};
}

InspectFinding dimension_finding(const InspectResponse& of) {
  const double likelihood = of.likelihood_dimension.value_or(0.0);
  const double two = of.two_neighbor_dimension.value_or(likelihood);
  return {"intrinsic dimension", fmt::format("{:.1f} (two neighbours: {:.1f})", likelihood, two),
          fmt::format("in so many directions rows vary near each other, of {}; embeddings of texts and pictures have "
                      "mostly 6 to 30; a reduction to fewer loses neighbours",
                      of.rows.dim)};
}

InspectFinding hubness_finding(const InspectResponse& of) {
  const double skewness = of.hubness.skewness;
  const std::string_view word = skewness >= kStrongHubness   ? "strong: a few rows turn up in most searches"
                                : skewness >= kSlightHubness ? "slight: some rows turn up more often than others"
                                                             : "low: no row turns up everywhere";
  return {"hubness", fmt::format("{:.2f} (antihubs {:.1f}%)", skewness, 100.0 * of.hubness.antihub_share),
          fmt::format("{}; the commonest 1% of rows make {:.1f}% of all {} nearest neighbours; usual is 1 to 4", word,
                      100.0 * of.hubness.hub_share, of.hubness.neighbor_count)};
}

InspectFinding cosine_finding(const InspectResponse& of) {
  const double cosine = of.anisotropy.mean_cosine;
  const std::string_view word = cosine >= kNarrowConeCosine ? "a narrow cone: raw scores are all high, compare ranks"
                                : cosine >= kWideConeCosine ? "a wide cone"
                                                            : "spread out, as it should be";
  return {"mean cosine of all pairs", fmt::format("{:.3f}", cosine),
          fmt::format("{}; 0 is even in all directions, 1 is one direction", word)};
}

InspectFinding variance_finding(const InspectResponse& of) {
  const auto& shares = of.anisotropy.variance_shares;
  double ten = 0.0;
  for (const double value : shares) {
    ten += value;
  }
  return {"variance in the first direction", fmt::format("{:.1f}%", 100.0 * shares.front()),
          fmt::format("{}; the first {} have {:.1f}%",
                      shares.front() >= kFirstShareLarge ? "much of what differs is one thing; whitening may help"
                                                         : "usual is 3 to 15%",
                      shares.size(), 100.0 * ten)};
}

InspectFinding iso_finding(const InspectResponse& of) {
  return {"isotropy (IsoScore)", fmt::format("{:.3f}", of.anisotropy.iso_score.value_or(0.0)),
          fmt::format("rows vary as if in {:.0f} even directions of {}; 1 is all alike, 0 is one; usual is 0.02 to 0.3",
                      of.anisotropy.participation_ratio.value_or(0.0), of.rows.dim)};
}

}  // namespace

std::vector<InspectFinding> inspect_findings(const InspectResponse& response) {
  std::vector<InspectFinding> findings;
  findings.push_back(
      {"rows", fmt::format("{} x {}", response.rows.row_count, response.rows.dim),
       response.rows.left_out_count == 0
           ? "every row has a vector"
           : fmt::format("{} more have no vector, or one that is not finite", response.rows.left_out_count)});
  findings.push_back(norms_finding(response));
  if (response.constant_column_count > 0) {
    findings.push_back({"constant columns", fmt::format("{}", response.constant_column_count),
                        "values that are the same in every row: they tell nothing apart; usual is none"});
  }
  findings.push_back(equal_finding(response));
  if (response.equal_item_count > 0) {
    findings.push_back({"items of equal content", fmt::format("{}", response.equal_item_count),
                        "texts or files that another item has too: `asterism duplicates` lists them"});
  }
  if (response.neighbor_count > 0) {
    findings.push_back(near_finding(response));
    findings.push_back(outlier_finding(response));
    if (response.likelihood_dimension) {
      findings.push_back(dimension_finding(response));
    }
    findings.push_back(hubness_finding(response));
  }
  findings.push_back(cosine_finding(response));
  if (!response.anisotropy.variance_shares.empty()) {
    findings.push_back(variance_finding(response));
  }
  if (response.anisotropy.iso_score) {
    findings.push_back(iso_finding(response));
  }
  return findings;
}

}  // namespace asterism::service
