// Measures against what scikit-learn, scipy and pytrec_eval give (tools/goldens/measures_record.py).
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "analysis/binary_scores.hpp"
#include "analysis/bootstrap.hpp"
#include "analysis/cluster_agreement.hpp"
#include "analysis/confusion_matrix.hpp"
#include "analysis/correlation.hpp"
#include "analysis/neighborhood_scores.hpp"
#include "analysis/normal_distribution.hpp"
#include "analysis/retrieval_scores.hpp"
#include "analysis/silhouette.hpp"
#include "analysis/tfidf.hpp"
#include "base/json.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr double kTolerance = 1e-9;  // sums in double in another order

Json recorded(const char* part) {
  auto json = read_json_file(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/measures/measures.json");
  return json ? (*json)[part] : Json::array();
}

std::vector<double> numbers(const Json& json) {
  return json.get<std::vector<double>>();
}

std::vector<std::int32_t> labels(const Json& json) {
  return json.get<std::vector<std::int32_t>>();
}

void expect_all_near(const std::vector<double>& ours, const Json& theirs, const char* what) {
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_NEAR(ours[i], theirs[i].get<double>(), kTolerance) << what << " of row " << i;
  }
}

TEST(MeasuresRecorded, correlations_equal_scipy) {
  const Json cases = recorded("correlations");
  ASSERT_EQ(cases.size(), 4U);
  for (const Json& golden : cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const auto a = numbers(golden["a"]);
    const auto b = numbers(golden["b"]);
    EXPECT_NEAR(pearson_correlation(a, b), golden["pearson"].get<double>(), kTolerance);
    EXPECT_NEAR(spearman_correlation(a, b), golden["spearman"].get<double>(), kTolerance);
    EXPECT_NEAR(kendall_correlation(a, b), golden["kendall"].get<double>(), kTolerance);
  }
}

TEST(MeasuresRecorded, binary_scores_equal_scikit_learn) {
  const Json cases = recorded("binary");
  ASSERT_EQ(cases.size(), 3U);
  for (const Json& golden : cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const auto scores = numbers(golden["scores"]);
    const auto truth = numbers(golden["labels"]);
    EXPECT_NEAR(average_precision(scores, truth), golden["average_precision"].get<double>(), kTolerance);
    EXPECT_NEAR(roc_area(scores, truth), golden["roc_area"].get<double>(), kTolerance);
    EXPECT_NEAR(best_accuracy(scores, truth).score, golden["best_accuracy"].get<double>(), kTolerance);
    EXPECT_NEAR(best_f1(scores, truth).score, golden["best_f1"].get<double>(), kTolerance);
  }
}

TEST(MeasuresRecorded, confusion_matrices_equal_scikit_learn) {
  const Json cases = recorded("classes");
  ASSERT_EQ(cases.size(), 3U);
  for (const Json& golden : cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const ConfusionMatrix matrix(labels(golden["truth"]), labels(golden["said"]));
    ASSERT_EQ(matrix.class_count() * matrix.class_count(), golden["matrix"].size());
    for (std::size_t i = 0; i < golden["matrix"].size(); ++i) {
      EXPECT_EQ(matrix.count(i / matrix.class_count(), i % matrix.class_count()), golden["matrix"][i]);
    }
    EXPECT_NEAR(matrix.accuracy(), golden["accuracy"].get<double>(), kTolerance);
    EXPECT_NEAR(matrix.balanced_accuracy(), golden["balanced_accuracy"].get<double>(), kTolerance);
    EXPECT_NEAR(matrix.macro_f1(), golden["macro_f1"].get<double>(), kTolerance);
  }
}

TEST(MeasuresRecorded, agreement_of_groups_equals_scikit_learn) {
  const Json cases = recorded("groups");
  ASSERT_EQ(cases.size(), 7U);
  for (const Json& golden : cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const ContingencyTable table(labels(golden["truth"]), labels(golden["groups"]));
    EXPECT_NEAR(table.homogeneity(), golden["homogeneity"].get<double>(), kTolerance);
    EXPECT_NEAR(table.completeness(), golden["completeness"].get<double>(), kTolerance);
    EXPECT_NEAR(table.v_measure(), golden["v_measure"].get<double>(), kTolerance);
    EXPECT_NEAR(table.normalized_mutual_information(), golden["nmi"].get<double>(), kTolerance);
    EXPECT_NEAR(table.adjusted_mutual_information(), golden["ami"].get<double>(), 1e-6);
    EXPECT_NEAR(table.adjusted_rand_index(), golden["ari"].get<double>(), kTolerance);
  }
}

TEST(MeasuresRecorded, silhouettes_equal_scikit_learn) {
  const Json cases = recorded("silhouettes");
  ASSERT_EQ(cases.size(), 2U);
  ThreadPool pool(2);
  for (const Json& golden : cases) {
    SCOPED_TRACE(golden["metric"].get<std::string>());
    const auto data = golden["data"].get<std::vector<float>>();
    const auto groups = labels(golden["labels"]);
    const Metric metric = golden["metric"] == "cosine" ? Metric::kCosine : Metric::kEuclidean;
    const auto ours =
        silhouette({data, groups.size(), golden["dim"].get<std::size_t>()}, groups, {.metric = metric}, {.pool = pool});
    ASSERT_TRUE(ours) << ours.error().to_string();
    expect_all_near(ours->values, golden["values"], "silhouette");
  }
}

TEST(MeasuresRecorded, neighborhoods_equal_scikit_learn_and_the_papers) {
  const Json cases = recorded("neighborhoods");
  ASSERT_EQ(cases.size(), 2U);
  ThreadPool pool(2);
  for (const Json& golden : cases) {
    const auto a = golden["a"].get<std::vector<float>>();
    const auto b = golden["b"].get<std::vector<float>>();
    const auto count = golden["rows"].get<std::size_t>();
    NeighborhoodOptions options;
    options.neighbor_count = golden["k"].get<std::size_t>();
    const auto ours = neighborhood_scores({a, count, golden["dim"].get<std::size_t>()}, {b, count, 2},
                                          labels(golden["labels"]), options, {.pool = pool});
    ASSERT_TRUE(ours) << ours.error().to_string();
    const auto mean = [&](const std::vector<double>& column) {
      double sum = 0.0;
      for (const double value : column) {
        sum += value;
      }
      return sum / static_cast<double>(column.size());
    };
    EXPECT_NEAR(mean(ours->trustworthiness), golden["trustworthiness"].get<double>(), kTolerance);
    EXPECT_NEAR(mean(ours->continuity), golden["continuity"].get<double>(), kTolerance);
    expect_all_near(ours->overlap, golden["overlap"], "overlap");
    expect_all_near(ours->mrre_false, golden["mrre_false"], "mrre_false");
    expect_all_near(ours->mrre_missing, golden["mrre_missing"], "mrre_missing");
    expect_all_near(ours->distance_rank_correlation, golden["distance_rank_correlation"], "rank correlation");
    expect_all_near(ours->label_agreement_a, golden["label_agreement_a"], "label agreement in a");
    expect_all_near(ours->label_agreement_b, golden["label_agreement_b"], "label agreement in b");
  }
}

TEST(MeasuresRecorded, retrieval_equals_pytrec_eval) {
  const Json cases = recorded("retrieval");
  ASSERT_EQ(cases.size(), 13U);
  for (const Json& golden : cases) {
    SCOPED_TRACE(golden["query"].get<std::string>());
    std::vector<FoundDocument> found;
    for (const auto& [id, score] : golden["run"].items()) {
      found.push_back({id, score.get<double>()});
    }
    sort_as_trec(found);
    std::vector<std::int32_t> grades;
    for (const FoundDocument& document : found) {
      grades.push_back(golden["qrels"].value(document.id, 0));
    }
    std::vector<std::int32_t> judged;
    for (const Json& grade : golden["qrels"]) {
      judged.push_back(grade.get<std::int32_t>());
    }
    const RetrievalScores scores = retrieval_scores(grades, judged, golden["k"].get<std::size_t>());
    EXPECT_NEAR(scores.ndcg, golden["ndcg"].get<double>(), kTolerance);
    EXPECT_NEAR(scores.recall, golden["recall"].get<double>(), kTolerance);
    EXPECT_NEAR(scores.precision, golden["precision"].get<double>(), kTolerance);
    EXPECT_NEAR(scores.reciprocal_rank, golden["reciprocal_rank"].get<double>(), kTolerance);
    EXPECT_NEAR(scores.average_precision, golden["average_precision"].get<double>(), kTolerance);
    EXPECT_NEAR(scores.r_precision, golden["r_precision"].get<double>(), kTolerance);
  }
}

TEST(MeasuresRecorded, intervals_equal_scipy) {
  const Json cases = recorded("bootstraps");
  ASSERT_EQ(cases.size(), 4U);
  ThreadPool pool(1);
  for (const Json& golden : cases) {
    SCOPED_TRACE(golden["name"].get<std::string>() + " " + golden["method"].get<std::string>());
    const auto sample = numbers(golden["sample"]);
    const auto replicates = numbers(golden["replicates"]);
    const auto mean = [&](std::span<const std::uint32_t> rows) {
      double sum = 0.0;
      for (const std::uint32_t row : rows) {
        sum += sample[row];
      }
      return sum / static_cast<double>(rows.size());
    };
    double estimate = 0.0;
    for (const double value : sample) {
      estimate += value / static_cast<double>(sample.size());
    }
    const auto jackknife = jackknife_values(sample.size(), mean, sample.size(), {.pool = pool});
    const double level = golden["level"].get<double>();
    const Interval interval = golden["method"] == "BCa" ? bca_interval(replicates, estimate, jackknife, level)
                                                        : percentile_interval(replicates, level);
    EXPECT_NEAR(interval.low, golden["low"].get<double>(), kTolerance);
    EXPECT_NEAR(interval.high, golden["high"].get<double>(), kTolerance);
  }
}

TEST(MeasuresRecorded, normal_quantiles_equal_scipy) {
  const Json cases = recorded("quantiles");
  ASSERT_EQ(cases.size(), 13U);
  for (const Json& golden : cases) {
    const double z = golden["z"].get<double>();
    EXPECT_NEAR(normal_quantile(golden["share"].get<double>()), z, 1e-14 * std::max(1.0, std::abs(z))) << z;
  }
}

TEST(MeasuresRecorded, tfidf_equals_scikit_learn) {
  const Json golden = recorded("tfidf");
  const auto texts = golden["texts"].get<std::vector<std::vector<std::string>>>();
  const auto tfidf = Tfidf::fit(texts, golden["term_count_max"].get<std::size_t>());
  ASSERT_TRUE(tfidf) << tfidf.error().to_string();
  const auto terms = golden["terms"].get<std::vector<std::string>>();
  ASSERT_EQ(tfidf->terms(), (std::vector<std::string_view>{terms.begin(), terms.end()}));
  const auto rows = tfidf->transform(texts);
  ASSERT_EQ(rows.size(), golden["rows"].size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_NEAR(rows[i], golden["rows"][i].get<double>(), 1e-7);
  }
}

}  // namespace
}  // namespace asterism
